"""The AssetManager actor: decides, routes and answers. It waits neither for the network nor for the disk."""

import contextlib
import functools
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

import pykka

from openmas_assets.actors.abort import AbortSignal
from openmas_assets.actors.base import AssetActor
from openmas_assets.actors.cache.layout import CacheLayout
from openmas_assets.actors.crash import crash_cause, crash_error
from openmas_assets.actors.errands import Errands, failing
from openmas_assets.actors.flights import Flights
from openmas_assets.actors.hits import Hits
from openmas_assets.actors.inspections import Inspections
from openmas_assets.actors.inspector import InspectorActor
from openmas_assets.actors.numbered_inbox import NumberedInbox
from openmas_assets.actors.pool import DownloaderPool
from openmas_assets.actors.reply import ActorClosedError, Reply
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.downloader import (
    AssetDownloaded,
    AssetLocked,
    CopiesRemoved,
    CopySynced,
    CopyVerified,
    DownloaderAnswer,
    DownloadFailed,
    DownloadProgress,
    JobAborted,
    JobFailed,
)
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.inspector import AssetInspected
from openmas_assets.messages.manager import (
    AssetList,
    AssetManagerClosed,
    AssetPath,
    AssetsCleared,
    AssetVerified,
    ClearAllAssets,
    ClearAsset,
    CloseAssetManager,
    GetAssetPath,
    GetAssetStatus,
    ListAssets,
    VerifyAsset,
)
from openmas_assets.messages.project import ProjectConfig
from openmas_assets.messages.status import AssetStatus
from openmas_assets.messages.supervision import WaiterGone, WaitOver, WorkerGone

if TYPE_CHECKING:
    from openmas_assets.actors.sources.http_network import HttpNetwork


class ManagerSettings(NamedTuple):
    """What a manager works with.

    Attributes:
        project: The declared assets.
        project_root: What a relative local source is relative to.
        layout: The cache.
        pool_size: How many downloaders there are at the most.
        timeout_seconds: How long a server may be silent.
        on_progress: Is told how transfers go; called in the manager's thread, must not block.
        draws_bars: Whether libraries that have bars of their own may draw them.
    """

    project: ProjectConfig
    project_root: Path
    layout: CacheLayout
    pool_size: int
    timeout_seconds: float
    on_progress: Callable[[DownloadProgress], None]
    draws_bars: bool = False


class AssetManagerActor(AssetActor):
    """Answers `AssetManagerCommand`s, and supervises the downloaders and the inspector.

    Args:
        settings: See `ManagerSettings`.
    """

    actor_inbox: NumberedInbox

    def __init__(self, settings: ManagerSettings) -> None:
        super().__init__()
        self._settings = settings
        self._configs = {config.name: config for config in settings.project.assets}
        # Made with the first downloader; all share its connections and limits.
        self._network: HttpNetwork | None = None
        self._pool = DownloaderPool(self._start_downloader, settings.pool_size, self._tell_self)
        self._inspections = Inspections(self._start_inspector, settings.layout)
        hits = Hits(self.actor_inbox)
        self._errands = Errands(self._pool, hits, settings.on_progress)
        self._flights = Flights(
            self._pool,
            self._inspections,
            hits,
            settings.on_progress,
            self._tell_self,
            on_transferred=self._errands.sync,
        )
        self._closed_reply: Reply[AssetManagerClosed] | None = None

    @staticmethod
    def _create_actor_inbox() -> NumberedInbox:
        return NumberedInbox()

    def on_stop(self) -> None:
        """Answer everybody who waits, stop the workers. The actor's own thread."""
        self._end(ActorClosedError())

    def on_failure(
        self,
        exception_type: type[BaseException] | None,  # noqa: ARG002 - pykka's signature
        exception_value: BaseException | None,
        traceback: TracebackType | None,  # noqa: ARG002 - pykka's signature
    ) -> None:
        """Answer everybody who waits, stop the workers. The actor's own thread."""
        self._end(crash_error("the asset manager", crash_cause(exception_value)))

    def _receive(self, message: Any) -> Any:  # noqa: C901, PLR0911, PLR0912 - one arm for each message
        match message:
            case GetAssetPath():
                return self._on_get_asset_path(message)
            case GetAssetStatus():
                return self._on_get_asset_status(message)
            case ListAssets():
                return self._on_list_assets(message)
            case VerifyAsset():
                return self._on_verify_asset(message)
            case ClearAsset():
                return self._on_clear_asset(message)
            case ClearAllAssets():
                return self._on_clear_all_assets(message)
            case CloseAssetManager():
                return self._on_close_asset_manager(message)
            case DownloadProgress():
                return self._settings.on_progress(message)
            case AssetInspected():
                return self._inspections.finish(message)
            case AssetDownloaded() | AssetLocked() | DownloadFailed() | JobAborted():
                return self._on_job_answered(message)
            case CopyVerified() | CopySynced() | CopiesRemoved() | JobFailed():
                return self._on_job_answered(message)
            case WorkerGone():
                return self._on_worker_gone(message)
            case WaiterGone():
                return self._flights.leave(message)
            case WaitOver():
                return self._pool.resume(message.job_id)
            case _:
                return self._on_unknown(message)

    def _on_get_asset_path(self, command: GetAssetPath) -> AssetPath | Reply[AssetPath]:
        return self._flights.request(self._config(command.name), force_download=command.force_download)

    def _on_get_asset_status(self, command: GetAssetStatus) -> Reply[AssetStatus]:
        config = self._config(command.name)
        reply: Reply[AssetStatus] = Reply()
        self._inspections.submit(
            config, lambda answer: reply.set(_status(config, answer)), failing(reply, config)
        )
        return reply

    def _on_list_assets(self, _: ListAssets) -> AssetList | Reply[AssetList]:
        self._refuse_if_closed()
        configs = self._settings.project.assets
        if not configs:
            return AssetList(assets=())
        reply: Reply[AssetList] = Reply()
        statuses: dict[str, AssetStatus] = {}

        def add(config: AssetConfig, answer: AssetInspected) -> None:
            statuses[config.name] = _status(config, answer)
            if len(statuses) == len(configs):
                reply.set(AssetList(assets=tuple(statuses[config.name] for config in configs)))

        for config in configs:
            self._inspections.submit(config, functools.partial(add, config), failing(reply, config))
        return reply

    def _on_verify_asset(self, command: VerifyAsset) -> Reply[AssetVerified]:
        return self._errands.verify(self._config(command.name))

    def _on_clear_asset(self, command: ClearAsset) -> Reply[AssetsCleared]:
        return self._errands.clear(self._config(command.name))

    def _on_clear_all_assets(self, _: ClearAllAssets) -> Reply[AssetsCleared]:
        self._refuse_if_closed()
        return self._errands.clear_all()

    def _on_close_asset_manager(self, _: CloseAssetManager) -> Reply[AssetManagerClosed]:
        if self._closed_reply is None:
            self._closed_reply = Reply()
            self._stop_working(ActorClosedError())
            self._settle_if_closed()
        # Each asker has a reply of its own: one that gives up must not cancel the others'.
        reply: Reply[AssetManagerClosed] = Reply()
        self._closed_reply.add_done_callback(lambda _: reply.set(AssetManagerClosed()))
        return reply

    def _on_job_answered(self, answer: DownloaderAnswer) -> None:
        job = self._pool.finish(answer.job_id)
        if job is not None:
            job.on_answer(answer)

    def _on_worker_gone(self, event: WorkerGone) -> None:
        self._pool.lose(event.worker_urn, event.cause)
        self._inspections.lose(event.worker_urn, event.cause)
        if self._pool.is_stopped:
            self._close_network()
        self._settle_if_closed()

    def _config(self, name: str) -> AssetConfig:
        self._refuse_if_closed()
        return self._configs.get(name) or self._settings.project.asset(name)

    def _refuse_if_closed(self) -> None:
        if self._closed_reply is not None:
            raise ActorClosedError

    def _settle_if_closed(self) -> None:
        if self._closed_reply is not None and self._pool.is_stopped and self._inspections.is_stopped:
            self._closed_reply.set(AssetManagerClosed())

    def _end(self, error: AssetError) -> None:
        self._stop_working(error)
        self._close_network()
        if self._closed_reply is not None:
            # Whoever closes it need not wait for workers of whose end this actor will not hear.
            self._closed_reply.set(AssetManagerClosed())

    def _close_network(self) -> None:
        # Not by a downloader that ends: the others use its connections too.
        if self._network is not None:
            self._network.close()

    def _stop_working(self, error: AssetError) -> None:
        self._inspections.stop(error)
        self._pool.stop(error)

    def _start_downloader(self, signal: AbortSignal) -> pykka.ActorRef[Any]:
        # Imported here: archives and HTTP are nothing to somebody who only lists, or finds all of it cached.
        from openmas_assets.actors.cache.unpack_limits import UnpackLimits
        from openmas_assets.actors.downloader import DownloaderActor
        from openmas_assets.actors.fetch import AssetFetcher
        from openmas_assets.actors.sources.http_network import HttpNetwork
        from openmas_assets.actors.transfer_settings import TransferSettings

        limits = self._settings.project.settings.assets
        if self._network is None:
            self._network = HttpNetwork(limits.max_connections, limits.max_bytes_per_second)
        settings = TransferSettings(
            self._settings.layout,
            self._settings.project_root,
            UnpackLimits(limits.max_unpacked_members, limits.max_unpacked_bytes, limits.max_unpack_ratio),
            self._settings.timeout_seconds,
            self._network,
            self._settings.draws_bars,
        )
        fetcher = AssetFetcher(settings)
        return DownloaderActor.start(self.actor_ref, signal, self._settings.layout, fetcher)

    def _start_inspector(self) -> pykka.ActorRef[Any]:
        return InspectorActor.start(self.actor_ref, self._settings.layout, self._settings.project_root)

    def _tell_self(self, message: WaiterGone | WaitOver) -> None:
        """From another thread: whoever has stopped meanwhile need not hear it."""
        with contextlib.suppress(pykka.ActorDeadError):
            self.actor_ref.tell(message)


def _status(config: AssetConfig, answer: AssetInspected) -> AssetStatus:
    return AssetStatus(
        name=config.name,
        version=config.version,
        asset_type=config.asset_type,
        source=config.source.shown,
        checksum=config.checksum,
        status=answer.status,
        size_bytes=answer.size_bytes,
        path=answer.path,
        commit=answer.commit,
    )
