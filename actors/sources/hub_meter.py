"""The Hub library's progress display, as we fill it in: it draws nothing, it reports. Imports tqdm."""

import threading
from collections.abc import Callable
from typing import Any

from tqdm.auto import tqdm


def meter_class(tell: Callable[[int, int], None], bytes_total: int) -> "type[tqdm[Any]]":
    """Make the class that the library opens its progress bars with, for one transfer.

    That is the library's own hook for a display of one's own, so nothing is switched off for the process. Its
    `update` is also the one place where a transfer can be stopped from inside.

    Args:
        tell: Is told of the bytes that have arrived and of all that will; what it raises stops the transfer.
            Never called by two threads at once.
        bytes_total: How many there will be.
    """
    lock = threading.Lock()
    most_bytes = 0

    class Meter(tqdm):  # type: ignore[type-arg] # generic in the stubs only
        """One bar of the library. Several may be open, in several threads."""

        def __init__(self, *args: Any, **options: Any) -> None:
            options.pop("name", None)  # of the library's own bars
            self._counts_bytes = options.get("unit") == "B"
            self._bytes_done = int(options.get("initial") or 0)
            super().__init__(*args, **{**options, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            nonlocal most_bytes
            with lock:
                # One bar counts what is received, another what is written: the same bytes.
                if self._counts_bytes:
                    self._bytes_done += int(n or 0)
                    most_bytes = max(most_bytes, min(self._bytes_done, bytes_total))
                tell(most_bytes, bytes_total)
            return super().update(n)

    return Meter
