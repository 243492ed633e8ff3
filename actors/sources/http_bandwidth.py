"""A limit of bytes per second that all transfers of a manager share."""

import threading
import time

# So often a reader gets its share; a larger one would come in bursts.
_SHARES_PER_SECOND = 10


class Bandwidth:
    """Says who is ahead of the limit, and by how much. Any thread.

    Args:
        bytes_per_second: The limit; None for none.

    Attributes:
        share_bytes: How much to read at once at the most, so that no pause is long; None: as you like.
    """

    def __init__(self, bytes_per_second: float | None) -> None:
        self._bytes_per_second = bytes_per_second
        self._lock = threading.Lock()
        self._paid_until = 0.0
        self.share_bytes = (
            None if bytes_per_second is None else max(int(bytes_per_second / _SHARES_PER_SECOND), 1)
        )

    def spend(self, count: int) -> float:
        """Account for bytes that have been read.

        Args:
            count: How many.

        Returns:
            How many seconds to pause before the next are read.
        """
        if self._bytes_per_second is None:
            return 0.0
        now = time.monotonic()
        with self._lock:
            self._paid_until = max(self._paid_until, now) + count / self._bytes_per_second
            return self._paid_until - now
