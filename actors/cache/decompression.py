"""Compressed bytes into plain ones, in pieces of bounded size whatever the ratio.

The file objects of the standard library do not all bound them: `zipfile` expands 4 KiB of bzip2 to
gigabytes in one go, and `bz2` ignores garbage after the end.
"""

import lzma
import math
import zlib
from collections.abc import Callable, Generator, Iterator
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

if TYPE_CHECKING:
    from types import ModuleType

PIECE_BYTES = 256 * 1024
RAW_BYTES = 256 * 1024
GZIP_WINDOW_BITS = 31  # zlib checks the CRC and the length of a gzip stream itself, as ISA-L does
DEFLATE_WINDOW_BITS = -15


class BrokenStreamError(Exception):
    """The compressed bytes are damaged or cut short; the text says which, as a clause about them."""


class Decompressor(Protocol):
    """What `bz2`, `lzma` and `isal` offer, and `Inflater` for zlib."""

    @property
    def eof(self) -> bool:
        """Whether the end of the compressed stream was reached."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What followed after that end."""
        ...

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        """Take more compressed bytes and give at most `max_length` plain ones."""
        ...


class Inflater:
    """A zlib decompressor with the manners of the others: it keeps the input it had no room to answer.

    Args:
        window_bits: As `zlib.decompressobj` has it: the size of the window, and the kind of the stream.
    """

    def __init__(self, window_bits: int) -> None:
        self._stream = zlib.decompressobj(window_bits)

    @property
    def eof(self) -> bool:
        """Whether the end of the compressed stream was reached."""
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        """What followed after that end."""
        return self._stream.unused_data

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        """Take more compressed bytes and give at most `max_length` plain ones."""
        return self._stream.decompress(self._stream.unconsumed_tail + data, max_length)


def new_gzip_decompressor() -> Decompressor:
    """Make a decompressor for one stream of a gzip file, the fastest there is; it checks CRC and length."""
    igzip = _igzip()
    if igzip is None:
        return Inflater(GZIP_WINDOW_BITS)
    return cast("Decompressor", igzip.IgzipDecompressor(flag=igzip.DECOMP_GZIP))


def new_deflate_decompressor() -> Decompressor:
    """Make a decompressor for bare deflate, the fastest there is; it has no CRC to check."""
    igzip = _igzip()
    if igzip is None:
        return Inflater(DEFLATE_WINDOW_BITS)
    return cast("Decompressor", igzip.IgzipDecompressor(flag=igzip.DECOMP_DEFLATE))


def crc32(data: bytes | memoryview, crc: int) -> int:
    """Go on with the CRC-32 of zip, the fastest way there is.

    Args:
        data: The next bytes.
        crc: What came out for those before; 0 at the start.
    """
    return _crc32()(data, crc)


def raw_pieces(file: BinaryIO, size_bytes: int | None = None) -> Iterator[bytes]:
    """Read a file from where it stands.

    Args:
        file: The file; nobody else may move in it meanwhile.
        size_bytes: How many bytes to read, None for all; a shorter file ends the pieces early.

    Yields:
        Its bytes in order, never an empty piece.
    """
    left_bytes = math.inf if size_bytes is None else size_bytes
    while piece := file.read(int(min(RAW_BYTES, left_bytes))):
        left_bytes -= len(piece)
        yield piece


def decompress_stream(
    decompressor: Decompressor, raw: Iterator[bytes], data: bytes = b""
) -> Generator[bytes, None, bytes]:
    """Decompress one stream.

    Args:
        decompressor: A fresh one.
        raw: The compressed bytes; no more of them are taken than it needs.
        data: Compressed bytes that come before `raw`.

    Yields:
        The plain bytes, at most `PIECE_BYTES` at a time.

    Returns:
        What was taken from `raw` and lies behind the end of the stream.

    Raises:
        BrokenStreamError: The stream is damaged or cut short.
    """
    while True:
        try:
            piece = decompressor.decompress(data, PIECE_BYTES)
        except _stream_errors() as error:
            raise BrokenStreamError(f"is damaged ({error})") from error
        data = b""
        if piece:
            yield piece
        if decompressor.eof:
            return decompressor.unused_data
        # Only a decompressor that answers nothing has nothing left inside.
        if not piece and not (data := next(raw, b"")):
            raise BrokenStreamError("is cut short")


def decompress_streams(new_decompressor: Callable[[], Decompressor], raw: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress a whole file of one or several streams, as gzip and bzip2 files may have.

    Args:
        new_decompressor: Makes a fresh one for each stream.
        raw: All compressed bytes. Zeros at the end are padding.

    Yields:
        The plain bytes, at most `PIECE_BYTES` at a time.

    Raises:
        BrokenStreamError: A stream is damaged or cut short, or something else follows the last one.
    """
    rest = yield from decompress_stream(new_decompressor(), raw)
    for piece in chain([rest], raw):
        data = piece.lstrip(b"\0")
        while data:
            try:
                rest = yield from decompress_stream(new_decompressor(), raw, data)
            except BrokenStreamError as error:
                raise BrokenStreamError(f"is followed by something that {error}") from error
            data = rest.lstrip(b"\0")


@cache
def _igzip() -> "ModuleType | None":
    # Not at the top: whoever unpacks nothing shall not wait for it. There are no wheels for every platform.
    try:
        from isal import igzip_lib
    except ImportError:
        return None
    return igzip_lib


@cache
def _crc32() -> Callable[[bytes | memoryview, int], int]:
    if _igzip() is None:
        return zlib.crc32
    from isal import isal_zlib

    return isal_zlib.crc32


def _stream_errors() -> tuple[type[Exception], ...]:
    # No disk is touched where these are caught: an OSError is what bz2 says of bad data.
    errors = (zlib.error, lzma.LZMAError, OSError, ValueError, EOFError)
    igzip = _igzip()
    return errors if igzip is None else (*errors, cast("type[Exception]", igzip.IsalError))
