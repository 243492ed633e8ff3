"""The file lock by which processes agree who changes an asset. Within a process the manager sees to that."""

import contextlib
import errno
import logging
import os
from pathlib import Path

from openmas_assets.actors.cache.folders import make_folder, remove_empty_folders

logger = logging.getLogger("openmas_assets")

_MAX_TRIES = 1000
# flock(2) on a network or FUSE file system that has none, or whose lock server does not answer.
_NO_LOCKS_ERRNOS = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP})
_OPEN_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)

# A lock is held as long as anybody has its file open, and a fork has all of its parent's: whoever forks would
# hold the locks of a parent that was killed.
_held: set[int] = set()


def _close_all() -> None:
    while _held:
        os.close(_held.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_all)


class AssetLock:
    """One asset's lock. Belongs to the thread that takes it; the system frees it when the process dies.

    The lock file is there while somebody holds it, and is removed by whoever does, just before it is freed.
    Another process may have opened it by then, and will get a lock on a file that has no name any more: that
    one does not count.

    Args:
        path: The lock file. Its folders, three levels of them, come and go with it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def try_acquire(self) -> bool:
        """Take the lock if nobody holds it; never waits.

        On a file system without locks it counts as taken: parts are claimed by rename, and so two
        processes may transfer the same asset there, but never into the same file.

        Returns:
            Whether it is ours now.

        Raises:
            OSError: The lock file cannot be made.
        """
        for _ in range(_MAX_TRIES):
            file = self._open()
            is_ours = self._try_lock(file)
            if is_ours and os.fstat(file).st_nlink:
                self._file = file
                _held.add(file)
                return True
            os.close(file)
            if not is_ours:
                return False
            # Whoever frees a lock removes its file first: the next one has a file of its own.
        return False

    def _open(self) -> int:
        for _ in range(_MAX_TRIES):
            make_folder(self._path.parent)
            # Between the two another process may have removed the folder, as `clear-cache --all` does.
            with contextlib.suppress(FileNotFoundError, FileExistsError):
                return os.open(self._path, _OPEN_FLAGS, 0o666)
        return os.open(self._path, _OPEN_FLAGS, 0o666)

    def _try_lock(self, file: int) -> bool:
        # It imports asyncio; the two are a seventh of the terminal's start-up, and warm hits and `list` lock
        # nothing.
        from filelock import lock_descriptor

        try:
            return lock_descriptor(file, blocking=False)
        except OSError as error:
            if error.errno in _NO_LOCKS_ERRNOS:
                logger.warning("the file system of %s has no locks: going on without", self._path.parent)
                return True
            os.close(file)
            raise

    def release(self) -> None:
        """Free the lock. Never raises; freeing what is free does nothing."""
        file, self._file = self._file, None
        if file is None:
            return
        from filelock import unlock_descriptor

        _held.discard(file)
        self._remove_file(file)
        # Not by closing it alone: a process that was forked meanwhile may have it open for a moment more.
        with contextlib.suppress(OSError):
            unlock_descriptor(file)
        with contextlib.suppress(OSError):
            os.close(file)

    def _remove_file(self, file: int) -> None:
        """Remove the lock file, unless that has been done already and another one has its name."""
        with contextlib.suppress(OSError):  # Windows removes no file that is open
            if os.fstat(file).st_nlink:
                os.unlink(self._path)  # noqa: PTH108 - each transfer comes by
        remove_empty_folders(self._path.parent, depth=3)
