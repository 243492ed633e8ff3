"""Sweeping: what killed processes left of an asset, and no transfer will go on with."""

import contextlib
from pathlib import Path

from openmas_assets.actors.cache.folders import remove_empty_folders
from openmas_assets.actors.cache.info import AssetInfo, UnreadableInfoError
from openmas_assets.actors.cache.layout import CacheLayout
from openmas_assets.actors.cache.lock import AssetLock
from openmas_assets.actors.cache.staging import Staging, abandoned
from openmas_assets.messages.asset_config import AssetConfig


def sweep_leftovers(layout: CacheLayout, config: AssetConfig, *, was_locked: bool = False) -> None:
    """Remove what killed processes left of an asset, unless another one works on it. Never raises.

    A process that is killed right after a commit leaves the old copy in its part, and nobody who finds the
    new one would claim that. Where nothing is left, this looks for a few folders that are not there.

    Args:
        layout: The cache.
        config: The asset.
        was_locked: Whether its lock file was there at a moment when this process had not made it: then it is
            another's, or what a killed one has left.
    """
    lock = AssetLock(layout.lock_path(config))
    with contextlib.suppress(OSError):
        if (leftovers(layout, config) or was_locked) and lock.try_acquire():
            try:
                sweep(layout, config)
            finally:
                lock.release()  # its file goes with it
    remove_empty_folders(layout.staging_folder(config), depth=4)
    remove_empty_folders(layout.lock_path(config).parent, depth=3)


def sweep(layout: CacheLayout, config: AssetConfig) -> None:
    """Remove the `leftovers`. For who has the asset's lock.

    Args:
        layout: The cache.
        config: The asset.
    """
    for path in leftovers(layout, config):
        if (claimed := Staging.take(path)) is not None:
            claimed.remove()


def leftovers(layout: CacheLayout, config: AssetConfig) -> list[Path]:
    """The parts that nobody works on and no transfer will go on with.

    One that can be resumed is kept for it, unless it was begun before the copy that stands there was
    transferred: it is what that one came of, and a kill came before its removal; or another process was
    quicker, where locks do nothing.

    Args:
        layout: The cache.
        config: The asset.
    """
    parts = abandoned(layout.staging_folder(config))
    if not parts:
        return []
    downloaded_at = _downloaded_at(layout, config)
    return [path for path in parts if not _is_awaited(Staging(path), config.fingerprint, downloaded_at)]


def _downloaded_at(layout: CacheLayout, config: AssetConfig) -> str:
    """Of the copy that stands there; empty if there is none of this configuration."""
    with contextlib.suppress(UnreadableInfoError):
        info = AssetInfo.read(layout.version_folder(config))
        if info is not None and info.fingerprint == config.fingerprint:
            return info.downloaded_at
    return ""


def _is_awaited(part: Staging, fingerprint: str, downloaded_at: str) -> bool:
    journal = part.journal
    return journal is not None and journal.begun_at >= downloaded_at and part.is_resumable(fingerprint)
