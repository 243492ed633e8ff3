"""Unpacks an archive into an empty folder, whole or not at all, and never writes anywhere else.

How it stays inside: names are checked before anything is written; files are created, never opened; their
folders are ones that were made here; and symbolic links come last, after all of them were followed in memory
to a place inside. So while anything is written, the folder holds no link that a write could go through.
"""

import errno
import math
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from openmas_assets.actors.cache.archive_member import Member, MemberKind, refused
from openmas_assets.actors.cache.archive_tar import read_tar
from openmas_assets.actors.cache.archive_tree import ArchiveTree, TreeEntry
from openmas_assets.actors.cache.archive_zip import read_zip
from openmas_assets.actors.cache.member_path import check_link_target, member_path
from openmas_assets.actors.cache.side_hasher import SideHasher
from openmas_assets.actors.cache.single_file import single_file
from openmas_assets.actors.cache.unpack_limits import UnpackBudget, UnpackLimits
from openmas_assets.messages.asset_config import UnpackFormat

__all__ = ["UnpackLimits", "single_file", "unpack"]

T = TypeVar("T")

_MAX_MTIME_SECONDS = 2**32 - 1  # the year 2106; from 1970 to there every file system can store
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_LINKS = frozenset({MemberKind.SYMLINK, MemberKind.HARDLINK})
_CAN_DATE_OPEN_FILES = os.utime in os.supports_fd


def unpack(
    archive_path: Path,
    archive_format: UnpackFormat,
    folder: Path,
    limits: UnpackLimits,
    *,
    on_progress: Callable[[int], None],
) -> dict[str, str]:
    """Unpack an archive. A hostile or damaged member refuses it whole: nothing is sanitised or skipped.

    Files get the execute bits if the archive gives them to the owner, and its time of change; nothing else of
    the archive's rights, owners and times is applied. Blocks the calling thread; of a large archive, one more
    thread decompresses ahead of it and one hashes behind it, and both have ended when this returns or raises.

    Args:
        archive_path: The archive.
        archive_format: What it is; the file's name does not count.
        folder: An existing empty folder. After an error it holds leftovers: the caller deletes it.
        limits: How much may come out.
        on_progress: Called in the calling thread with the bytes written so far, after each member, and within
            one after each 256 KiB. What it raises ends the unpacking and is let through.

    Returns:
        The SHA-256 of each file as it was written, 64 hex digits, by its path relative to the folder, with
        slashes. Hard links are files; symbolic links are left out.

    Raises:
        AssetUnpackError: The archive is damaged, hostile, too large or in another format; `member` names the
            member at fault where one is.
        OSError: The disk refused to read or write.
    """
    budget = UnpackBudget(limits, archive_path.stat().st_size)
    if archive_format == "zip":
        members = read_zip(archive_path, budget)
    else:
        members = read_tar(archive_path, archive_format, budget)
    with closing(members), SideHasher() as hasher:  # the archive's file and the threads, whatever happens
        return _Unpacking(folder, budget, hasher, on_progress).run(members)


class _Unpacking:
    def __init__(
        self, folder: Path, budget: UnpackBudget, hasher: SideHasher, on_progress: Callable[[int], None]
    ) -> None:
        self._prefix = os.path.join(folder, "")  # noqa: PTH118 - a `Path` for each file takes its time
        self._budget = budget
        self._hasher = hasher
        self._on_progress = on_progress
        self._tree = ArchiveTree()
        self._hardlinks: dict[str, str] = {}
        self._bytes_written = 0

    def run(self, members: Iterator[Member]) -> dict[str, str]:
        for member in members:
            self._make(member.name, self._unpack, member)
        for link in self._tree.resolved_links():
            self._make(link.path, self._make_symlink, link)
        digests = self._hasher.finish()
        return digests | {path: digests[source] for path, source in self._hardlinks.items()}

    def _make(self, name: str, make: Callable[[T], None], what: T) -> None:
        """Refuse the member for what a file system refuses because of a name; the rest is the disk's."""
        try:
            make(what)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise refused(name, "has a path that is too long for this file system") from error
            if error.errno == errno.EEXIST:
                raise refused(
                    name, "collides with another member in the names of this file system"
                ) from error
            raise
        self._on_progress(self._bytes_written)

    def _make_symlink(self, link: TreeEntry) -> None:
        is_folder = link.final is not None and link.final.kind is MemberKind.FOLDER
        Path(self._prefix, link.path).symlink_to(link.link_target, target_is_directory=is_folder)

    def _unpack(self, member: Member) -> None:
        kind = member.kind
        self._budget.count_member(member.name)
        parts = member_path(member.name)
        if kind in _LINKS:
            check_link_target(member.name, member.link_target)
        source = self._tree.file(member.link_target) if kind is MemberKind.HARDLINK else None
        new = self._tree.add(member.name, parts, kind, member.link_target)
        for _ in new[1:]:  # folders that only its name implies
            self._budget.count_member()
        for entry in new:
            if entry.kind is MemberKind.FOLDER:
                Path(self._prefix, entry.path).mkdir()
        if kind is MemberKind.FILE:
            self._write(member, "/".join(parts))
        elif source is not None:
            self._link("/".join(parts), source.path)
        elif kind is MemberKind.HARDLINK:
            raise refused(
                member.name, f"is a hard link to {member.link_target!r}, which is no file before it"
            )

    def _link(self, path: str, source: str) -> None:
        os.link(self._prefix + source, self._prefix + path)
        self._hardlinks[path] = self._hardlinks.get(source, source)

    def _write(self, member: Member, path: str) -> None:
        # The kernel takes the umask off, so that nobody here has to ask for it, which no thread can safely.
        file = os.open(self._prefix + path, _NEW_FILE, 0o777 if member.is_executable else 0o666)
        try:
            is_first = True
            for piece in member.data:
                if not is_first:
                    self._on_progress(self._bytes_written)
                is_first = False
                self._hasher.update(piece)
                _write_all(file, piece)
                self._bytes_written += len(piece)
            if member.modified_at is not None and math.isfinite(member.modified_at):
                mtime = min(max(member.modified_at, 0), _MAX_MTIME_SECONDS)
                os.utime(file if _CAN_DATE_OPEN_FILES else self._prefix + path, (mtime, mtime))
        finally:
            os.close(file)
        self._hasher.end(path)


def _write_all(file: int, piece: bytes | memoryview) -> None:
    written_bytes = os.write(file, piece)
    while written_bytes < len(piece):  # the disk is full, or a signal came: trying again tells
        written_bytes += os.write(file, memoryview(piece)[written_bytes:])
