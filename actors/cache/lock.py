"""The file lock by which processes agree who changes an asset. Within a process the manager sees to that."""

import contextlib
import errno
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from openmas_assets.actors.cache.folders import make_folder

# It imports asyncio; the two are a seventh of the terminal's start-up, and warm hits and `list` lock nothing.
if TYPE_CHECKING:
    from filelock import FileLock

logger = logging.getLogger("openmas_assets")

_MAX_TRIES = 1000
# flock(2) on a network or FUSE file system that has none, or whose lock server does not answer.
_NO_LOCKS_ERRNOS = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP})


class AssetLock:
    """One asset's lock. Belongs to the thread that takes it; the system frees it when the process dies.

    Args:
        path: The lock file; it stays where it is when the lock is freed, as removing it would let two
            processes hold "the" lock, one of them on a file that has no name any more.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: FileLock | None = None

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
            make_folder(self._path.parent)
            # Between the two another process may have removed the folder, as `clear-cache --all` does.
            with contextlib.suppress(FileNotFoundError, FileExistsError):
                return self._try_acquire()
        return self._try_acquire()

    def _try_acquire(self) -> bool:
        from filelock import FileLock, Timeout

        lock = FileLock(str(self._path), timeout=0)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        except (NotImplementedError, OSError) as error:
            if isinstance(error, OSError) and error.errno not in _NO_LOCKS_ERRNOS:
                raise
            logger.warning("the file system of %s has no locks: going on without", self._path.parent)
            return True
        self._lock = lock
        return True

    def release(self) -> None:
        """Free the lock. Never raises; freeing what is free does nothing."""
        if self._lock is not None:
            with contextlib.suppress(OSError):
                self._lock.release()
            self._lock = None
