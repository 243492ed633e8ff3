"""Many coroutines that want one cold asset."""

import statistics
from collections.abc import Iterator
from typing import Any

from result import Result, compared
from workbench import ServedFile, Workbench
from worker import Report, work

TOOLS = ("nginx",)

_MAX_BYTES = 2048


def results(bench: Workbench) -> Iterator[Result]:
    """Compare with as many bare futures, settled by a thread that asks the same manager once.

    The transfer is the same, so that the difference is the waiters'. What one weighs is all that a coroutine
    takes that awaits `get_asset_path`, its task included, and a task that awaits a bare future stands beside
    it; counted while the server takes its time, once bytes move, and on one connection: a transfer that is
    about to begin, or adds connections, starts threads and takes memory that are not the waiters'.
    """
    count, size_bytes = bench.sized(10_000, 100), bench.sized(64 << 20, 1 << 20)
    file = bench.served_file("waiters.bin", size_bytes)
    get_counts: list[int] = []

    def ours() -> float:
        bench.nginx.forget()
        wall_seconds: float = _run(bench, file, "wait_for_one", count)["wall_seconds"]
        get_counts.append(bench.nginx.get_count(file.path.name))
        return wall_seconds

    def bare() -> float:
        wall_seconds: float = _run(bench, file, "wait_for_bare", count)["wall_seconds"]
        return wall_seconds

    what = f"{count:,} on {size_bytes >> 20} MiB"
    yield compared("waiters", f"{what}, wall", bench.pairs(ours, bare, times=3), unit="s", limit=1.3)
    yield Result("waiters", f"{what}, GETs", max(get_counts), "", 1)
    weighed = [_run(bench, file, "weigh_waiters", count, is_slow=True) for _ in range(bench.pair_count)]
    yield Result("waiters", f"{what}, threads for them", _median(weighed, "more_threads"), "", 0)
    ours_bytes, bare_bytes = (_median(weighed, key) for key in ("ours_bytes", "bare_bytes"))
    what = f"{what}, bytes each (bare beside)"
    yield Result("waiters", what, ours_bytes, "B", _MAX_BYTES, reference=bare_bytes)
    file.path.unlink()


def _run(bench: Workbench, file: ServedFile, task: str, count: int, *, is_slow: bool = False) -> Report:
    project = {
        "assets": [file.asset(bench.nginx.url(f"{'slow/' if is_slow else ''}{file.path.name}"))],
        "settings": {"assets": {"max_connections": 1 if is_slow else 16}},
    }
    with bench.scratch() as cache:
        return work(task, project=project, cache=cache, count=count)


def _median(reports: list[Report], key: str) -> Any:
    return statistics.median(report[key] for report in reports)
