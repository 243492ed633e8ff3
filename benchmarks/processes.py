"""Many processes that want one cold asset."""

import contextlib
import statistics
import time
from collections.abc import Iterator
from typing import Any

from command import Usage
from result import Result, compared
from workbench import Workbench
from worker import Worker

TOOLS = ("nginx",)


def results(bench: Workbench) -> Iterator[Result]:
    """Compare with one process that wants it.

    The clock starts when all are up, and stops when the last has its path. The CPU seconds are those of whole
    processes, and the limit is what one takes, and what so many take that start at once, open a manager, and
    end.
    """
    count, size_bytes = bench.sized(16, 2), bench.sized(256 << 20, 1 << 20)
    file = bench.served_file("processes.bin", size_bytes)
    project = {"assets": [file.asset(bench.nginx.url(file.path.name))]}
    get_counts: list[int] = []

    def many() -> Usage:
        bench.nginx.forget()
        usage = _fetch(bench, project, count)
        get_counts.append(bench.nginx.get_count(file.path.name))
        return usage

    pairs = bench.pairs(many, lambda: _fetch(bench, project, 1))
    start_up_seconds = statistics.median(
        _start_up_seconds(bench, project, count) for _ in range(bench.pair_count)
    )
    what = f"{count} on {size_bytes >> 20} MiB"
    walls = [(all_of_them.wall_seconds, one.wall_seconds) for all_of_them, one in pairs]
    yield compared("processes", f"{what}, wall", walls, unit="s", limit=1.5)
    cpus = [(all_of_them.cpu_seconds, one.cpu_seconds + start_up_seconds) for all_of_them, one in pairs]
    yield compared("processes", f"{what}, CPU with {count} start-ups", cpus, unit="s", limit=1.0)
    yield Result("processes", f"{what}, GETs", max(get_counts), "", 1)
    file.path.unlink()


def _fetch(bench: Workbench, project: dict[str, Any], count: int) -> Usage:
    """What the processes took; one that fails raises."""
    with _workers(bench, project, count) as workers:
        started = time.perf_counter()
        for worker in workers:
            worker.go()
        for worker in workers:
            worker.await_done()
        wall_seconds = time.perf_counter() - started
    return Usage(wall_seconds, sum(worker.whole_cpu_seconds for worker in workers))


def _start_up_seconds(bench: Workbench, project: dict[str, Any], count: int) -> float:
    with _workers(bench, project, count) as workers:
        pass
    return sum(worker.whole_cpu_seconds for worker in workers)


@contextlib.contextmanager
def _workers(bench: Workbench, project: dict[str, Any], count: int) -> Iterator[list[Worker]]:
    """Processes that are ready to fetch, on one cache; ended with the context."""
    with bench.scratch() as cache, contextlib.ExitStack() as stack:
        workers = [stack.enter_context(Worker("fetch", project=project, cache=cache)) for _ in range(count)]
        for worker in workers:
            worker.await_ready()
        yield workers
        for worker in workers:
            worker.finish()
