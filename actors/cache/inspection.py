"""A look at the cache that reads no asset: sizes, times and metadata only."""

from pathlib import Path
from typing import NamedTuple

from openmas_assets.actors.cache.info import AssetInfo, UnreadableInfoError
from openmas_assets.actors.cache.layout import CacheLayout
from openmas_assets.actors.cache.staging import resumable_bytes
from openmas_assets.actors.cache.witness import metadata_witness
from openmas_assets.actors.sources.local import LocalSnapshot
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.source import LocalSource
from openmas_assets.messages.status import AssetState, Witness

# A copy that is replaced while it is looked at is looked at again; nobody replaces it that often in a row.
_MAX_LOOKS = 10


class Inspection(NamedTuple):
    """How an asset stands.

    Attributes:
        status: See `AssetState`.
        info: Its metadata, None where there is none that can be read.
        path: What can be handed out; None unless `status` is `cached`.
        size_bytes: Size of what stands there, of what has arrived where it is partial; None if unknown.
        witnesses: What must not change for the copy to stay a hit; None where only a full look can tell.
    """

    status: AssetState
    info: AssetInfo | None = None
    path: Path | None = None
    size_bytes: int | None = None
    witnesses: tuple[Witness, ...] | None = None


def inspect(layout: CacheLayout, config: AssetConfig, project_root: Path) -> Inspection:
    """Look at an asset in the cache. A leaf worker's thread; never raises for what it finds.

    Args:
        layout: The cache.
        config: The asset.
        project_root: What a relative local source is relative to.
    """
    folder = layout.version_folder(config)
    for _ in range(_MAX_LOOKS):
        metadata = metadata_witness(folder)
        inspection = _judge(layout, config, project_root, metadata)
        if inspection.status != "corrupt" or metadata_witness(folder) == metadata:
            break
        # Another process has just put a new copy there, whose files were compared with the old metadata.
    return inspection


def doubtful_path(layout: CacheLayout, config: AssetConfig, inspection: Inspection) -> Path | None:
    """What will be handed out once it has been read again: a copy whose files look untouched but for ctime.

    So look files that were copied with their times, or got another owner or mode. They are most likely good,
    but somebody who has changed a byte and set the time back looks the same; and so do, after a power
    failure, files whose bytes were never on the disk.

    Args:
        layout: The cache.
        config: The asset.
        inspection: How it stands.

    Returns:
        None if it is no such copy.
    """
    info = inspection.info
    if inspection.status != "corrupt" or info is None or info.is_corrupt:
        return None
    folder = layout.version_folder(config)
    if not all(record.has_same_content_time(folder / name) for name, record in info.files.items()):
        return None
    return folder if info.path == "." else folder / info.path


def _judge(
    layout: CacheLayout, config: AssetConfig, project_root: Path, metadata: Witness | None
) -> Inspection:
    folder = layout.version_folder(config)
    try:
        info = AssetInfo.read(folder)
    except UnreadableInfoError:
        return Inspection("corrupt")
    if info is None or metadata is None:  # or it has come since it was looked for
        size_bytes = resumable_bytes(layout.staging_folder(config), config.fingerprint)
        return Inspection("partial", size_bytes=size_bytes) if size_bytes else Inspection("not_cached")
    snapshot = _snapshot(config, project_root)
    if info.fingerprint != config.fingerprint or (snapshot and snapshot.state != info.source_state):
        return Inspection("stale", info, size_bytes=info.size_bytes)
    # Not lost for sure: see `doubtful_path`.
    witnesses = None if info.is_corrupt or info.is_lost_perhaps else _witnesses(folder, info, metadata)
    if witnesses is None:
        return Inspection("corrupt", info, size_bytes=info.size_bytes)
    path = folder if info.path == "." else folder / info.path
    return Inspection("cached", info, path, info.size_bytes, _with_source(witnesses, snapshot))


def _with_source(
    witnesses: tuple[Witness, ...], snapshot: LocalSnapshot | None
) -> tuple[Witness, ...] | None:
    if snapshot is None:
        return witnesses
    # A change deep inside a source folder shows only to a walk through it.
    return None if snapshot.witness is None else (*witnesses, snapshot.witness)


def _witnesses(folder: Path, info: AssetInfo, metadata: Witness) -> tuple[Witness, ...] | None:
    """What must not change for an intact copy to stay one; None of another copy."""
    try:
        # Before the files are looked at, so that what changes meanwhile shows at the next look.
        witnesses = (metadata, *info.witnesses(folder))
    except OSError:
        return None
    return witnesses if info.is_intact(folder) else None


def _snapshot(config: AssetConfig, project_root: Path) -> LocalSnapshot | None:
    """A local source as it is now; None for another source, and for one that is not there now.

    A source that cannot be reached has not changed: the copy is still good.
    """
    if not isinstance(config.source, LocalSource):
        return None
    return LocalSnapshot.take(config.source, project_root)
