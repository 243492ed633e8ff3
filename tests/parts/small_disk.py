"""File systems of their own for tests: small ones, and one whose time stamps have no fractions.

They are mounted for this process and its children alone, and go with it even if it is killed.

Only root on Linux may mount; `CannotMountError` says that this is somebody else, or a container.
"""

import ctypes
import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CLONE_NEWNS = 0x00020000  # unshare(2)


class CannotMountError(Exception):
    """This machine does not let us mount a file system."""


@contextmanager
def tmpfs(folder: Path, options: str) -> Iterator[Path]:
    """Mount a file system in memory.

    Args:
        folder: Where; made if it is not there.
        options: See tmpfs(5): `size=1m,nr_inodes=100`.
    """
    with _mounted(folder, "-t", "tmpfs", "-o", options, "tmpfs"):
        yield folder


@contextmanager
def one_second_disk(folder: Path, size: str = "64M") -> Iterator[Path]:
    """Mount an ext2 whose inodes have no room for fractions of a second. It cannot exchange two folders.

    Args:
        folder: Where; made if it is not there. The image lies beside it.
        size: As mke2fs(8) takes it.
    """
    image = folder.with_suffix(".ext2")
    if shutil.which("mke2fs") is None:
        raise CannotMountError("there is no mke2fs")
    # Sparse, as its blocks are written when they are used.
    _run("mke2fs", "-q", "-F", "-t", "ext2", "-I", "128", image, size)
    with _mounted(folder, "-o", "loop", image):
        yield folder


def remount(folder: Path, options: str) -> None:
    """Change the options of a file system that is mounted: `ro`, `rw`."""
    _run("mount", "-o", f"remount,{options}", folder)


@contextmanager
def _mounted(folder: Path, *arguments: str | Path) -> Iterator[None]:
    if sys.platform != "linux" or os.geteuid() != 0:
        raise CannotMountError("only root on Linux may mount")
    folder.mkdir(parents=True, exist_ok=True)
    _leave_mounts_of_others()
    _run("mount", *arguments, folder)
    try:
        yield
    finally:
        # Lazy: a file that is still open must not keep what will be removed with all that is in it.
        subprocess.run(["umount", "-l", folder], check=True)


@functools.cache
def _leave_mounts_of_others() -> None:
    # Of this thread and those that it starts from now on.
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNS) != 0:
        raise CannotMountError(os.strerror(ctypes.get_errno()))
    _run("mount", "--make-rprivate", "/")


def _run(*command: str | Path) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotMountError(str(error)) from error
