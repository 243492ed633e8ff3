"""The cheapest answer that an actor can give: pykka's own, told what it is told."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pykka


class Echo(pykka.ThreadingActor):
    """Answers with what it is told."""

    def on_receive(self, message: Any) -> Any:
        """Echo."""
        return message


@contextlib.contextmanager
def echo() -> Iterator[pykka.ActorRef[Echo]]:
    """A running echo."""
    ref = Echo.start()
    try:
        yield ref
    finally:
        ref.stop()


@contextlib.contextmanager
def on_one_cpu() -> Iterator[None]:
    """Have all threads that there are run on one CPU. Linux only."""
    native_ids = [thread.native_id for thread in threading.enumerate() if thread.native_id is not None]
    before = os.sched_getaffinity(0)
    try:
        for native_id in native_ids:
            os.sched_setaffinity(native_id, {min(before)})
        yield
    finally:
        for native_id in native_ids:
            os.sched_setaffinity(native_id, before)


def round_trip_seconds(ask: Callable[[], object], count: int) -> float:
    """How long one `ask` takes, on average over many, of two threads that have talked for a while.

    Threads that have just begun to talk are often on one CPU for some hundred milliseconds, where a round
    trip costs half of what it costs on two: whoever is asked first would be compared with another placement.

    Args:
        ask: Asks an actor, and waits for its answer.
        count: How often.
    """
    seconds(ask, 2 * count)
    return seconds(ask, count)


def seconds(work: Callable[[], object], count: int) -> float:
    """How long one call takes, on average over many."""
    started = time.perf_counter()
    for _ in range(count):
        work()
    return (time.perf_counter() - started) / count
