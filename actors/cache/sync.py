"""Seeing that a copy survives a power failure: its bytes on the disk itself, and metadata that says so.

A commit does not wait for that, as an agent would: until it is done, a restart of the machine (another boot
id) makes the copy doubtful, and it is read once before it is handed out. See fsync(2): a file is synced by
itself, its name by its folder.
"""

import os
from pathlib import Path

from openmas_assets.actors.cache.info import AssetInfo
from openmas_assets.actors.cache.layout import CacheLayout
from openmas_assets.actors.cache.lock import AssetLock
from openmas_assets.actors.cache.witness import metadata_witness
from openmas_assets.actors.monitor import Monitor
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.status import Witness


def sync_copy(layout: CacheLayout, config: AssetConfig, monitor: Monitor) -> tuple[Witness, Witness] | None:
    """Sync an asset's copy, and note that in its metadata. Blocks; a leaf worker's thread.

    Args:
        layout: The cache.
        config: The asset.
        monitor: Is asked between two files whether to go on.

    Returns:
        The metadata's witness before and after; None if there is no copy that needs it, or somebody is
        replacing it.

    Raises:
        AssetError: The metadata cannot be read.
        OSError: The disk refused.
        JobAbortedError: The job is to stop.
    """
    folder = layout.version_folder(config)
    info = AssetInfo.read(folder)
    if info is None or info.unsynced_boot is None or info.is_lost_perhaps:
        return None
    files = [folder / name for name, record in info.files.items() if record.link is None]
    folders = sorted({folder / up for name in info.files for up in Path(name).parents}, reverse=True)
    above = folder.parents[: len(folder.relative_to(layout.root).parts)]
    for path in (*files, *folders, *above):
        monitor.check()
        _sync(path)
    return _note(layout, config, info)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _note(layout: CacheLayout, config: AssetConfig, info: AssetInfo) -> tuple[Witness, Witness] | None:
    folder = layout.version_folder(config)
    lock = AssetLock(layout.lock_path(config))
    if not lock.try_acquire():
        return None  # whoever holds the lock is about to replace the copy
    try:
        before = metadata_witness(folder)
        if before is None or AssetInfo.read(folder) != info:
            return None  # what was synced is not what stands there now
        info.model_copy(update={"unsynced_boot": None}).write(folder, is_synced=True)
        _sync(folder)
        after = metadata_witness(folder)
    finally:
        lock.release()
    return None if after is None else (before, after)
