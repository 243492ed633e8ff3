"""An alarm clock: one thread, however many pauses are being waited for."""

import contextlib
import heapq
import itertools
import queue
import threading
import time
from collections.abc import Callable

from openmas_assets.actors.crash import log_bug

# A bug that strikes each time must not keep a processor busy.
_AFTER_FAILURE_SECONDS = 0.1


class Alarm:
    """Rings once for each time that is set. Its thread starts with the first one.

    A time cannot be taken back: whoever has no more use for it does not listen when it rings.

    Args:
        ring: Called with the id that `set` returned, in the alarm's thread. Must not block; if it raises, it
            is called again.
    """

    def __init__(self, ring: Callable[[int], None]) -> None:
        self._ring = ring
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._due: list[tuple[float, int]] = []
        # Not a condition: what strikes a thread that waits for one may leave its lock to nobody.
        self._changes: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._is_started = False
        self._is_stopped = False

    def set(self, pause_seconds: float) -> int:
        """Have it ring after a pause. Any thread.

        Args:
            pause_seconds: How long.

        Returns:
            What it will ring with.
        """
        with self._lock:
            alarm_id = next(self._ids)
            heapq.heappush(self._due, (time.monotonic() + pause_seconds, alarm_id))
            if not self._is_started:
                # A daemon, as all our threads: nobody's exit waits for a retry.
                threading.Thread(target=self._run, name="Alarm", daemon=True).start()
                self._is_started = True
        self._changes.put(None)
        return alarm_id

    def stop(self) -> None:
        """Ring no more, and end the thread. Any thread."""
        self._is_stopped = True
        self._changes.put(None)

    def _run(self) -> None:
        failure: BaseException | None = None
        while not self._is_stopped:
            try:
                if failure is not None:
                    log_bug("the alarm clock failed, going on", failure)
                    time.sleep(_AFTER_FAILURE_SECONDS)
                self._ring_until_stopped()
            except BaseException as error:  # noqa: BLE001 - whoever waits for it would wait forever
                failure = error

    def _ring_until_stopped(self) -> None:
        while not self._is_stopped:
            with self._lock:
                pause_seconds = self._due[0][0] - time.monotonic() if self._due else threading.TIMEOUT_MAX
                if pause_seconds <= 0:
                    self._ring(self._due[0][1])
                    heapq.heappop(self._due)
            if pause_seconds > 0:
                with contextlib.suppress(queue.Empty):
                    self._changes.get(timeout=min(pause_seconds, threading.TIMEOUT_MAX))
