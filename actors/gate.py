"""The gate at which a thread waits until another one opens it."""

import os
import select
import threading
from collections import deque
from typing import Protocol

# Each holds a file descriptor for as long as the process lives. Where more threads wait at once, locks do.
_MAX_EVENT_GATES = 16
_MAX_POLL_MILLISECONDS = (1 << 31) - 1


class Gate(Protocol):
    """Where one thread waits. It is closed when it is taken."""

    def open(self, _: object) -> None:
        """Let who waits go on. Any thread; usable as a done-callback."""

    def wait(self, seconds: float | None) -> None:
        """Block until it is open, or earlier: for no longer than `seconds`, and now and then for nothing.

        Args:
            seconds: None for as long as it takes.
        """

    def leave(self) -> None:
        """Wait here no more. It may still be opened."""


class LockGate:
    """A gate for one use, anywhere."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        # A bare lock is the quickest thing there is to wait for within Python.
        self._lock = threading.Lock()
        self._lock.acquire()

    def open(self, _: object) -> None:
        """As in `Gate`. Once."""
        self._lock.release()

    def wait(self, seconds: float | None) -> None:
        """As in `Gate`."""
        self._lock.acquire(timeout=-1 if seconds is None else min(seconds, threading.TIMEOUT_MAX))

    def leave(self) -> None:
        """As in `Gate`."""


class EventGate:
    """A gate of the kernel's, for Linux.

    Who releases a lock of Python's holds the interpreter meanwhile, and who wakes of that at once can only
    wait for the interpreter: two more switches of threads, which are most of what a round trip costs. Here
    the interpreter is free while the gate is opened.

    What somebody opens late, who had it from a thread that waits no more, wakes the next one for nothing.

    Raises:
        OSError: There are too many files open.
    """

    __slots__ = ("_event", "_poll")

    def __init__(self) -> None:
        self._event = os.eventfd(0)
        self._poll = select.poll()
        self._poll.register(self._event, select.POLLIN)

    def open(self, _: object) -> None:
        """As in `Gate`."""
        os.eventfd_write(self._event, 1)

    def wait(self, seconds: float | None) -> None:
        """As in `Gate`."""
        if seconds is None or self._poll.poll(min(seconds * 1000, _MAX_POLL_MILLISECONDS)):
            os.read(self._event, 8)  # not eventfd_read, which gives up at any signal

    def leave(self) -> None:
        """As in `Gate`: the next one may have it."""
        _idle.append(self)

    def close(self) -> None:
        """Give the descriptor back. Nobody may use the gate any more."""
        os.close(self._event)


_idle: deque[EventGate] = deque()
# One for each that may still be made: to take it is atomic.
_room: deque[None] = deque()


def take_gate() -> Gate:
    """A closed gate, for the calling thread until it leaves it."""
    try:
        return _idle.pop()
    except IndexError:
        return _new_gate()


def _new_gate() -> Gate:
    try:
        _room.pop()
        return EventGate()
    except (IndexError, OSError):
        return LockGate()


def _forget() -> None:
    """In a forked child: parent and child must not wake each other's threads, nor take each other's wakes."""
    while _idle:
        _idle.pop().close()
    _make_room()


def _make_room() -> None:
    _room.clear()
    _room.extend([None] * _MAX_EVENT_GATES)


if hasattr(os, "eventfd"):
    _make_room()
    os.register_at_fork(after_in_child=_forget)
