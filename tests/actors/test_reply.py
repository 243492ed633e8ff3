"""`Reply`, the future of the actors: for threads, asyncio and other actors."""

import asyncio
import concurrent.futures
import copy
import gc
import inspect
import pickle
import queue
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pykka
import pytest

from broken_log import break_log
from openmas_assets.actors.base import AssetActor
from openmas_assets.actors.reply import ActorClosedError, Reply
from openmas_assets.messages import errors
from openmas_assets.messages.errors import AssetDownloadError, AssetError, UnknownAssetError
from openmas_assets.messages.manager import AssetFailed


class Oracle(AssetActor):
    """Answers what it is told to answer: a value, a reply, an error; calls what can be called."""

    def _receive(self, message: Any) -> Any:
        match message:
            case Exception():
                raise message
            case _ if callable(message):
                return message()
            case _:
                return message


class Probe(AssetActor):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: queue.Queue[Any] = queue.Queue()

    def _receive(self, message: Any) -> Any:
        self.told.put(message)


@pytest.fixture
def oracle() -> Iterator[pykka.ActorRef[Oracle]]:
    ref = Oracle.start()
    yield ref
    ref.stop()


@pytest.fixture
def probe() -> Iterator[tuple[pykka.ActorRef[Probe], "queue.Queue[Any]"]]:
    ref = Probe.start()
    actor = ref._actor_weakref()
    assert actor is not None
    yield ref, actor.told
    ref.stop()


def ask(ref: pykka.ActorRef[Any], message: Any) -> Reply[Any]:
    reply = ref.ask(message, block=False)
    assert isinstance(reply, Reply)
    return reply


def test_a_thread_gets_the_answer(oracle: pykka.ActorRef[Oracle]) -> None:
    assert ask(oracle, 1).get(timeout=10) == 1
    assert oracle.ask(2, timeout=10) == 2


def test_the_first_answer_wins_and_later_ones_are_dropped() -> None:
    reply: Reply[int] = Reply()
    reply.set(1)
    reply.set(2)
    reply.set_exception((ValueError, ValueError(), None))
    assert not reply.cancel()
    assert reply.get() == 1
    failed: Reply[int] = Reply.failed(AssetError("no"))
    failed.set(1)
    with pytest.raises(AssetError, match="no"):
        failed.get()


def test_of_many_answers_at_once_one_wins() -> None:
    for _ in range(50):
        reply, called = Reply[int](), list[int]()
        reply.add_done_callback(lambda settled, called=called: called.append(settled.get()))  # type: ignore[misc]
        barrier = threading.Barrier(4)

        def settle(number: int, reply: Reply[int] = reply, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            reply.set(number)

        threads = [threading.Thread(target=settle, args=[number]) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert called == [reply.get()]


def test_an_actor_answers_later_by_returning_a_reply(oracle: pykka.ActorRef[Oracle]) -> None:
    later: Reply[int] = Reply()
    reply = ask(oracle, later)
    oracle.ask("it has answered")
    assert not reply.is_done
    later.set(3)
    assert reply.get(timeout=0) == 3


def test_a_reply_follows_a_reply_that_follows_another_and_their_errors() -> None:
    first, second, third = Reply[int](), Reply[int](), Reply[int]()
    first.set(second)
    second.set(third)
    third.set_exception((UnknownAssetError, UnknownAssetError("no such asset", asset_name="x"), None))
    with pytest.raises(UnknownAssetError, match="asset 'x': no such asset"):
        first.get(timeout=0)


def test_cancelling_takes_the_request_back_from_whom_it_follows(oracle: pykka.ActorRef[Oracle]) -> None:
    later: Reply[int] = Reply()
    reply = ask(oracle, later)
    oracle.ask("it has answered")
    assert reply.cancel()
    assert reply.is_cancelled
    assert later.is_cancelled
    with pytest.raises(concurrent.futures.CancelledError):
        reply.get(timeout=0)


def test_a_request_that_is_cancelled_before_the_actor_comes_to_it_is_taken_back_all_the_same(
    oracle: pykka.ActorRef[Oracle],
) -> None:
    gate, later = threading.Event(), Reply[int]()
    oracle.tell(gate.wait)
    reply = ask(oracle, later)
    assert reply.cancel()
    gate.set()
    oracle.ask("it has answered")
    assert later.is_cancelled


def test_a_cancelled_reply_can_still_be_answered(oracle: pykka.ActorRef[Oracle]) -> None:
    gate = threading.Event()
    oracle.tell(gate.wait)
    replies = [ask(oracle, 1), ask(oracle, AssetError("no")), ask(oracle, ValueError("a bug"))]
    for reply in replies:
        reply.cancel()
    gate.set()
    assert oracle.ask("alive") == "alive"
    assert all(reply.is_cancelled for reply in replies)


def test_what_a_reply_follows_may_be_cancelled_on_its_own() -> None:
    reply, followed = Reply[int](), Reply[int]()
    reply.set(followed)
    followed.cancel()
    with pytest.raises(concurrent.futures.CancelledError):
        reply.get(timeout=0)
    assert not reply.is_cancelled


def test_cancelling_after_the_answer_changes_nothing() -> None:
    reply: Reply[int] = Reply()
    reply.set(1)
    assert not reply.cancel()
    assert not reply.is_cancelled
    assert reply.get() == 1


def test_cancelling_and_answering_at_the_same_time_never_loses_the_cancellation() -> None:
    for _ in range(200):
        reply, later, barrier = Reply[int](), Reply[int](), threading.Barrier(2)

        def answer(
            reply: Reply[int] = reply, later: Reply[int] = later, barrier: threading.Barrier = barrier
        ) -> None:
            barrier.wait()
            reply.set(later)

        thread = threading.Thread(target=answer)
        thread.start()
        barrier.wait()
        reply.cancel()
        thread.join()
        assert later.is_cancelled


def test_callbacks_run_once_when_it_is_settled_or_at_once_if_it_is() -> None:
    reply, seen = Reply[int](), []
    reply.add_done_callback(lambda settled: seen.append(("before", settled.get())))
    reply.add_done_callback(lambda settled: seen.append(("before too", settled.get())))
    reply.set(1)
    reply.set(2)
    reply.add_done_callback(lambda settled: seen.append(("after", settled.get())))
    assert seen == [("before", 1), ("before too", 1), ("after", 1)]


def test_a_callback_that_raises_harms_nobody_where_no_log_can_be_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError

    break_log(monkeypatch, "openmas_assets")
    reply, seen = Reply[int](), Reply[int]()
    reply.add_done_callback(fail)
    reply.add_done_callback(lambda settled: seen.set(settled.get()))
    reply.set(1)
    assert seen.get(timeout=10) == 1


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit, asyncio.CancelledError])
def test_a_callback_that_raises_is_logged_and_harms_nobody(
    oracle: pykka.ActorRef[Oracle], caplog: pytest.LogCaptureFixture, error: type[BaseException]
) -> None:
    def fail(_: object) -> None:
        raise error

    gate, seen = threading.Event(), Reply[int]()
    oracle.tell(gate.wait)
    reply = ask(oracle, AssetError("no"))
    reply.add_done_callback(fail)
    reply.add_done_callback(lambda _: seen.set(1))
    gate.set()
    assert seen.get(timeout=10) == 1
    assert oracle.ask("alive") == "alive"
    assert "a done-callback of a reply failed" in caplog.text
    assert error.__name__ in caplog.text


def test_get_gives_up_after_its_timeout_and_the_answer_can_be_got_later() -> None:
    reply: Reply[int] = Reply()
    with pytest.raises(pykka.Timeout):
        reply.get(timeout=0)
    assert not reply.is_cancelled
    reply.set(1)
    assert reply.get(timeout=0) == 1


def test_who_runs_out_of_time_is_forgotten() -> None:
    reply: Reply[str] = Reply()
    for _ in range(3):
        with pytest.raises(pykka.Timeout):
            reply.get(timeout=0)
    assert not reply._callbacks


async def test_a_coroutine_awaits_the_answer(oracle: pykka.ActorRef[Oracle]) -> None:
    assert await ask(oracle, 1) == 1
    settled: Reply[int] = Reply()
    settled.set(2)
    assert await settled == 2
    assert await asyncio.gather(*[ask(oracle, number) for number in (3, 4)]) == [3, 4]
    with pytest.raises(AssetError, match="no"):
        await ask(oracle, AssetError("no"))


async def test_awaiting_does_not_block_the_event_loop(oracle: pykka.ActorRef[Oracle]) -> None:
    gate = threading.Event()
    reply = ask(oracle, gate.wait)

    async def tick() -> None:
        for _ in range(100):
            await asyncio.sleep(0)
        gate.set()

    ticker = asyncio.create_task(tick())
    assert await reply
    assert ticker.done()


async def test_a_thousand_waiters_cost_no_thread(oracle: pykka.ActorRef[Oracle]) -> None:
    later: Reply[int] = Reply()
    before = threading.active_count()
    tasks = [asyncio.ensure_future(ask(oracle, later)) for _ in range(1000)]
    await ask(oracle, "all have asked")
    assert threading.active_count() == before
    later.set(1)
    assert await asyncio.gather(*tasks) == [1] * 1000


async def _awaiting(reply: Reply[int], count: int) -> list["asyncio.Task[int]"]:
    async def wait() -> int:
        return await reply

    tasks = [asyncio.create_task(wait()) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def _waiters(reply: Reply[int], count: int) -> None:
    while reply._waiting_count < count:  # noqa: ASYNC110 - no event tells how many wait
        await asyncio.sleep(0)


async def test_several_tasks_await_one_reply_and_one_that_leaves_disturbs_nobody() -> None:
    reply: Reply[int] = Reply()
    first, second, third = await _awaiting(reply, 3)
    first.cancel()
    await asyncio.wait([first])
    assert first.cancelled()
    assert not reply.is_cancelled
    reply.set(1)
    assert await asyncio.gather(*[second, third]) == [1, 1]


async def test_the_last_task_to_leave_takes_the_request_back() -> None:
    reply: Reply[int] = Reply()
    tasks = await _awaiting(reply, 3)
    for task in tasks:
        assert not reply.is_cancelled
        task.cancel()
        await asyncio.wait([task])
    assert reply.is_cancelled


async def test_a_task_that_leaves_does_not_disturb_a_thread_that_waits() -> None:
    reply: Reply[int] = Reply()
    got: Reply[int] = Reply()
    threading.Thread(target=lambda: got.set(reply.get(timeout=10)), daemon=True).start()
    await _waiters(reply, 1)
    (task,) = await _awaiting(reply, 1)
    task.cancel()
    await asyncio.wait([task])
    assert not reply.is_cancelled
    reply.set(1)
    assert await got == 1


async def test_a_task_that_leaves_after_the_answer_has_come_changes_nothing() -> None:
    reply: Reply[int] = Reply()
    (task,) = await _awaiting(reply, 1)
    reply.set(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not reply.is_cancelled
    assert await reply == 1


async def test_wait_for_gives_up_and_so_takes_the_request_back() -> None:
    reply: Reply[int] = Reply()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reply, 0.001)
    assert reply.is_cancelled


async def test_each_task_gets_an_error_of_its_own() -> None:
    reply: Reply[int] = Reply()
    tasks = await _awaiting(reply, 10)
    reply.set_exception((AssetError, AssetError("no", asset_name="x", fix="Ask again."), None))
    raised = await asyncio.gather(*tasks, return_exceptions=True)
    assert {str(error) for error in raised} == {"asset 'x': no. Ask again."}
    assert len({id(error) for error in raised}) == len(raised)


async def test_a_task_in_a_loop_of_another_thread_gets_the_answer_too() -> None:
    reply: Reply[int] = Reply()

    async def wait() -> int:
        return await reply

    others = [asyncio.to_thread(asyncio.run, wait()) for _ in range(3)]
    results = asyncio.gather(*others)
    await _waiters(reply, 3)
    reply.set(1)
    assert await results == [1, 1, 1]


def test_a_loop_that_was_closed_meanwhile_does_not_kill_the_actor(
    oracle: pykka.ActorRef[Oracle], caplog: pytest.LogCaptureFixture
) -> None:
    gate = threading.Event()
    reply = ask(oracle, gate.wait)

    async def wait() -> None:
        await reply

    loop = asyncio.new_event_loop()
    coroutine = wait()
    task = loop.create_task(coroutine)
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    gate.set()
    assert reply.get(timeout=10)
    assert oracle.ask("alive") == "alive"
    assert not caplog.records
    # What asyncio would complain about: a task that its own loop did not end.
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    coroutine.close()


def test_an_answer_is_piped_to_an_actor(
    oracle: pykka.ActorRef[Oracle], probe: tuple[pykka.ActorRef[Probe], "queue.Queue[Any]"]
) -> None:
    ref, told = probe
    ask(oracle, "an answer").pipe_to(ref)
    assert told.get(timeout=10) == "an answer"


def test_an_error_is_piped_as_a_message(
    oracle: pykka.ActorRef[Oracle], probe: tuple[pykka.ActorRef[Probe], "queue.Queue[Any]"]
) -> None:
    ref, told = probe
    ask(oracle, UnknownAssetError("no such asset", asset_name="x")).pipe_to(ref)
    failed = told.get(timeout=10)
    assert isinstance(failed, AssetFailed)
    assert failed.name == "x"
    assert isinstance(failed.error, UnknownAssetError)


def test_a_bug_of_who_was_asked_is_piped_as_a_message_and_stops_nobody(
    oracle: pykka.ActorRef[Oracle], probe: tuple[pykka.ActorRef[Probe], "queue.Queue[Any]"]
) -> None:
    ref, told = probe
    ask(oracle, ValueError("oh")).pipe_to(ref)
    assert str(told.get(timeout=10).error) == "a bug: ValueError: oh"
    assert oracle.ask("alive") == "alive"


def test_a_dead_actor_is_piped_nothing_and_a_cancellation_to_nobody(
    oracle: pykka.ActorRef[Oracle], probe: tuple[pykka.ActorRef[Probe], "queue.Queue[Any]"]
) -> None:
    ref, told = probe
    cancelled: Reply[int] = Reply()
    cancelled.pipe_to(ref)
    cancelled.cancel()
    ref.ask("the only message")
    ref.stop()
    ask(oracle, "an answer").pipe_to(ref)
    assert oracle.ask("alive") == "alive"
    assert [told.get(), told.empty()] == ["the only message", True]


def test_a_dead_actor_answers_that_it_is_closed() -> None:
    ref = Oracle.start()
    assert ref.stop()
    with pytest.raises(AssetError, match="closed") as raised:
        ref.ask("anything")
    assert isinstance(raised.value, pykka.ActorDeadError)
    with pytest.raises(pykka.ActorDeadError):
        ask(ref, "anything").get(timeout=0)
    assert ref.stop() is False
    assert ref.stop(block=False).get(timeout=0) is False


def test_what_lies_in_the_inbox_of_an_actor_that_stops_is_answered_too(
    oracle: pykka.ActorRef[Oracle],
) -> None:
    gate = threading.Event()
    oracle.tell(gate.wait)
    stopped = oracle.stop(block=False)
    reply = ask(oracle, "too late")
    gate.set()
    assert stopped.get(timeout=10) is True
    with pytest.raises(ActorClosedError):
        reply.get(timeout=10)


def test_each_get_raises_an_error_of_its_own_with_no_memory_of_the_others() -> None:
    reply: Reply[int] = Reply.failed(AssetError("no", asset_name="x"))
    raised = []
    for _ in range(3):
        try:
            reply.get()
        except AssetError as error:
            raised.append(error)
    assert [str(error) for error in raised] == ["asset 'x': no"] * 3
    assert len({id(error) for error in raised}) == 3
    assert {len(traceback.extract_tb(error.__traceback__)) for error in raised} == {2}
    assert [(error.__cause__, error.__context__) for error in raised] == [(None, None)] * 3


def test_an_error_holds_no_frame_of_the_actor_that_raised_it(oracle: pykka.ActorRef[Oracle]) -> None:
    class Resource:
        pass

    def refuse() -> None:
        resource = Resource()
        message = f"no {type(resource).__name__}"
        raise AssetError(message)

    with pytest.raises(AssetError, match="no Resource"):
        oracle.ask(refuse)
    oracle.ask("the message before is forgotten")
    gc.collect()
    # (By the type itself: what other tests have left may mind being asked.)
    assert not any(type(thing) is Resource for thing in gc.get_objects())


ERROR_CLASSES = [
    ActorClosedError,
    *(each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, AssetError)),
]


@pytest.mark.parametrize("error_class", ERROR_CLASSES)
def test_every_error_copies_and_pickles_with_all_it_says(error_class: type[AssetError]) -> None:
    values: dict[str, Any] = {"path": Path("/x"), "problems": ("one", "two"), "status_code": 404}
    names = [name for name in inspect.signature(error_class).parameters if name != "problem"]
    error = error_class("it failed", **{name: values.get(name, name) for name in names})
    error.attempts = ("first", "second")
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(twin) is error_class
        assert (str(twin), vars(twin)) == (str(error), vars(error))


async def test_what_pykka_derives_from_a_reply_can_be_awaited_and_called_back(
    oracle: pykka.ActorRef[Oracle],
) -> None:
    gate, called = threading.Event(), Reply[int]()
    derived = ask(oracle, gate.wait).map(lambda is_set: 10 + is_set)
    assert isinstance(derived, Reply)
    derived.add_done_callback(lambda settled: called.set(settled.get()))
    task = asyncio.ensure_future(derived)
    await asyncio.sleep(0)
    assert not derived.cancel()
    gate.set()
    assert await task == 11
    assert await called == 11
    assert derived.get() == 11
    with pytest.raises(AssetError, match="no"):
        await ask(oracle, AssetError("no")).map(str)
    assert await oracle.stop(block=False) is True
    assert await oracle.stop(block=False) is False


def test_a_failed_download_is_still_one_after_it_was_passed_on() -> None:
    reply, later = Reply[int](), Reply[int]()
    reply.set(later)
    error = AssetDownloadError("the server answered 404", url="http://x/", status_code=404)
    later.set_exception((type(error), error, None))
    with pytest.raises(AssetDownloadError) as raised:
        reply.get()
    assert raised.value.status_code == 404
    assert raised.value is not error


def test_what_is_made_of_an_answer_is_an_answer_itself(oracle: pykka.ActorRef[Oracle]) -> None:
    later: Reply[int] = Reply()
    before = later.then(lambda answer: answer + 1)
    assert not before.is_done
    later.set(1)
    assert [before.get(timeout=0), later.then(str).get(timeout=0)] == [2, "1"]
    assert ask(oracle, 1).then(lambda answer: ask(oracle, answer + 1)).then(str).get(timeout=10) == "2"


def test_an_error_goes_past_what_would_have_been_made_of_the_answer() -> None:
    later, made = Reply[int](), list[int]()
    result = later.then(made.append)
    later.set_exception((UnknownAssetError, UnknownAssetError("no", asset_name="x"), None))
    with pytest.raises(UnknownAssetError, match="asset 'x': no") as raised:
        result.get(timeout=0)
    with pytest.raises(UnknownAssetError) as original:
        later.get(timeout=0)
    assert raised.value is not original.value
    assert made == []


def test_a_failure_to_make_something_of_an_answer_stands_in_its_place(
    oracle: pykka.ActorRef[Oracle], caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: int) -> int:
        message = "not this one"
        raise AssetError(message)

    with pytest.raises(AssetError, match="not this one"):
        ask(oracle, 1).then(refuse).get(timeout=10)
    with pytest.raises(ZeroDivisionError):
        ask(oracle, 0).then(lambda answer: 1 / answer).get(timeout=10)
    assert oracle.ask("alive") == "alive"
    assert not caplog.records


def test_cancelling_what_is_to_be_made_takes_the_request_back() -> None:
    later, made = Reply[int](), list[int]()
    result = later.then(made.append)
    assert result.cancel()
    assert later.is_cancelled
    later.set(1)
    assert made == []
    with pytest.raises(concurrent.futures.CancelledError):
        result.get(timeout=0)


def test_cancelling_what_is_made_in_two_steps_takes_the_second_request_back() -> None:
    first, second = Reply[int](), Reply[int]()
    result: Reply[int] = first.then(lambda _: second)
    first.set(1)
    assert not result.is_done
    assert result.cancel()
    assert second.is_cancelled
    assert not first.is_cancelled


def test_an_answer_that_was_cancelled_by_another_is_passed_on_as_such() -> None:
    later: Reply[int] = Reply()
    result = later.then(str)
    later.cancel()
    with pytest.raises(concurrent.futures.CancelledError):
        result.get(timeout=0)
    assert not result.is_cancelled


async def test_what_is_made_can_be_awaited_and_its_last_waiter_takes_the_request_back(
    oracle: pykka.ActorRef[Oracle],
) -> None:
    assert await ask(oracle, 1).then(str) == "1"
    later: Reply[int] = Reply()
    task = asyncio.ensure_future(later.then(str))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert later.is_cancelled


def test_something_is_made_of_what_pykka_derives_too(oracle: pykka.ActorRef[Oracle]) -> None:
    derived = ask(oracle, 1).map(lambda answer: answer + 1)
    assert isinstance(derived, Reply)
    assert derived.then(str).get(timeout=10) == "2"


def test_an_error_may_be_given_by_its_type_alone() -> None:
    reply: Reply[object] = Reply()
    reply.set_exception((ZeroDivisionError, None, None))
    with pytest.raises(ZeroDivisionError):
        reply.get(timeout=0)
