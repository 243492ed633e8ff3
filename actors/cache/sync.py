"""Seeing that a copy survives a power failure: its bytes on the disk itself, and metadata that says so.

A commit does not wait for that, as an agent would: until it is done, a restart of the machine (another boot
id) makes the copy doubtful, and it is read once before it is handed out. See fsync(2): a file is synced by
itself, its name by its folder.
"""

from pathlib import Path

from openmas_assets.actors.cache.info import AssetInfo
from openmas_assets.actors.cache.layout import CacheLayout
from openmas_assets.actors.cache.note import note, sync
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
        sync(path)
    witnesses = note(layout, config, info, info.model_copy(update={"unsynced_boot": None}))
    sync(folder)
    return witnesses
