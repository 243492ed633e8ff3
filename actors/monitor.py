"""What a worker says of its job while it works, and how it learns that it is to stop."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from openmas_assets.actors.abort import AbortSignal, JobAbortedError
from openmas_assets.messages.downloader import DownloadPhase, DownloadProgress

_REPORT_INTERVAL_SECONDS = 0.1


class Monitor:
    """One job's line to the outside. All methods run in the worker's thread.

    Args:
        job_id: The job.
        name: The asset's name.
        signal: The worker's stop sign.
        tell: Where progress goes; None to keep it quiet.
    """

    def __init__(
        self, job_id: int, name: str, signal: AbortSignal, tell: Callable[[DownloadProgress], None] | None
    ) -> None:
        self._job_id = job_id
        self._name = name
        self._signal = signal
        self._tell = tell
        self._phase: DownloadPhase | None = None
        self._next_report = 0.0

    def report(self, phase: DownloadPhase, bytes_done: int = 0, bytes_total: int | None = None) -> None:
        """Say how far the job is: at once when the phase changes or ends, else about ten times a second.

        Args:
            phase: What is being done.
            bytes_done: Bytes of this phase that are done.
            bytes_total: Bytes of this phase in all, None if unknown.

        Raises:
            JobAbortedError: The job is to stop.
        """
        self.check()
        now = time.monotonic()
        is_news = phase != self._phase or bytes_done == bytes_total
        if self._tell is not None and (is_news or now >= self._next_report):
            self._phase, self._next_report = phase, now + _REPORT_INTERVAL_SECONDS
            progress = DownloadProgress(
                name=self._name, phase=phase, bytes_done=bytes_done, bytes_total=bytes_total
            )
            self._tell(progress)

    def check(self) -> None:
        """Raise if the job is to stop.

        Raises:
            JobAbortedError: It is.
        """
        if self._signal.is_set(self._job_id):
            raise JobAbortedError

    def unblocking(self, unblock: Callable[[], None]) -> AbstractContextManager[None]:
        """While in this context, an abort calls `unblock`. See `AbortSignal.unblocking`.

        Args:
            unblock: Ends a blocking read from another thread.
        """
        return self._signal.unblocking(self._job_id, unblock)


def silent_monitor(name: str = "") -> Monitor:
    """A monitor for work outside a downloader: it tells nobody and is never stopped.

    Args:
        name: The asset's name.
    """
    return Monitor(0, name, AbortSignal(), None)
