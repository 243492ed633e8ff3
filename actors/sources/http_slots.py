"""How many connections there are, over all transfers of a manager."""

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator

from openmas_assets.actors.monitor import Monitor

# A server sees a client with more as a nuisance; aria2 has the same limit.
MOST_PER_HOST = 16


class ConnectionSlots:
    """Who may have a connection. A transfer's first one goes before any other's further ones. Any thread.

    Args:
        most: How many connections there may be at once.

    Attributes:
        most_per_host: How many of them may lead to one host.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.most_per_host = min(most, MOST_PER_HOST)
        self._changed = threading.Condition()
        self._in_use: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()
        self._yielding = 0

    @contextlib.contextmanager
    def first(self, host: str, monitor: Monitor) -> Iterator[None]:
        """Have a transfer's first connection in this context; waits for it.

        Args:
            host: Where it leads.
            monitor: Tells of an abort.

        Raises:
            JobAbortedError: The job is to stop.
        """
        with monitor.unblocking(self._wake):
            self._wait_for(host, monitor)
        try:
            yield
        finally:
            self.give_back(host)

    def _wait_for(self, host: str, monitor: Monitor) -> None:
        with self._changed:
            self._waiting[host] += 1
            try:
                while not self._is_free(host):
                    monitor.check()
                    self._changed.wait()
            finally:
                self._waiting[host] -= 1
            self._in_use[host] += 1

    def try_further(self, host: str) -> bool:
        """Have a further connection if nobody waits for a first one; to be given back.

        Args:
            host: Where it leads.
        """
        with self._changed:
            if self._is_needed(host) or not self._is_free(host):
                return False
            self._in_use[host] += 1
            return True

    def give_back(self, host: str, *, was_asked: bool = False) -> None:
        """End a connection.

        Args:
            host: Where it led.
            was_asked: Whether it ends because it `should_yield`.
        """
        with self._changed:
            self._in_use[host] -= 1
            self._yielding -= was_asked
            self._changed.notify_all()

    def should_yield(self, host: str) -> bool:
        """Ask a further connection to make room for somebody's first one; as many as there are such.

        Args:
            host: Where it leads.
        """
        with self._changed:
            if not self._is_needed(host) or self._yielding >= self._waiting.total():
                return False
            self._yielding += 1
            return True

    def _is_needed(self, host: str) -> bool:
        """Whether somebody waits for what this host's further connections have."""
        is_full = self._in_use.total() >= self._most
        return (self._waiting[host] > 0 or is_full) and self._waiting.total() > 0 and not self._is_free(host)

    def _is_free(self, host: str) -> bool:
        return self._in_use.total() < self._most and self._in_use[host] < self.most_per_host

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
