"""A warm hit: asked from a thread, and by many coroutines at once."""

import asyncio
import os
import queue
import threading
import time
from collections.abc import Awaitable, Callable, Iterator

from echo import echo, on_one_cpu, round_trip_seconds
from openmas_assets.actors import AssetManager
from openmas_assets.messages import GetAssetPath, ProjectConfig
from result import Result, compared
from workbench import Workbench

TOOLS = ()

_BATCHES = 5
_SMALL = "10 KB"

Call = Callable[[], Awaitable[object]]


def results(bench: Workbench) -> Iterator[Result]:
    """Compare with a bare pykka echo, and with bare round trips of `call_soon_threadsafe` to a thread."""
    sizes = {_SMALL: 10_000, "1 GiB": 1 << 30}
    if bench.is_quick:
        sizes = {_SMALL: 10_000}
    with bench.scratch() as folder:
        assets = []
        for name, size_bytes in sizes.items():
            path = folder / f"{size_bytes}.bin"
            with path.open("wb") as file:
                file.truncate(size_bytes)  # a hole: the copy in the cache is a real one
            assets.append({"name": name, "source": {"type": "local", "path": str(path)}})
        project = ProjectConfig.model_validate({"assets": assets})
        with AssetManager(project, cache_dir=folder / "cache") as manager:
            for name in sizes:
                manager.ask(GetAssetPath(name=name)).get()
                yield from _asked(bench, manager, name)
            yield _awaited(bench, manager)


def _asked(bench: Workbench, manager: AssetManager, name: str) -> Iterator[Result]:
    count, command = bench.sized(2_000, 50), GetAssetPath(name=name)

    def row(what: str) -> Result:
        pairs = bench.pairs(
            lambda: round_trip_seconds(lambda: manager.ask(command).get(), count),
            lambda: round_trip_seconds(lambda: echo_ref.ask(command), count),
        )
        return compared("warm", what, pairs, unit="us", limit=1.3, scale=1e6)

    with echo() as echo_ref:
        yield row(f"ask for {name}, by an echo's ask")
        if hasattr(os, "sched_setaffinity"):
            with on_one_cpu():
                yield row("the same with all threads on one CPU")


def _awaited(bench: Workbench, manager: AssetManager) -> Result:
    count = bench.sized(1_000, 50)
    inbox: queue.SimpleQueue[asyncio.Future[None] | None] = queue.SimpleQueue()

    def answer() -> None:
        while (future := inbox.get()) is not None:
            future.get_loop().call_soon_threadsafe(future.set_result, None)

    async def round_trip() -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        inbox.put(future)
        await future

    thread = threading.Thread(target=answer)
    thread.start()
    pairs = bench.pairs(
        lambda: asyncio.run(_at_once(lambda: manager.get_asset_path(_SMALL), count)),
        lambda: asyncio.run(_at_once(round_trip, count)),
    )
    inbox.put(None)
    thread.join()
    what = f"{count:,} awaits at once, by bare round trips"
    return compared("warm", what, pairs, unit="ms", limit=2.0, scale=1e3)


async def _at_once(call: Call, count: int) -> float:
    """How long it takes until so many calls that are made at once have come back."""

    async def made() -> None:
        await call()

    started = time.perf_counter()
    for _ in range(_BATCHES):
        await asyncio.gather(*(made() for _ in range(count)))
    return (time.perf_counter() - started) / _BATCHES
