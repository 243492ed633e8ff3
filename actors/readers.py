"""Threads that read other people's objects for the asset store, which itself must never wait for one."""

import itertools
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from openmas_assets.actors.crash import log_bug
from openmas_assets.actors.reply import Reply
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.python_type import python_type_text

T = TypeVar("T")

# A property may take forever. So many of them may, before others who read have to wait.
_MAX_READERS = 64


class _Read(NamedTuple):
    work: Callable[[], Any]
    reply: Reply[Any]


class Readers:
    """One thread for each read, 64 at the most at a time; the others wait in line.

    Not an actor: all its methods run in the store's thread.

    Args:
        new_reply: Makes a reply.
        tell_over: Is told that a read is over, by its number; called in the reader's thread.
    """

    def __init__(self, new_reply: Callable[[], Reply[Any]], tell_over: Callable[[int], None]) -> None:
        self._new_reply = new_reply
        self._tell_over = tell_over
        self._ids = itertools.count()
        self._running: dict[int, _Read] = {}
        self._queued: deque[_Read] = deque()

    def read(self, work: Callable[[], T]) -> Reply[T]:
        """Have something done that may take long, or run somebody else's code.

        Args:
            work: Runs in a thread of its own. What it raises stands in the answer's place.

        Returns:
            The answer to come.
        """
        reply: Reply[T] = self._new_reply()
        self._queued.append(_Read(work, reply))
        self._start()
        return reply

    def finish(self, read_id: int) -> None:
        """Note that a reader is free.

        Args:
            read_id: What `tell_over` was called with.
        """
        self._running.pop(read_id, None)
        self._start()

    def stop(self, error: AssetError) -> None:
        """Give everybody who waits an error. The threads end by themselves.

        Args:
            error: For those who wait.
        """
        for read in (*self._running.values(), *self._queued):
            read.reply.set_exception((type(error), error, None))
        self._queued.clear()

    def _start(self) -> None:
        while self._queued and len(self._running) < _MAX_READERS:
            read = self._queued.popleft()
            if read.reply.is_cancelled:
                continue
            read_id = next(self._ids)
            self._running[read_id] = read
            thread = threading.Thread(
                target=self._run, args=(read_id, read), name="AssetStore-reader", daemon=True
            )
            try:
                thread.start()
            except RuntimeError as error:  # the system gives no more threads
                del self._running[read_id]
                problem = AssetError(f"there is no thread to read it with: {error}", fix="Try again later.")
                read.reply.set_exception((AssetError, problem, None))

    def _run(self, read_id: int, read: _Read) -> None:
        try:
            read.reply.set(read.work())
        except AssetError as error:
            read.reply.set_exception((type(error), error, None))
        except BaseException as error:  # noqa: BLE001 - it is somebody else's code: whoever asked is told
            # Only its type: an error shows no values, and whoever waits must not depend on a `__str__`.
            bug = AssetError(
                f"reading it failed with {python_type_text(error)}", fix="The log has the traceback."
            )
            read.reply.set_exception((AssetError, bug, None))
            log_bug("reading an object for the asset store failed", error)
        finally:
            self._tell_over(read_id)
