"""How fast one connection is, and whether a second one could help."""

import time
from pathlib import Path

# How long this thread has run, and how long it was ready to run while others did, in nanoseconds, see
# Documentation/scheduler/sched-stats.rst of the kernel. Only Linux has it.
_SCHEDULED = Path("/proc/thread-self/schedstat")
# A reader that sleeps for less than this share of the time would not be faster with more to read.
_LEAST_SLEEP_SHARE = 0.5
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
        bytes_per_second: What the connection brought in the windows in which it was slow; servers send in
            bursts, so that it takes more than one to tell.
    """

    def __init__(self, latency_seconds: float) -> None:
        self.window_seconds = min(
            max(latency_seconds * _ROUND_TRIPS, _LEAST_WINDOW_SECONDS), _MOST_WINDOW_SECONDS
        )
        self.bytes_per_second = 0.0
        self._slow_rates: list[float] = []
        self._start_window()

    def _start_window(self) -> None:
        self._began, self._began_awake, self._bytes = time.monotonic(), _awake_seconds(), 0

    def is_waiting(self, count: int, bytes_left: int) -> bool:
        """Whether the reader mostly waits for the network, and will for a while; judged once a window.

        Args:
            count: How many bytes have just been read.
            bytes_left: How many are still to come.
        """
        self._bytes += count
        elapsed = time.monotonic() - self._began
        if elapsed < self.window_seconds:
            return False
        rate = self._bytes / elapsed
        sleep_share = 1 - (_awake_seconds() - self._began_awake) / elapsed
        if sleep_share >= _LEAST_SLEEP_SHARE and bytes_left > rate * _LEAST_SECONDS_LEFT:
            self._slow_rates.append(rate)
        else:
            self._slow_rates.clear()
        self._start_window()
        if len(self._slow_rates) < _WINDOWS:
            return False
        self.bytes_per_second = sum(self._slow_rates) / len(self._slow_rates)
        return True


def _awake_seconds() -> float:
    """How long this thread has run or would have, had there been a processor for it."""
    try:
        ran, waited = _SCHEDULED.read_bytes().split()[:2]
    except OSError:  # pragma: no cover - not on Linux
        return time.thread_time()
    return (int(ran) + int(waited)) / 1e9
