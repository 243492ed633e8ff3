"""How many connections one file is worth: as many as what they bring together is worth."""

from math import inf

# Together they bring at least this share of what as many single ones would: all of them pay.
_FULL_SHARE = 0.8
# Servers and networks send in bursts: what looks like no gain is looked at for so many windows.
_PATIENCE_WINDOWS = 5


class Ramp:
    """Opens all connections there may be once there is a second one, and keeps those that add throughput.

    Doubling them step by step takes as long as the transfer itself where each step has to be judged. Those
    that add nothing are gone after a few windows. Pure: it is told the time.

    Args:
        bytes_per_second: What one connection brings; 0 where a transfer goes on that had several already:
            then all are kept.
        most: How many connections there may be.
        window_seconds: How long to look before judging.

    Attributes:
        wanted: How many connections there should be.
        each_bytes_per_second: What each of them brings, as far as known.
        is_settled: Whether the number will not change any more.
    """

    def __init__(self, bytes_per_second: float, most: int, window_seconds: float) -> None:
        self._full_bytes_per_second = bytes_per_second * _FULL_SHARE
        self._most = most
        self._window_seconds = window_seconds
        self._windows = 0
        self._best_bytes_per_second = 0.0
        self._since: tuple[float, int] | None = None
        self.each_bytes_per_second = bytes_per_second
        # The second one shows whether the server gives ranges at all.
        self.wanted = min(2, most)
        self.is_settled = most == 1

    def look(self, now: float, bytes_done: int, receiving: int) -> None:
        """Judge what the connections bring; to be called again and again.

        Args:
            now: Seconds of a monotonic clock.
            bytes_done: How many bytes have arrived so far.
            receiving: How many connections have got an answer; those that are on their way do not count yet.
        """
        if self.is_settled or receiving < self.wanted:
            return
        if self.wanted < self._most:
            self.wanted = self._most
        elif self._since is None:
            self._since = now, bytes_done
        elif (elapsed := now - self._since[0]) >= self._window_seconds:
            rate = (bytes_done - self._since[1]) / elapsed
            self._since = now, bytes_done
            self._judge(rate)

    def _judge(self, bytes_per_second: float) -> None:
        self._windows += 1
        self._best_bytes_per_second = max(self._best_bytes_per_second, bytes_per_second)
        worth = (
            self._best_bytes_per_second / self._full_bytes_per_second if self._full_bytes_per_second else inf
        )
        if worth >= self._most:
            self.settle(self._most)
        elif self._windows == _PATIENCE_WINDOWS:
            self.settle(round(worth))

    def settle(self, connections: int) -> None:
        """Stay at a number.

        Args:
            connections: The number.
        """
        self.wanted, self.is_settled = max(connections, 1), True
        if self._best_bytes_per_second:
            self.each_bytes_per_second = self._best_bytes_per_second / self.wanted
