"""Taking assets out of the cache: what is ours, and nothing else."""

import contextlib
import errno
import glob
import os
import time
from pathlib import Path
from typing import NamedTuple

from openmas_assets.actors.cache.file_record import files_below
from openmas_assets.actors.cache.folders import remove_empty_folders
from openmas_assets.actors.cache.info import AssetInfo, UnreadableInfoError, foreign_files
from openmas_assets.actors.cache.layout import INFO_NAME, CacheLayout
from openmas_assets.actors.cache.lock import AssetLock
from openmas_assets.actors.cache.staging import Staging
from openmas_assets.messages.asset_config import AssetConfig

# Whoever notes something in the metadata has the lock for a moment, which is not worth a refusal.
_MAX_TRIES = 5
_PAUSE_SECONDS = 0.01
_NO_ROOM_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT})


class Removal(NamedTuple):
    """What was taken away.

    Attributes:
        removed: The keys of the copies that are gone.
        bytes_freed: Bytes that the removed files held.
        kept: What is not ours, or in use by another process, and was left alone.
    """

    removed: tuple[str, ...] = ()
    bytes_freed: int = 0
    kept: tuple[Path, ...] = ()


def remove_copy(layout: CacheLayout, config: AssetConfig) -> Removal | None:
    """Remove an asset's copy and the parts of it that nobody works on. A leaf worker's thread.

    Args:
        layout: The cache.
        config: The asset.

    Returns:
        What is gone; None if another process holds the asset, in which case nothing was done.

    Raises:
        OSError: The disk refused.
    """
    if not layout.version_folder(config).exists() and not layout.staging_folder(config).exists():
        return Removal()
    return _remove_key(layout, config.key)


def remove_all_copies(layout: CacheLayout) -> Removal:
    """Remove every copy, part and lock file of ours, whichever project it belongs to. A leaf worker's thread.

    Args:
        layout: The cache.

    Returns:
        What is gone, and what was left alone.

    Raises:
        OSError: The disk refused.
    """
    keys = _known_keys(layout)
    removals = {key: _remove_key(layout, key) for key in keys}
    for key in keys:
        # No lower than that: the part of another process is an empty folder before its first byte.
        remove_empty_folders(layout.staging / key, depth=3)
        remove_empty_folders((layout.locks / key).parent, depth=2)
    for folder in (layout.staging, layout.locks):
        remove_empty_folders(folder, depth=1)
    kept = [path for removal in removals.values() if removal is not None for path in removal.kept]
    kept += [_place(layout, key) for key, removal in removals.items() if removal is None]
    kept += _beside(layout, keys)
    return Removal(
        tuple(key for removal in removals.values() if removal is not None for key in removal.removed),
        sum(removal.bytes_freed for removal in removals.values() if removal is not None),
        tuple(sorted(kept)),
    )


def _known_keys(layout: CacheLayout) -> list[str]:
    """The keys of all copies with metadata, of all that is being worked on, and of all locks."""
    copies = {path.parent for path in _matches(layout.root, f"*/*/*/{INFO_NAME}")}
    parts = set(_matches(layout.staging, "*/*/*/"))
    locks = {path.with_suffix("") for path in _matches(layout.locks, "*/*/*.lock")}
    return sorted(key.as_posix() for key in copies | parts | locks)


def _matches(folder: Path, pattern: str) -> list[Path]:
    # Not Path.glob, which raises where another process removes a folder while it looks.
    return [Path(name) for name in glob.glob(pattern, root_dir=folder, include_hidden=True)]  # noqa: PTH207


def _remove_key(layout: CacheLayout, key: str) -> Removal | None:
    lock = AssetLock(layout.locks / f"{key}.lock")
    if not _is_taken(lock):
        return None
    try:
        return _remove_locked(layout, key)
    finally:
        lock.release()


def _is_taken(lock: AssetLock) -> bool:
    """Whether nobody else holds the lock. Where there is no room for its file, nobody does."""
    try:
        for _ in range(_MAX_TRIES):
            if lock.try_acquire():
                return True
            time.sleep(_PAUSE_SECONDS)
        return lock.try_acquire()
    except OSError as error:
        if error.errno not in _NO_ROOM_ERRNOS:
            raise
        return True


def _remove_locked(layout: CacheLayout, key: str) -> Removal:
    version_folder, staging_folder = layout.root / key, layout.staging / key
    bytes_before = _size_bytes(staging_folder)
    staging = _claim(staging_folder)
    bytes_freed = bytes_before - _size_bytes(staging_folder)
    if staging is None:
        bytes_before = _size_bytes(version_folder)
        removed, kept = _take_copy(version_folder, None)
        bytes_freed += bytes_before - _size_bytes(version_folder)
    else:
        try:
            removed, kept = _take_copy(version_folder, staging.path)
            bytes_freed += _size_bytes(staging.path)
        finally:
            staging.remove()
    remove_empty_folders(version_folder, depth=3)
    return Removal((key,) if removed else (), bytes_freed, kept)


def _claim(folder: Path) -> Staging | None:
    """Take over what killed processes left; None where there is no room for as much as a folder."""
    try:
        return Staging.claim(folder, fingerprint="")
    except OSError as error:
        if error.errno not in _NO_ROOM_ERRNOS:
            raise
        remove_empty_folders(folder, depth=4)
        return None


def _take_copy(version_folder: Path, target: Path | None) -> tuple[bool, tuple[Path, ...]]:
    """Move a copy away, or remove it in its place; whether there was one, and what is not ours and stays."""
    foreign: tuple[Path, ...] = ()
    with contextlib.suppress(UnreadableInfoError):  # a copy of ours; which of its files are not, nobody knows
        info = AssetInfo.read(version_folder)
        if info is None:
            return False, (version_folder,) if _entries(version_folder) else ()
        foreign = tuple(path for _, path in foreign_files(version_folder, info))
    if not foreign and target is not None:
        version_folder.rename(target / "tree")  # a reader sees all of it or nothing
        return True, ()
    for number, (_, path) in enumerate(list(files_below(version_folder))):
        if path in foreign:
            continue
        if target is None:
            path.unlink()
        else:
            path.rename(target / str(number))
    # The metadata last: as long as it is there, an interrupted removal is a damaged copy, which heals.
    (version_folder / INFO_NAME).unlink()
    _remove_empty_below(version_folder)
    return True, foreign


def _place(layout: CacheLayout, key: str) -> Path:
    version_folder = layout.root / key
    return version_folder if version_folder.exists() else layout.staging / key


def _beside(layout: CacheLayout, keys: list[str]) -> list[Path]:
    """What lies in the cache folder where nothing of ours was: a whole folder, or a file."""
    ours = {layout.locks, layout.staging, *(layout.root / key for key in keys)}
    above = {folder for key in keys for folder in (layout.root / key).parents}
    pending, found = [layout.root], []
    while pending:
        for path in _entries(pending.pop()):
            if path in above:
                pending.append(path)
            elif path not in ours:
                found.append(path)
    return found


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):  # it may also go while it is looked at
        return []


def _size_bytes(folder: Path) -> int:
    size_bytes = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            if name not in (INFO_NAME, "journal.json"):
                with contextlib.suppress(FileNotFoundError):  # the part of a process that works on it
                    size_bytes += Path(parent, name).lstat().st_size
    return size_bytes


def _remove_empty_below(folder: Path) -> None:
    for parent, _, _ in os.walk(folder, topdown=False):
        remove_empty_folders(Path(parent), depth=1)
