"""The pool of downloaders, its stop signs and its alarm clock, driven by the test in place of the manager."""

import queue
import threading
from collections.abc import Callable
from typing import Any

import pykka
import pytest

from openmas_assets.actors.abort import AbortSignal
from openmas_assets.actors.alarm import Alarm
from openmas_assets.actors.base import AssetActor, WorkerActor
from openmas_assets.actors.pool import DownloaderPool, Job
from openmas_assets.messages.downloader import JobAborted, RemoveAllCopies
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.supervision import WaitOver, WorkerGone


class Manager(AssetActor):
    """The pool's workers report to it; what they say is for the test to handle."""

    def __init__(self, told: "queue.Queue[Any]") -> None:
        super().__init__()
        self._told = told

    def _receive(self, message: Any) -> Any:
        self._told.put(message)


class Worker(WorkerActor):
    """Says which command it got, and then that it is done, unless it is to crash."""

    def _receive(self, message: Any) -> Any:
        if message == "crash":
            raise ZeroDivisionError
        self._tell_supervisor((self.actor_urn, message.job_id))


class Bench:
    """A pool whose workers really run, and what was told to the manager."""

    def __init__(self) -> None:
        self.told: queue.Queue[Any] = queue.Queue()
        self.manager = Manager.start(self.told)
        self.workers: list[pykka.ActorRef[Worker]] = []
        self.signals: list[AbortSignal] = []
        self.ended: list[str] = []
        self.pool = DownloaderPool(self._start, 2, self.told.put)

    def _start(self, signal: AbortSignal) -> pykka.ActorRef[Worker]:
        self.signals.append(signal)
        self.workers.append(Worker.start(self.manager))
        return self.workers[-1]

    def job(self, name: str) -> Job:
        return Job(
            command=lambda job_id: RemoveAllCopies(job_id=job_id),
            on_answer=lambda _: self.ended.append(name),
            on_failure=lambda error: self.ended.append(f"{name}: {error.problem}"),
        )

    def submit(self, *names: str) -> list[Job]:
        jobs = [self.job(name) for name in names]
        for job in jobs:
            self.pool.submit(job)
        return jobs

    def started(self) -> tuple[int, int]:
        """The next command that arrives at a worker: which worker, and the job's id."""
        urn, job_id = self.told.get(timeout=10)
        return [worker.actor_urn for worker in self.workers].index(urn), job_id

    def finish(self, job_id: int) -> None:
        job = self.pool.finish(job_id)
        assert job is not None
        job.on_answer(JobAborted(job_id=job_id))

    def gone(self) -> WorkerGone:
        news = self.told.get(timeout=10)
        assert isinstance(news, WorkerGone)
        self.pool.lose(news.worker_urn, news.cause)
        return news


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_workers_are_started_when_they_are_needed_and_used_again(bench: Bench) -> None:
    assert bench.pool.is_stopped
    for _ in range(3):
        bench.submit("a")
        worker, job_id = bench.started()
        assert worker == 0
        bench.finish(job_id)
    assert len(bench.workers) == 1
    assert not bench.pool.is_stopped


def test_there_are_no_more_workers_than_the_size_and_jobs_are_done_in_their_order(bench: Bench) -> None:
    bench.submit("a", "b", "c", "d")
    running = sorted([bench.started(), bench.started()])
    assert [worker for worker, _ in running] == [0, 1]
    assert bench.told.empty()
    bench.finish(running[1][1])
    worker, job_id = bench.started()
    assert worker == 1
    bench.finish(job_id)
    bench.started()
    assert bench.ended == ["b", "c"]
    assert len(bench.workers) == 2


def test_an_answer_to_nothing_changes_nothing(bench: Bench) -> None:
    bench.submit("a")
    _, job_id = bench.started()
    assert bench.pool.finish(job_id + 100) is None
    bench.finish(job_id)
    assert bench.pool.finish(job_id) is None
    assert bench.ended == ["a"]


def test_a_queued_job_that_is_withdrawn_is_never_done(bench: Bench) -> None:
    jobs = bench.submit("a", "b", "c", "d")
    running = [job_id for _, job_id in sorted([bench.started(), bench.started()])]
    assert bench.pool.withdraw(jobs[2])
    for job_id in running:
        bench.finish(job_id)
    bench.finish(bench.started()[1])
    assert bench.ended == ["a", "b", "d"]
    assert bench.told.empty()


def test_a_running_job_that_is_withdrawn_is_aborted_and_no_other(bench: Bench) -> None:
    jobs = bench.submit("a", "b")
    job_ids = dict([bench.started(), bench.started()])
    assert not bench.pool.withdraw(jobs[1])
    assert [bench.signals[worker].is_set(job_ids[worker]) for worker in (0, 1)] == [False, True]


def test_a_paused_job_comes_back_when_its_pause_is_over_unless_it_is_withdrawn(bench: Bench) -> None:
    jobs = [bench.job(name) for name in ("a", "b")]
    for job in jobs:
        bench.pool.submit_later(job, 0.001)
    assert bench.pool.withdraw(jobs[0])
    for _ in jobs:
        over = bench.told.get(timeout=10)
        assert isinstance(over, WaitOver)
        bench.pool.resume(over.job_id)
    bench.finish(bench.started()[1])
    assert bench.ended == ["b"]
    assert bench.told.empty()


def test_the_job_of_a_stopped_worker_is_the_next_one_to_be_done(bench: Bench) -> None:
    bench.submit("a", "b", "c")
    job_ids = dict([bench.started(), bench.started()])
    bench.workers[0].stop()
    bench.gone()
    worker, job_id = bench.started()
    assert worker == 2
    bench.finish(job_id)
    assert bench.ended == ["a"]
    assert bench.started()[0] == 2
    bench.finish(job_ids[1])
    assert bench.ended == ["a", "b"]


def test_the_job_of_a_crashed_worker_fails_and_the_next_one_is_done_by_another(bench: Bench) -> None:
    bench.submit("a", "b", "c")
    bench.started()
    bench.started()
    bench.workers[0].tell("crash")
    assert bench.gone().cause == "ZeroDivisionError: "
    assert bench.ended == ["a: a downloader crashed: ZeroDivisionError: "]
    assert bench.started()[0] == 2


def test_a_job_given_to_a_worker_that_has_just_died_is_given_to_the_next(bench: Bench) -> None:
    bench.submit("a")
    bench.finish(bench.started()[1])
    bench.workers[0].stop()
    bench.submit("b")  # nobody has told the pool yet
    bench.gone()
    worker, job_id = bench.started()
    assert worker == 1
    bench.finish(job_id)
    assert bench.ended == ["a", "b"]


def test_the_end_of_somebody_elses_worker_is_none_of_its_business(bench: Bench) -> None:
    bench.submit("a")
    bench.pool.lose("urn:uuid:somebody-else", "a crash")
    bench.finish(bench.started()[1])
    assert bench.ended == ["a"]


def test_stop_fails_what_runs_what_is_queued_and_what_pauses_and_ends_the_workers(bench: Bench) -> None:
    bench.submit("a", "b", "c")
    bench.started()
    bench.started()
    bench.pool.submit_later(bench.job("d"), 0)
    bench.pool.stop(AssetError("closed"))
    assert sorted(bench.ended) == ["a: closed", "b: closed", "c: closed", "d: closed"]
    gone = 0
    while gone < 2:
        news = bench.told.get(timeout=10)
        if isinstance(news, WaitOver):  # it rang in the last moment
            bench.pool.resume(news.job_id)
        else:
            bench.pool.lose(news.worker_urn, news.cause)
            gone += 1
    assert bench.pool.is_stopped
    assert len(bench.workers) == 2
    assert len(bench.ended) == 4


def test_a_chore_waits_until_nothing_else_is_to_be_done(bench: Bench) -> None:
    bench.submit("a", "b", "c")
    first, second = sorted([bench.started(), bench.started()])
    bench.pool.submit_chore("key", bench.job("chore"))
    bench.finish(first[1])
    _, third = bench.started()
    bench.finish(third)
    bench.finish(bench.started()[1])
    assert bench.ended == ["a", "c", "chore"]
    bench.finish(second[1])
    assert bench.told.empty()


def test_a_chore_starts_no_worker(bench: Bench) -> None:
    bench.pool.submit_chore("key", bench.job("chore"))
    assert bench.pool.is_stopped
    bench.submit("a")
    bench.finish(bench.started()[1])
    bench.finish(bench.started()[1])
    assert bench.ended == ["a", "chore"]
    assert len(bench.workers) == 1


def test_one_chore_is_done_at_a_time_and_others_have_the_other_workers(bench: Bench) -> None:
    bench.submit("a", "b")
    job_ids = [job_id for _, job_id in sorted([bench.started(), bench.started()])]
    bench.pool.submit_chore("one", bench.job("one"))
    bench.pool.submit_chore("two", bench.job("two"))
    for job_id in job_ids:
        bench.finish(job_id)
    _, one = bench.started()
    bench.submit("c")
    _, job_id = bench.started()
    bench.finish(job_id)
    assert bench.told.empty()
    bench.finish(one)
    bench.finish(bench.started()[1])
    assert bench.ended == ["a", "b", "c", "one", "two"]


def test_a_chore_takes_the_place_of_one_about_the_same(bench: Bench) -> None:
    bench.submit("a")
    _, job_id = bench.started()
    bench.pool.submit_chore("key", bench.job("old"))
    bench.pool.submit_chore("key", bench.job("new"))
    bench.finish(job_id)
    bench.finish(bench.started()[1])
    assert bench.ended == ["a", "new"]
    assert bench.told.empty()


def test_chores_that_wait_are_forgotten_when_the_pool_stops(bench: Bench) -> None:
    bench.submit("a")
    _, job_id = bench.started()
    bench.pool.submit_chore("key", bench.job("chore"))
    bench.pool.stop(AssetError("closed"))
    assert bench.pool.finish(job_id) is None  # its answer was on the way
    bench.gone()
    assert bench.ended == ["a: closed"]
    assert bench.pool.is_stopped
    assert len(bench.workers) == 1


def test_a_stop_sign_for_an_earlier_job_does_not_hit_the_next_one() -> None:
    signal, shut = AbortSignal(), threading.Event()
    with signal.unblocking(2, shut.set):
        signal.abort(1)
        assert not signal.is_set(2)
        assert not shut.is_set()
        signal.abort(2)
        assert signal.is_set(2)
        assert shut.is_set()


@pytest.mark.parametrize("abort", [lambda signal: signal.abort(1), AbortSignal.abort_all])
def test_a_stop_sign_ends_a_read_that_begins_after_it_and_none_that_has_ended(
    abort: Callable[[AbortSignal], None],
) -> None:
    signal, early, late = AbortSignal(), threading.Event(), threading.Event()
    with signal.unblocking(1, early.set):
        pass
    abort(signal)
    assert not early.is_set()
    with signal.unblocking(1, late.set):
        assert late.is_set()


def test_a_worker_that_is_to_end_does_no_job_any_more() -> None:
    signal = AbortSignal()
    signal.abort_all()
    assert signal.is_set(1)
    assert signal.is_set(2)


def test_the_alarm_rings_once_for_each_time_in_the_order_of_the_times() -> None:
    rung: queue.Queue[int] = queue.Queue()
    alarm = Alarm(rung.put)
    late, early = alarm.set(0.05), alarm.set(0)
    assert [rung.get(timeout=10), rung.get(timeout=10)] == [early, late]
    again = alarm.set(0)
    assert rung.get(timeout=10) == again
    assert rung.empty()
    alarm.stop()


def test_an_alarm_that_is_stopped_ends_its_thread_and_rings_no_more() -> None:
    rung: queue.Queue[int] = queue.Queue()
    before = set(threading.enumerate())
    alarm = Alarm(rung.put)
    assert set(threading.enumerate()) == before
    alarm.set(3600)
    [thread] = set(threading.enumerate()) - before
    alarm.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert rung.empty()
    alarm.stop()
