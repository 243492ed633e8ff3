"""What downloaders do for the manager besides downloads: verify copies, sync and remove them."""

import copy
from collections.abc import Callable
from typing import Any, TypeVar

from openmas_assets.actors.hits import Hits
from openmas_assets.actors.pool import DownloaderPool, Job
from openmas_assets.actors.reply import Reply
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.downloader import (
    AssetLocked,
    CopiesRemoved,
    CopySynced,
    CopyVerified,
    DownloaderAnswer,
    DownloaderCommand,
    DownloadPhase,
    DownloadProgress,
    JobAborted,
    JobFailed,
    RemoveAllCopies,
    RemoveCopy,
    SyncCopy,
    VerifyCopy,
)
from openmas_assets.messages.errors import AssetCacheError, AssetError
from openmas_assets.messages.manager import AssetsCleared, AssetVerified

T = TypeVar("T")


class Errands:
    """Sends downloaders on errands, and answers whoever asked for one.

    Not an actor: all its methods run in the manager's thread.

    Args:
        pool: Who does them.
        hits: Is told what they show.
        on_progress: Is told how each ends that has shown progress.
    """

    def __init__(
        self, pool: DownloaderPool, hits: Hits, on_progress: Callable[[DownloadProgress], None]
    ) -> None:
        self._pool = pool
        self._hits = hits
        self._on_progress = on_progress

    def verify(self, config: AssetConfig) -> Reply[AssetVerified]:
        """Have an asset's copy hashed and compared. One that differs is not handed out again.

        Args:
            config: The asset.
        """

        def convert(answer: CopyVerified) -> AssetVerified:
            if answer.outcome == "failed":
                self._hits.distrust(config.key)
                self._report(config, "failed", answer.detail)
            else:
                self._hits.trust(config.key)
                self._report(config, "finished")
            return AssetVerified(
                name=config.name,
                outcome=answer.outcome,
                has_checksum=config.checksum is not None,
                detail=answer.detail,
            )

        return self._submit(
            lambda job_id: VerifyCopy(job_id=job_id, config=config),
            convert,
            config,
            lambda error: self._report(config, "failed", error.problem),
        )

    def sync(self, config: AssetConfig) -> None:
        """Have a new copy written to the disk itself, once a downloader has nothing better to do.

        Nobody waits for that: where it fails, or the manager is closed before, the copy stays unsynced.

        Args:
            config: The asset.
        """

        def on_answer(answer: DownloaderAnswer) -> None:
            if isinstance(answer, CopySynced) and answer.metadata is not None:
                self._hits.renew(config.key, *answer.metadata)

        job = Job(lambda job_id: SyncCopy(job_id=job_id, config=config), on_answer, lambda _: None)
        self._pool.submit_chore(config.key, job)

    def clear(self, config: AssetConfig) -> Reply[AssetsCleared]:
        """Have an asset's copy and parts removed.

        Args:
            config: The asset.
        """
        self._hits.forget(config.key)
        return self._submit(lambda job_id: RemoveCopy(job_id=job_id, config=config), _cleared, config)

    def clear_all(self) -> Reply[AssetsCleared]:
        """Have everything of ours removed from the cache."""
        self._hits.forget_all()
        return self._submit(lambda job_id: RemoveAllCopies(job_id=job_id), _cleared)

    def _submit(
        self,
        command: Callable[[int], DownloaderCommand],
        convert: Callable[[Any], T],
        config: AssetConfig | None = None,
        on_failure: Callable[[AssetError], None] | None = None,
    ) -> Reply[T]:
        reply: Reply[T] = Reply()
        tell = failing(reply, config)

        def fail(error: AssetError) -> None:
            if on_failure is not None:
                on_failure(error)
            tell(error)

        def on_answer(answer: DownloaderAnswer) -> None:
            match answer:
                case JobFailed():
                    fail(answer.error)
                case AssetLocked():
                    fail(AssetCacheError("it is being transferred", fix="Try again when that is done."))
                case JobAborted():
                    self._pool.submit(job)  # somebody has stopped the downloader: the next one does it
                case _:
                    reply.set(convert(answer))

        job = Job(command, on_answer, fail)
        self._pool.submit(job)
        return reply

    def _report(self, config: AssetConfig, phase: DownloadPhase, detail: str = "") -> None:
        if config.progress_report:
            self._on_progress(DownloadProgress(name=config.name, phase=phase, detail=detail))


def failing(reply: Reply[Any], config: AssetConfig | None = None) -> Callable[[AssetError], None]:
    """What settles a reply with an error.

    Args:
        reply: The reply.
        config: The asset that the error is about, if it does not say itself.
    """

    def fail(error: AssetError) -> None:
        error = copy.copy(error)  # it may be shared with others
        if config is not None:
            error.asset_name = error.asset_name or config.name
        reply.set_exception((type(error), error, None))

    return fail


def _cleared(answer: CopiesRemoved) -> AssetsCleared:
    return AssetsCleared(removed=answer.removed, bytes_freed=answer.bytes_freed, kept=answer.kept)
