"""Has the disk fail under a cache in the ways that disks fail, before and in the midst of transfers.

Each round picks a trick of `disk_tricks`, asks for assets of all kinds, refreshes and clears some while it
holds, and then checks

* that each request ended in right bytes or in an `AssetCacheError` that says what to do;
* that copies which stood there before stand there still, unless the trick itself took them;
* that once the disk is well again the next request heals, and leaves nothing in the cache but assets.
"""

import contextlib
import logging
import random
import shutil
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pykka
import pytest

from disk_tricks import TRICKS, Scene, Trick
from ground import Ground, open_ground
from healing import Healing
from hub import Hub
from hub_home import open_hub
from openmas_assets.actors.cache.inspection import inspect
from openmas_assets.actors.cache.layout import CacheLayout
from openmas_assets.actors.manager import AssetManager
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.errors import AssetCacheError, AssetError
from openmas_assets.messages.manager import ClearAsset, GetAssetPath
from openmas_assets.messages.project import ProjectConfig
from published import Manifest, Publisher, look
from rewriting import rewrite
from small_disk import CannotMountError, one_second_disk, tmpfs
from tally import Tally
from unprivileged import unprivileged

ROUND = "disks failed"
SHORT = 12
LONG = 500

_FILE_BYTES = 1 << 19
_KINDS = {
    "file": "file",
    "stream": "file",
    "zip": "zip",
    "tar": "tar.gz",
    "folder": "folder",
    "snapshot": "snapshot",
    "nested": "hub file",
}
# Enough for two versions of every asset, and what is unpacked from.
_DISK_BYTES = 40 * _FILE_BYTES
_INODES = 1000
_TIMEOUT_SECONDS = 60


class Campaign:
    """The disks, the caches on them, and what is served.

    Args:
        ground: What it works with.
        hub: Serves snapshots.
    """

    def __init__(self, ground: Ground, hub: Hub) -> None:
        self._ground = ground
        self._folder, self._generator, self._server, self._tally = ground
        self._sources = self._folder / "sources"
        self._sources.mkdir()
        self._publisher = Publisher(
            self._sources, self._server, self._generator, _KINDS, _FILE_BYTES, hub=hub
        )
        assets: Any = self._publisher.declarations
        self._project = ProjectConfig.model_validate({"assets": assets})

    def run(self, rounds: int) -> None:
        """Play a trick and look, so many times: each of them in turn, then any."""
        with contextlib.ExitStack() as stack:
            disks = self._open_disks(stack)
            tricks = [trick for trick in TRICKS if trick.disk in disks]
            for trick in TRICKS:
                if trick not in tricks:
                    self._tally.count("left out, as nothing can be mounted here", trick.name)
            for number in range(rounds):
                trick = tricks[number] if number < len(tricks) else self._generator.choice(tricks)
                self._tally.count("played", trick.name)
                self._round(trick, CacheLayout(disks[trick.disk] / "cache"))
                self._tally.end_round()

    def _open_disks(self, stack: contextlib.ExitStack) -> dict[str, Path]:
        disks = {"plain": self._folder / "plain"}
        disks["plain"].mkdir()
        options = f"size={_DISK_BYTES}"
        with contextlib.suppress(CannotMountError):
            disks["small"] = stack.enter_context(tmpfs(self._folder / "small", options))
            options = f"size={2 * _DISK_BYTES},nr_inodes={_INODES}"
            disks["few inodes"] = stack.enter_context(tmpfs(self._folder / "few", options))
        with contextlib.suppress(CannotMountError):
            disks["one second"] = stack.enter_context(one_second_disk(self._folder / "one-second"))
        return disks

    def _round(self, trick: Trick, layout: CacheLayout) -> None:
        keys = tuple(config.key for config in self._project.assets)
        scene = Scene(layout, self._generator, _FILE_BYTES, keys)
        for name in _KINDS:
            if self._generator.random() < 0.4:
                self._publisher.publish(name)
            pace = self._generator.choice([None, 2 << 20])
            framing = "chunked" if name == "stream" else "length"
            self._publisher.serve(name, bytes_per_second=pace, framing=framing)
        before = self._standing(layout, trick)
        cleared: set[str] = set()
        if trick.is_unprivileged:
            unprivileged(lambda: self._work(trick, scene, cleared))
        else:
            self._work(trick, scene, cleared)
        self._check_kept(trick, layout, {name: before[name] for name in before if name not in cleared})
        self._heal(trick, layout)
        if trick.disk == "one second":
            with self._manager(layout) as manager:
                rewrite(manager, self._publisher, self._generator, self._tally)

    def _work(self, trick: Trick, scene: Scene, cleared: set[str]) -> None:
        """Ask for assets, and have the trick played before or in the midst of it."""
        is_midway = trick.comes_midway and self._generator.random() < 0.5
        with contextlib.ExitStack() as stack:
            if not is_midway:
                stack.enter_context(trick.play(scene))
            manager = stack.enter_context(self._manager(scene.layout))
            names = self._generator.sample(sorted(_KINDS), self._generator.randrange(1, len(_KINDS) + 1))
            wanted = [(name, self._generator.random() < 0.5) for name in names]
            sent_before = self._bytes_sent()
            replies = [manager.ask(GetAssetPath(name=name, force_download=forced)) for name, forced in wanted]
            if is_midway:
                self._wait_for_a_moment(sent_before)
                stack.enter_context(trick.play(scene))
            for (name, is_forced), reply in zip(wanted, replies, strict=True):
                with self._outcome(trick, name):
                    path = reply.get(timeout=_TIMEOUT_SECONDS).path
                    self._check_handed_out(trick, name, path, is_forced=is_forced)
            if not is_midway or self._generator.random() < 0.5:
                self._clear(trick, manager, cleared)

    def _clear(self, trick: Trick, manager: AssetManager, cleared: set[str]) -> None:
        name = self._generator.choice(sorted(_KINDS))
        with self._outcome(trick, name, may_fail=not trick.frees_by_clearing):
            cleared.add(name)
            manager.ask(ClearAsset(name=name)).get(timeout=_TIMEOUT_SECONDS)
            self._tally.count("ended in", "a copy cleared")

    @contextlib.contextmanager
    def _outcome(self, trick: Trick, name: str, *, may_fail: bool = True) -> Iterator[None]:
        try:
            yield
        except AssetCacheError as error:
            self._tally.count("ended in", f"an error: {_kind(error)}")
            if error.fix is None:
                self._tally.fail(f"{trick.name}: no word of what to do: {error}")
            if not may_fail:
                self._tally.fail(f"{trick.name}: {name} could not be cleared: {error}")
        except (AssetError, pykka.Timeout) as error:
            self._tally.fail(f"{trick.name}: {name}: {error!r}")

    def _check_handed_out(self, trick: Trick, name: str, path: Path, *, is_forced: bool) -> None:
        try:
            if _KINDS[name] not in ("file", "hub file"):
                next(path.iterdir(), None)  # something else may stand in the place of the folder by now
            manifest = look(path)
        except OSError as error:
            if trick.keeps_bytes:
                self._tally.fail(f"{trick.name}: {name} was handed out, but {error!r}")
            self._tally.count("ended in", "a path that could not be read any more")
            return
        is_right = self._publisher.is_current if is_forced else self._publisher.is_known
        self._tally.count("ended in", "right bytes")
        if is_right(name, manifest):
            return
        # Where files vanish while they are looked at, what was seen must still be of one version.
        versions = [version.manifest.items() for version in self._publisher.versions[name]]
        if trick.keeps_bytes or not any(manifest.items() <= version for version in versions):
            self._tally.fail(f"{trick.name}: {name} has wrong bytes")

    def _standing(self, layout: CacheLayout, trick: Trick) -> dict[str, Manifest]:
        """What a fresh process would hand out now."""
        standing = {}
        for config in self._project.assets:
            inspection = inspect(layout, config, self._sources)
            if inspection.path is not None:
                standing[config.name] = look(inspection.path)
                if not self._publisher.is_known(config.name, standing[config.name]):
                    self._tally.fail(f"{trick.name}: {config.name} would be handed out with wrong bytes")
        return standing

    def _check_kept(self, trick: Trick, layout: CacheLayout, before: dict[str, Manifest]) -> None:
        now = self._standing(layout, trick)
        for config in self._project.assets:
            self._tally.count("found afterwards", inspect(layout, config, self._sources).status)
        for name, manifest in before.items():
            if not trick.keeps_copies or self._is_stale(layout, name):
                continue
            if name not in now:
                self._tally.fail(f"{trick.name}: the copy of {name} is lost")
            elif now[name] != manifest and not self._publisher.is_current(name, now[name]):
                self._tally.fail(f"{trick.name}: the copy of {name} is another one")

    def _heal(self, trick: Trick, layout: CacheLayout) -> None:
        healing = Healing(
            self._ground, self._publisher, layout, lambda: self._manager(layout), what=trick.name
        )
        standing = {config.name for config in self._project.assets if self._bytes_stand(layout, config)}
        for name in sorted(healing.run() & standing):
            self._tally.fail(f"{trick.name}: {name} was fetched although it was there")
        # Of a copy that lost its metadata first nobody knows that it was ours: it is kept, with a warning.
        for path in layout.root.glob("*/*/*.foreign-*") if trick.takes_folders else ():
            self._tally.count("the next run", "kept the rest of a copy whose metadata had vanished")
            shutil.rmtree(path)
        healing.look_for_leftovers()

    def _is_stale(self, layout: CacheLayout, name: str) -> bool:
        """Whether a local source has changed since: its old copy is kept, but not handed out."""
        return inspect(layout, self._project.asset(name), self._sources).status == "stale"

    def _bytes_stand(self, layout: CacheLayout, config: AssetConfig) -> bool:
        """Whether the cache has right bytes whose times at the most need to be noted anew."""
        inspection = inspect(layout, config, self._sources)
        if inspection.info is None or inspection.info.is_corrupt:
            return False
        info, folder = inspection.info, layout.version_folder(config)
        with contextlib.suppress(OSError):
            path = folder if info.path == "." else folder / info.path
            return self._publisher.is_known(config.name, look(path))
        return False

    def _wait_for_a_moment(self, sent_before: int) -> None:
        wanted = self._generator.randrange(2 * _FILE_BYTES)
        with contextlib.suppress(TimeoutError):
            self._server.wait_for(lambda _: self._bytes_sent() - sent_before >= wanted, 0.3)
        time.sleep(self._generator.choice([0, self._generator.random() * 0.03]))

    def _bytes_sent(self) -> int:
        return sum(request.bytes_sent for request in self._server.requests)

    def _manager(self, layout: CacheLayout) -> AssetManager:
        return AssetManager(
            self._project, project_root=self._sources, cache_dir=layout.root, on_progress=lambda _: None
        )


@contextlib.contextmanager
def _silence_of_the_library() -> Iterator[None]:
    """The Hub's library has warnings and log lines of its own for each of these disks."""
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            yield
    finally:
        logging.disable(logging.NOTSET)


def _kind(error: AssetCacheError) -> str:
    """The error without what is different each time: paths and numbers."""
    problem = error.problem.split(" (")[0]
    return "not enough room is left" if "is too full" in problem else problem


def run(rounds: int, seed: int, tally: Tally) -> None:
    """See `campaign.Campaign`."""
    with (
        _silence_of_the_library(),
        open_ground(random.Random(seed), tally) as ground,
        pytest.MonkeyPatch.context() as patch,
        open_hub(patch, ground.folder / "home") as hub,
    ):
        Campaign(ground, hub).run(rounds)
