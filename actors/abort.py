"""How a running job is stopped from outside the worker's inbox, which the worker does not read meanwhile."""

import contextlib
import threading
from collections.abc import Callable, Iterator


class JobAbortedError(Exception):
    """The job is to stop. Raised inside a worker only, never seen by a user."""


class AbortSignal:
    """One worker's stop sign: the supervisor raises it for a job, the worker looks at it between chunks.

    A signal names the job it is for, so that one which comes late cannot hit the worker's next job.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_for_all = False
        self._aborted_job_id = -1
        self._blocked_job_id = -1
        self._unblock: Callable[[], None] | None = None

    def abort(self, job_id: int) -> None:
        """Stop a job. Any thread.

        Args:
            job_id: The job; no two jobs have the same id.
        """
        with self._lock:
            self._aborted_job_id = job_id
            self._unblock_if_set()

    def abort_all(self) -> None:
        """Stop whatever the worker does, now and from now on. Any thread."""
        with self._lock:
            self._is_for_all = True
            self._unblock_if_set()

    def is_set(self, job_id: int) -> bool:
        """Whether the job is to stop. The worker's thread.

        Args:
            job_id: The job that is being worked on.
        """
        return self._is_for_all or job_id == self._aborted_job_id

    @contextlib.contextmanager
    def unblocking(self, job_id: int, unblock: Callable[[], None]) -> Iterator[None]:
        """While in this context, an abort calls `unblock` to end a blocking read. The worker's thread.

        Args:
            job_id: The job that is being worked on.
            unblock: Called in the aborting thread, or here if the abort came before; never after the context
                has ended. Must neither block nor raise.
        """
        with self._lock:
            self._blocked_job_id, self._unblock = job_id, unblock
            self._unblock_if_set()
        try:
            yield
        finally:
            with self._lock:
                self._unblock = None

    def _unblock_if_set(self) -> None:
        if self._unblock is not None and self.is_set(self._blocked_job_id):
            self._unblock()
