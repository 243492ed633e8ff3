"""Thirty-two processes at once on the assets of one cache, while others clear, refresh, stop and die.

Each round is one of five scenes. After it every process has ended in the bytes of one whole version, or in a
typed error, and the next quiet run finds or fetches everything and leaves nothing in the cache but assets.

* `calm`: a cold cache, and nobody clears or refreshes: each asset is transferred exactly once.
* `wild`: all get, refresh, verify and clear, while new versions appear.
* `deadly`: as `wild`, and some are killed.
* `a paused holder`: who transfers an asset is stopped. The others say whom they wait for, and get everything
  else; then it goes on, or is killed, and they get this one too.
* `no locks`: as `deadly`, where file locks do nothing, or are refused.
"""

import json
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

from crowd_processes import NO_LOCKS, Crowd
from crowd_worker import fingerprint
from ground import Ground, open_ground
from healing import Healing
from loopback import Fault
from openmas_assets.actors.cache.layout import CacheLayout
from openmas_assets.actors.cache.staging import find_holder
from openmas_assets.actors.manager import AssetManager
from openmas_assets.messages.manager import ClearAllAssets, GetAssetPath
from published import Publisher
from tally import Tally

T = TypeVar("T")

ROUND = "crowds of 32 processes"
SHORT = 3
LONG = 80

_CROWD = 32
_FILE_BYTES = 1 << 19
_KINDS = {"one": "file", "two": "file", "three": "file", "zip": "zip", "tar": "tar.gz", "folder": "folder"}
_SCENES = ("a paused holder", "deadly", "no locks", "calm", "wild")
_TIMEOUT_SECONDS = 90


class Campaign:
    """The server, the cache, the assets, and the crowds.

    Args:
        ground: What it works with.
    """

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._folder, self._generator, self._server, self._tally = ground
        self._layout = CacheLayout(self._folder / "cache")
        self._publisher = Publisher(self._folder, self._server, self._generator, _KINDS, _FILE_BYTES)
        self._project_path = self._folder / "openmas_project.yml"
        self._project_path.write_text(
            json.dumps(
                {
                    "settings": {"assets": {"cache_dir": "cache"}},
                    "assets": self._publisher.declarations,
                }
            )
        )
        self._crowds: dict[str | None, Crowd] = {}

    def run(self, rounds: int) -> None:
        """Let so many crowds loose, of each scene in turn."""
        try:
            for number in range(rounds):
                scene = _SCENES[number % len(_SCENES)]
                self._tally.count("scenes", scene)
                self._round(scene)
                self._tally.end_round()
        finally:
            for crowd in self._crowds.values():
                crowd.close()

    def _round(self, scene: str) -> None:
        is_cold = scene in ("calm", "a paused holder") or self._generator.random() < 0.5
        if is_cold:
            with self._manager() as manager:
                manager.ask(ClearAllAssets()).get(timeout=_TIMEOUT_SECONDS)
        for name in _KINDS:
            if self._generator.random() < 0.5:
                self._publisher.publish(name)
            self._publisher.serve(name, bytes_per_second=self._generator.choice([None, 2 << 20]))
        requests_before = len(self._server.requests)
        crowd = self._crowd(scene)
        match scene:
            case "calm":
                crowd.start(self._order(deeds=0))
                crowd.until("over")
                self._count_transfers(crowd, requests_before)
            case "a paused holder":
                self._pause_holder(crowd)
            case _:
                crowd.start(self._order(deeds=3))
                self._disturb(crowd, scene)
                crowd.until("over")
        self._check(scene, crowd)
        healing = Healing(self._ground, self._publisher, self._layout, self._manager, scene)
        healing.run()
        healing.look_for_leftovers()

    def _crowd(self, scene: str) -> Crowd:
        kind = self._generator.choice(sorted(NO_LOCKS)) if scene == "no locks" else None
        if kind is not None:
            self._tally.count("what locks do where they do nothing", kind)
        if kind not in self._crowds:
            folder = self._folder / f"crowd-{len(self._crowds)}"
            self._crowds[kind] = Crowd(folder, NO_LOCKS[kind] if kind is not None else None)
        return self._crowds[kind]

    def _order(self, *, deeds: int, first: tuple[str, ...] = ()) -> dict[str, Any]:
        return {
            "project": str(self._project_path),
            "names": sorted(_KINDS),
            "first": first,
            "count": _CROWD,
            "deeds": deeds,
            "seed": self._generator.random(),
        }

    def _disturb(self, crowd: Crowd, scene: str) -> None:
        """Publish, stop and kill for a second or so; of those who were stopped some go on in the end."""
        is_deadly = scene != "wild"
        stopped, killed = set(), set()
        for _ in range(12):
            time.sleep(self._generator.random() * 0.1)
            if self._generator.random() < 0.5:
                self._publisher.publish(self._generator.choice(sorted(_KINDS)))
            pid = self._generator.choice(crowd.pids)
            if is_deadly and self._generator.random() < 0.6:
                crowd.signal(pid, signal.SIGKILL)
                killed.add(pid)
                self._tally.count("processes", "killed")
            elif self._generator.random() < 0.4:
                crowd.signal(pid, signal.SIGSTOP)
                stopped.add(pid)
                self._tally.count("processes", "stopped for a while")
        if scene == "no locks":  # nobody waits for them: whatever they were at, others have done it as well
            crowd.wait_until_done(set(crowd.pids) - stopped - killed)
        for pid in sorted(stopped - killed):
            is_killed = is_deadly and self._generator.random() < 0.5
            crowd.signal(pid, signal.SIGKILL if is_killed else signal.SIGCONT)
            self._tally.count("processes", "killed while stopped" if is_killed else "continued")

    def _pause_holder(self, crowd: Crowd) -> None:
        """Stop who transfers an asset, and look what the others do."""
        with self._manager() as manager:
            manager.ask(GetAssetPath(name="zip")).get(timeout=_TIMEOUT_SECONDS)
        gate, gets_before = Event(), self._server.count("GET", "/one")
        self._publisher.serve("one", faults=[Fault(stall_after=_FILE_BYTES // 4, gate=gate, times=1)])
        crowd.start(self._order(deeds=0, first=("zip", "one")))
        pid = self._holder("one")
        crowd.signal(pid, signal.SIGSTOP)
        _wait_until(lambda: _is_stopped(pid))
        gate.set()
        self._check_waiting(crowd, pid)
        self._tally.count("processes", "paused while others waited for it")
        if self._generator.random() < 0.5:
            self._tally.count("processes", "continued while others waited for it")
            crowd.signal(pid, signal.SIGCONT)
            crowd.until("over")
            if (count := self._server.count("GET", "/one") - gets_before) != 1:
                self._tally.fail(f"a paused holder: {count} transfers instead of one")
        else:
            self._tally.count("processes", "killed while others waited for it")
            crowd.signal(pid, signal.SIGKILL)
            crowd.until("over")

    def _check_waiting(self, crowd: Crowd, holder: int) -> None:
        """All others have what is cached, and say whom they wait for with the rest."""
        others = set(crowd.pids) - {holder}
        waits = {"detail": f"for process {holder}"}
        while not others <= crowd.who("waits", **waits) | crowd.who("deed", name="one"):
            next(crowd.lines())
        if others > crowd.who("waits", **waits):
            self._tally.fail("a paused holder: others did not wait for it")
        if others > crowd.who("seen", name="zip"):
            self._tally.fail("a paused holder: others did not get what is cached")

    def _holder(self, name: str) -> int:
        folder = self._layout.staging / "model" / name / "latest"

        def look_for_holder() -> int | None:
            holder = find_holder(folder)
            return holder.owner.pid if holder is not None and holder.bytes_done else None

        return _wait_until(look_for_holder)

    def _count_transfers(self, crowd: Crowd, requests_before: int) -> None:
        asked = {line["name"] for line in crowd.said if "deed" in line}
        counts = dict.fromkeys((name for name in asked if _KINDS[name] != "folder"), 0)
        for request in self._server.requests[requests_before:]:
            counts[request.path[1:]] += 1
        self._tally.count("transfers in the calm", "of assets wanted by 32 at once", len(counts))
        for name, count in counts.items():
            if count != 1:
                self._tally.fail(f"calm: {name} was transferred {count} times")

    def _check(self, scene: str, crowd: Crowd) -> None:
        known = {
            name: [fingerprint(version.manifest) for version in versions]
            for name, versions in self._publisher.versions.items()
        }
        for line in crowd.said:
            if "deed" in line:
                self._check_deed(scene, line, known[line["name"]])
            elif "broken" in line:
                self._tally.fail(f"{scene}: a process broke: {line['broken']}")
            elif wrong := set(line.get("over", [])) - {0, -signal.SIGKILL}:
                self._tally.fail(f"{scene}: processes ended with {wrong}")

    def _check_deed(self, scene: str, line: dict[str, Any], known: list[str]) -> None:
        what = f"{scene}: {line['deed']} {line['name']}"
        seen = line.get("seen")
        if "broken" in line:
            self._tally.fail(f"{what}: {line['broken']}")
        elif "error" in line:
            problem = (line["text"].partition("': ")[2] or line["text"]).splitlines()[0]
            where = " (no locks)" if scene == "no locks" else ""
            problem = problem.partition(" (")[0].partition(". ")[0]
            self._tally.count(f"{line['deed']} ended in", f"{line['error']}: {problem}{where}")
            if scene in ("calm", "a paused holder"):
                self._tally.fail(f"{what}: {line['text']}")
            if line["error"] == "AssetCacheError" and not line["has_fix"]:
                self._tally.fail(f"{what}: no word of what to do: {line['text']}")
        elif seen is None:
            self._tally.count(f"{line['deed']} ended in", "an answer")
        elif seen.startswith("it was "):
            self._tally.count(f"{line['deed']} ended in", f"right bytes, but {seen} before a look")
        elif seen not in known:
            self._tally.fail(f"{what}: wrong bytes")
        else:
            self._tally.count(f"{line['deed']} ended in", "right bytes")
            if line["deed"] == "force" and scene != "no locks":
                self._check_is_new(what, line, known.index(seen))

    def _check_is_new(self, what: str, line: dict[str, Any], number: int) -> None:
        """Who has refreshed an asset must not see a version that was outdated when he asked."""
        versions = self._publisher.versions[line["name"]]
        if number + 1 < len(versions) and versions[number + 1].published_at < line["began"]:
            self._tally.fail(f"{what}: an old version after a refresh")

    def _manager(self) -> AssetManager:
        return AssetManager.from_project(self._project_path, on_progress=lambda _: None)


def _wait_until(look: Callable[[], T | None]) -> T:
    """Look until there is something to see."""
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if seen := look():
            return seen
        time.sleep(0.01)
    raise AssertionError("it does not come")


def _is_stopped(pid: int) -> bool:
    """Whether all its threads are: those that were busy when the signal came go on for a little."""
    states = [
        path.read_text().rpartition(")")[2].split()[0] for path in Path(f"/proc/{pid}/task").glob("*/stat")
    ]
    return set(states) <= {"T"}


def run(rounds: int, seed: int, tally: Tally) -> None:
    """See `campaign.Campaign`."""
    with open_ground(random.Random(seed), tally) as ground:
        Campaign(ground).run(rounds)
