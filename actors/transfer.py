"""The way of an asset's bytes: from its source into staging, verified, unpacked, and into its place."""

from pathlib import Path
from typing import NamedTuple

from openmas_assets.actors.cache.commit import commit
from openmas_assets.actors.cache.file_record import FileRecord, files_below
from openmas_assets.actors.cache.info import AssetInfo, now_text
from openmas_assets.actors.cache.owner import Owner
from openmas_assets.actors.cache.staging import Staging
from openmas_assets.actors.cache.unpack import single_file, unpack
from openmas_assets.actors.cache.witness import metadata_witness
from openmas_assets.actors.monitor import Monitor
from openmas_assets.actors.sources.fetched import Fetched, TransferError
from openmas_assets.actors.sources.http import HttpTransfer
from openmas_assets.actors.sources.hub import HubTransfer
from openmas_assets.actors.sources.local import fetch_local
from openmas_assets.actors.transfer_settings import TransferSettings
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.errors import AssetCacheError, AssetUnpackError, AssetVerificationError
from openmas_assets.messages.source import HttpSource, HubSource, LocalSource
from openmas_assets.messages.status import Witness


class Stored(NamedTuple):
    """An asset that has just been put in its place.

    Attributes:
        folder: Where it is.
        info: Its metadata.
        metadata: The metadata file, where it was written, before that became the version folder; None where
            it cannot be told.
    """

    folder: Path
    info: AssetInfo
    metadata: Witness | None


class AssetTransfer:
    """Transfers assets whose lock is held. One for each fetcher; all methods run in its thread and may block.

    Args:
        settings: Where assets go, and within which limits.
    """

    def __init__(self, settings: TransferSettings) -> None:
        self._settings = settings
        self._layout = settings.layout
        self._http = HttpTransfer(settings.timeout_seconds, settings.network)

    def store(self, config: AssetConfig, monitor: Monitor) -> Stored:
        """Transfer an asset into staging, going on with what is there, and put it in its place.

        Args:
            config: The asset. Its lock is held.
            monitor: Is told how far it is.

        Raises:
            TransferError: The source did not give the bytes, or other ones.
            AssetError: Anything else that asking again would not change.
            OSError: The disk refused.
            JobAbortedError: The job was stopped; what had been transferred is kept.
        """
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

    def _fill(self, config: AssetConfig, staging: Staging, monitor: Monitor) -> Stored:
        if not staging.is_new:
            staging.drop_tree()
        fetched, path, known_digests = self._bring(config, staging, monitor)
        is_alone = path in known_digests and not config.unpack
        if is_alone:  # nobody need look for other files
            files = {path: FileRecord.of(Path(f"{staging.tree_path}/{path}"), known_digests[path])}
        else:
            files = _records(staging.tree_path, known_digests)
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
        info.write(staging.tree_path)
        folder = self._layout.version_folder(config)
        stored = Stored(folder, info, metadata_witness(staging.tree_path))
        # The stop sign is not looked at here: the work is done, and bytes that have moved cannot be resumed.
        commit(staging.tree_path, folder)
        return stored

    def _bring(
        self, config: AssetConfig, staging: Staging, monitor: Monitor
    ) -> tuple[Fetched, str, dict[str, str]]:
        """Transfer, verify and unpack; once more where the damage may lie in what an earlier attempt left.

        That is gone by then. It costs no attempt: neither the server nor the asset need be to blame.
        """
        try:
            return self._bring_once(config, staging, monitor)
        except (TransferError, AssetUnpackError) as failure:
            if not staging.is_resumed or not _is_damage(failure, config):
                raise
        return self._bring_once(config, staging, monitor)

    def _bring_once(
        self, config: AssetConfig, staging: Staging, monitor: Monitor
    ) -> tuple[Fetched, str, dict[str, str]]:
        fetched = self._fetch_source(config, staging, monitor)
        self._verify(config, fetched, staging)
        return (fetched, *self._build_tree(config, fetched, staging, monitor))

    def _fetch_source(self, config: AssetConfig, staging: Staging, monitor: Monitor) -> Fetched:
        match config.source:
            case HttpSource() as source:
                return self._http.fetch(config, source, staging, monitor)
            case LocalSource() as source:
                return fetch_local(config, source, self._settings.project_root, staging, monitor)
            case HubSource() as source:
                draws_bars = self._settings.draws_bars and config.progress_report
                transfer = HubTransfer(
                    config, source, staging, monitor, self._settings.timeout_seconds, draws_bars=draws_bars
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
                self._settings.limits,
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


def _is_damage(failure: TransferError | AssetUnpackError, config: AssetConfig) -> bool:
    """Whether it is about the bytes. An archive that no checksum vouches for may be damaged, or is none."""
    if isinstance(failure, AssetUnpackError):
        return config.checksum is None
    return isinstance(failure.error, AssetVerificationError)


def _records(tree: Path, digests: dict[str, str]) -> dict[str, FileRecord]:
    return {
        relative: FileRecord.of(path, None if path.is_symlink() else digests[relative])
        for relative, path in files_below(tree)
    }
