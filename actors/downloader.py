"""The Downloader actor: a leaf worker, the only kind of actor that may block."""

import queue
from collections.abc import Callable
from typing import Any

import pykka
from pykka.messages import _ActorStop  # there is no public name for it; pykka<5 keeps this one

from openmas_assets.actors.abort import AbortSignal, JobAbortedError
from openmas_assets.actors.base import WorkerActor
from openmas_assets.actors.cache.layout import CacheLayout
from openmas_assets.actors.cache.remove import Removal, remove_all_copies, remove_copy
from openmas_assets.actors.cache.sync import sync_copy
from openmas_assets.actors.cache.verify import verify_copy
from openmas_assets.actors.disk_error import disk_error
from openmas_assets.actors.fetch import AssetFetcher, LockedError
from openmas_assets.actors.monitor import Monitor
from openmas_assets.actors.sources.fetched import TransferError
from openmas_assets.messages.downloader import (
    AssetDownloaded,
    AssetLocked,
    CopiesRemoved,
    CopySynced,
    CopyVerified,
    DownloadAsset,
    DownloaderAnswer,
    DownloaderCommand,
    DownloadFailed,
    JobAborted,
    JobFailed,
    RemoveAllCopies,
    RemoveCopy,
    SyncCopy,
    VerifyCopy,
)
from openmas_assets.messages.errors import AssetError


class _Inbox(queue.SimpleQueue[Any]):
    """Notices a stop when it comes: the actor would read it only after its job, hours later perhaps."""

    on_stop_asked: Callable[[], None] | None = None

    def put(self, envelope: Any, block: bool = True, timeout: float | None = None) -> None:
        super().put(envelope, block, timeout)
        if isinstance(envelope.message, _ActorStop) and self.on_stop_asked is not None:
            self.on_stop_asked()


class DownloaderActor(WorkerActor):
    """Does one job at a time and tells its supervisor what became of it. Asked to stop, it aborts its job.

    Args:
        supervisor_ref: The manager; it gets the answers and the progress.
        signal: How the manager stops a job that is running.
        layout: The cache.
        fetcher: Brings assets into it; this actor's own from now on.
    """

    actor_inbox: _Inbox

    def __init__(
        self,
        supervisor_ref: pykka.ActorRef[Any],
        signal: AbortSignal,
        layout: CacheLayout,
        fetcher: AssetFetcher,
    ) -> None:
        super().__init__(supervisor_ref)
        self._signal = signal
        self._layout = layout
        self._fetcher = fetcher
        self.actor_inbox.on_stop_asked = signal.abort_all

    @staticmethod
    def _create_actor_inbox() -> _Inbox:
        return _Inbox()

    def _receive(self, message: Any) -> None:
        match message:
            case DownloadAsset() | VerifyCopy() | SyncCopy() | RemoveCopy() | RemoveAllCopies():
                self._tell_supervisor(self._do(message))
            case _:
                self._on_unknown(message)

    def _do(self, command: DownloaderCommand) -> DownloaderAnswer:
        try:
            return self._answer(command)
        except JobAbortedError:
            return JobAborted(job_id=command.job_id)
        except AssetError as error:
            return JobFailed(job_id=command.job_id, error=_without_frames(error))
        except OSError as error:
            return JobFailed(job_id=command.job_id, error=disk_error(None, self._layout.root, error))

    def _answer(self, command: DownloaderCommand) -> DownloaderAnswer:
        match command:
            case DownloadAsset():
                return self._on_download_asset(command)
            case VerifyCopy():
                return self._on_verify_copy(command)
            case SyncCopy():
                return self._on_sync_copy(command)
            case RemoveCopy():
                return self._on_remove_copy(command)
            case RemoveAllCopies():
                return _copies_removed(command.job_id, remove_all_copies(self._layout))

    def _on_download_asset(self, command: DownloadAsset) -> DownloaderAnswer:
        job_id = command.job_id
        monitor = self._monitor(command)
        try:
            hit = self._fetcher.fetch(command.config, monitor, force_download=command.force_download)
        except LockedError as locked:
            return AssetLocked(
                job_id=job_id,
                holder=locked.holder,
                bytes_done=locked.bytes_done,
                bytes_total=locked.bytes_total,
            )
        except TransferError as failure:
            return DownloadFailed(
                job_id=job_id,
                error=_without_frames(failure.error),
                is_retryable=failure.is_retryable,
                retry_after_seconds=failure.retry_after_seconds,
            )
        except AssetError as error:
            return DownloadFailed(job_id=job_id, error=_without_frames(error))
        return AssetDownloaded(
            job_id=job_id, path=hit.path, was_transferred=hit.was_transferred, witnesses=hit.witnesses
        )

    def _on_verify_copy(self, command: VerifyCopy) -> DownloaderAnswer:
        outcome, detail = verify_copy(self._layout, command.config, self._monitor(command))
        return CopyVerified(job_id=command.job_id, outcome=outcome, detail=detail)

    def _on_sync_copy(self, command: SyncCopy) -> DownloaderAnswer:
        metadata = sync_copy(self._layout, command.config, self._monitor(command))
        return CopySynced(job_id=command.job_id, metadata=metadata)

    def _on_remove_copy(self, command: RemoveCopy) -> DownloaderAnswer:
        removal = remove_copy(self._layout, command.config)
        if removal is None:
            return AssetLocked(job_id=command.job_id)
        return _copies_removed(command.job_id, removal)

    def _monitor(self, command: DownloadAsset | VerifyCopy | SyncCopy) -> Monitor:
        tell = self._tell_supervisor if command.config.progress_report else None
        return Monitor(command.job_id, command.config.name, self._signal, tell)


def _copies_removed(job_id: int, removal: Removal) -> CopiesRemoved:
    return CopiesRemoved(
        job_id=job_id, removed=removal.removed, bytes_freed=removal.bytes_freed, kept=removal.kept
    )


def _without_frames(error: AssetError) -> AssetError:
    """A message holds no frames: they would keep files, locks and sessions of this thread alive."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
