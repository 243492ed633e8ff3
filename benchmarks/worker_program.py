"""What a worker runs: `worker_program.py TASK`. `worker.py` speaks with it.

It reads its arguments, a line of JSON; writes `ready`; works when it reads another line; writes its report as
JSON; and ends with its input.
"""

import asyncio
import gc
import json
import resource
import sys
import threading
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from openmas_assets.actors import AssetManager
from openmas_assets.actors.cache.unpack import UnpackLimits, unpack
from openmas_assets.messages import DownloadProgress, GetAssetPath, ProjectConfig
from openmas_assets.messages.asset_config import UnpackFormat

Work = Callable[[], dict[str, Any] | None]


@contextmanager
def fetch(project: dict[str, Any], cache: str, pool_size: int = 4) -> Iterator[Work]:
    """Fetch all assets of a project at once."""
    with AssetManager(ProjectConfig.model_validate(project), cache_dir=cache, pool_size=pool_size) as manager:

        async def fetch_all() -> None:
            await asyncio.gather(*(manager.get_asset_path(asset.name) for asset in manager.project.assets))

        yield lambda: asyncio.run(fetch_all())


@contextmanager
def fetch_with_requests(urls: list[str], folder: str, thread_count: int) -> Iterator[Work]:
    """Fetch files with requests and nothing of ours: neither verified nor locked, and without metadata."""
    import requests  # here: all other tasks count what their work imports
    from requests.adapters import HTTPAdapter

    with requests.Session() as session, ThreadPoolExecutor(thread_count) as threads:
        session.mount("http://", HTTPAdapter(pool_maxsize=thread_count))

        def fetch_one(url: str) -> None:
            response = session.get(url, timeout=30)
            response.raise_for_status()
            Path(folder, url.rpartition("/")[2]).write_bytes(response.content)

        def fetch_all() -> None:
            for _ in threads.map(fetch_one, urls):
                pass

        yield fetch_all


@contextmanager
def wait_for_one(project: dict[str, Any], cache: str, count: int) -> Iterator[Work]:
    """Have many coroutines ask for the one asset of a project."""
    with AssetManager(ProjectConfig.model_validate(project), cache_dir=cache) as manager:
        name = manager.project.assets[0].name

        async def ask() -> None:
            await asyncio.gather(*(manager.get_asset_path(name) for _ in range(count)))

        yield lambda: asyncio.run(ask())


@contextmanager
def wait_for_bare(project: dict[str, Any], cache: str, count: int) -> Iterator[Work]:
    """Have as many coroutines wait for bare futures, which a thread settles that has asked once."""
    with AssetManager(ProjectConfig.model_validate(project), cache_dir=cache) as manager:
        name = manager.project.assets[0].name

        async def wait() -> None:
            loop = asyncio.get_running_loop()
            futures = [loop.create_future() for _ in range(count)]

            def fetch_once() -> None:
                path = manager.ask(GetAssetPath(name=name)).get().path
                for future in futures:
                    loop.call_soon_threadsafe(future.set_result, path)

            thread = threading.Thread(target=fetch_once)
            thread.start()
            await asyncio.gather(*(_wait_for(future) for future in futures))
            thread.join()

        yield lambda: asyncio.run(wait())


@contextmanager
def weigh_waiters(project: dict[str, Any], cache: str, count: int) -> Iterator[Work]:
    """Say what memory and threads many coroutines take that wait for the one asset of a project."""
    moves = threading.Event()

    def note(progress: DownloadProgress) -> None:
        if progress.phase == "downloading" and progress.bytes_done:
            moves.set()

    config = ProjectConfig.model_validate(project)
    with AssetManager(config, cache_dir=cache, on_progress=note) as manager:
        name = manager.project.assets[0].name

        async def handled() -> None:
            await manager.status(name)  # the inbox keeps the order: all that was asked before is handled

        async def weigh() -> dict[str, Any]:
            loop = asyncio.get_running_loop()
            first = asyncio.create_task(manager.get_asset_path(name))  # keeps the transfer going throughout
            await asyncio.to_thread(moves.wait)
            await handled()  # what answers this is started by it, and not by those who will wait
            thread_count = threading.active_count()
            ours, thread_count_then = await _weighed(lambda: manager.get_asset_path(name), count, handled)
            bare, _ = await _weighed(lambda: _wait_for(loop.create_future()), count, handled)
            first.cancel()
            more_threads = thread_count_then - thread_count
            return {"ours_bytes": ours, "bare_bytes": bare, "more_threads": more_threads}

        yield lambda: asyncio.run(weigh())


@contextmanager
def unpack_alone(archive: str, archive_format: UnpackFormat, folder: str) -> Iterator[Work]:
    """Unpack an archive."""
    yield lambda: unpack(
        Path(archive), archive_format, Path(folder), UnpackLimits(), on_progress=lambda _: None
    )


TASKS: dict[str, Callable[..., AbstractContextManager[Work]]] = {
    task.__name__: task
    for task in (fetch, fetch_with_requests, wait_for_one, wait_for_bare, weigh_waiters, unpack_alone)
}


async def _wait_for(future: "asyncio.Future[Path]") -> Path:
    return await future


async def _weighed(
    wait: Callable[[], Coroutine[Any, Any, Path]], count: int, handled: Callable[[], Awaitable[None]]
) -> tuple[float, int]:
    """How many bytes each of so many waiters takes, its task included, and how many threads run meanwhile."""
    gc.collect()
    tracemalloc.start()
    tasks = [asyncio.create_task(wait()) for _ in range(count)]
    await asyncio.sleep(0)  # each takes its first step, which asks
    await handled()
    weighed = tracemalloc.get_traced_memory()[0] / count, threading.active_count()
    tracemalloc.stop()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return weighed


def _measured(work: Work) -> dict[str, Any]:
    resident_bytes = _resident_bytes("VmRSS")
    cpu_seconds, started = _cpu_seconds(), time.perf_counter()
    told = work()
    return {
        "wall_seconds": time.perf_counter() - started,
        "cpu_seconds": _cpu_seconds() - cpu_seconds,
        "grown_bytes": max(_resident_bytes("VmHWM") - resident_bytes, 0),
        **(told or {}),
    }


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _resident_bytes(which: str) -> int:
    """The resident memory, now (`VmRSS`) or at its highest (`VmHWM`); see proc(5)."""
    # Not ru_maxrss: a child inherits it from the process that started it.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(which))


def _main(task: str) -> None:
    with TASKS[task](**json.loads(sys.stdin.readline())) as work:
        print("ready", flush=True)
        if sys.stdin.readline():
            print(json.dumps(_measured(work)), flush=True)
            sys.stdin.read()


if __name__ == "__main__":
    _main(sys.argv[1])
