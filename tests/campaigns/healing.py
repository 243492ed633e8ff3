"""The quiet run after a disturbance: everything heals, and nothing is left in the cache but assets."""

from collections.abc import Callable
from pathlib import Path

import pykka

from ground import Ground
from openmas_assets.actors.cache.layout import CacheLayout
from openmas_assets.actors.cache.staging import resumable_bytes
from openmas_assets.actors.cache.sweep import leftovers
from openmas_assets.actors.manager import AssetManager
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.manager import GetAssetPath, VerifyAsset
from published import Publisher, look

_TIMEOUT_SECONDS = 90


class Healing:
    """Asks for every asset once nobody disturbs any more.

    Args:
        ground: What the campaign works with.
        publisher: Knows the right bytes.
        layout: The cache.
        open_manager: Opens a manager of that cache.
        what: What has disturbed it, for the texts of failures.
    """

    def __init__(
        self,
        ground: Ground,
        publisher: Publisher,
        layout: CacheLayout,
        open_manager: Callable[[], AssetManager],
        what: str,
    ) -> None:
        self._server, self._tally = ground.server, ground.tally
        self._publisher = publisher
        self._layout = layout
        self._open_manager = open_manager
        self._what = what

    def run(self) -> set[str]:
        """Get and verify each asset; the names of those that were fetched."""
        with self._open_manager() as manager:
            fetched = {config.name for config in manager.project.assets if self._heal(manager, config)}
        for config in manager.project.assets:
            for part in leftovers(self._layout, config):
                self._fail(f"a part of {config.name} is left that nobody will go on with: {part.name}")
        # Of a refresh something may have arrived, which only another refresh goes on with.
        with self._open_manager() as manager:
            for config in manager.project.assets:
                if resumable_bytes(self._layout.staging_folder(config), config.fingerprint):
                    self._tally.count("the next run", "went on with a refresh")
                    self._ask_for(manager, config, force_download=True)
        return fetched

    def look_for_leftovers(self) -> None:
        """Look for everything in the cache that is no asset."""
        if left := left_over(self._layout):
            self._fail(f"left in the cache folder: {', '.join(left[-5:])}")

    def _heal(self, manager: AssetManager, config: AssetConfig) -> bool:
        requests_before = len(self._server.requests)
        self._ask_for(manager, config)
        is_fetched = len(self._server.requests) > requests_before
        self._tally.count("the next run", "fetched it" if is_fetched else "found it")
        return is_fetched

    def _ask_for(self, manager: AssetManager, config: AssetConfig, *, force_download: bool = False) -> None:
        name = config.name
        ask = GetAssetPath(name=name, force_download=force_download)
        try:
            path = manager.ask(ask).get(timeout=_TIMEOUT_SECONDS).path
            outcome = manager.ask(VerifyAsset(name=name)).get(timeout=_TIMEOUT_SECONDS)
        except (AssetError, pykka.Timeout) as error:
            self._fail(f"{name} does not heal: {error!r}")
            return
        if not self._publisher.is_known(name, look(path)) or outcome.outcome != "verified":
            self._fail(f"{name} healed wrong: {outcome.detail}")

    def _fail(self, problem: str) -> None:
        self._tally.fail(f"{self._what}: {problem}")


def left_over(layout: CacheLayout) -> list[str]:
    """What lies in a cache of one version of each model besides these, relative to the cache folder.

    Args:
        layout: The cache.
    """
    paths = [path.relative_to(layout.root) for path in sorted(layout.root.rglob("*"))]
    return [str(path) for path in paths if not _is_in_place(path)]


def _is_in_place(path: Path) -> bool:
    return path.parts[0] == "model" and path.parts[2:3] in ((), ("latest",))
