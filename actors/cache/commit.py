"""The one moment in which an asset appears, or the old one becomes the new one."""

import contextlib
import ctypes
import errno
import functools
import logging
import os
import platform
import secrets
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from openmas_assets.actors.cache.file_record import files_below
from openmas_assets.actors.cache.folders import make_folder, remove_tree
from openmas_assets.actors.cache.info import AssetInfo, UnreadableInfoError, foreign_files
from openmas_assets.actors.cache.layout import INFO_NAME

logger = logging.getLogger("openmas_assets")

# Of renameat2(2) on Linux, and of renamex_np(2) on macOS.
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_RENAME_SWAP = 2
_MAX_TRIES = 20
_OVERTAKEN_ERRNOS = frozenset({errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST})


def commit(tree: Path, version_folder: Path) -> None:
    """Put a complete folder in the place of the version folder, in one step.

    Where there is an old one, the two change places: a reader finds the old files or the new ones, at no
    moment neither or a mixture, and a process that is killed leaves one or the other. The old one is then
    at `tree`, for the caller to remove.

    Linux and macOS can do that in one system call. Where the file system cannot (NFS, Windows), the old
    folder is renamed away first, and for the time between two renames nothing stands there.

    Files that are not ours stay beside the file of an asset. An asset that is a folder is replaced as a
    whole; a folder that was there before we were is renamed.

    Args:
        tree: The complete folder, metadata included, on the same file system.
        version_folder: Its place.

    Raises:
        OSError: The disk refused; what stood there stands there still.
    """
    if _is_moved(tree, version_folder):
        return
    _save_foreign_files(version_folder, tree)
    # More than once only where file locks do not work and others commit the same asset at this very moment.
    for _ in range(_MAX_TRIES):
        try:
            tree.rename(version_folder)  # also takes the place of an empty folder
        except OSError as error:
            refusal = error
        else:
            return
        try:
            _exchange(tree, version_folder)
        except OSError as error:
            if error.errno not in _OVERTAKEN_ERRNOS:
                raise
        else:
            return
    raise refusal


def _is_moved(tree: Path, version_folder: Path) -> bool:
    """Whether the folder is in its place now, as nothing, or an empty folder, stood there."""
    for _ in range(2):
        try:
            tree.rename(version_folder)
        except FileNotFoundError:  # the first version of an asset
            make_folder(version_folder.parent)
        except OSError:
            return False
        else:
            return True
    return False


def _exchange(tree: Path, version_folder: Path) -> None:
    exchange = _exchange_call()
    if exchange is None or exchange(os.fsencode(tree), os.fsencode(version_folder)) != 0:
        _exchange_in_two_steps(tree, version_folder)


def _exchange_in_two_steps(tree: Path, version_folder: Path) -> None:
    aside = tree.with_name(f"old-{secrets.token_hex(4)}")
    version_folder.rename(aside)
    try:
        tree.rename(version_folder)
    except OSError:
        with contextlib.suppress(OSError):  # somebody else's copy stands there now
            aside.rename(version_folder)
        raise
    with contextlib.suppress(OSError):
        aside.rename(tree)


@functools.cache
def _exchange_call() -> Callable[[bytes, bytes], int] | None:
    """The system call that exchanges two folders, None where the platform has none."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None, use_errno=True)
        if platform.system() == "Linux":
            renameat2 = libc.renameat2
            flags = ctypes.c_uint(_RENAME_EXCHANGE)
            return lambda one, other: int(renameat2(_AT_FDCWD, one, _AT_FDCWD, other, flags))
        if platform.system() == "Darwin":  # pragma: no cover - not tried here
            renamex_np = libc.renamex_np
            return lambda one, other: int(renamex_np(one, other, ctypes.c_uint(_RENAME_SWAP)))
    return None  # pragma: no cover - not on Linux


def _save_foreign_files(version_folder: Path, tree: Path) -> None:
    try:
        names = [path.name for path in version_folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return
    new = AssetInfo.read(tree)
    if new is not None and new.path != ".":
        # What goes while it is looked at belongs to a copy that somebody else is replacing.
        with contextlib.suppress(FileNotFoundError, UnreadableInfoError):
            for name, path in _foreign_files(version_folder, is_copy=INFO_NAME in names):
                _link(path, tree / name)
    elif names and not (version_folder / INFO_NAME).exists():
        _set_aside(version_folder)


def _set_aside(version_folder: Path) -> None:
    aside = version_folder.with_name(f"{version_folder.name}.foreign-{secrets.token_hex(4)}")
    with contextlib.suppress(FileNotFoundError):  # another process replaces it at this very moment
        version_folder.rename(aside)
    if (aside / INFO_NAME).exists():  # another process has put its copy there at this very moment
        try:
            aside.rename(version_folder)
        except OSError:  # and yet another one
            remove_tree(aside)
    elif aside.exists():
        logger.warning("%s held files that are not the cache's; they are now in %s", version_folder, aside)


def _foreign_files(version_folder: Path, *, is_copy: bool) -> Iterable[tuple[str, Path]]:
    if not is_copy:
        return files_below(version_folder)
    info = AssetInfo.read(version_folder)
    return foreign_files(version_folder, info) if info is not None else ()


def _link(path: Path, target: Path) -> None:
    """Have a file in both folders, so that it is there whatever happens to this process."""
    if os.path.lexists(target):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, target, follow_symlinks=False)
    except OSError:  # a file system without hard links
        shutil.copy2(path, target, follow_symlinks=False)
