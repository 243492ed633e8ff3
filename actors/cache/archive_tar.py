"""Members of a tar archive, read as one stream. `tarfile` decodes the header blocks, the rest is read here.

Not `tarfile.TarFile`: it reads pax headers and long names of any size into memory, takes a damaged header for
the end of the archive, runs backwards on negative sizes (CVE-2025-8194), and keeps a list of all members.

Format: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html, and for long names
https://www.gnu.org/software/tar/manual/html_node/Standard.html
"""

import bz2
import contextlib
import os
import re
import tarfile
from collections.abc import Generator, Iterator
from pathlib import Path

from openmas_assets.actors.cache.archive_format import wrong_format
from openmas_assets.actors.cache.archive_member import Member, MemberKind, refused
from openmas_assets.actors.cache.decompression import (
    PIECE_BYTES,
    BrokenStreamError,
    decompress_streams,
    new_gzip_decompressor,
    raw_pieces,
)
from openmas_assets.actors.cache.read_ahead import ReadAhead
from openmas_assets.actors.cache.unpack_limits import UnpackBudget
from openmas_assets.messages.asset_config import UnpackFormat
from openmas_assets.messages.errors import AssetUnpackError

_BLOCK_BYTES = 512
_SMALL_ARCHIVE_BYTES = 2**20  # not worth a thread
_MAX_EXTENSION_BYTES = 2**20  # a header before a header; real ones hold a path or some attributes
_MAX_EXTENSIONS = 16  # of those in a row
_PAX_RECORD = re.compile(rb"(\d{1,7}) ([^=\n]+)=")
_PAX_FIELDS = frozenset({"path", "linkpath", "size", "mtime"})
_SPARSE = "sparse"
_KINDS = {
    tarfile.REGTYPE: MemberKind.FILE,
    tarfile.AREGTYPE: MemberKind.FILE,
    tarfile.CONTTYPE: MemberKind.FILE,
    tarfile.DIRTYPE: MemberKind.FOLDER,
    tarfile.SYMTYPE: MemberKind.SYMLINK,
    tarfile.LNKTYPE: MemberKind.HARDLINK,
}
_PAX = {tarfile.XGLTYPE, tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE}
_LONG_NAMES = {tarfile.GNUTYPE_LONGNAME: "path", tarfile.GNUTYPE_LONGLINK: "linkpath"}
_EXTENSIONS = _PAX | _LONG_NAMES.keys()
_DEVICES = frozenset({tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE})


def read_tar(
    archive_path: Path, archive_format: UnpackFormat, budget: UnpackBudget
) -> Generator[Member, None, None]:
    """Read a tar archive.

    Args:
        archive_path: The archive.
        archive_format: `tar`, `tar.gz` or `tar.bz2`.
        budget: Counts all bytes of the plain tar stream; the members are the caller's to count.

    Yields:
        Its members, in their order.

    Raises:
        AssetUnpackError: The archive is damaged, cut short, no tar, or a member is of another kind.
        OSError: The archive could not be read.
    """
    with archive_path.open("rb", buffering=0) as file, ReadAhead() as ahead:
        pieces = raw_pieces(file)
        if archive_format == "tar.gz":
            pieces = decompress_streams(new_gzip_decompressor, pieces)
        elif archive_format == "tar.bz2":
            pieces = decompress_streams(bz2.BZ2Decompressor, pieces)
        if os.fstat(file.fileno()).st_size > _SMALL_ARCHIVE_BYTES:
            pieces = ahead.pieces(pieces)
        yield from _TarReader(_TarStream(pieces, archive_path, archive_format, budget)).members()


class _TarStream:
    """The plain bytes of an archive, to be read by the count."""

    def __init__(
        self, pieces: Iterator[bytes], archive_path: Path, archive_format: UnpackFormat, budget: UnpackBudget
    ) -> None:
        self.budget = budget
        self._archive_path = archive_path
        self._archive_format = archive_format
        self._pieces = pieces
        self._piece = memoryview(b"")
        self._position = 0

    def read_some(self, max_bytes: int) -> memoryview:
        """Read at least a byte and at most `max_bytes`; nothing at the end."""
        if not self._piece:
            try:
                self._piece = memoryview(next(self._pieces, b""))
            except BrokenStreamError as error:
                raise self.broken(str(error)) from error
        data, self._piece = self._piece[:max_bytes], self._piece[max_bytes:]
        self._position += len(data)
        return data

    def read_overhead(self, size_bytes: int) -> bytes:
        """Read exactly `size_bytes` that belong to no file."""
        data = b""
        while len(data) < size_bytes:
            more = self.read_some(size_bytes - len(data))
            if not more:
                raise self.broken("is cut short")
            data += more
        if size_bytes:
            self.budget.count_overhead(size_bytes)
        return data

    def broken(self, problem: str) -> AssetUnpackError:
        """Make the error for a stream that cannot be read on; `problem` is a clause about the archive."""
        if self._position > _BLOCK_BYTES:
            return AssetUnpackError(
                f"the {self._archive_format} archive {problem}", member=self.budget.member
            )
        if self._position and self._archive_format != "tar":
            return AssetUnpackError(
                "the file is compressed as declared, but what is inside is no tar archive",
                fix="Pack it with tar, or leave out `unpack`.",
            )
        return wrong_format(self._archive_path, self._archive_format)


class _TarReader:
    def __init__(self, stream: _TarStream) -> None:
        self._stream = stream
        self._global_fields: dict[str, str] = {}

    def members(self) -> Iterator[Member]:
        while header := self._next_header():
            yield _member(*header, self)
        while padding := self._stream.read_some(PIECE_BYTES):
            self._stream.budget.count_overhead(len(padding))
            if bytes(padding).strip(b"\0"):
                raise self._stream.broken("has ended, but more bytes follow")

    def data(self, size_bytes: int) -> Iterator[memoryview]:
        left_bytes = size_bytes
        while left_bytes:
            piece = self._stream.read_some(min(left_bytes, PIECE_BYTES))
            if not piece:
                raise self._stream.broken("is cut short")
            self._stream.budget.count_bytes(len(piece))
            left_bytes -= len(piece)
            yield piece
        self._stream.read_overhead(-size_bytes % _BLOCK_BYTES)

    def _next_header(self) -> tuple[tarfile.TarInfo, dict[str, str]] | None:
        """Read up to the header of the next member, and the extension headers before it."""
        fields: dict[str, str] = {}
        for extensions in range(_MAX_EXTENSIONS + 1):
            header = self._header()
            if header is None:
                if extensions:
                    raise self._stream.broken("is damaged: a header announces a member that does not follow")
                return None
            if header.type not in _EXTENSIONS:
                return header, {key: value for key, value in (self._global_fields | fields).items() if value}
            extension = self._extension(header)
            if header.type == tarfile.XGLTYPE:
                self._global_fields |= extension
            elif any(fields.get(key, value) != value for key, value in extension.items()):
                # Of a long name and a pax path some readers believe the first and some the last one.
                raise self._stream.broken("is damaged: two headers say different things of one member")
            else:
                fields |= extension
        raise self._stream.broken(f"has more than {_MAX_EXTENSIONS} extension headers in a row")

    def _header(self) -> tarfile.TarInfo | None:
        block = self._stream.read_overhead(_BLOCK_BYTES)
        if not block.strip(b"\0"):
            return None
        try:
            return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.TarError as error:
            raise self._stream.broken(f"is damaged: a header is not readable ({error})") from error

    def _extension(self, header: tarfile.TarInfo) -> dict[str, str]:
        if not 0 <= header.size <= _MAX_EXTENSION_BYTES:
            raise refused(
                header.name, f"is an extension header of {header.size} bytes; no real one is that large"
            )
        data = self._stream.read_overhead(header.size)
        self._stream.read_overhead(-header.size % _BLOCK_BYTES)
        if header.type in _LONG_NAMES:
            name = _decoded(data.rstrip(b"\0"))
            if not name:  # other readers call the member that, whatever its own header says
                raise self._stream.broken("is damaged: a long name is empty")
            return {_LONG_NAMES[header.type]: name}
        fields = _pax_fields(data)
        if fields is None:
            raise self._stream.broken("is damaged: a pax header is not readable")
        return fields


def _member(header: tarfile.TarInfo, fields: dict[str, str], reader: _TarReader) -> Member:
    name = fields.get("path", header.name)
    kind = _kind(name, header, fields)
    # As in every tar, only files have data, whatever size the others name.
    size_bytes = _size_bytes(name, header, fields) if kind is MemberKind.FILE else 0
    modified_at = float(header.mtime)
    with contextlib.suppress(ValueError):
        modified_at = float(fields.get("mtime", modified_at))
    return Member(
        name=name,
        kind=kind,
        data=reader.data(size_bytes),
        link_target=fields.get("linkpath", header.linkname),
        is_executable=bool(header.mode & 0o100),
        modified_at=modified_at,
    )


def _kind(name: str, header: tarfile.TarInfo, fields: dict[str, str]) -> MemberKind:
    if header.type == tarfile.GNUTYPE_SPARSE or _SPARSE in fields:
        raise refused(name, "is a sparse file, which is not supported", fix="Pack it without --sparse.")
    if header.type in _DEVICES:
        raise refused(name, "is a device or a pipe")
    kind = _KINDS.get(header.type)
    if kind is None:
        raise refused(name, f"is of the unknown type {header.type!r}")
    if kind is not MemberKind.FOLDER and name.endswith("/"):
        raise refused(name, f"is {kind.value} with the name of a folder")
    return kind


def _size_bytes(name: str, header: tarfile.TarInfo, fields: dict[str, str]) -> int:
    size = fields.get("size", str(header.size))
    if not re.fullmatch(r"[0-9]{1,20}", size):
        raise refused(name, "is damaged: its size is no number of bytes")
    return int(size)


def _pax_fields(data: bytes) -> dict[str, str] | None:
    """Read the records, or None. An empty value takes back what an earlier header said."""
    fields: dict[str, str] = {}
    position = 0
    while position < len(data):
        match = _PAX_RECORD.match(data, position)
        end = position + int(match[1]) if match else 0
        if match is None or not match.end() < end <= len(data) or data[end - 1 : end] != b"\n":
            return None
        key = _decoded(match[2])
        if key in _PAX_FIELDS:
            fields[key] = _decoded(data[match.end() : end - 1])
        elif key.startswith("GNU.sparse."):
            fields[_SPARSE] = "yes"
        position = end
    return fields


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
