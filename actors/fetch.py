"""One attempt at having an asset in the cache: a look, its lock, another look, and the transfer."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from openmas_assets.actors.cache.info import AssetInfo
from openmas_assets.actors.cache.inspection import inspect
from openmas_assets.actors.cache.layout import INFO_NAME
from openmas_assets.actors.cache.lock import AssetLock
from openmas_assets.actors.cache.note import note
from openmas_assets.actors.cache.staging import find_holder
from openmas_assets.actors.cache.sweep import sweep
from openmas_assets.actors.cache.verify import compare
from openmas_assets.actors.cache.witness import are_unchanged, metadata_witness
from openmas_assets.actors.disk_error import disk_errors
from openmas_assets.actors.monitor import Monitor
from openmas_assets.actors.sources.fetched import TransferError
from openmas_assets.actors.transfer_settings import TransferSettings
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.errors import (
    AssetCacheError,
)
from openmas_assets.messages.source import LocalSource
from openmas_assets.messages.status import Witness

if TYPE_CHECKING:
    from openmas_assets.actors.transfer import AssetTransfer, Stored


class LockedError(Exception):
    """Another process holds the asset.

    Args:
        holder: Who; None where it cannot be told.
        bytes_done: Bytes it has transferred.
        bytes_total: Bytes there will be, None if unknown.
    """

    def __init__(self, holder: str | None, bytes_done: int, bytes_total: int | None) -> None:
        super().__init__(holder)
        self.holder = holder
        self.bytes_done = bytes_done
        self.bytes_total = bytes_total


@dataclass(frozen=True)
class Hit:
    """An asset that is in the cache, complete and verified.

    Attributes:
        path: What is handed out.
        witnesses: What must not change for the copy to stay a hit; None where only a full look can tell.
        was_transferred: Whether this attempt brought it.
    """

    path: Path
    witnesses: tuple[Witness, ...] | None
    was_transferred: bool


class AssetFetcher:
    """What a downloader does for a living. One for each; all methods run in its thread and may block.

    Args:
        settings: Where assets go, and within which limits.
    """

    def __init__(self, settings: TransferSettings) -> None:
        self._settings = settings
        self._layout = settings.layout
        self._lazy_transfer: AssetTransfer | None = None

    def fetch(self, config: AssetConfig, monitor: Monitor, *, force_download: bool) -> Hit:
        """Bring an asset into the cache, unless it is there.

        Args:
            config: The asset.
            monitor: Is told how far it is.
            force_download: Transfer it even if it is there.

        Raises:
            LockedError: Another process holds it; nothing was done.
            TransferError: The source did not give the bytes, or other ones.
            AssetError: Anything else that asking again would not change.
            JobAbortedError: The job was stopped; what had been transferred is kept.
        """
        if not force_download and (hit := self._look(config)) is not None:
            return hit
        with disk_errors(config, self._layout.root):
            try:
                with self._locked(config):
                    if not force_download and (hit := self._recheck(config, monitor)) is not None:
                        # Whoever looks sweeps as well, but has found the lock taken, perhaps by us.
                        sweep(self._layout, config)
                        return hit
                    stored = self._transfer().store(config, monitor)
            except OSError:
                if not force_download and (hit := self._unnoted_hit(config, monitor)) is not None:
                    return hit
                raise
        hit = self._hit_on(config, stored) or self._look(config, was_transferred=True)
        if hit is None:  # something outside has taken it away again in this very moment
            problem, fix = "it was changed right after it was stored", "Ask for it again."
            error = AssetCacheError(problem, asset_name=config.name, fix=fix)
            raise TransferError(error, is_retryable=True)
        return hit

    def _transfer(self) -> "AssetTransfer":
        if self._lazy_transfer is None:
            # Imported here: whoever finds that another process transfers it has no use for archives and HTTP.
            from openmas_assets.actors.transfer import AssetTransfer

            self._lazy_transfer = AssetTransfer(self._settings)
        return self._lazy_transfer

    def _hit_on(self, config: AssetConfig, stored: "Stored") -> Hit | None:
        """What was just stored; None where only a full look can tell whether it stands there still."""
        folder, info = stored.folder, stored.info
        if stored.metadata is None or isinstance(config.source, LocalSource):
            return None
        metadata = stored.metadata._replace(path=f"{folder}/{INFO_NAME}")
        try:
            witnesses = (metadata, *info.witnesses(folder))
        except OSError:  # it was taken away in this very moment
            return None
        path = folder if info.path == "." else Path(f"{folder}/{info.path}")
        return Hit(path, witnesses, was_transferred=True) if are_unchanged(witnesses) else None

    def _look(self, config: AssetConfig, *, was_transferred: bool = False) -> Hit | None:
        if not self._layout.has_metadata(config):  # most of what is fetched was never there
            return None
        inspection = inspect(self._layout, config, self._settings.project_root)
        if inspection.path is None:
            return None
        return Hit(inspection.path, inspection.witnesses, was_transferred)

    @contextlib.contextmanager
    def _locked(self, config: AssetConfig) -> Iterator[None]:
        lock = AssetLock(self._layout.lock_path(config))
        if not lock.try_acquire():
            holder = find_holder(self._layout.staging_folder(config))
            if holder is None:
                raise LockedError(None, 0, None)
            raise LockedError(f"process {holder.owner.pid}", holder.bytes_done, holder.bytes_total)
        try:
            yield
        finally:
            lock.release()

    def _recheck(self, config: AssetConfig, monitor: Monitor) -> Hit | None:
        """Look again now that nobody else can change it."""
        if not self._layout.has_metadata(config):
            return None
        if (reread := self._reread(config, monitor)) is not None:
            note(self._layout, config, *reread, is_locked=True)
        return self._look(config)

    def _unnoted_hit(self, config: AssetConfig, monitor: Monitor) -> Hit | None:
        """A copy that is good although its times differ, where that cannot be noted.

        Such is a cache in the image of a container, which gives its files other times.
        """
        if (reread := self._reread(config, monitor)) is None:
            return None
        _, info = reread
        folder = self._layout.version_folder(config)
        path = folder if info.path == "." else folder / info.path
        metadata = metadata_witness(folder)
        if metadata is None or isinstance(config.source, LocalSource):
            return Hit(path, None, was_transferred=False)
        return Hit(path, (metadata, *info.witnesses(folder)), was_transferred=False)

    def _reread(self, config: AssetConfig, monitor: Monitor) -> tuple[AssetInfo, AssetInfo] | None:
        """The metadata, old and with the times of now, of a copy whose times differ and whose bytes do not.

        Reading it is cheaper than transferring it: a cache that was copied or restored is not lost.
        """
        inspection = inspect(self._layout, config, self._settings.project_root)
        info, folder = inspection.info, self._layout.version_folder(config)
        if (
            inspection.status != "corrupt"
            or info is None
            or info.is_corrupt
            or not info.has_same_sizes(folder)
        ):
            return None
        comparison = compare(folder, info, monitor)
        return None if comparison.detail else (info, comparison.noted_in(info))
