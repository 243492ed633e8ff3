"""Waking coroutines from other threads: many of one loop with one call into it."""

import contextlib
import threading
import weakref
from collections import deque
from typing import TYPE_CHECKING

# asyncio is a seventh of the terminal's start-up, and whoever awaits has imported it.
if TYPE_CHECKING:
    import asyncio


class LoopWaker:
    """Settles the futures of one event loop from other threads.

    Each call into a loop writes to a socket of its own, which costs more than all the rest of a round trip.
    So there is one call for all that are to wake before the loop comes to it.

    Args:
        loop: The loop.

    Attributes:
        loop: A weak reference to it.
    """

    __slots__ = ("_is_called", "_waiters", "loop")

    def __init__(self, loop: "asyncio.AbstractEventLoop") -> None:
        self.loop = weakref.ref(loop)  # the thread keeps this object longer than the loop may live
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._is_called = False

    def wake(self, waiter: "asyncio.Future[None]") -> None:
        """Settle a future of the loop soon. Any thread; a loop closed meanwhile has nobody left to wake.

        Args:
            waiter: The future; it may have been cancelled.
        """
        # No lock: appending comes before the look whether the loop is called, and `_wake_all` takes that mark
        # away before it looks who waits. So nobody stays behind; the loop may be called once too often.
        self._waiters.append(waiter)
        if not self._is_called:
            self._is_called = True
            try:
                waiter.get_loop().call_soon_threadsafe(self._wake_all)
            except RuntimeError:
                self._waiters.clear()
                self._is_called = False

    def _wake_all(self) -> None:
        self._is_called = False
        # Not until none is left: who comes meanwhile has called again, and the loop has others to serve.
        with contextlib.suppress(IndexError):  # a second call came first
            for _ in range(len(self._waiters)):
                waiter = self._waiters.popleft()
                if not waiter.done():
                    waiter.set_result(None)


class Sleeper:
    """A coroutine that waits for something, as a callback that wakes it.

    Args:
        waker: Of its loop.
        future: What it awaits.
    """

    __slots__ = ("_waker", "future")

    def __init__(self, waker: LoopWaker, future: "asyncio.Future[None]") -> None:
        self._waker = waker
        self.future = future

    def __call__(self, _: object) -> None:
        """Wake it. Any thread."""
        self._waker.wake(self.future)


_this_thread = threading.local()


def sleeper() -> Sleeper:
    """A sleeper in the loop that runs in this thread."""
    import asyncio

    loop = asyncio.get_running_loop()
    waker: LoopWaker | None = getattr(_this_thread, "waker", None)
    if waker is None or waker.loop() is not loop:
        waker = _this_thread.waker = LoopWaker(loop)
    return Sleeper(waker, loop.create_future())
