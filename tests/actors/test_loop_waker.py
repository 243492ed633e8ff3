"""Waking coroutines: how often that calls into their event loop, and that nobody is left asleep."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import Any

import pytest

from openmas_assets.actors.loop_waker import LoopWaker, sleeper
from openmas_assets.actors.reply import Reply
from openmas_assets.actors.shared_reply import SharedReply


class CountingLoop(asyncio.SelectorEventLoop):
    """Counts what other threads have called into it."""

    call_count = 0

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        self.call_count += 1
        return super().call_soon_threadsafe(callback, *args, context=context)


def set_all(replies: list[Reply[int]]) -> None:
    """Settle each with its place in the list."""
    for number, reply in enumerate(replies):
        reply.set(number)


def in_a_thread(work: Callable[..., object], *arguments: object) -> None:
    """Run it in a thread and block, event loop and all, until it has ended."""
    thread = threading.Thread(target=work, args=arguments)
    thread.start()
    thread.join()


async def _awaiting(replies: list[Reply[int]]) -> list["asyncio.Task[int]"]:
    async def wait(reply: Reply[int]) -> int:
        return await reply

    tasks = [asyncio.create_task(wait(reply)) for reply in replies]
    await asyncio.sleep(0)
    return tasks


def run(main: Callable[[CountingLoop], Any]) -> None:
    loop = CountingLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main(loop))


def test_a_thousand_who_wake_at_once_cost_one_call_into_their_loop() -> None:
    async def main(loop: CountingLoop) -> None:
        replies = [Reply[int]() for _ in range(1000)]
        tasks = await _awaiting(replies)
        in_a_thread(set_all, replies)
        assert await asyncio.gather(*tasks) == list(range(1000))
        assert loop.call_count == 1

    run(main)


def test_so_do_a_thousand_who_share_an_answer() -> None:
    async def main(loop: CountingLoop) -> None:
        shared, replies = SharedReply[int](), [Reply[int]() for _ in range(1000)]
        for reply in replies:
            assert shared.admit()
            reply.set(shared)
        tasks = await _awaiting(replies)
        in_a_thread(shared.set, 1)
        assert await asyncio.gather(*tasks) == [1] * 1000
        assert loop.call_count == 1

    run(main)


def test_those_who_wait_after_a_waking_are_woken_too() -> None:
    async def main(loop: CountingLoop) -> None:
        for number in range(3):
            reply = Reply[int]()
            (task,) = await _awaiting([reply])
            in_a_thread(reply.set, number)
            assert await task == number
        assert loop.call_count == 3

    run(main)


async def test_nobody_stays_asleep_while_others_are_woken() -> None:
    replies = [Reply[int]() for _ in range(5000)]
    tasks = await _awaiting(replies)
    threads = [threading.Thread(target=set_all, args=[replies[start::4]]) for start in range(4)]
    for thread in threads:
        thread.start()
    assert len(await asyncio.wait_for(asyncio.gather(*tasks), 30)) == 5000


async def test_one_who_was_cancelled_meanwhile_is_left_alone() -> None:
    replies = [Reply[int](), Reply[int]()]
    first, second = await _awaiting(replies)
    in_a_thread(set_all, replies)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await second == 1


def test_a_thread_that_runs_one_loop_after_the_other_wakes_those_of_each() -> None:
    async def main() -> int:
        reply = Reply[int]()
        threading.Thread(target=lambda: reply.set(1)).start()
        return await reply

    assert [asyncio.run(main()) for _ in range(3)] == [1, 1, 1]


def test_a_closed_loop_has_nobody_to_wake() -> None:
    loop = asyncio.new_event_loop()

    async def asleep() -> tuple[Any, "asyncio.Future[None]"]:
        one = sleeper()
        return one, one.future

    one, future = loop.run_until_complete(asleep())
    loop.close()
    one(None)
    assert not future.done()


async def test_of_two_who_call_the_loop_one_wakes_all() -> None:
    loop = asyncio.get_running_loop()
    waker, future = LoopWaker(loop), loop.create_future()
    waker.wake(future)
    waker._is_called = False  # as between the look and the mark of another thread
    other = loop.create_future()
    waker.wake(other)
    await asyncio.gather(future, other)
    await asyncio.sleep(0)
    assert not waker._waiters
