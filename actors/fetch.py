"""One attempt at bringing an asset into the cache: lock, re-check, transfer, verify, unpack, commit."""

import contextlib
import errno
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from openmas_assets.actors.cache.checksum import hash_file
from openmas_assets.actors.cache.commit import commit
from openmas_assets.actors.cache.file_record import FileRecord, files_below
from openmas_assets.actors.cache.info import AssetInfo, now_text
from openmas_assets.actors.cache.inspection import inspect
from openmas_assets.actors.cache.layout import INFO_NAME, CacheLayout
from openmas_assets.actors.cache.lock import AssetLock
from openmas_assets.actors.cache.owner import Owner
from openmas_assets.actors.cache.staging import Staging, find_holder
from openmas_assets.actors.cache.unpack import UnpackLimits, single_file, unpack
from openmas_assets.actors.cache.verify import compare
from openmas_assets.actors.cache.witness import are_unchanged, metadata_witness
from openmas_assets.actors.monitor import Monitor
from openmas_assets.actors.sources.fetched import Fetched, TransferError
from openmas_assets.actors.sources.http import HttpTransfer
from openmas_assets.actors.sources.http_network import HttpNetwork
from openmas_assets.actors.sources.hub import HubTransfer
from openmas_assets.actors.sources.local import fetch_local
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.errors import (
    AssetCacheError,
    AssetUnpackError,
    AssetVerificationError,
)
from openmas_assets.messages.source import HttpSource, HubSource, LocalSource
from openmas_assets.messages.status import Witness


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


class _Stored(NamedTuple):
    folder: Path
    info: AssetInfo
    metadata: Witness | None  # where it was written, before that became the version folder


class AssetFetcher:
    """What a downloader does for a living. One for each; all methods run in its thread and may block.

    Args:
        layout: The cache.
        project_root: What a relative local source is relative to.
        limits: How large an archive may become.
        timeout_seconds: How long a server may be silent.
        draws_bars: Whether a library that has progress bars of its own may draw them; False by default.
        network: The connections and limits that it shares with other fetchers; its own by default.
    """

    def __init__(  # noqa: PLR0913 - the settings of a project, one by one
        self,
        layout: CacheLayout,
        project_root: Path,
        limits: UnpackLimits,
        timeout_seconds: float,
        *,
        draws_bars: bool = False,
        network: HttpNetwork | None = None,
    ) -> None:
        self._layout = layout
        self._project_root = project_root
        self._limits = limits
        self._timeout_seconds = timeout_seconds
        self._draws_bars = draws_bars
        self._network = network or HttpNetwork()
        self._http = HttpTransfer(timeout_seconds, self._network)

    def close(self) -> None:
        """Close the connections that were kept alive."""
        self._network.close()

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
        with _disk_errors(config, self._layout.root):
            try:
                with self._locked(config):
                    if not force_download and (hit := self._recheck(config, monitor)) is not None:
                        # Whoever looks sweeps as well, but has found the lock taken, perhaps by us.
                        Staging.sweep(self._layout.staging_folder(config), config.fingerprint)
                        return hit
                    stored = self._transfer(config, monitor)
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

    def _hit_on(self, config: AssetConfig, stored: "_Stored") -> Hit | None:
        """What was just stored; None where only a full look can tell whether it stands there still."""
        folder, info = stored.folder, stored.info
        if stored.metadata is None or isinstance(config.source, LocalSource):
            return None
        metadata = stored.metadata._replace(path=f"{folder}/{INFO_NAME}")
        try:
            witnesses = (metadata, *info.witnesses(folder))
        except OSError:
            return None
        path = folder if info.path == "." else Path(f"{folder}/{info.path}")
        return Hit(path, witnesses, was_transferred=True) if are_unchanged(witnesses) else None

    def _look(self, config: AssetConfig, *, was_transferred: bool = False) -> Hit | None:
        if not self._layout.has_metadata(config):  # most of what is fetched was never there
            return None
        inspection = inspect(self._layout, config, self._project_root)
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
        if (info := self._reread(config, monitor)) is not None:
            info.write(self._layout.version_folder(config))
        return self._look(config)

    def _unnoted_hit(self, config: AssetConfig, monitor: Monitor) -> Hit | None:
        """A copy that is good although its times differ, where that cannot be noted.

        Such is a cache in the image of a container, which gives its files other times.
        """
        if (info := self._reread(config, monitor)) is None:
            return None
        folder = self._layout.version_folder(config)
        path = folder if info.path == "." else folder / info.path
        metadata = metadata_witness(folder)
        if metadata is None or isinstance(config.source, LocalSource):
            return Hit(path, None, was_transferred=False)
        return Hit(path, (metadata, *info.witnesses(folder)), was_transferred=False)

    def _reread(self, config: AssetConfig, monitor: Monitor) -> AssetInfo | None:
        """The metadata, with the times of now, of a copy whose times differ and whose bytes do not.

        Reading it is cheaper than transferring it: a cache that was copied or restored is not lost.
        """
        inspection = inspect(self._layout, config, self._project_root)
        info, folder = inspection.info, self._layout.version_folder(config)
        if (
            inspection.status != "corrupt"
            or info is None
            or info.is_corrupt
            or not info.has_same_sizes(folder)
        ):
            return None
        comparison = compare(folder, info, monitor)
        return None if comparison.detail else comparison.noted_in(info)

    def _transfer(self, config: AssetConfig, monitor: Monitor) -> "_Stored":
        staging = Staging.claim(self._layout.staging_folder(config), config.fingerprint)
        try:
            stored = self._fill(config, staging, monitor)
        except (AssetCacheError, OSError):
            staging.remove()  # a disk that is full is not helped by a part that fills it
            raise
        except BaseException:
            staging.release()
            raise
        staging.remove()
        return stored

    def _fill(self, config: AssetConfig, staging: Staging, monitor: Monitor) -> "_Stored":
        if not staging.is_new:
            staging.drop_tree()
        fetched = self._fetch_source(config, staging, monitor)
        self._verify(config, fetched, staging)
        path, known_digests = self._build_tree(config, fetched, staging, monitor)
        is_alone = path in known_digests and not config.unpack
        if is_alone:  # nobody need look for other files
            files = {path: FileRecord.of(Path(f"{staging.tree_path}/{path}"), known_digests[path])}
        else:
            files = _hashed_records(staging.tree_path, known_digests, monitor)
        info = AssetInfo(
            name=config.name,
            version=config.version,
            asset_type=config.asset_type,
            source=config.source.shown,
            fingerprint=config.fingerprint,
            checksum=config.checksum,
            sha256=fetched.sha256,
            path=path,
            files=files,
            source_state=fetched.source_state,
            commit=fetched.commit,
            downloaded_at=now_text(),
            unsynced_boot=Owner.current().boot,
        )
        if is_alone:
            info.write_first(staging.tree_path)
        else:
            info.write(staging.tree_path)  # a folder may have brought something of that name
        folder = self._layout.version_folder(config)
        stored = _Stored(folder, info, metadata_witness(staging.tree_path))
        # The stop sign is not looked at here: the work is done, and bytes that have moved cannot be resumed.
        commit(staging.tree_path, folder)
        return stored

    def _fetch_source(self, config: AssetConfig, staging: Staging, monitor: Monitor) -> Fetched:
        match config.source:
            case HttpSource() as source:
                return self._http.fetch(config, source, staging, monitor)
            case LocalSource() as source:
                return fetch_local(config, source, self._project_root, staging, monitor)
            case HubSource() as source:
                draws_bars = self._draws_bars and config.progress_report
                transfer = HubTransfer(
                    config, source, staging, monitor, self._timeout_seconds, draws_bars=draws_bars
                )
                return transfer.fetch()

    def _verify(self, config: AssetConfig, fetched: Fetched, staging: Staging) -> None:
        actual = f"sha256:{fetched.sha256}"
        if config.checksum is None or config.checksum == actual:
            return
        staging.start_over()
        error = AssetVerificationError(
            f"the checksum does not match: {config.checksum} is declared, {actual} is what came",
            expected=config.checksum,
            actual=actual,
            asset_name=config.name,
            fix="If the source has changed on purpose, declare the new checksum; if not, do not trust it.",
        )
        raise TransferError(error, is_retryable=True)

    def _build_tree(
        self, config: AssetConfig, fetched: Fetched, staging: Staging, monitor: Monitor
    ) -> tuple[str, dict[str, str]]:
        """Make the version folder of what was fetched.

        What is handed out of it, and the digests of files that are known by now, by paths relative to it.
        """
        if fetched.digests is not None:
            return ".", fetched.digests
        staging.tree_path.mkdir()
        if not config.unpack or config.unpack_format is None:
            file_name = config.source.file_name or "asset"
            path = Path(f"{staging.tree_path}/{file_name}")
            if "/" in file_name:  # a file of the Hub keeps its folders
                path.parent.mkdir(parents=True, exist_ok=True)
            staging.data_path.rename(path)
            return file_name, {} if fetched.sha256 is None else {file_name: fetched.sha256}
        try:
            digests = unpack(
                staging.data_path,
                config.unpack_format,
                staging.tree_path,
                self._limits,
                on_progress=lambda count: monitor.report("unpacking", count),
            )
            if not config.unpack_destination_is_file:
                return ".", digests
            return single_file(staging.tree_path).relative_to(staging.tree_path).as_posix(), digests
        except AssetUnpackError as error:
            staging.start_over()  # a refusal leaves nothing behind
            error.asset_name = config.name
            error.fix = error.fix or "Nothing of it was kept. Ask whoever made the archive for a sound one."
            raise


def _hashed_records(tree: Path, known: dict[str, str], monitor: Monitor) -> dict[str, FileRecord]:
    """The record of each file, with the digest that the transfer knows or that reading it gives."""
    records = {}
    for relative, path in files_below(tree):
        monitor.check()
        digest = known.get(relative)
        if digest is None and not path.is_symlink():
            digest = hash_file(path, lambda _: monitor.check()).hexdigest()
        records[relative] = FileRecord.of(path, digest)
    return records


_DISK_REASONS: dict[int, tuple[str, str]] = {
    errno.ENOSPC: ("the disk is full", "Make room, or set OPENMAS_ASSETS_DIR to a folder on another disk."),
    errno.EROFS: ("the cache is read-only", "Set OPENMAS_ASSETS_DIR to a folder that can be written."),
    errno.EACCES: (
        "permission is missing in the cache",
        "Give this user the right to write there, or set OPENMAS_ASSETS_DIR to another folder.",
    ),
}
_DISK_REASONS[errno.EDQUOT] = ("the disk quota is used up", _DISK_REASONS[errno.ENOSPC][1])
_DISK_REASONS[errno.EFBIG] = (
    "the file is larger than the disk or a limit allows",
    _DISK_REASONS[errno.ENOSPC][1],
)
_DISK_REASONS[errno.EPERM] = _DISK_REASONS[errno.EACCES]
_DISK_REASONS[errno.ENOTDIR] = _DISK_REASONS[errno.EEXIST] = (
    "in the place of a folder there is no folder, but a file or a link that leads nowhere",
    "Remove it, mount what it leads to, or set OPENMAS_ASSETS_DIR to another folder.",
)
_DISK_REASONS[errno.ENOENT] = (
    "a file or folder of the cache was removed while it was in use",
    "Ask for it again, and see to it that nothing else cleans up the cache meanwhile.",
)


def disk_error(asset_name: str | None, folder: Path, error: OSError) -> AssetCacheError:
    """Say in words what the disk refused.

    Args:
        asset_name: The asset, None where it is not about one.
        folder: The cache folder; named where the error does not name a path.
        error: What the system said.
    """
    problem, fix = _DISK_REASONS.get(
        error.errno or 0,
        (
            f"the disk failed: {error.strerror or type(error).__name__}",
            "See what is wrong with it, or set OPENMAS_ASSETS_DIR to a folder on another disk.",
        ),
    )
    path = Path(error.filename) if isinstance(error.filename, str) else folder
    return AssetCacheError(f"{problem} ({path})", path=path, asset_name=asset_name, fix=fix)


@contextlib.contextmanager
def _disk_errors(config: AssetConfig, folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise disk_error(config.name, folder, error) from None
