"""A fetcher with a cache of its own, as one downloader has it, run by the test or by a thread of its own."""

from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

from openmas_assets.actors.abort import AbortSignal
from openmas_assets.actors.cache.info import AssetInfo
from openmas_assets.actors.cache.layout import INFO_NAME, CacheLayout
from openmas_assets.actors.cache.staging import Journal, Staging
from openmas_assets.actors.cache.unpack_limits import UnpackLimits
from openmas_assets.actors.fetch import AssetFetcher, Hit
from openmas_assets.actors.monitor import Monitor
from openmas_assets.actors.sources.http_network import HttpNetwork
from openmas_assets.actors.transfer_settings import TransferSettings
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.downloader import DownloadProgress
from programs import Program

# Far more than any test lasts: what ends earlier was ended by something else than the time-out.
_LONG_SECONDS = 100.0


class Fetching:
    """Fetches into `folder/cache`; local sources are relative to `folder`.

    Args:
        folder: Where the cache goes.
        timeout_seconds: How long a server may be silent.
        layout: The cache, where it is another one.
    """

    def __init__(
        self, folder: Path, timeout_seconds: float = _LONG_SECONDS, layout: CacheLayout | None = None
    ) -> None:
        self.layout = layout or CacheLayout(folder / "cache")
        self.network = HttpNetwork()
        self.fetcher = AssetFetcher(
            TransferSettings(self.layout, folder, UnpackLimits(), timeout_seconds, self.network)
        )
        self.progress: list[DownloadProgress] = []

    def hit(
        self,
        config: AssetConfig,
        *,
        force_download: bool = False,
        on_progress: Callable[[DownloadProgress], None] | None = None,
    ) -> Hit:
        """Fetch an asset; `on_progress` is called with each message on the way."""
        self.progress.clear()

        def tell(progress: DownloadProgress) -> None:
            self.progress.append(progress)
            if on_progress is not None:
                on_progress(progress)

        monitor = Monitor(1, config.name, AbortSignal(), tell)
        return self.fetcher.fetch(config, monitor, force_download=force_download)

    def path(self, config: AssetConfig, *, force_download: bool = False) -> Path:
        """Fetch an asset and return what is handed out."""
        return self.hit(config, force_download=force_download).path

    def info(self, config: AssetConfig) -> AssetInfo:
        """The metadata of a copy that is there."""
        info = AssetInfo.read(self.layout.version_folder(config))
        assert info is not None
        return info

    def change_info(self, config: AssetConfig, **changes: object) -> None:
        """Have the metadata of a copy that is there say something else."""
        path = self.layout.version_folder(config) / INFO_NAME
        path.write_text(self.info(config).model_copy(update=changes).model_dump_json())

    def staged(self) -> list[str]:
        """Every file and folder in the staging folder, relative to it; empty if that is not there."""
        folder = self.layout.staging
        return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")) + (
            [] if not folder.exists() or any(folder.iterdir()) else ["(an empty staging folder)"]
        )

    def leave_part(self, config: AssetConfig, data: bytes, **journal: Any) -> None:
        """Leave what a process leaves behind that dies with these bytes on disk."""
        staging = Staging.claim(self.layout.staging_folder(config), config.fingerprint)
        staging.write_journal(Journal(fingerprint=config.fingerprint, **journal))
        staging.data_path.write_bytes(data)
        staging.release()

    def part(self) -> Path:
        """The only file of arrived bytes in the staging folder."""
        [path] = self.layout.staging.glob("*/*/*/*/data")
        return path


class BackgroundFetch:
    """One fetch in a thread of its own, to be aborted from the test's.

    Args:
        fetching: Who fetches.
        config: The asset.
        pause_at: The phase in which the fetch waits, at its first message, until it has been aborted.
    """

    def __init__(self, fetching: Fetching, config: AssetConfig, *, pause_at: str | None = None) -> None:
        self._signal = AbortSignal()
        self._told = {phase: Event() for phase in ("downloading", "verifying", "unpacking")}
        self._is_aborted = Event()
        self._outcome: Hit | BaseException | None = None

        def tell(progress: DownloadProgress) -> None:
            self._told[progress.phase].set()
            if progress.phase == pause_at:
                assert self._is_aborted.wait(30), "nobody aborts the fetch"

        def run() -> None:
            monitor = Monitor(7, config.name, self._signal, tell)
            try:
                self._outcome = fetching.fetcher.fetch(config, monitor, force_download=False)
            except BaseException as error:  # noqa: BLE001, the test looks at it
                self._outcome = error

        self._thread = Thread(target=run, name=f"fetch-{config.name}", daemon=True)
        self._thread.start()

    def wait_for(self, phase: str) -> None:
        """Block until the first message of a phase: some of its bytes are done."""
        assert self._told[phase].wait(30), f"{phase} never began: {self._outcome!r}"

    def abort(self) -> Hit | BaseException | None:
        """Raise the stop sign and block until the fetch has ended; what it returned or raised."""
        self._signal.abort(7)
        self._is_aborted.set()
        self._thread.join(30)
        assert not self._thread.is_alive(), "the fetch does not end"
        return self._outcome


def fetch_program(folder: Path, config: AssetConfig, *, prelude: str = "") -> Program:
    """Start a process that fetches an asset as `Fetching(folder)` does.

    It prints the bytes that are done with each message of progress, and the error it ends with.

    Args:
        folder: As for `Fetching`.
        config: The asset.
        prelude: Code that it runs before.
    """
    return Program(_CHILD, folder, config.model_dump_json(), Path(__file__).parent, prelude)


_CHILD = """
    import sys
    from pathlib import Path
    folder, config, parts, prelude = sys.argv[1:]
    sys.path.append(parts)
    from fetching import Fetching
    from openmas_assets.messages.asset_config import AssetConfig
    from openmas_assets.messages.errors import AssetError
    exec(prelude)
    try:
        Fetching(Path(folder)).hit(
            AssetConfig.model_validate_json(config), on_progress=lambda progress: print(progress.bytes_done)
        )
    except AssetError as error:
        print(error)
"""
