"""Kills a process with SIGKILL at random moments of its work on a cache, and looks what is left each time.

Each round serves other bytes or the same, lets a child fetch, refresh, unpack, copy and clear five assets,
kills it, and then checks

* that whatever a fresh process would hand out as cached is complete, of one version, and a right one;
* that the next run gets right bytes, and resumes where it can;
* that after it nothing is left in the staging folder.
"""

import contextlib
import glob
import hashlib
import json
import os
import random
import signal
import time
from pathlib import Path

from archives import Item, file, symlink, write_archive
from ground import Ground, open_ground
from healing import left_over
from openmas_assets.actors.cache.inspection import inspect
from openmas_assets.actors.cache.layout import INFO_NAME, CacheLayout
from openmas_assets.actors.cache.staging import resumable_bytes
from openmas_assets.actors.manager import AssetManager
from openmas_assets.messages.manager import GetAssetPath, VerifyAsset
from programs import Program
from tally import Tally

ROUND = "processes killed"
SHORT = 25
LONG = 500

_MAX_DELAY_SECONDS = 0.3
# Bytes come soon, but on a machine that is busy with other things.
_MAX_WAIT_SECONDS = 2.0
_MAX_BYTES = 4 << 20
_FILE_BYTES = 2 << 20
# Large enough for several connections.
_LARGE_BYTES = 16 << 20
# A connection as slow as this is worth another one.
_SLOW = [4 << 20]
# The digest of every file by its relative path, or where it links to: what one version of an asset is.
Manifest = dict[str, str]


class Campaign:
    """The server, the cache, and the assets with the versions they had and have.

    Args:
        ground: What it works with.
    """

    def __init__(self, ground: Ground) -> None:
        self._folder, self._generator, self._server, self._tally = ground
        self._layout = CacheLayout(self._folder / "cache")
        self._now: dict[str, Manifest] = {}
        self._standing: dict[str, Manifest] = {}
        self._full_bytes = self._sent_bytes = 0
        self._version = 0
        self._project_path = self._folder / "openmas_project.yml"
        self._project_path.write_text(json.dumps(self._declarations()))

    def run(self, rounds: int) -> None:
        """Kill and look, so many times."""
        orders_path = self._folder / "orders"
        os.mkfifo(orders_path)
        worker_path = Path(__file__).with_name("crash_worker.py")
        with Program(worker_path, orders_path) as worker, orders_path.open("w", buffering=1) as orders:
            said = worker.lines(timeout_seconds=60)
            for _ in range(rounds):
                self._publish(0.7)
                self._serve([None, 8 << 20, 30 << 20])
                order = {"project": str(self._project_path), "names": sorted(self._now)}
                orders.write(json.dumps({**order, "seed": self._generator.random()}) + "\n")
                child_id = int(next(line for line in said if line.startswith("started")).split()[1])
                self._wait_for_a_moment()
                os.kill(child_id, signal.SIGKILL)
                for line in iter(said.__next__, "ended -9"):
                    self._tally.fail(f"the child said: {line}")
                    if line.startswith("ended"):
                        break
                self._audit()
                self._publish(0.3)  # what arrived of the old version must not be mixed with the new one
                self._serve([None])
                self._heal()
                self._tally.end_round()
        self._tally.figures.append(
            f"bytes the next runs fetched: {self._sent_bytes:,} instead of {self._full_bytes:,}"
        )

    def _declarations(self) -> dict[str, object]:
        url = self._server.url
        archive = {"unpack": True, "unpack_format": "zip"}
        return {
            "settings": {"assets": {"cache_dir": "cache"}},
            "assets": [
                {"name": "file", "source": {"type": "http", "url": url("/model.bin")}},
                {"name": "large", "source": {"type": "http", "url": url("/large.bin")}},
                {"name": "zip", "source": {"type": "http", "url": url("/a.zip")}, **archive},
                {
                    "name": "tar",
                    "source": {"type": "http", "url": url("/a.tar.gz")},
                    **archive,
                    "unpack_format": "tar.gz",
                },
                {"name": "folder", "source": {"type": "local", "path": "source"}},
            ],
        }

    def _publish(self, chance: float) -> None:
        """Have new versions of all assets, or keep those that there are."""
        if self._now and self._generator.random() > chance:
            return
        self._version += 1
        self._make("file", [file("model.bin", self._generator.randbytes(_FILE_BYTES))])
        self._make("large", [file("large.bin", self._generator.randbytes(_LARGE_BYTES))])
        self._make("zip", self._members(80))
        self._make("tar", [*self._members(80), symlink("link", "sub0/0")])
        self._make("folder", self._members(40))

    def _serve(self, paces: list[int | None]) -> None:
        for path in ("model.bin", "large.bin", "a.zip", "a.tar.gz"):
            self._server.put(
                f"/{path}",
                self._folder / path,
                etag=f'"{self._version}"',
                bytes_per_second=self._generator.choice(
                    _SLOW if path == "large.bin" and paces[-1] else paces
                ),
            )

    def _members(self, count: int) -> list[Item]:
        sizes = [self._generator.choice([0, 100, 5_000, 30_000]) for _ in range(count)]
        return [
            file(f"sub{number % 3}/{number}", self._generator.randbytes(size))
            for number, size in enumerate(sizes)
        ]

    def _make(self, name: str, items: list[Item]) -> None:
        self._now[name] = {item.name: _seen(item) for item in items}
        match name:
            case "file" | "large":
                _replace(self._folder / items[0].name, items[0].data)
            case "folder":
                for item in items:
                    _replace(self._folder / "source" / item.name, item.data)
            case _:
                archive_format = {"zip": "zip", "tar": "tar.gz"}[name]
                path = self._folder / f"a.{archive_format}"
                write_archive(path.with_name("new"), archive_format, items).replace(path)

    def _wait_for_a_moment(self) -> None:
        """Until some bytes have come, until a commit is near, or just for a while."""
        match self._generator.randrange(3):
            case 0:
                so_far, wanted = self._bytes_sent(), self._generator.randrange(_MAX_BYTES)
                with contextlib.suppress(TimeoutError):
                    self._server.wait_for(lambda _: self._bytes_sent() - so_far >= wanted, _MAX_WAIT_SECONDS)
                time.sleep(self._generator.random() * 0.03)
            case 1:
                give_up_at = time.monotonic() + _MAX_DELAY_SECONDS
                complete = str(self._layout.staging / "*/*/*/*/tree" / INFO_NAME)
                while not glob.glob(complete) and time.monotonic() < give_up_at:  # noqa: PTH207 - races
                    pass
                time.sleep(self._generator.choice([0, 0.0002, 0.002]))
            case _:
                time.sleep(self._generator.random() * _MAX_DELAY_SECONDS)

    def _bytes_sent(self) -> int:
        return sum(request.bytes_sent for request in self._server.requests)

    def _audit(self) -> None:
        """What would a fresh process hand out now?"""
        for part in self._layout.staging.glob("*/*/*/*"):
            self._tally.count("killed in the middle of", _moment(part))
        with self._manager() as manager:
            for config in manager.project.assets:
                inspection = inspect(self._layout, config, self._folder)
                self._tally.count("found after the kill", inspection.status)
                if inspection.status == "corrupt":
                    self._tally.fail(f"{config.name} is corrupt")
                if inspection.path is None:
                    self._standing.pop(config.name, None)
                else:
                    self._check(config.name, inspection.path, self._now, self._standing)

    def _heal(self) -> None:
        with self._manager() as manager:
            for config in manager.project.assets:
                requests_before = len(self._server.requests)
                path = manager.ask(GetAssetPath(name=config.name)).get(timeout=60).path
                self._count_healing(requests_before)
                self._check(config.name, path, self._now, self._standing)
                # Of a refresh something may have arrived, which only another refresh goes on with.
                if resumable_bytes(self._layout.staging_folder(config), config.fingerprint):
                    requests_before = len(self._server.requests)
                    path = (
                        manager.ask(GetAssetPath(name=config.name, force_download=True)).get(timeout=60).path
                    )
                    self._count_healing(requests_before)
                    self._check(config.name, path, self._now)
                outcome = manager.ask(VerifyAsset(name=config.name)).get(timeout=60)
                if outcome.outcome != "verified":
                    self._tally.fail(f"{config.name} is not verified: {outcome.detail}")
        if left := left_over(self._layout):
            self._tally.fail(f"left in the cache folder: {left}")

    def _count_healing(self, requests_before: int) -> None:
        requests = self._server.requests[requests_before:]
        sent_bytes = sum(request.bytes_sent for request in requests)
        full_bytes = sum((self._folder / request.path[1:]).stat().st_size for request in requests)
        self._sent_bytes += sent_bytes
        self._full_bytes += full_bytes
        if not requests:
            self._tally.count("the next run", "needed no transfer")
        elif sent_bytes < full_bytes:
            self._tally.count("the next run", "resumed")
        else:
            self._tally.count("the next run", "fetched all of it")

    def _check(self, name: str, path: Path, *allowed: dict[str, Manifest]) -> None:
        folder = path if path.is_dir() else path.parent
        found = {
            entry.relative_to(folder).as_posix(): f"-> {entry.readlink()}"
            if entry.is_symlink()
            else _digest(entry)
            for entry in folder.rglob("*")
            if entry.is_symlink() or entry.is_file()
        }
        del found[INFO_NAME]
        if found not in [manifests.get(name) for manifests in allowed]:
            self._tally.fail(f"{name} has wrong bytes")
        self._standing[name] = found

    def _manager(self) -> AssetManager:
        return AssetManager.from_project(self._project_path, on_progress=lambda _: None)


def _seen(item: Item) -> str:
    return f"-> {item.target}" if item.target else hashlib.sha256(item.data).hexdigest()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.with_name("new").write_bytes(data)
    path.with_name("new").replace(path)


def _moment(part: Path) -> str:
    """What the killed process was doing with a part."""
    if (part / "tree" / INFO_NAME).exists():
        return "a commit"
    if (part / "tree").exists():
        return "an unpacking" if (part / "data").exists() else "a copying or hashing"
    with contextlib.suppress(OSError):
        if '"arrived":[' in (part / "journal.json").read_text():
            return "a transfer over several connections"
    return "a transfer" if (part / "data").exists() else "a beginning or an end"


def run(rounds: int, seed: int, tally: Tally) -> None:
    """See `campaign.Campaign`."""
    with open_ground(random.Random(seed), tally) as ground:
        Campaign(ground).run(rounds)
