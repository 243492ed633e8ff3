import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from openmas_assets.messages.base import Message

THREADS = 8


@pytest.fixture
def _threads_that_take_turns_often() -> Iterator[None]:
    interval_seconds = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval_seconds)


@pytest.mark.untraced  # threads that take turns at each microsecond, and report each line, do not get on
@pytest.mark.usefixtures("_threads_that_take_turns_often")
def test_threads_that_are_the_first_to_say_a_message_all_say_that_one() -> None:
    """Built late by a pydantic before 2.14, some of them are validated by the class above."""
    for _ in range(30):
        barrier = threading.Barrier(THREADS)

        class Said(Message):
            text: str

        class Heard(Said):
            count: int
            answers: tuple[Said, ...] = ()

        def say(count: int, barrier: threading.Barrier = barrier, kind: type[Heard] = Heard) -> Heard:
            barrier.wait()
            return kind(text="a", count=count)

        with ThreadPoolExecutor(THREADS) as pool:
            said = list(pool.map(say, range(THREADS)))
        assert [message.model_dump() for message in said] == [
            {"text": "a", "count": count, "answers": ()} for count in range(THREADS)
        ]
