"""All assets on their way: looked for in the cache, fetched, tried again, landed or failed."""

import functools
from collections.abc import Callable
from pathlib import Path

from openmas_assets.actors.flight import Flight
from openmas_assets.actors.hits import Hits
from openmas_assets.actors.inspections import Inspections
from openmas_assets.actors.pool import DownloaderPool, Job
from openmas_assets.actors.reply import ActorClosedError, Reply
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.downloader import (
    AssetDownloaded,
    AssetLocked,
    DownloadAsset,
    DownloaderAnswer,
    DownloadFailed,
    DownloadPhase,
    DownloadProgress,
    JobAborted,
    JobFailed,
)
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.inspector import AssetInspected
from openmas_assets.messages.manager import AssetPath
from openmas_assets.messages.status import Witness
from openmas_assets.messages.supervision import WaiterGone


class Flights:
    """Decides what becomes of a request for a path: answer at once, join, look, fetch, or try again.

    Not an actor: all its methods run in the manager's thread.

    Args:
        pool: Who fetches.
        inspections: Who looks.
        hits: What is known without looking.
        on_progress: Is told how each flight goes.
        on_waiter_gone: Is told when the last one gives up, in the thread in which they do.
        on_transferred: Is told of each asset that was transferred, once whoever waited has the answer.
    """

    def __init__(  # noqa: PLR0913 - whom it decides with, and whom it tells
        self,
        pool: DownloaderPool,
        inspections: Inspections,
        hits: Hits,
        on_progress: Callable[[DownloadProgress], None],
        on_waiter_gone: Callable[[WaiterGone], None],
        *,
        on_transferred: Callable[[AssetConfig], None],
    ) -> None:
        self._pool = pool
        self._inspections = inspections
        self._hits = hits
        self._on_progress = on_progress
        self._on_waiter_gone = on_waiter_gone
        self._on_transferred = on_transferred
        self._flights: dict[str, Flight] = {}

    def request(self, config: AssetConfig, *, force_download: bool) -> AssetPath | Reply[AssetPath]:
        """Answer with the path if it is known and still good, else join or start a flight.

        Args:
            config: The asset.
            force_download: Whether only a new transfer will do. Nobody else waits for that: while it is under
                way, others get the copy that is there.
        """
        if not force_download and (answer := self._hits.find(config.key)) is not None:
            return answer
        flight = self._flights.get(config.key)
        if flight is None:
            flight = self._flights[config.key] = Flight(
                config, functools.partial(self._note_if_gone, config.key)
            )
        reply = flight.join(is_forced=force_download)
        if self._may_be_cached(flight) and not force_download:
            self._look(flight)
        elif flight.job is None and not flight.is_looked_for:
            self._fetch(flight)
        return reply

    def leave(self, event: WaiterGone) -> None:
        """Stop a flight that nobody waits for any more, and keep its part.

        Args:
            event: Which asset. It may come late, when others wait.
        """
        flight = self._flights.get(event.key)
        if flight is not None:
            self._stop_if_empty(flight)

    def _note_if_gone(self, key: str, reply: Reply[AssetPath]) -> None:
        if reply.is_cancelled:
            self._on_waiter_gone(WaiterGone(key=key))

    def _may_be_cached(self, flight: Flight) -> bool:
        """Whether a look may spare somebody the wait: nothing was fetched, or what is fetched was forced."""
        return (
            (flight.job is None or (flight.is_forced and flight.may_be_cached))
            and not self._hits.is_distrusted(flight.config.key)
            and self._inspections.may_find(flight.config)
        )

    def _look(self, flight: Flight) -> None:
        if not flight.is_looked_for:
            flight.is_looked_for = True
            self._inspections.submit(
                flight.config,
                functools.partial(self._on_inspected, flight),
                functools.partial(self._on_look_failed, flight),
            )

    def _on_inspected(self, flight: Flight, answer: AssetInspected) -> None:
        flight.is_looked_for = False
        if self._flights.get(flight.config.key) is not flight:
            return  # it was quicker, or nobody waits any more
        if answer.path is None or answer.must_be_read:
            flight.may_be_cached = False
        else:
            self._land(flight, answer.path, answer.witnesses, was_transferred=False)
        self._stop_if_empty(flight)
        if flight.has_waiters and flight.job is None:
            self._fetch(flight)

    def _on_look_failed(self, flight: Flight, error: AssetError) -> None:
        flight.is_looked_for = False
        if flight.job is None:
            self._fail(flight, error)

    def _fetch(self, flight: Flight) -> None:
        self._pool.submit(self._job(flight))

    def _job(self, flight: Flight) -> Job:
        if flight.job is None:
            flight.job = Job(
                command=functools.partial(self._command, flight),
                on_answer=functools.partial(self._on_answered, flight),
                on_failure=functools.partial(self._fail, flight),
            )
        return flight.job

    def _command(self, flight: Flight, job_id: int) -> DownloadAsset:
        # Made anew for each attempt: what is wanted may have changed in the meantime.
        is_forced = flight.is_forced or self._hits.is_distrusted(flight.config.key)
        return DownloadAsset(job_id=job_id, config=flight.config, force_download=is_forced)

    def _on_answered(self, flight: Flight, answer: DownloaderAnswer) -> None:
        match answer:
            case AssetDownloaded():
                self._on_downloaded(flight, answer)
            case AssetLocked():
                self._wait_for_lock(flight, answer)
            case DownloadFailed():
                self._retry_or_fail(flight, answer)
            case JobAborted() if flight.has_waiters:
                self._fetch(flight)  # somebody joined after the last one had left
            case JobAborted():
                self._stop(flight)
            case JobFailed():
                self._fail(flight, answer.error)

    def _on_downloaded(self, flight: Flight, answer: AssetDownloaded) -> None:
        if answer.was_transferred:
            self._hits.trust(flight.config.key)
        self._land(flight, answer.path, answer.witnesses, was_transferred=answer.was_transferred)
        if flight.has_waiters:
            self._fetch(flight)  # somebody wants a new transfer, and this was the work of another process
        else:
            self._drop(flight)
            self._report(flight, "finished")
        if answer.was_transferred:
            self._on_transferred(flight.config)

    def _wait_for_lock(self, flight: Flight, answer: AssetLocked) -> None:
        if not flight.has_waiters:
            self._stop(flight)
            return
        detail = f"for {answer.holder or 'another process'}"
        self._report(flight, "waiting", answer.bytes_done, answer.bytes_total, detail)
        pause_seconds = flight.lock_wait.next_look_seconds(answer.bytes_done, answer.bytes_total)
        self._pool.submit_later(self._job(flight), pause_seconds)

    def _retry_or_fail(self, flight: Flight, answer: DownloadFailed) -> None:
        config = flight.config
        flight.attempts.append(answer.error.problem)
        attempt = len(flight.attempts)
        if not answer.is_retryable or attempt > config.retries or not flight.has_waiters:
            self._fail(flight, answer.error)
            return
        pause_seconds = max(config.retry_delay_seconds, answer.retry_after_seconds)
        detail = f"in {pause_seconds:g} s, {attempt} of {config.retries + 1} failed: {answer.error.problem}"
        self._report(flight, "retrying", detail=detail)
        self._pool.submit_later(self._job(flight), pause_seconds)

    def _land(
        self, flight: Flight, path: Path, witnesses: tuple[Witness, ...] | None, *, was_transferred: bool
    ) -> None:
        key = flight.config.key
        if self._hits.is_distrusted(key):
            return  # `verify` has found it wrong since somebody looked
        answer = AssetPath(name=flight.config.name, path=path)
        self._hits.remember(key, answer, witnesses)
        flight.land(answer, was_transferred=was_transferred)

    def _fail(self, flight: Flight, error: AssetError) -> None:
        self._drop(flight)
        flight.fail(error)
        if flight.job is not None and isinstance(error, ActorClosedError):
            self._report(flight, "stopped")
        elif flight.job is not None:
            self._report(flight, "failed", detail=error.problem)

    def _stop_if_empty(self, flight: Flight) -> None:
        if flight.has_waiters:
            return
        if flight.job is None:
            self._drop(flight)
        elif self._pool.withdraw(flight.job):
            self._stop(flight)

    def _stop(self, flight: Flight) -> None:
        self._drop(flight)
        self._report(flight, "stopped")

    def _drop(self, flight: Flight) -> None:
        if self._flights.get(flight.config.key) is flight:
            del self._flights[flight.config.key]

    def _report(
        self,
        flight: Flight,
        phase: DownloadPhase,
        bytes_done: int = 0,
        bytes_total: int | None = None,
        detail: str = "",
    ) -> None:
        if flight.config.progress_report:
            self._on_progress(
                DownloadProgress(
                    name=flight.config.name,
                    phase=phase,
                    bytes_done=bytes_done,
                    bytes_total=bytes_total,
                    detail=detail,
                )
            )
