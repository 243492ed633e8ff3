"""How fast one connection is, and whether a second one could help."""

import time

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

# Only Linux tells this of one thread.
_THREAD: int | None = getattr(resource, "RUSAGE_THREAD", None)
# A reader that works for more than this share of the time would not be faster with more to read.
_BUSY_SHARE = 0.5
# One that finds something to read more often than this waits for the processor, not for the network.
_READS_PER_WAIT = 4
# What is over sooner is not worth another connection.
_LEAST_SECONDS_LEFT = 2.0
# A server may pause once; only then it is slow.
_WINDOWS = 2
_LEAST_WINDOW_SECONDS, _MOST_WINDOW_SECONDS = 0.1, 1.0
# TCP takes a few round trips to find its speed, and the first answer took at least one.
_ROUND_TRIPS = 4


class Pace:
    """Watches one connection, in the thread that reads from it.

    Args:
        latency_seconds: How long the answer took to come.

    Attributes:
        window_seconds: How long to look before judging.
        bytes_per_second: What the connection brought in the last window.
    """

    def __init__(self, latency_seconds: float) -> None:
        self.window_seconds = min(
            max(latency_seconds * _ROUND_TRIPS, _LEAST_WINDOW_SECONDS), _MOST_WINDOW_SECONDS
        )
        self.bytes_per_second = 0.0
        self._waiting_windows = 0
        self._start_window()

    def _start_window(self) -> None:
        self._began, self._began_working = time.monotonic(), time.thread_time()
        self._began_waits, self._reads, self._bytes = _waits(), 0, 0

    def is_waiting(self, count: int, bytes_left: int) -> bool:
        """Whether the reader mostly waits for the network, and will for a while; judged once a window.

        Args:
            count: How many bytes have just been read.
            bytes_left: How many are still to come.
        """
        self._bytes += count
        self._reads += 1
        elapsed = time.monotonic() - self._began
        if elapsed < self.window_seconds:
            return False
        self.bytes_per_second = self._bytes / elapsed
        is_long = bytes_left > self.bytes_per_second * _LEAST_SECONDS_LEFT
        self._waiting_windows = self._waiting_windows + 1 if is_long and self._is_idle(elapsed) else 0
        self._start_window()
        return self._waiting_windows >= _WINDOWS

    def _is_idle(self, elapsed_seconds: float) -> bool:
        if time.thread_time() - self._began_working > elapsed_seconds * _BUSY_SHARE:
            return False
        return _THREAD is None or (_waits() - self._began_waits) * _READS_PER_WAIT >= self._reads


def _waits() -> int:
    """How often this thread has let go of the processor of its own accord."""
    return 0 if _THREAD is None else resource.getrusage(_THREAD).ru_nvcsw
