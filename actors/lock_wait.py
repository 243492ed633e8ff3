"""How long to wait for another process that transfers an asset."""

import time

# How soon to look again at a holder that does not tell how far it is.
_USUAL_SECONDS = 0.1
# One that does is looked at when it should be done: no sooner than this, as each look takes a millisecond of
# each process that waits, and no later, as it may have been killed.
_LEAST_SECONDS = 0.03
_MOST_SECONDS = 0.25


class LockWait:
    """What is seen of the process that holds an asset's lock. Lives in the manager's thread."""

    def __init__(self) -> None:
        self._seen_at: float | None = None
        self._bytes_done = 0
        self._pause_seconds = _USUAL_SECONDS

    def next_look_seconds(self, bytes_done: int, bytes_total: int | None) -> float:
        """When to look again, after a look that found it at work.

        Args:
            bytes_done: How many bytes it had transferred.
            bytes_total: How many there will be; None if unknown.

        Returns:
            How many seconds from now.
        """
        now = time.monotonic()
        passed_seconds = 0.0 if self._seen_at is None else now - self._seen_at
        came_bytes = bytes_done - self._bytes_done
        self._seen_at, self._bytes_done = now, bytes_done
        self._pause_seconds = self._pause(came_bytes, passed_seconds, bytes_done, bytes_total)
        return self._pause_seconds

    def _pause(
        self, came_bytes: int, passed_seconds: float, bytes_done: int, bytes_total: int | None
    ) -> float:
        if came_bytes < 0:  # the file is being put in its place
            return _LEAST_SECONDS
        if came_bytes == 0:  # it starts, verifies or unpacks
            return min(2 * self._pause_seconds, _USUAL_SECONDS)
        if bytes_total is None or not passed_seconds:
            return _USUAL_SECONDS
        left_seconds = (bytes_total - bytes_done) * passed_seconds / came_bytes
        return min(max(left_seconds, _LEAST_SECONDS), _MOST_SECONDS)
