"""Noting something of a copy: other metadata takes the place of what is there."""

import os
from pathlib import Path

from openmas_assets.actors.cache.info import AssetInfo
from openmas_assets.actors.cache.layout import INFO_NAME, CacheLayout
from openmas_assets.actors.cache.lock import AssetLock
from openmas_assets.actors.cache.staging import Staging
from openmas_assets.actors.cache.witness import metadata_witness
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.status import Witness


def note(
    layout: CacheLayout, config: AssetConfig, old: AssetInfo, new: AssetInfo, *, is_locked: bool = False
) -> tuple[Witness, Witness] | None:
    """Replace a copy's metadata, unless it is another one by now. Blocks; a leaf worker's thread.

    The new one is written and synced elsewhere: an agent may be reading the version folder, where nothing
    else is to come and go, and the lock is held for a moment only.

    Args:
        layout: The cache.
        config: The asset.
        old: The metadata that what is to be noted was found out of.
        new: The metadata with that.
        is_locked: Whether the caller has the asset's lock.

    Returns:
        What the file system says of the metadata before and after; None if nothing was noted, as somebody
        else has replaced the copy, or is about to.

    Raises:
        AssetError: What stands there now cannot be read.
        OSError: The disk refused.
    """
    staging = Staging.start(layout.staging_folder(config))
    lock = AssetLock(layout.lock_path(config))
    try:
        new.write(staging.path)
        path = staging.path / INFO_NAME
        sync(path)
        if not is_locked and not lock.try_acquire():
            return None  # whoever holds the lock is about to replace the copy
        return _put(layout.version_folder(config), old, path)
    finally:
        lock.release()  # if it was taken here
        staging.remove()


def sync(path: Path) -> None:
    """Have a file's bytes, or a folder's names, written to the disk itself. Blocks; see fsync(2).

    Args:
        path: The file or folder.

    Raises:
        OSError: The disk refused.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _put(folder: Path, old: AssetInfo, path: Path) -> tuple[Witness, Witness] | None:
    before = metadata_witness(folder)
    if before is None or AssetInfo.read(folder) != old:
        return None
    path.replace(folder / INFO_NAME)
    after = metadata_witness(folder)
    return None if after is None else (before, after)
