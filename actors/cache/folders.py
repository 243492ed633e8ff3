"""Folders that come and go while several processes work in one cache."""

import contextlib
import os
import shutil
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
    for _ in range(_MAX_TRIES):
        # The second where a folder goes between "it is there already" and the look whether it is a folder.
        with contextlib.suppress(FileNotFoundError, FileExistsError):
            path.mkdir(mode, parents=True, exist_ok=True)
            return
    path.mkdir(mode, parents=True, exist_ok=True)


def make_private(path: Path) -> None:
    """Let nobody but its owner read or write a file or folder, whatever the umask says. Never raises.

    Args:
        path: The file or folder. A link stays as it is, and so does what is another user's, and everything
            on a file system that knows no permissions.
    """
    with contextlib.suppress(OSError):
        if not path.is_symlink():
            path.chmod(0o700 if path.is_dir() else 0o600)


def remove_tree(path: Path) -> None:
    """Remove a folder, also one whose sub-folders forbid it. Never raises; what cannot go stays.

    Args:
        path: The folder; it may be missing.
    """
    if path.is_symlink() or not path.is_dir():
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
    for folder in [path, *path.parents][:depth]:
        with contextlib.suppress(OSError):
            folder.rmdir()
