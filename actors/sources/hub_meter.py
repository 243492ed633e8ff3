"""The Hub library's own progress bars, which also report to us. Imports that library."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from huggingface_hub.utils import tqdm as hub_tqdm  # type: ignore[attr-defined] # as its docs have it
from tqdm import tqdm

from openmas_assets.actors.bars import adopt_bar, bar_options, close_bar


@contextmanager
def hub_meter(
    tell: Callable[[int, int], None], bytes_total: int, *, file_name: str | None, draws_bars: bool
) -> Iterator[type[hub_tqdm]]:
    """Make the class that the library opens its progress bars with, for one transfer.

    That is the library's own hook, so nothing is switched on or off for the process. The class's `update` is
    also the one place where a transfer can be stopped from inside.

    Args:
        tell: Is told of the bytes that have arrived and of all that will; what it raises stops the transfer.
            Never called by two threads at once.
        bytes_total: How many there will be.
        file_name: The file, where it is one; None for a snapshot.
        draws_bars: Whether the bars are shown, as far as the library shows bars at all.

    Yields:
        The class. Bars that are still open at the end are closed.
    """
    lock = threading.Lock()
    most_bytes = 0
    bars: list[hub_tqdm] = []

    class Meter(hub_tqdm):
        """One bar of the library. Several may be open, in several threads."""

        # Else each class of bars, one for each transfer, starts a thread of its own, which never ends.
        monitor_interval = 0

        def __init__(self, *args: Any, **options: Any) -> None:
            self._counts_bytes = options.get("unit") == "B"
            self._bytes_done = int(options.get("initial") or 0)
            common = {name: value for name, value in bar_options().items() if not name.startswith("unit")}
            # For a file on a CDN the library shows the end of the URL, which is that of the signature.
            if file_name is not None and not str(options.get("desc", "")).startswith(file_name):
                options["desc"] = file_name
            super().__init__(  # type: ignore[no-untyped-call]
                *args, **options | common | ({} if draws_bars else {"disable": True})
            )
            if not self.disable:
                adopt_bar(self)
                bars.append(self)

        def update(self, n: float | None = 1) -> bool | None:
            nonlocal most_bytes
            with lock:
                # One bar counts what is received, another what is written: the same bytes.
                if self._counts_bytes:
                    self._bytes_done += int(n or 0)
                    most_bytes = max(most_bytes, min(self._bytes_done, bytes_total))
                tell(most_bytes, bytes_total)
            return super().update(n)

        def close(self) -> None:
            # (One that was refused in the middle of its making is closed as well.)
            if not getattr(self, "disable", True):
                close_bar(self, super().close)

    # The library gives its bars a lock of their own, which would let them and ours write at once.
    Meter.set_lock(tqdm.get_lock())  # type: ignore[no-untyped-call]
    try:
        yield Meter
    finally:
        # It leaves some of them to the garbage collector, and all if its thread is left behind.
        for bar in bars:
            bar.close()
