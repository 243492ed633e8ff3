"""`Facade`: asking an actor from anywhere, and closing it once."""

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pykka
import pytest

from openmas_assets.actors.base import AssetActor
from openmas_assets.actors.facade import Facade
from openmas_assets.messages.errors import AssetError


class Echo(AssetActor):
    def _receive(self, message: Any) -> Any:
        return message() if callable(message) else message


class Slow(Facade):
    """Closes when its gate opens, and counts how often."""

    def __init__(self) -> None:
        super().__init__(Echo.start())
        self.gate, self.is_closing, self.close_count = threading.Event(), threading.Event(), 0

    def _close(self) -> None:
        self.close_count += 1
        self.is_closing.set()
        assert self.gate.wait(30)
        super()._close()


class Interrupted(Facade):
    """Closes itself while it closes, as a signal handler may."""

    def _close(self) -> None:
        self.close()
        super()._close()


class Inbox(queue.SimpleQueue[Any]):
    """Where the actor ends just before a message arrives."""

    end: Callable[[], object]

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        if item.message == "too late":
            self.end()
        super().put(item, block, timeout)


class Vanishing(Echo):
    @staticmethod
    def _create_actor_inbox() -> Inbox:
        return Inbox()


@pytest.fixture
def echo() -> Facade:
    return Facade(Echo.start())


def test_asking_does_not_block(echo: Facade) -> None:
    gate = threading.Event()
    reply = echo._ask(lambda: gate.wait(30))
    assert not reply.is_done
    gate.set()
    assert reply.get(timeout=10) is True


def test_with_closes_it_also_after_an_error(echo: Facade) -> None:
    with echo as entered:
        assert entered is echo
        assert echo._ask("a").get(timeout=10) == "a"
    assert not echo.actor_ref.is_alive()
    echo = Facade(Echo.start())
    with pytest.raises(ZeroDivisionError), echo:
        raise ZeroDivisionError
    assert not echo.actor_ref.is_alive()


def test_a_closed_one_answers_that_it_is_closed_however_often_it_was_closed(echo: Facade) -> None:
    echo.close()
    echo.close()
    with pytest.raises(AssetError, match="closed") as raised:
        echo._ask("a").get(timeout=10)
    assert isinstance(raised.value, pykka.ActorDeadError)


def test_one_whose_actor_has_stopped_by_itself_closes_too(echo: Facade) -> None:
    echo.actor_ref.stop()
    echo.close()
    with pytest.raises(AssetError, match="closed"):
        echo._ask("a").get(timeout=10)


def test_whoever_closes_second_waits_for_the_first() -> None:
    slow = Slow()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(slow.close)
        assert slow.is_closing.wait(10)
        second = threads.submit(slow.close)
        assert not second.done()
        slow.gate.set()
        second.result(10)
        assert not slow.actor_ref.is_alive()
        first.result(10)
    assert slow.close_count == 1


def test_closing_it_within_its_own_closing_ends() -> None:
    interrupted = Interrupted(Echo.start())
    interrupted.close()
    assert not interrupted.actor_ref.is_alive()


async def test_async_with_closes_it_while_the_loop_goes_on() -> None:
    slow = Slow()

    async def tick() -> None:
        await asyncio.to_thread(slow.is_closing.wait, 10)
        for _ in range(100):
            await asyncio.sleep(0)
        slow.gate.set()

    async with slow as entered:
        assert entered is slow
        ticker = asyncio.create_task(tick())
    assert ticker.done()
    assert not slow.actor_ref.is_alive()


async def test_async_with_closes_it_although_all_threads_of_the_loop_wait_for_that(echo: Facade) -> None:
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as threads:
        loop.set_default_executor(threads)
        waiting = asyncio.create_task(asyncio.to_thread(echo.actor_ref.actor_stopped.wait, 30))
        async with echo:
            await asyncio.sleep(0)
        assert await waiting


async def test_async_with_tells_what_went_wrong_inside(echo: Facade) -> None:
    with pytest.raises(ZeroDivisionError):
        async with echo:
            raise ZeroDivisionError
    assert not echo.actor_ref.is_alive()


def test_a_request_that_arrives_just_after_the_end_is_answered_too() -> None:
    vanishing = Facade(Vanishing.start())
    inbox = vanishing.actor_ref.actor_inbox
    assert isinstance(inbox, Inbox)
    inbox.end = vanishing.close
    assert vanishing._ask("in time").get(timeout=10) == "in time"
    reply = vanishing._ask("too late")
    assert inbox.qsize() == 1  # nobody has looked at it
    with pytest.raises(AssetError, match="closed"):
        reply.get(timeout=10)


def test_requests_that_race_with_its_end_are_all_answered() -> None:
    for _ in range(20):
        echo = Facade(Echo.start())
        with ThreadPoolExecutor(2) as threads:
            asked = threads.submit(lambda echo=echo: [echo._ask(number) for number in range(200)])  # type: ignore[misc]
            threads.submit(echo.close)
        for number, reply in enumerate(asked.result()):
            try:
                assert reply.get(timeout=10) == number
            except AssetError as error:
                assert "closed" in str(error)  # noqa: PT017 - either is an answer
