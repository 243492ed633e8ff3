"""How many connections one file is worth: more of them as long as more of them bring more bytes."""

# Twice as many connections that do not bring this much more are too many.
_LEAST_GAIN = 1.25
# Servers and networks send in bursts: what looks like no gain is looked at for so many windows.
_PATIENCE_WINDOWS = 5


class Ramp:
    """Doubles the connections while that adds throughput, and then stays where it was.

    Pure: it is told the time.

    Args:
        bytes_per_second: What one connection brings.
        most: How many connections there may be.
        window_seconds: How long to look before judging.

    Attributes:
        wanted: How many connections there should be.
        bytes_per_second: What the connections bring, as far as known.
    """

    def __init__(self, bytes_per_second: float, most: int, window_seconds: float) -> None:
        self._most = most
        self._window_seconds = window_seconds
        self._kept = 1
        self._since: tuple[float, int] | None = None
        self.bytes_per_second = bytes_per_second
        self.wanted = min(2, most)

    @property
    def is_settled(self) -> bool:
        """Whether the number will not change any more."""
        return self.wanted == self._kept

    def look(self, now: float, bytes_done: int, receiving: int) -> None:
        """Judge what the connections bring; to be called again and again.

        Args:
            now: Seconds of a monotonic clock.
            bytes_done: How many bytes have arrived so far.
            receiving: How many connections have got an answer; those that are on their way do not count yet.
        """
        if self.is_settled or receiving < self.wanted:
            return
        if self._since is None:
            self._since = now, bytes_done
            return
        elapsed = now - self._since[0]
        if elapsed < self._window_seconds:
            return
        rate = (bytes_done - self._since[1]) / elapsed
        if rate >= self.bytes_per_second * _LEAST_GAIN:
            self.bytes_per_second = rate
            self._kept, self._since = self.wanted, None
            self.wanted = min(2 * self.wanted, self._most)
        elif elapsed >= self._window_seconds * _PATIENCE_WINDOWS:
            self.settle(self._kept)

    def settle(self, connections: int) -> None:
        """Stay at a number.

        Args:
            connections: The number.
        """
        self._kept = self.wanted = max(connections, 1)
