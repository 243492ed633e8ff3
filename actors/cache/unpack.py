"""Unpacks an archive into an empty folder, whole or not at all, and never writes anywhere else.

How it stays inside: names are checked before anything is written; files are created, never opened; their
folders are ones that were made here; and symbolic links come last, after all of them were followed in memory
to a place inside. So while anything is written, the folder holds no link that a write could go through.
"""

import errno
import math
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from openmas_assets.actors.cache.archive_member import Member, MemberKind, refused
from openmas_assets.actors.cache.archive_tar import read_tar
from openmas_assets.actors.cache.archive_tree import ArchiveTree, TreeEntry
from openmas_assets.actors.cache.archive_zip import read_zip
from openmas_assets.actors.cache.member_path import check_link_target, member_path
from openmas_assets.actors.cache.single_file import single_file
from openmas_assets.actors.cache.unpack_limits import UnpackBudget, UnpackLimits
from openmas_assets.messages.asset_config import UnpackFormat

__all__ = ["UnpackLimits", "single_file", "unpack"]

_MAX_MTIME_SECONDS = 2**32 - 1  # the year 2106; from 1970 to there every file system can store


def unpack(
    archive_path: Path,
    archive_format: UnpackFormat,
    folder: Path,
    limits: UnpackLimits,
    *,
    on_progress: Callable[[int], None],
) -> None:
    """Unpack an archive. A hostile or damaged member refuses it whole: nothing is sanitised or skipped.

    Files get the execute bits if the archive gives them to the owner, and its time of change; nothing else of
    the archive's rights, owners and times is applied. Runs, and blocks, in the calling thread.

    Args:
        archive_path: The archive.
        archive_format: What it is; the file's name does not count.
        folder: An existing empty folder. After an error it holds leftovers: the caller deletes it.
        limits: How much may come out.
        on_progress: Called with the bytes written so far, after each 256 KiB of a file and after each
            member. What it raises ends the unpacking and is let through.

    Raises:
        AssetUnpackError: The archive is damaged, hostile, too large or in another format; `member` names the
            member at fault where one is.
        OSError: The disk refused to read or write.
    """
    budget = UnpackBudget(limits, archive_path.stat().st_size)
    unpacking = _Unpacking(folder, budget, on_progress)
    if archive_format == "zip":
        members = read_zip(archive_path, budget)
    else:
        members = read_tar(archive_path, archive_format, budget)
    with closing(members):  # the archive's file, whatever happens
        unpacking.run(members)


class _Unpacking:
    def __init__(self, folder: Path, budget: UnpackBudget, on_progress: Callable[[int], None]) -> None:
        self._folder = folder
        self._budget = budget
        self._on_progress = on_progress
        self._tree = ArchiveTree()
        self._bytes_written = 0

    def run(self, members: Iterator[Member]) -> None:
        for member in members:
            with _naming(member.name):
                self._unpack(member)
            self._on_progress(self._bytes_written)
        for link in self._tree.resolved_links():
            is_folder = link.final is not None and link.final.kind is MemberKind.FOLDER
            with _naming(link.path):
                self._place(link).symlink_to(link.link_target, target_is_directory=is_folder)
            self._on_progress(self._bytes_written)

    def _unpack(self, member: Member) -> None:
        self._budget.count_member(member.name)
        parts = member_path(member.name)
        if member.kind in {MemberKind.SYMLINK, MemberKind.HARDLINK}:
            check_link_target(member.name, member.link_target)
        source = self._tree.file(member.link_target) if member.kind is MemberKind.HARDLINK else None
        new = self._tree.add(member.name, parts, member.kind, member.link_target)
        for _ in new[1:]:  # folders that only its name implies
            self._budget.count_member()
        for entry in new:
            if entry.kind is MemberKind.FOLDER:
                self._place(entry).mkdir()
        if member.kind is MemberKind.FILE:
            self._write(member, self._place(new[-1]))
        elif source is not None:
            self._place(new[-1]).hardlink_to(self._place(source))
        elif member.kind is MemberKind.HARDLINK:
            raise refused(
                member.name, f"is a hard link to {member.link_target!r}, which is no file before it"
            )

    def _write(self, member: Member, path: Path) -> None:
        # The kernel takes the umask off, so that nobody here has to ask for it, which no thread can safely.
        mode = 0o777 if member.is_executable else 0o666
        with open(path, "xb", opener=partial(os.open, mode=mode)) as file:
            for piece in member.data:
                file.write(piece)
                self._bytes_written += len(piece)
                self._on_progress(self._bytes_written)
        if member.modified_at is not None and math.isfinite(member.modified_at):
            mtime = min(max(member.modified_at, 0), _MAX_MTIME_SECONDS)
            os.utime(path, (mtime, mtime))

    def _place(self, entry: TreeEntry) -> Path:
        return self._folder / entry.path


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Blame the member for what a file system refuses because of a name; the rest is the disk's."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise refused(name, "has a path that is too long for this file system") from error
        if error.errno == errno.EEXIST:
            raise refused(name, "collides with another member in the names of this file system") from error
        raise
