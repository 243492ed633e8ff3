"""How often a crashed worker may be replaced."""

import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from openmas_assets.actors.crash import crash_cause, crash_error
from openmas_assets.messages.errors import AssetError

T = TypeVar("T")

_MAX_CRASHES = 10
_WINDOW_SECONDS = 60.0


class RestartBudget:
    """At most ten crashes a minute are answered with a new worker.

    A bug that crashes every worker at once must end in an error that names it, not in a busy loop.

    Args:
        role: What the worker is, such as `a downloader`.
    """

    def __init__(self, role: str) -> None:
        self._role = role
        self._crashes: deque[float] = deque()
        self._last_cause = ""

    def record(self, cause: str) -> AssetError:
        """Note a crash.

        Args:
            cause: The exception, as text.

        Returns:
            What those are told whose request was lost in it.
        """
        self._crashes.append(time.monotonic())
        self._last_cause = cause
        return crash_error(self._role, cause)

    def start(self, start_worker: Callable[[], T]) -> T:
        """Start a worker.

        Args:
            start_worker: Starts it.

        Returns:
            What `start_worker` returns.

        Raises:
            AssetError: Too many have crashed within the last minute, or the system has no thread or no file
                left for one.
        """
        while self._crashes and self._crashes[0] < time.monotonic() - _WINDOW_SECONDS:
            self._crashes.popleft()
        if len(self._crashes) > _MAX_CRASHES:
            raise crash_error(self._role, self._last_cause)
        try:
            return start_worker()
        except RuntimeError as error:
            raise AssetError(
                f"{self._role} could not be started: {error}",
                fix="This process or user has reached its limit of threads (see ulimit -u); raise it.",
            ) from None
        except Exception as error:  # noqa: BLE001 - starting one imports modules, and opens files for that
            raise AssetError(
                f"{self._role} could not be started: {crash_cause(error)}",
                fix="Where too many files are open, raise their limit (see ulimit -n).",
            ) from None
