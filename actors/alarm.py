"""An alarm clock: one thread, however many pauses are being waited for."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable


class Alarm:
    """Rings once for each time that is set. Its thread starts with the first one.

    A time cannot be taken back: whoever has no more use for it does not listen when it rings.

    Args:
        ring: Called with the id that `set` returned, in the alarm's thread. Must neither block nor raise.
    """

    def __init__(self, ring: Callable[[int], None]) -> None:
        self._ring = ring
        self._ids = itertools.count(1)
        self._changed = threading.Condition()
        self._due: list[tuple[float, int]] = []
        self._is_started = False
        self._is_stopped = False

    def set(self, pause_seconds: float) -> int:
        """Have it ring after a pause. Any thread.

        Args:
            pause_seconds: How long.

        Returns:
            What it will ring with.
        """
        with self._changed:
            alarm_id = next(self._ids)
            heapq.heappush(self._due, (time.monotonic() + pause_seconds, alarm_id))
            self._changed.notify()
            if not self._is_started:
                # A daemon, as all our threads: nobody's exit waits for a retry.
                threading.Thread(target=self._run, name="Alarm", daemon=True).start()
                self._is_started = True
        return alarm_id

    def stop(self) -> None:
        """Ring no more, and end the thread. Any thread."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify()

    def _run(self) -> None:
        with self._changed:
            while not self._is_stopped:
                pause_seconds = self._due[0][0] - time.monotonic() if self._due else threading.TIMEOUT_MAX
                if pause_seconds <= 0:
                    self._ring(heapq.heappop(self._due)[1])
                else:
                    self._changed.wait(min(pause_seconds, threading.TIMEOUT_MAX))
