"""Compressed bytes into plain ones, in pieces of bounded size whatever the ratio.

The file objects of the standard library do not all bound them: `zipfile` expands 4 KiB of bzip2 to
gigabytes in one go, and `bz2` ignores garbage after the end.
"""

import lzma
import math
import zlib
from collections.abc import Callable, Generator, Iterator
from itertools import chain
from typing import BinaryIO, Protocol

PIECE_BYTES = 256 * 1024
_RAW_BYTES = 64 * 1024
GZIP_WINDOW_BITS = 31  # zlib checks the CRC and the length of a gzip stream itself
DEFLATE_WINDOW_BITS = -15


class BrokenStreamError(Exception):
    """The compressed bytes are damaged or cut short; the text says which, as a clause about them."""


class Decompressor(Protocol):
    """What `bz2` and `lzma` offer, and `Inflater` for zlib."""

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
        window_bits: `GZIP_WINDOW_BITS` or `DEFLATE_WINDOW_BITS`.
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


def raw_pieces(file: BinaryIO, size_bytes: int | None = None) -> Iterator[bytes]:
    """Read a file from where it stands.

    Args:
        file: The file; nobody else may move in it meanwhile.
        size_bytes: How many bytes to read, None for all; a shorter file ends the pieces early.

    Yields:
        Its bytes in order, never an empty piece.
    """
    left_bytes = math.inf if size_bytes is None else size_bytes
    while piece := file.read(int(min(_RAW_BYTES, left_bytes))):
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
        # No disk is touched in here: an OSError is what bz2 says of bad data.
        except (zlib.error, lzma.LZMAError, OSError, ValueError, EOFError) as error:
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
