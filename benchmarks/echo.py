"""The cheapest answer that an actor can give: pykka's own, told what it is told."""

import contextlib
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


def seconds(work: Callable[[], object], count: int) -> float:
    """How long one call takes, on average over many."""
    started = time.perf_counter()
    for _ in range(count):
        work()
    return (time.perf_counter() - started) / count
