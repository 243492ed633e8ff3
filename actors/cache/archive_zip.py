"""Members of a zip archive. `zipfile` reads the central directory; the rest is read here, with bounds.

Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

import bz2
import datetime as dt
import lzma
import os
import stat
import struct
import zipfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import BinaryIO

from openmas_assets.actors.cache.archive_format import wrong_format
from openmas_assets.actors.cache.archive_member import Member, MemberKind, refused
from openmas_assets.actors.cache.decompression import (
    BrokenStreamError,
    Decompressor,
    crc32,
    decompress_stream,
    new_deflate_decompressor,
    raw_pieces,
)
from openmas_assets.actors.cache.read_ahead import ReadAhead
from openmas_assets.actors.cache.unpack_limits import UnpackBudget
from openmas_assets.messages.errors import AssetUnpackError

_LOCAL_HEADER = struct.Struct("<4s2xH18x2H")  # signature, flags, lengths of name and extra field
_END_RECORD = struct.Struct("<4s6xH8xH")  # signature, entries, length of the comment
_FLAGS_ENCRYPTED = 0x0001 | 0x0040 | 0x2000
_FLAG_LZMA_END_MARK = 0x0002
_FLAG_PATCH = 0x0020
_FLAG_UTF8 = 0x0800
_MANY_ENTRIES = 0xFFFF
# Info-ZIP's extra field with the time in UTC: id, size, what is in it, seconds since 1970.
_EXTENDED_TIMESTAMP = 0x5455
_EXTRA_HEADER = struct.Struct("<2H")
_EXTRA_MTIME = struct.Struct("<4xBi")
_MAX_LINK_BYTES = 4096
_LZMA_HEADER = struct.Struct("<2xH")  # version, size of the properties
_LZMA_PROPERTIES_BYTES = 5
_LZMA_MEMORY_BYTES = 256 * 2**20
# Far above what names, extra fields and comments of real entries take.
_DIRECTORY_BYTES_PER_MEMBER = 512
_DIRECTORY_BYTES_AT_LEAST = 256 * 1024
_BUFFER_BYTES = 64 * 1024  # members mostly follow each other: small ones are read by the dozen
_SMALL_MEMBER_BYTES = 2**20  # not worth a thread
_KINDS = {0: MemberKind.FILE, stat.S_IFREG: MemberKind.FILE, stat.S_IFDIR: MemberKind.FOLDER}
_KINDS[stat.S_IFLNK] = MemberKind.SYMLINK


def read_zip(archive_path: Path, budget: UnpackBudget) -> Generator[Member, None, None]:
    """Read a zip archive.

    Args:
        archive_path: The archive.
        budget: Counts the bytes of the members' data; the members themselves are the caller's to count.

    Yields:
        Its members, in the order of the central directory.

    Raises:
        AssetUnpackError: The archive is damaged, or a member is no file, folder or symbolic link.
        OSError: The archive could not be read.
    """
    with archive_path.open("rb", buffering=_BUFFER_BYTES) as file, ReadAhead() as ahead:
        reader = _ZipReader(file, budget, ahead)
        for entry in _entries(archive_path, file, budget):
            yield reader.member(entry)


class _BoundedReader:
    """Refuses to read a central directory with too many entries, before `zipfile` makes objects of them.

    `zipfile` reads the directory in one piece, and each entry of it starts with the same four bytes.
    """

    def __init__(self, file: BinaryIO, budget: UnpackBudget) -> None:
        self._file = file
        self._budget = budget
        self._max_members = budget.limits.max_members
        self._max_bytes = max(_DIRECTORY_BYTES_AT_LEAST, self._max_members * _DIRECTORY_BYTES_PER_MEMBER)
        self.seek = file.seek
        self.tell = file.tell

    def read(self, size_bytes: int = -1) -> bytes:
        data = self._file.read(min(size_bytes, self._max_bytes + 1))
        if len(data) > self._max_bytes or data.count(b"PK\x01\x02") > self._max_members:
            raise self._budget.too_many_members()
        return data


def _entries(archive_path: Path, file: BinaryIO, budget: UnpackBudget) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(_BoundedReader(file, budget)) as archive:
            entries, comment = archive.infolist(), archive.comment
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        ValueError,
        OverflowError,
        IndexError,
        struct.error,
    ) as error:
        raise wrong_format(archive_path, "zip") from error
    _check_end(file, len(entries), len(comment))
    size_bytes = file.seek(0, os.SEEK_END)
    for entry in entries:
        if not 0 <= entry.header_offset < size_bytes:
            raise refused(entry.orig_filename, "is damaged: it lies outside of the archive's file")
    return entries


def _check_end(file: BinaryIO, entries: int, comment_bytes: int) -> None:
    """`zipfile` finds the end record anywhere in the last 64 KiB, and does not compare its count."""
    file.seek(-_END_RECORD.size - comment_bytes, os.SEEK_END)
    signature, declared_entries, declared_bytes = _END_RECORD.unpack(file.read(_END_RECORD.size))
    if signature != b"PK\x05\x06" or declared_bytes != comment_bytes:
        raise AssetUnpackError("the zip archive does not end where it says; something was cut off or added")
    if declared_entries not in {_MANY_ENTRIES, entries & _MANY_ENTRIES}:
        raise AssetUnpackError(
            f"the zip archive is damaged: its directory holds {entries} members, not {declared_entries}"
        )


class _ZipReader:
    def __init__(self, file: BinaryIO, budget: UnpackBudget, ahead: ReadAhead) -> None:
        self._file = file
        self._budget = budget
        self._ahead = ahead

    def member(self, entry: zipfile.ZipInfo) -> Member:
        name, mode = entry.orig_filename, entry.external_attr >> 16
        if ("\0" in name or "\\" in name) and name.rstrip("/") != entry.filename.rstrip("/"):
            # On Windows zipfile has made slashes of backslashes, and everywhere it cuts at a NUL.
            raise refused(name, "is hostile or damaged: its name holds a NUL or a backslash")
        kind = _KINDS.get(stat.S_IFMT(mode))
        if kind is None:
            raise refused(name, "is a device, a pipe or a socket")
        if entry.filename.endswith("/"):
            if kind is MemberKind.SYMLINK:
                raise refused(name, "is a link with the name of a folder")
            kind = MemberKind.FOLDER
        data = self._data(entry)
        if kind is MemberKind.FOLDER and any(data):
            raise refused(name, "is a folder with content")
        return Member(
            name=entry.filename,
            kind=kind,
            data=data,
            link_target=_link_target(name, data) if kind is MemberKind.SYMLINK else "",
            is_executable=bool(mode & stat.S_IXUSR),
            modified_at=_modified_at(entry),
        )

    def _data(self, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        name, expected_bytes = entry.orig_filename, entry.file_size
        _seek_data(self._file, entry)
        crc = size_bytes = 0
        try:
            for piece in self._plain_pieces(entry):
                self._budget.count_bytes(len(piece))
                size_bytes += len(piece)
                if size_bytes > expected_bytes:
                    raise refused(name, f"holds more than the {expected_bytes} bytes that its header says")
                crc = crc32(piece, crc)
                yield piece
        except BrokenStreamError as error:
            raise refused(name, str(error)) from error
        if size_bytes != expected_bytes:
            raise refused(name, f"is cut short: {size_bytes} bytes instead of {expected_bytes}")
        if crc != entry.CRC:
            raise refused(name, "is damaged: its bytes do not have the CRC that the archive names")

    def _plain_pieces(self, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        pieces = _plain_pieces(entry, raw_pieces(self._file, entry.compress_size))
        return self._ahead.pieces(pieces) if entry.compress_size > _SMALL_MEMBER_BYTES else pieces


def _link_target(name: str, data: Iterator[bytes]) -> str:
    target = b""
    for piece in data:
        target += piece
        if len(target) > _MAX_LINK_BYTES:
            raise refused(name, f"is a link with a target longer than {_MAX_LINK_BYTES} bytes")
    return target.decode("utf-8", "surrogateescape")


def _seek_data(file: BinaryIO, entry: zipfile.ZipInfo) -> None:
    name = entry.orig_filename
    try:
        file.seek(entry.header_offset)
        signature, flags, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
        raw_name = file.read(name_bytes)
        # ASCII is the same in both, and decoded faster.
        is_utf8 = flags & _FLAG_UTF8 or raw_name.isascii()
        local_name = raw_name.decode("utf-8" if is_utf8 else "cp437")
    except (struct.error, UnicodeDecodeError) as error:
        raise refused(name, "is damaged: its local header is not readable") from error
    if signature != b"PK\x03\x04" or local_name != name:
        raise refused(name, "is damaged: its local header is another member's or none")
    if (flags | entry.flag_bits) & _FLAGS_ENCRYPTED:
        raise refused(name, "is encrypted", fix="Pack the archive without a password.")
    file.seek(extra_bytes, os.SEEK_CUR)


def _plain_pieces(entry: zipfile.ZipInfo, raw: Iterator[bytes]) -> Iterator[bytes]:
    method = entry.compress_type
    if method == zipfile.ZIP_STORED and not entry.flag_bits & _FLAG_PATCH:
        return raw
    decompressor: Decompressor
    if entry.flag_bits & _FLAG_PATCH:
        raise refused(entry.orig_filename, "is a patch, not a file")
    if method == zipfile.ZIP_DEFLATED:
        decompressor = new_deflate_decompressor()
    elif method == zipfile.ZIP_BZIP2:
        decompressor = bz2.BZ2Decompressor()
    elif method == zipfile.ZIP_LZMA:
        return _lzma_pieces(entry, raw)
    else:
        raise refused(
            entry.orig_filename,
            f"is compressed with method {method}, which is not supported",
            fix="Pack the archive with deflate, as every zip tool does by default.",
        )
    return decompress_stream(decompressor, raw, next(raw, b""))


def _lzma_pieces(entry: zipfile.ZipInfo, raw: Iterator[bytes]) -> Iterator[bytes]:
    """Turn zip's LZMA header into that of an .lzma file, which the public interface of `lzma` reads."""
    head = next(raw, b"")
    properties = head[_LZMA_HEADER.size :][:_LZMA_PROPERTIES_BYTES]
    if len(properties) < _LZMA_PROPERTIES_BYTES or _LZMA_HEADER.unpack_from(head) != (
        _LZMA_PROPERTIES_BYTES,
    ):
        raise BrokenStreamError("is damaged (its LZMA header is not readable)")
    rest = head[_LZMA_HEADER.size + _LZMA_PROPERTIES_BYTES :]
    size = -1 if entry.flag_bits & _FLAG_LZMA_END_MARK else entry.file_size
    decompressor = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_LZMA_MEMORY_BYTES)
    header = properties + size.to_bytes(8, "little", signed=True)
    yield from decompress_stream(decompressor, raw, header + rest)


def _modified_at(entry: zipfile.ZipInfo) -> float | None:
    extra = entry.extra
    while len(extra) >= _EXTRA_HEADER.size:
        kind, size_bytes = _EXTRA_HEADER.unpack_from(extra)
        if kind == _EXTENDED_TIMESTAMP and len(extra) >= _EXTRA_MTIME.size:
            has_mtime, mtime = _EXTRA_MTIME.unpack_from(extra)
            if has_mtime & 1:
                return float(mtime)
        extra = extra[_EXTRA_HEADER.size + size_bytes :]
    try:  # the time of a zip is that of an unknown clock: like every tool, take it for the local one
        return dt.datetime(*entry.date_time).timestamp()  # noqa: DTZ001
    except (ValueError, OverflowError, OSError):
        return None
