"""Fetches assets from a server where all goes wrong that can, and looks what comes of each.

Each round asks for a handful of assets at once, over one manager and one host, with a random sequence of
troubles (`troubles.py`) for each, and checks

* that each ends within its time limit in the right bytes, which are those of one published version, or in an
  `AssetError`; in the right bytes if the server did nothing wrong to this one, whatever it did to others;
* that nothing is left of it: no thread, no descriptor, no part that nobody can go on with, no warning.

The cache is kept over some rounds, so that a transfer goes on with what an earlier one left, while the server
has changed the file or not. A trouble that only a checksum can tell is kept from the assets that have none.
"""

import contextlib
import gc
import hashlib
import logging
import os
import random
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from faulty_assets import GRACE_SECONDS, TIMEOUT_SECONDS, Asset, Shelf
from ground import Ground, open_ground
from openmas_assets.actors.cache.layout import INFO_NAME, CacheLayout
from openmas_assets.actors.cache.sweep import leftovers
from openmas_assets.actors.manager import AssetManager
from openmas_assets.actors.sources import http_pace
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.manager import GetAssetPath, ListAssets
from openmas_assets.messages.project import ProjectConfig
from tally import Tally

ROUND = "assets under faults"
SHORT = 30
LONG = 3_000

_ROUNDS_A_CACHE = 8
# What a slow connection is judged by, so that several fetch a file that is over in a second.
_JUDGEMENT = {
    "_LEAST_SLEEP_SHARE": -100.0,
    "_LEAST_SECONDS_LEFT": 0.0,
    "_LEAST_WINDOW_SECONDS": 0.03,
}


class Campaign:
    """The server, the cache, and the versions that the assets had and have.

    Args:
        ground: What it works with.
    """

    def __init__(self, ground: Ground) -> None:
        self._folder, generator, server, self._tally = ground
        self._server = server
        self._shelf = Shelf(self._folder, generator, server)
        self._longest = 0.0
        self._layout = CacheLayout(self._folder)
        server.put("/loop", redirect="/loop2")
        server.put("/loop2", redirect="/loop")
        for hops in range(301):
            server.put(f"/hop/{hops}", redirect=f"/hop/{hops - 1}")

    def run(self, rounds: int) -> None:
        """Ask for so many assets."""
        number = 0
        self._ask_once()
        while self._tally.rounds < rounds:
            if number % _ROUNDS_A_CACHE == 0:
                self._layout = CacheLayout(self._folder / str(number))
            number += 1
            self._ask_for(self._shelf.some())
        self._tally.figures.append(f"the longest took {self._longest:.1f} s")

    def _ask_once(self) -> None:
        """Have what a thread opens once, when it first waits for an answer."""
        with AssetManager(ProjectConfig(), cache_dir=self._layout.root) as manager:
            manager.ask(ListAssets()).get(timeout=GRACE_SECONDS)

    def _ask_for(self, assets: Sequence[Asset]) -> None:
        threads, descriptors = threading.active_count(), _descriptors()
        project = ProjectConfig.model_validate({"assets": [asset.declaration for asset in assets]})
        requests = len(self._server.requests)
        with self._no_warnings():
            with AssetManager(
                project, cache_dir=self._layout.root, pool_size=len(assets), on_progress=lambda _: None
            ) as manager:
                for asset in assets:
                    asset.asked_at = time.monotonic()
                    asset.reply = manager.ask(GetAssetPath(name=asset.name, force_download=True))
                for asset in assets:
                    self._judge(asset)
                self._count_troubles(assets, requests)
                self._look_for_parts(manager)
            self._look_for_leftovers(threads, descriptors)
        for _ in assets:
            self._tally.end_round()

    def _judge(self, asset: Asset) -> None:
        assert asset.reply is not None
        left_seconds = asset.asked_at + asset.limit_seconds - time.monotonic()
        try:
            path = asset.reply.get(timeout=max(left_seconds, 0)).path
        except AssetError as error:
            self._tally.count("ended in", type(error).__name__)
            may_be_old = len(asset.versions) > 1 and "checksum" in asset.declaration
            if not any(asset.troubles) and not may_be_old:
                self._judge_innocent(asset, error)
        except Exception as error:  # noqa: BLE001 - a hang, or a bug that should have been a typed error
            self._fail(asset, f"ended in {error!r}\n{_stacks()}")
        else:
            how = "in spite of troubles" if any(asset.troubles) else "as nothing went wrong"
            self._tally.count("ended in", f"the right bytes, {how}")
            if _found(path) not in [version.found for version in asset.versions]:
                self._fail(asset, "has wrong bytes")
        self._longest = max(self._longest, time.monotonic() - asset.asked_at)

    def _judge_innocent(self, asset: Asset, error: AssetError) -> None:
        if "OPENMAS_ASSETS_TIMEOUT" in str(error):
            self._tally.count("seen on the way", "a machine too busy for the time-out")
        else:
            self._fail(asset, f"failed, and the server did nothing wrong: {error}")

    def _fail(self, asset: Asset, what: str) -> None:
        names = [None if trouble is None else trouble.name for trouble in asset.troubles]
        served = [
            f"{request.status} {request.range} {request.bytes_sent}"
            for request in self._server.requests[-200:]
            if request.is_for(f"/{asset.name}")
        ]
        self._tally.fail(
            f"{asset.name} {what}\n  troubles: {names}, {'the last one stays' if asset.is_hopeless else ''}"
            f"\n  versions: {[(len(version.data), version.options) for version in asset.versions]}"
            f"\n  retries: {asset.declaration['retries']}, checksum: {'checksum' in asset.declaration}"
            f"\n  requests: {served[-12:]}"
        )

    def _count_troubles(self, assets: Sequence[Asset], requests_before: int) -> None:
        requests = self._server.requests[requests_before:]
        for asset in assets:
            own = [request for request in requests if request.is_for(f"/{asset.name}")]
            for trouble, _ in zip(asset.troubles, own, strict=False):
                if trouble is not None:
                    self._tally.count("troubles met", trouble.name)
            if len({request.client_port for request in own if request.status == 206}) > 2:
                self._tally.count("seen on the way", "several connections")
            for what, is_seen in {
                "a part that was gone on with": any(request.status == 206 for request in own),
                "a file that has changed": any(each.range and each.status == 200 for each in own),
            }.items():
                if is_seen:
                    self._tally.count("seen on the way", what)

    def _look_for_parts(self, manager: AssetManager) -> None:
        for config in manager.project.assets:
            for path in leftovers(self._layout, config):
                if path.exists():  # else an idle downloader has just noted there that a copy is on the disk
                    self._tally.fail(f"a part of {config.name} is left that nobody can go on with: {path}")

    @contextlib.contextmanager
    def _no_warnings(self) -> Iterator[None]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
            gc.collect()
        for warning in caught:
            self._tally.fail(f"a warning: {warning.message}")

    def _look_for_leftovers(self, threads: int, descriptors: int) -> None:
        """What waits for an answer may do so until its time-out; the server's side ends after ours."""
        give_up_at = time.monotonic() + 4 * TIMEOUT_SECONDS + GRACE_SECONDS
        while threading.active_count() > threads or _descriptors() > descriptors:
            if time.monotonic() > give_up_at:
                names = [thread.name for thread in threading.enumerate()]
                self._tally.fail(f"left: {_descriptors() - descriptors} descriptors, of the threads {names}")
                return
            time.sleep(0.005)


def _stacks() -> str:
    """Where our threads are."""
    frames = sys._current_frames()
    return "".join(
        f"  {thread.name}\n{''.join(traceback.format_stack(frames[thread.ident])[-6:])}"
        for thread in threading.enumerate()
        if thread.ident in frames and thread.name.startswith(("openmas", "Downloader"))
    )


def _found(path: Path) -> dict[str, str]:
    paths = [each for each in path.rglob("*") if each.is_file()] if path.is_dir() else [path]
    folder = path if path.is_dir() else path.parent
    return {
        each.relative_to(folder).as_posix(): hashlib.sha256(each.read_bytes()).hexdigest()
        for each in paths
        if not each.name.startswith(INFO_NAME)  # it may be written anew at this very moment
    }


def _descriptors() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


@contextlib.contextmanager
def _circumstances() -> Iterator[None]:
    """Short time-outs, no proxies, and several connections for what is over soon."""
    environment, judgement = dict(os.environ), {name: getattr(http_pace, name) for name in _JUDGEMENT}
    os.environ |= {"OPENMAS_ASSETS_TIMEOUT": str(TIMEOUT_SECONDS), "NO_PROXY": "*"}
    vars(http_pace).update(_JUDGEMENT)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(environment)
        vars(http_pace).update(judgement)


def run(rounds: int, seed: int, tally: Tally) -> None:
    """See `campaign.Campaign`."""
    logging.getLogger("urllib3").addHandler(logging.NullHandler())
    with open_ground(random.Random(seed), tally) as ground, _circumstances():
        Campaign(ground).run(rounds)
