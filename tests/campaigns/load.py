"""10,000 agents and 200 threads at once: hits, misses, failures, objects and plugin calls, for minutes.

The agents are coroutines of one event loop; each does something every ten seconds or so, a thread does every
second. A round is a second. It checks

* that each answer is right: paths, bytes now and then, and that what must fail does, and as what;
* that memory is flat: the median size of the process in the last quarter of the time is not more than 16 MiB
  above that in the second one, and when all is done there is no more of our objects than before;
* that after `close` there is no thread and no file descriptor more than before `AssetSystem` was opened.

It reports how long a warm hit takes. The server is a process of its own, so that its memory is not ours.
"""

import asyncio
import contextlib
import random
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from held import our_objects, resident_bytes, threads_and_descriptors
from latency import Latencies
from openmas_assets.actors import AssetManager, AssetSystem, Reply
from openmas_assets.messages.asset import Asset
from openmas_assets.messages.errors import (
    AssetCacheError,
    AssetDownloadError,
    AssetError,
    AssetVerificationError,
)
from openmas_assets.messages.manager import AssetPath, AssetsCleared, ClearAsset, GetAssetPath
from openmas_assets.messages.plugin import CallPlugin, PluginAnswered
from openmas_assets.messages.store import (
    AssetDeleted,
    AssetRefResolved,
    AssetStored,
    DeleteAsset,
    PutAsset,
    ResolveAssetRef,
)
from programs import Program
from projects import asset, project
from tally import Tally

ROUND = "seconds of load"
SHORT = 3
LONG = 300

_AGENTS = 10_000
_THREADS = 200
_AGENT_PAUSE_SECONDS = 10.0
_THREAD_PAUSE_SECONDS = 1.0
_MAX_GROWTH_BYTES = 16 << 20
# When all is done: one more hit that is remembered, say.
_MAX_MORE_OBJECTS = 100
_LIMIT_SECONDS = 60
# The share of hits whose bytes are read.
_READS = 0.01
_DATA = bytes(range(256)) * 40
_WARM = [f"warm{number}" for number in range(20)]
_COLD = [f"cold{number}" for number in range(20)]
_SERVER = """
    import sys
    from threading import Event
    from loopback import LoopbackServer

    with LoopbackServer() as server:
        for name in sys.argv[1:]:
            server.put(f"/{name}", bytes(range(256)) * 40, etag='"v1"')
        print(server.origin)
        Event().wait()
"""

# Yields what it has asked for, is sent the answer or the error.
Errand = Generator[Reply[Any], object, None]


class _Load:
    """Everybody who does something, and what comes of it.

    Args:
        system: What they use.
        tally: Counts, in the end.
    """

    def __init__(self, system: AssetSystem, tally: Tally) -> None:
        self._system = system
        self._tally = tally
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._wrong: list[str] = []
        self._latencies = {"coroutines": Latencies(), "threads": Latencies()}
        self._is_over = threading.Event()
        self._errands: dict[Callable[[random.Random, str], Errand], int] = {
            self._hit: 80,
            self._miss: 4,
            self._fail: 4,
            self._keep: 6,
            self._call: 6,
        }

    def run(self, seconds: int, seed: int) -> None:
        """Have them all work for some seconds; a round of the tally is one."""
        loop_thread = threading.Thread(target=self._run_agents, args=[seed], name="agents", daemon=True)
        threads = [
            threading.Thread(target=self._be_a_thread, args=[random.Random(f"{seed}-{number}")], daemon=True)
            for number in range(_THREADS)
        ]
        for thread in (loop_thread, *threads):
            thread.start()
        sizes = []
        for _ in range(seconds):
            time.sleep(1)
            sizes.append(resident_bytes())
            self._tally.end_round()
        self._is_over.set()
        for thread in (loop_thread, *threads):
            thread.join(_LIMIT_SECONDS)
            if thread.is_alive():
                self._tally.fail(f"{thread.name} still waits")
        self._tell(sizes)

    def _tell(self, sizes: list[int]) -> None:
        for what, count in self._counts.items():
            self._tally.count("answers", what, count)
        for wrong in self._wrong[:10]:
            self._tally.fail(wrong)
        for who, latencies in self._latencies.items():
            self._tally.figures.append(f"a warm hit, from {who}: {latencies}")
        quarter = len(sizes) // 4
        start = statistics.median(sizes[quarter : 2 * quarter + 1])
        end = statistics.median(sizes[-quarter - 1 :])
        self._tally.figures.append(
            f"resident: {_mib(start)} in the second quarter, {_mib(end)} in the last one"
        )
        if end - start > _MAX_GROWTH_BYTES:
            self._tally.fail(f"memory grows, from {_mib(start)} to {_mib(end)}")

    # Who

    def _run_agents(self, seed: int) -> None:
        asyncio.run(self._be_agents(random.Random(seed)))

    async def _be_agents(self, generator: random.Random) -> None:
        over = asyncio.Event()
        agents = [asyncio.create_task(self._be_an_agent(generator, over)) for _ in range(_AGENTS)]
        await asyncio.to_thread(self._is_over.wait)
        over.set()
        for outcome in await asyncio.gather(*agents, return_exceptions=True):
            if outcome is not None:
                self._note_wrong(f"an agent ended with {outcome!r}")

    async def _be_an_agent(self, generator: random.Random, over: asyncio.Event) -> None:
        pause_seconds = generator.random() * _AGENT_PAUSE_SECONDS
        while not await _comes_within(pause_seconds, over):
            errand, outcome = self._errand(generator, "coroutines"), None
            with contextlib.suppress(StopIteration):
                while True:
                    reply = errand.send(outcome)
                    try:
                        outcome = await reply
                    except AssetError as error:
                        outcome = error
            pause_seconds = generator.expovariate(1 / _AGENT_PAUSE_SECONDS)

    def _be_a_thread(self, generator: random.Random) -> None:
        while not self._is_over.wait(generator.expovariate(1 / _THREAD_PAUSE_SECONDS)):
            errand, outcome = self._errand(generator, "threads"), None
            with contextlib.suppress(StopIteration):
                while True:
                    reply = errand.send(outcome)
                    try:
                        outcome = reply.get(timeout=_LIMIT_SECONDS)
                    except AssetError as error:
                        outcome = error

    # What

    def _errand(self, generator: random.Random, who: str) -> Errand:
        make = generator.choices(list(self._errands), list(self._errands.values()))[0]
        return make(generator, who)

    def _hit(self, generator: random.Random, who: str) -> Errand:
        name = generator.choice(_WARM)
        started = time.perf_counter()
        answer = yield self._system.asset_manager.ask(GetAssetPath(name=name))
        seconds = time.perf_counter() - started
        with self._lock:
            self._latencies[who].add(seconds)
        self._expect("hits", answer, AssetPath)
        if (
            generator.random() < _READS
            and isinstance(answer, AssetPath)
            and answer.path.read_bytes() != _DATA
        ):
            self._note_wrong(f"{name} has wrong bytes")

    def _miss(self, generator: random.Random, _: str) -> Errand:
        name = generator.choice(_COLD)
        # Somebody else may be fetching it.
        manager = self._system.asset_manager
        cleared = yield manager.ask(ClearAsset(name=name))
        self._expect("copies cleared", cleared, AssetsCleared, AssetCacheError)
        # Or somebody else clears it in the moment in which it has come.
        fetched = yield manager.ask(GetAssetPath(name=name))
        self._expect("misses", fetched, AssetPath, AssetCacheError)

    def _fail(self, generator: random.Random, _: str) -> Errand:
        name, kind = generator.choice([("gone", AssetDownloadError), ("wrong", AssetVerificationError)])
        answer = yield self._system.asset_manager.ask(GetAssetPath(name=name))
        self._expect("failures that were to be", answer, kind)

    def _keep(self, _: random.Random, __: str) -> Errand:
        store, content = self._system.asset_store, {"key": object()}
        stored = yield store.ask(PutAsset(asset=Asset(content=content)))
        self._expect("objects kept", stored, AssetStored)
        if isinstance(stored, AssetStored):
            ref = stored.ref.model_copy(update={"field_path": ("content", "key")})
            found = yield store.ask(ResolveAssetRef(ref=ref))
            if not isinstance(found, AssetRefResolved) or found.value is not content["key"]:
                self._note_wrong(f"{ref} is {found}")
            self._expect(
                "objects deleted", (yield store.ask(DeleteAsset(asset_id=ref.asset_id))), AssetDeleted
            )

    def _call(self, generator: random.Random, _: str) -> Errand:
        receiver, content = {"role": "plugin", "name": "echo"}, {"command": "go", "param": generator.random()}
        message = {"receiver": receiver, "content_type": "command", "content": content}
        answer = yield self._system.plugins.ask(CallPlugin(message=message))
        self._expect("plugin calls", answer, PluginAnswered)
        if (
            isinstance(answer, PluginAnswered)
            and answer.message["content"].get("response") != content["param"]
        ):
            self._note_wrong(f"a plugin answered {answer.message}")

    def _expect(self, what: str, answer: object, *kinds: type) -> None:
        with self._lock:
            self._counts[what] += 1
        if not isinstance(answer, kinds):
            self._note_wrong(f"{what}: {answer!r}")

    def _note_wrong(self, what: str) -> None:
        with self._lock:
            self._wrong.append(what)


async def _comes_within(seconds: float, event: asyncio.Event) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


def _open(folder: Path, origin: str) -> AssetSystem:
    assets = [asset(name, f"{origin}/{name}", progress_report=False) for name in [*_WARM, *_COLD, "gone"]]
    wrong = asset("wrong", f"{origin}/warm0", checksum=f"sha256:{'0' * 64}", progress_report=False)
    manager = AssetManager(project(*assets, wrong), cache_dir=folder / "cache", on_progress=lambda _: None)
    system = AssetSystem(manager)
    command = {"command_name": "go", "parameter": {"type": "any"}}
    system.plugins.register({"info": {"title": "echo"}, "commands": [command]}, lambda _, param: param)
    for name in [*_WARM, *_COLD]:
        manager.ask(GetAssetPath(name=name)).get(timeout=_LIMIT_SECONDS)
    return system


def _check(tally: Tally, what: str, more: Callable[[], Counter[str]], allowed: int) -> None:
    """That there are no more than before, as soon as the last ones are done."""
    give_up_at = time.monotonic() + _LIMIT_SECONDS
    while (found := more()).total() > allowed and time.monotonic() < give_up_at:
        time.sleep(0.1)
    tally.figures.append(f"more {what} than before: {found.total()}")
    if found.total() > allowed:
        tally.fail(f"{what} are left: {dict(found.most_common(10))}")


def run(rounds: int, seed: int, tally: Tally) -> None:
    """See `campaign.Campaign`."""
    with (
        tempfile.TemporaryDirectory(prefix="load-") as folder,
        Program(
            _SERVER, *_WARM, *_COLD, env={"PYTHONPATH": str(Path(__file__).parents[1] / "parts")}
        ) as server,
    ):
        origin = next(server.lines())
        with _open(Path(folder) / "before", origin):
            pass  # what is imported and made once is not to be counted
        held = threads_and_descriptors()
        with _open(Path(folder), origin) as system:
            _Load(system, Tally()).run(1, seed)  # likewise
            objects = our_objects()
            _Load(system, tally).run(rounds, seed)
            _check(tally, "objects of ours", lambda: our_objects() - objects, _MAX_MORE_OBJECTS)
        _check(tally, "threads and descriptors", lambda: threads_and_descriptors() - held, 0)


def _mib(size_bytes: float) -> str:
    return f"{size_bytes / (1 << 20):.1f} MiB"
