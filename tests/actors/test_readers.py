"""`Readers`: threads that read other people's objects, so that the store never waits for one."""

import functools
import queue
import threading
from collections.abc import Callable
from typing import Any

import pytest

from openmas_assets.actors.readers import Readers
from openmas_assets.actors.reply import Reply
from openmas_assets.messages.errors import AssetError, AssetRefError

MAX_READERS = 64


class Reading:
    """Readers, and their thread: this one, which hears of what is over when it asks."""

    def __init__(self) -> None:
        self.over: queue.Queue[int] = queue.Queue()
        self.readers = Readers(Reply, self.over.put)

    def read(self, work: Callable[[], Any]) -> Reply[Any]:
        return self.readers.read(work)

    def finish(self, count: int) -> None:
        for _ in range(count):
            self.readers.finish(self.over.get(timeout=10))


@pytest.fixture
def reading() -> Reading:
    return Reading()


class Work:
    """Work that waits at a gate; counts who came, and how many were there at once."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.came = threading.Semaphore(0)
        self._lock, self._count, self.most, self.total = threading.Lock(), 0, 0, 0

    def __call__(self) -> str:
        with self._lock:
            self._count += 1
            self.total += 1
            self.most = max(self.most, self._count)
        self.came.release()
        assert self.gate.wait(30)
        with self._lock:
            self._count -= 1
        return "read"

    def wait_for(self, count: int) -> None:
        for _ in range(count):
            assert self.came.acquire(timeout=10)


def test_reading_blocks_nobody(reading: Reading) -> None:
    work = Work()
    slow = reading.read(work)
    work.wait_for(1)
    assert reading.read(lambda: "quick").get(timeout=10) == "quick"
    assert not slow.is_done
    work.gate.set()
    assert slow.get(timeout=10) == "read"


def test_an_expected_failure_is_the_answer_as_it_is(reading: Reading) -> None:
    def fail() -> None:
        message = "it leads nowhere"
        raise AssetRefError(message, reached="asset://a")

    with pytest.raises(AssetRefError, match="it leads nowhere") as raised:
        reading.read(fail).get(timeout=10)
    assert raised.value.reached == "asset://a"
    reading.finish(1)


class Unspeakable(Exception):  # noqa: N818 - it is one
    def __str__(self) -> str:
        raise SystemExit("not even this")


@pytest.mark.parametrize(
    "failure", [ValueError("a secret"), SystemExit("a secret"), KeyboardInterrupt("a secret"), Unspeakable()]
)
def test_whatever_else_is_raised_is_told_by_its_type_and_logged(
    reading: Reading, failure: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise failure

    with pytest.raises(AssetError) as raised:
        reading.read(fail).get(timeout=10)
    reading.finish(1)  # and so after it was logged
    name = type(failure).__name__
    assert str(raised.value).startswith("reading it failed with <class '")
    assert f"{name}'>. The log has the traceback." in str(raised.value)
    assert "secret" not in str(raised.value)
    assert "in fail" in caplog.text
    assert reading.read(lambda: 1).get(timeout=10) == 1


def test_sixty_four_read_at_once_and_the_others_wait_in_line(reading: Reading) -> None:
    work, order = Work(), list[int]()
    slow = [reading.read(work) for _ in range(MAX_READERS)]
    work.wait_for(MAX_READERS)
    queued = [reading.read(functools.partial(order.append, number)) for number in range(100)]
    assert not any(reply.is_done for reply in queued)
    work.gate.set()
    reading.finish(MAX_READERS + len(queued))
    assert [reply.get(timeout=0) for reply in slow] == ["read"] * MAX_READERS
    assert all(reply.is_done for reply in queued)
    assert sorted(order) == list(range(100))
    assert work.most == MAX_READERS


def test_never_more_than_sixty_four_read_at_once(reading: Reading) -> None:
    work = Work()
    replies = [reading.read(work) for _ in range(3 * MAX_READERS)]
    work.gate.set()
    reading.finish(len(replies))
    assert {reply.get(timeout=0) for reply in replies} == {"read"}
    assert (work.total, work.most <= MAX_READERS) == (3 * MAX_READERS, True)


def test_what_was_cancelled_in_line_is_not_read_at_all(reading: Reading) -> None:
    work, other = Work(), Work()
    slow = [reading.read(work) for _ in range(MAX_READERS)]
    cancelled, last = reading.read(other), reading.read(lambda: "last")
    assert cancelled.cancel()
    work.gate.set()
    reading.finish(len(slow) + 1)
    assert last.get(timeout=10) == "last"
    assert other.total == 0


def test_stopping_answers_who_is_read_for_and_who_is_in_line(reading: Reading) -> None:
    work, queued = Work(), Work()
    replies = [reading.read(work) for _ in range(MAX_READERS)] + [reading.read(queued) for _ in range(10)]
    work.wait_for(MAX_READERS)
    reading.readers.stop(AssetRefError("it is over"))
    errors = []
    for reply in replies:
        with pytest.raises(AssetRefError, match="it is over") as raised:
            reply.get(timeout=0)
        errors.append(raised.value)
    assert len({id(error) for error in errors}) == len(replies)
    work.gate.set()
    reading.finish(MAX_READERS)
    assert queued.total == 0


def test_an_end_that_is_told_twice_frees_no_place_that_is_taken(reading: Reading) -> None:
    assert reading.read(lambda: 1).get(timeout=10) == 1
    over = reading.over.get(timeout=10)
    work = Work()
    replies = [reading.read(work) for _ in range(MAX_READERS + 10)]
    reading.readers.finish(over)
    reading.readers.finish(over)
    assert len(reading.readers._queued) == 10
    work.gate.set()
    reading.finish(len(replies))
    assert {reply.get(timeout=0) for reply in replies} == {"read"}


def test_without_a_thread_left_it_says_so_and_the_next_read_is_served(reading: Reading) -> None:
    threading.stack_size(1 << 46)  # more than there is: no thread can be started
    try:
        replies = [reading.read(lambda: 1) for _ in range(MAX_READERS + 1)]
    finally:
        threading.stack_size(0)
    for reply in replies:
        with pytest.raises(AssetError, match="there is no thread to read it with: can't start new thread"):
            reply.get(timeout=0)
    assert reading.read(lambda: 1).get(timeout=10) == 1
