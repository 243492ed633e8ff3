"""Ends actors at random under 5,000 outstanding requests, and looks who is answered, and with what.

Each round opens a system; threads, coroutines of several event loops and actors ask for everything there is
to ask, and some of them give up or lose their loop. Meanwhile actors end: as pykka ends them, by a bug, or by
an exception that strikes their thread wherever it is; and the process forks. Then the round checks

* that each request was answered once, by what was asked for or by an `AssetError`;
* that as many downloaders as before do their work, where only workers died, and not too often;
* that after too many crashes a request fails at once and says of what, while what is cached is handed out;
* that whatever has died, the system closes and leaves no actor and no thread.
"""

import concurrent.futures
import contextlib
import random
import sys
import threading
import time
import traceback
from collections import Counter
from typing import TYPE_CHECKING, Any

import pykka

from askers import Askers
from deaths import HEADS, WORKERS, Deaths
from ground import Ground, open_ground
from mixed_system import CLEARED, DATA, LATE, LIMIT_SECONDS, POOL_SIZE, MixedSystem
from openmas_assets.actors.base import AssetActor
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.manager import AssetPath, GetAssetPath, ListAssets
from openmas_assets.messages.plugin import CallPlugin
from openmas_assets.messages.store import GetAssetMeta
from tally import Tally

if TYPE_CHECKING:
    from openmas_assets.actors import Reply

ROUND = "systems of 5,000 requests"
SHORT = 3
LONG = 300

_REQUESTS = 5_000
# As `RestartBudget` has it.
_ALLOWED_CRASHES = 10
# So many requests must have failed in a row, with nobody there to crash, for the bound to be exceeded.
_REFUSALS = 3


class _Round:
    """One system's life and deaths.

    Args:
        ground: What it works with.
    """

    def __init__(self, ground: Ground) -> None:
        _, self._generator, self._server, self._tally = ground
        self._threads_before = set(threading.enumerate())
        self._mixed = MixedSystem(ground.folder, self._generator, self._server)
        self._system = self._mixed.system
        self._tally.count("on_progress", self._mixed.shown_by)

    def run(self, scenario: str) -> None:
        """Live, die and be checked.

        Args:
            scenario: Who dies: `workers`, `too many`, `a head`, `all` or `close`.
        """
        self._tally.count("rounds in which there die", scenario)
        # pykka's `stop_all` ends the collectors as well.
        askers = Askers(
            [self._mixed.ask() for _ in range(_REQUESTS)], self._generator, has_actors=scenario != "all"
        )
        self._let_die(askers, scenario)
        self._mixed.gate.set()
        for problem in askers.wait(LIMIT_SECONDS):
            self._tally.fail(f"{scenario}: {problem}")
        self._look_at(askers.answers())
        if scenario == "workers":
            self._check_pool()
        elif scenario == "too many":
            self._check_failing_fast()
        self._check_end(scenario)

    def _let_die(self, askers: Askers, scenario: str) -> None:
        is_too_often = scenario == "too many"
        deaths = Deaths(self._generator, self._tally, 1_000 if is_too_often else _ALLOWED_CRASHES - 2)
        askers.wait_until_outstanding(_REQUESTS // 2)
        self._tally.count("outstanding when the first died", f"{askers.outstanding() // 500 * 500:,} or more")
        for number in range(40):
            time.sleep(self._generator.random() * 0.01)
            deaths.kill(self._generator.choice(WORKERS))
            if self._generator.random() < 0.1:
                askers.cancel_some(100)
            if number == 20:
                self._end(deaths, scenario)
            if number in (10, 30) and (problem := deaths.fork(lambda: self._be_a_child(askers))):
                self._tally.fail(f"{scenario}: {problem}")
        if is_too_often:
            self._exceed(deaths)

    def _end(self, deaths: Deaths, scenario: str) -> None:
        match scenario:
            case "a head":
                deaths.kill(self._generator.choice(HEADS))
            case "all":
                pykka.ActorRegistry.stop_all(block=False)
            case "close":
                for _ in range(2):
                    threading.Thread(target=self._system.close, name="closing", daemon=True).start()

    def _exceed(self, deaths: Deaths) -> None:
        """Crash downloaders until no more of them are started."""
        self._mixed.gate.set()
        refused = 0
        for _ in range(20 * _ALLOWED_CRASHES):
            if refused == _REFUSALS:
                return
            reply = self._system.asset_manager.ask(GetAssetPath(name="warm", force_download=True))
            was_crashed = deaths.crash("DownloaderActor") is not None
            try:
                reply.get(timeout=LIMIT_SECONDS)
            except AssetError:
                refused = 0 if was_crashed else refused + 1
            else:
                refused = 0

    def _be_a_child(self, askers: Askers) -> None:
        """Everything that a forked child may do with what it has of its parent."""
        manager, store, plugins = self._system.asset_manager, self._system.asset_store, self._system.plugins
        replies: list[Reply[Any]] = [manager.ask(ListAssets()), plugins.ask(CallPlugin(message={}))]
        for reply in [*replies, store.ask(GetAssetMeta(ref=self._mixed.ref)), *askers.some(50)]:
            with contextlib.suppress(AssetError, concurrent.futures.CancelledError):
                reply.get()
        self._system.close()

    def _look_at(self, answers: list[object]) -> None:
        kinds, paths = Counter(_kind(answer) for answer in answers), set()
        for kind, count in kinds.items():
            self._tally.count("answers", kind, count)
            if kind.startswith("bug"):
                self._tally.fail(f"{count} were answered with a {kind}")
        for answer in answers:
            if isinstance(answer, AssetPath) and answer.name not in CLEARED:
                paths.add(answer.path)
        for path in paths:
            if path.read_bytes() != DATA:
                self._tally.fail(f"{path} has wrong bytes")

    def _check_pool(self) -> None:
        before = len(self._server.requests)
        replies = [self._system.asset_manager.ask(GetAssetPath(name=name)) for name in LATE]
        try:
            self._server.wait_for(lambda server: len(server.requests) - before >= POOL_SIZE, LIMIT_SECONDS)
        except TimeoutError:
            self._tally.fail(f"{len(self._server.requests) - before} of {POOL_SIZE} downloaders work")
        count = len(pykka.ActorRegistry.get_by_class_name("DownloaderActor"))
        self._tally.count("downloaders in the end", str(count))
        if count != POOL_SIZE:
            self._tally.fail(f"there are {count} downloaders, not {POOL_SIZE}")
        self._mixed.late_gate.set()
        for reply in replies:
            if reply.get(timeout=LIMIT_SECONDS).path.read_bytes() != DATA:
                self._tally.fail("wrong bytes in the end")

    def _check_failing_fast(self) -> None:
        manager = self._system.asset_manager
        try:
            manager.ask(GetAssetPath(name="late0")).get(timeout=5)
            self._tally.fail("the bound was exceeded, and still there are downloaders")
        except AssetError as error:
            self._tally.count("beyond the bound", "told the cause at once")
            if "a downloader crashed: " not in str(error):
                self._tally.fail(f"beyond the bound: {error}")
        except pykka.Timeout:
            self._tally.fail("beyond the bound a request waits")
        if manager.ask(GetAssetPath(name="warm")).get(timeout=5).path.read_bytes() == DATA:
            self._tally.count("beyond the bound", "a hit was handed out")

    def _check_end(self, scenario: str) -> None:
        self._mixed.late_gate.set()
        closing = threading.Thread(target=self._system.close, name="closing", daemon=True)
        closing.start()
        closing.join(LIMIT_SECONDS)
        if closing.is_alive():
            self._tally.fail(f"{scenario}: it does not close")
        give_up_at = time.monotonic() + LIMIT_SECONDS
        while (left := self._threads_left()) and time.monotonic() < give_up_at:
            time.sleep(0.01)
        if left:
            self._tally.fail(f"{scenario}: threads are left: {left}")
        if refs := pykka.ActorRegistry.get_by_class(AssetActor):
            self._tally.fail(f"{scenario}: {refs} are left")

    def _threads_left(self) -> list[str]:
        left = set(threading.enumerate()) - self._threads_before
        frames = sys._current_frames()
        return [
            f"{thread.name} in {''.join(traceback.format_stack(frames.get(thread.ident or 0)))}"
            for thread in left
            if not thread.name.startswith("loopback-")
        ]


def _kind(answer: object) -> str:
    if isinstance(answer, AssetError):
        for word in ("closed", "crashed", "fork"):
            if word in str(answer):
                return f"{type(answer).__name__}: {word}"
        return type(answer).__name__
    if isinstance(answer, BaseException):
        is_given_up = "Cancelled" in type(answer).__name__
        return "nothing more: gave up" if is_given_up else f"bug: {type(answer).__name__}: {answer}"
    return type(answer).__name__


def run(rounds: int, seed: int, tally: Tally) -> None:
    """See `campaign.Campaign`."""
    generator = random.Random(seed)
    scenarios = ("workers", "too many", "a head", "all", "close")
    for number in range(rounds):
        with open_ground(generator, tally) as ground:
            _Round(ground).run(scenarios[number % len(scenarios)])
        tally.end_round()
