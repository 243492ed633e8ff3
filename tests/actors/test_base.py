"""What all our actors have in common, and how workers tell of their end."""

import ctypes
import logging
import queue
import sys
import threading
from typing import Any

import pykka
import pytest
from pykka.messages import ProxyCall

from broken_log import break_log
from openmas_assets.actors.base import AssetActor, WorkerActor
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.supervision import WorkerGone


class Clerk(AssetActor):
    def _receive(self, message: Any) -> Any:
        match message:
            case "thread":
                return threading.current_thread()
            case AssetError():
                raise message
            case ValueError() | SystemExit():
                raise message
            case _ if callable(message):
                return message()
            case _:
                return self._on_unknown(message)


class Worker(WorkerActor):
    def _receive(self, message: Any) -> Any:
        raise message


class Leaver(WorkerActor):
    def on_receive(self, _: Any) -> Any:
        raise SystemExit(3)


class Supervisor(AssetActor):
    def __init__(self, news: "queue.Queue[WorkerGone]") -> None:
        super().__init__()
        self._news = news

    def _receive(self, message: Any) -> Any:
        self._news.put(message)


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise ValueError


def wait_until_idle(thread: threading.Thread) -> None:
    """Block until an actor's thread waits for its next message."""
    while sys._current_frames()[thread.ident or 0].f_code.co_name != "_actor_loop_running":
        pass


@pytest.fixture
def news() -> "queue.Queue[WorkerGone]":
    return queue.Queue()


@pytest.fixture
def worker(news: "queue.Queue[WorkerGone]") -> pykka.ActorRef[Worker]:
    return Worker.start(Supervisor.start(news))


def test_an_unknown_message_is_logged_its_asker_is_told_and_the_actor_lives(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clerk = Clerk.start()
    clerk.tell(object())
    with pytest.raises(AssetError, match="Clerk does not understand a message of type dict"):
        clerk.ask({"secret": "s3cret"})
    assert clerk.is_alive()
    texts = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert texts == [
        "Clerk does not understand a object, dropped it",
        "Clerk does not understand a dict, dropped it",
    ]


def test_an_expected_failure_that_nobody_asked_for_is_no_crash() -> None:
    clerk = Clerk.start()
    clerk.tell(AssetError("no"))
    with pytest.raises(AssetError, match="no"):
        clerk.ask(AssetError("no"))
    assert clerk.is_alive()


def test_a_bug_under_ask_goes_to_the_asker_and_under_tell_ends_the_actor() -> None:
    clerk = Clerk.start()
    with pytest.raises(ValueError, match="a bug"):
        clerk.ask(ValueError("a bug"))
    assert clerk.is_alive()
    clerk.tell(ValueError("a bug"))
    assert clerk.actor_stopped.wait(10)


def test_actors_run_in_daemon_threads_so_that_a_program_can_end() -> None:
    assert Clerk.start().ask("thread", block=True).daemon


def test_a_worker_that_is_stopped_says_so(
    worker: pykka.ActorRef[Worker], news: "queue.Queue[WorkerGone]"
) -> None:
    worker.stop()
    assert news.get(timeout=10) == WorkerGone(worker_urn=worker.actor_urn, cause=None)


@pytest.mark.parametrize(
    ("bug", "cause"),
    [
        (ValueError("oh"), "ValueError: oh"),
        (UnprintableError(), "UnprintableError"),
        (ValueError("\udcff"), "ValueError: \udcff"),
    ],
    ids=["plain", "unprintable", "no UTF-8"],
)
def test_a_worker_that_crashes_says_of_what(
    worker: pykka.ActorRef[Worker],
    news: "queue.Queue[WorkerGone]",
    monkeypatch: pytest.MonkeyPatch,
    bug: Exception,
    cause: str,
) -> None:
    # Captured logs travel as UTF-8 when tests run in parallel, and pykka logs the bug.
    monkeypatch.setattr(logging.getLogger("pykka"), "disabled", True)
    worker.tell(bug)
    assert news.get(timeout=10) == WorkerGone(worker_urn=worker.actor_urn, cause=cause)


def test_a_worker_that_crashes_where_no_log_can_be_written_says_so_too(
    worker: pykka.ActorRef[Worker], news: "queue.Queue[WorkerGone]", monkeypatch: pytest.MonkeyPatch
) -> None:
    break_log(monkeypatch, "pykka")
    worker.tell(ValueError("oh"))
    try:
        assert news.get(timeout=10) == WorkerGone(worker_urn=worker.actor_urn, cause="ValueError: oh")
        assert not worker.is_alive()
        assert worker not in pykka.ActorRegistry.get_all()
    finally:
        pykka.ActorRegistry.unregister(worker)  # to stop it would take forever if it were left there


def test_a_worker_that_crashes_outside_of_our_code_says_so_too(
    worker: pykka.ActorRef[Worker], news: "queue.Queue[WorkerGone]"
) -> None:
    worker.tell(ProxyCall(attr_path=("no_such_method",), args=(), kwargs={}))
    assert "no_such_method" in str(news.get(timeout=10).cause)


def test_a_worker_whose_supervisor_is_gone_ends_in_silence(
    worker: pykka.ActorRef[Worker], caplog: pytest.LogCaptureFixture
) -> None:
    [supervisor] = pykka.ActorRegistry.get_by_class(Supervisor)
    supervisor.stop()
    assert worker.stop()
    assert not caplog.records


def test_an_actor_that_gets_no_thread_leaves_nothing_behind_that_stop_all_would_wait_for() -> None:
    threading.stack_size(1 << 46)  # more than there is: no thread can be started
    try:
        with pytest.raises(RuntimeError, match="can't start new thread"):
            Clerk.start()
    finally:
        threading.stack_size(0)
    assert pykka.ActorRegistry.get_by_class(Clerk) == []


class Unstartable(Clerk):
    @property
    def use_daemon_thread(self) -> bool:  # type: ignore[override]
        raise KeyboardInterrupt


def test_an_actor_whose_start_is_interrupted_is_none() -> None:
    with pytest.raises(KeyboardInterrupt):
        Unstartable.start()
    assert pykka.ActorRegistry.get_by_class(Unstartable) == []


def test_what_would_end_the_program_is_a_bug_of_that_actor_alone() -> None:
    clerk, other = Clerk.start(), Clerk.start()
    with pytest.raises(RuntimeError, match="an actor does not exit: SystemExit: 3"):
        clerk.ask(SystemExit(3))
    assert clerk.is_alive()
    clerk.tell(SystemExit(3))
    assert clerk.actor_stopped.wait(10)
    assert other.ask("thread", block=True).is_alive()


def test_what_would_end_the_program_before_the_message_is_read_ends_no_other_actor_either(
    news: "queue.Queue[WorkerGone]",
) -> None:
    clerk, leaver = Clerk.start(), Leaver.start(Supervisor.start(news))
    leaver.tell("go")
    assert news.get(timeout=10) == WorkerGone(worker_urn=leaver.actor_urn, cause="SystemExit: 3")
    assert clerk.ask("thread", block=True).is_alive()


@pytest.mark.untraced  # CPython 3.11: with one pending for another thread, a traced thread spins for ever
@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit])
def test_a_worker_whose_thread_ends_between_two_messages_says_so_and_no_other_actor_ends(
    worker: pykka.ActorRef[Worker], news: "queue.Queue[WorkerGone]", error: type[BaseException]
) -> None:
    clerk = Clerk.start()
    [thread] = [each for each in threading.enumerate() if each.name.startswith("Worker-") and each.is_alive()]
    wait_until_idle(thread)
    # It strikes when the inbox gives out the next message, outside of all that pykka catches.
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(error))
    worker.tell("wake up")
    assert news.get(timeout=10).cause == f"{error.__name__}: "
    thread.join(10)
    assert not worker.is_alive()
    assert clerk.ask("thread", block=True).is_alive()
    with pytest.raises(pykka.ActorDeadError):
        worker.tell("again")


@pytest.mark.untraced  # as above
def test_who_asks_while_the_thread_ends_is_told() -> None:
    clerk, gate = Clerk.start(), threading.Event()
    threads: queue.SimpleQueue[threading.Thread] = queue.SimpleQueue()

    def hold() -> None:
        threads.put(threading.current_thread())
        gate.wait()

    clerk.tell(hold)
    thread = threads.get(timeout=10)
    asked = [clerk.ask("thread", block=False) for _ in range(3)]
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident or 0), ctypes.py_object(KeyboardInterrupt)
    )
    gate.set()
    for future in asked:
        with pytest.raises(AssetError, match="closed"):
            future.get(timeout=10)
