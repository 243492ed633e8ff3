"""Folders that come and go while several processes work in one cache."""

import contextlib
import errno
import os
import shutil
import stat
from pathlib import Path

_MAX_TRIES = 1000


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Make a folder and its parents, also while another process removes those that are empty.

    Args:
        path: The folder; it may be there already.
        mode: Its permissions, less what the umask takes away; its parents have the usual ones.

    Raises:
        OSError: The disk refused.
    """
    _make_folder(str(path), mode)


# Each transfer makes some of these: with pathlib they take three times as long.
def _make_folder(path: str, mode: int) -> None:
    for _ in range(_MAX_TRIES):
        # The second where a folder goes between "it is there already" and the look whether it is a folder.
        with contextlib.suppress(FileNotFoundError, FileExistsError):
            _make_folder_once(path, mode)
            return
    _make_folder_once(path, mode)


def _make_folder_once(path: str, mode: int) -> None:
    try:
        os.mkdir(path, mode)  # noqa: PTH102
    except FileExistsError:
        # One look: what is gone by now is made anew, but what is no folder stays so however often one tries.
        if not stat.S_ISDIR(os.lstat(path).st_mode) and not os.path.isdir(path):  # noqa: PTH112
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path) from None
    except FileNotFoundError:
        parent = os.path.dirname(path)  # noqa: PTH120
        if parent in (path, ""):
            raise
        _make_folder(parent, 0o777)
        os.mkdir(path, mode)  # noqa: PTH102


def make_private(path: Path) -> None:
    """Let nobody but its owner read or write a file or folder, whatever the umask says. Never raises.

    Args:
        path: The file or folder. A link stays as it is, and so does what is another user's, and everything
            on a file system that knows no permissions.
    """
    with contextlib.suppress(OSError):
        mode = os.lstat(path).st_mode
        wanted = 0o700 if stat.S_ISDIR(mode) else 0o600
        if not stat.S_ISLNK(mode) and stat.S_IMODE(mode) != wanted:
            path.chmod(wanted)


def remove_tree(path: Path) -> None:
    """Remove a folder, also one whose sub-folders forbid it. Never raises; what cannot go stays.

    Args:
        path: The folder; it may be missing.
    """
    try:
        shutil.rmtree(path)
    except OSError as error:
        # Of what is missing below it, somebody else removes it too, and may stop half-way.
        if not isinstance(error, FileNotFoundError) or os.fspath(error.filename) != os.fspath(path):
            _remove_stubborn_tree(path)


def _remove_stubborn_tree(path: Path) -> None:
    if os.path.islink(path) or not os.path.isdir(path):  # noqa: PTH112, PTH114 - pathlib's raise, if refused
        return
    _allow(path)
    for parent, names, _ in os.walk(path):
        for name in names:
            _allow(Path(parent, name))  # before os.walk looks into it
    shutil.rmtree(path, ignore_errors=True)


def _allow(folder: Path) -> None:
    with contextlib.suppress(OSError):
        if not folder.is_symlink():
            folder.chmod(0o700)


def remove_empty_folders(path: Path, depth: int) -> None:
    """Remove a folder and its parents as far as they are empty. Never raises.

    Args:
        path: The lowest folder.
        depth: How many levels to go up at the most, the lowest included.
    """
    folder = str(path)
    for _ in range(depth):
        try:
            os.rmdir(folder)  # noqa: PTH106 - each look comes through here; pathlib takes five times as long
        except FileNotFoundError:
            pass  # it never was, or has just gone: its parents may be empty all the same
        except OSError:
            return
        folder = os.path.dirname(folder)  # noqa: PTH120
