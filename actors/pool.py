"""The pool of downloaders: who is idle, what is queued, what is running."""

import contextlib
import itertools
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pykka

from openmas_assets.actors.abort import AbortSignal
from openmas_assets.actors.alarm import Alarm
from openmas_assets.actors.crash import crash_cause, crash_error, log_bug
from openmas_assets.actors.restarts import RestartBudget
from openmas_assets.messages.downloader import DownloaderAnswer, DownloaderCommand
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.supervision import WaitOver


@dataclass(eq=False)
class Job:
    """Work for a downloader, and what to do when it is done. Lives in the manager's thread.

    Attributes:
        command: Makes the command; called with the job's id each time it is handed to a downloader.
        on_answer: Called with each answer.
        on_failure: Called instead if there will be none: a crash, or the end of the manager. The error is
            shared with other jobs: whoever adds to it takes a copy.
    """

    command: Callable[[int], DownloaderCommand]
    on_answer: Callable[[DownloaderAnswer], None]
    on_failure: Callable[[AssetError], None]


@dataclass(eq=False)
class _Worker:
    ref: pykka.ActorRef[Any]
    signal: AbortSignal
    job_id: int | None = None


class DownloaderPool:
    """Hands jobs to idle downloaders, first come, first served; starts downloaders as they are needed.

    Not an actor: all its methods run in the manager's thread.

    Args:
        start_downloader: Starts one; it will listen to the signal.
        size: How many there are at the most.
        tell_later: Gets a `WaitOver` when a pause is over; called in the alarm's thread.
    """

    def __init__(
        self,
        start_downloader: Callable[[AbortSignal], pykka.ActorRef[Any]],
        size: int,
        tell_later: Callable[[WaitOver], None],
    ) -> None:
        self._start_downloader = start_downloader
        self._size = size
        self._ids = itertools.count(1)
        self._workers: dict[str, _Worker] = {}
        self._queued: OrderedDict[Job, None] = OrderedDict()
        self._running: dict[int, Job] = {}
        self._paused: dict[int, Job] = {}
        self._chores: dict[str, Job] = {}
        self._chore_id: int | None = None
        self._alarm = Alarm(lambda pause_id: tell_later(WaitOver(job_id=pause_id)))
        self._restarts = RestartBudget("a downloader")

    @property
    def is_stopped(self) -> bool:
        """Whether the last downloader is gone."""
        return not self._workers

    def submit(self, job: Job) -> None:
        """Have a job done as soon as a downloader is free.

        Args:
            job: The job.
        """
        self._queued[job] = None
        self._dispatch()

    def submit_later(self, job: Job, pause_seconds: float) -> None:
        """Have a job done after a pause, which keeps no downloader busy.

        Args:
            job: The job.
            pause_seconds: How long to wait.
        """
        self._paused[self._alarm.set(pause_seconds)] = job

    def submit_chore(self, key: str, job: Job) -> None:
        """Have a job done when nothing else is to be done, by a downloader that is there; one at a time.

        Args:
            key: What it is about; a later chore takes the place of one that waits.
            job: The job.
        """
        self._chores[key] = job
        self._dispatch()

    def resume(self, pause_id: int) -> None:
        """Queue a job whose pause is over, unless it was withdrawn.

        Args:
            pause_id: The `job_id` of the `WaitOver`.
        """
        if (job := self._paused.pop(pause_id, None)) is not None:
            self.submit(job)

    def withdraw(self, job: Job) -> bool:
        """Take a job back: drop it, or abort it if it is running.

        Args:
            job: The job.

        Returns:
            True if it is dropped; False if it is running, and its answer will tell how it ended.
        """
        self._queued.pop(job, None)
        for pause_id in [pause_id for pause_id, paused in self._paused.items() if paused is job]:
            del self._paused[pause_id]
        for worker in self._workers.values():
            if worker.job_id is not None and self._running.get(worker.job_id) is job:
                worker.signal.abort(worker.job_id)
                return False
        return True

    def finish(self, job_id: int) -> Job | None:
        """Note that a job's answer has come; its downloader is free again.

        Args:
            job_id: Of the answer.

        Returns:
            The job; None if nobody waits for it any more.
        """
        job = self._running.pop(job_id, None)
        for worker in self._workers.values():
            if worker.job_id == job_id:
                worker.job_id = None
        self._dispatch()
        return job

    def lose(self, worker_urn: str, cause: str | None) -> None:
        """Note that a downloader is gone: its job fails if it crashed, and is done again if it was stopped.

        Args:
            worker_urn: Its URN.
            cause: What crashed it; None if it was stopped.
        """
        worker = self._workers.pop(worker_urn, None)
        if worker is None:
            return
        job = self._running.pop(worker.job_id, None) if worker.job_id is not None else None
        error = self._restarts.record(cause) if cause is not None else None
        if job is not None and error is not None:
            job.on_failure(error)
        elif job is not None:
            self._queued[job] = None
            self._queued.move_to_end(job, last=False)
        self._dispatch()

    def stop(self, error: AssetError) -> None:
        """Fail everything, abort what is running, and stop the downloaders as soon as they notice.

        Args:
            error: What those who wait are told.
        """
        self._alarm.stop()
        jobs = [*self._running.values(), *self._queued, *self._paused.values()]
        self._running, self._paused = {}, {}
        self._queued.clear()
        self._chores.clear()
        for worker in self._workers.values():
            worker.ref.stop(block=False)
        for job in jobs:
            job.on_failure(error)

    def _dispatch(self) -> None:
        while self._queued:
            worker = self._idle_worker()
            if worker is None:
                break
            job, _ = self._queued.popitem(last=False)
            self._hand(job, worker)
        # While jobs are queued no worker rests.
        if self._chores and self._chore_id not in self._running:
            worker = self._resting_worker()
            if worker is not None:
                self._chore_id = self._hand(self._chores.pop(next(iter(self._chores))), worker)

    def _hand(self, job: Job, worker: _Worker) -> int:
        job_id = next(self._ids)
        try:
            command = job.command(job_id)
        except Exception as error:  # noqa: BLE001 - a bug that is this job's alone: others wait for the downloader
            log_bug("a job could not be handed to a downloader", error)
            job.on_failure(crash_error("a request", crash_cause(error)))
            return job_id
        worker.job_id = job_id
        self._running[job_id] = job
        # A downloader that has stopped in this moment says so itself, and `lose` takes the job back.
        with contextlib.suppress(pykka.ActorDeadError):
            worker.ref.tell(command)
        return job_id

    def _resting_worker(self) -> _Worker | None:
        return next((worker for worker in self._workers.values() if worker.job_id is None), None)

    def _idle_worker(self) -> _Worker | None:
        if (worker := self._resting_worker()) is not None:
            return worker
        if len(self._workers) >= self._size:
            return None
        try:
            return self._restarts.start(self._start_worker)
        except AssetError as error:
            if not self._workers:
                self._fail_queued(error)
            return None

    def _start_worker(self) -> _Worker:
        signal = AbortSignal()
        worker = _Worker(self._start_downloader(signal), signal)
        self._workers[worker.ref.actor_urn] = worker
        return worker

    def _fail_queued(self, error: AssetError) -> None:
        jobs = list(self._queued)
        self._queued.clear()
        for job in jobs:
            job.on_failure(error)
