"""Everything that a project needs, wired together."""

import contextlib
from pathlib import Path
from types import TracebackType
from typing import Self

from openmas_assets.actors.manager import AssetManager
from openmas_assets.actors.plugin_dispatcher import PluginDispatcher
from openmas_assets.actors.store import AssetStore


class AssetSystem:
    """A project's asset actors, opened and closed together.

    References name assets of the store and, where it has none of that id, assets that the project declares.

    Args:
        asset_manager: Gives paths of declared assets. Closed with the system.

    Attributes:
        asset_manager: Gives paths of declared assets.
        asset_store: Keeps objects in memory, and reads references.
        plugins: Calls plugins.
    """

    def __init__(self, asset_manager: AssetManager) -> None:
        self.asset_manager = asset_manager
        self.asset_store = AssetStore(asset_manager=asset_manager)
        self.plugins = PluginDispatcher(self.asset_store)

    @classmethod
    def from_project(cls, path: Path | str | None = None) -> Self:
        """Open the system of a project file.

        Args:
            path: The file or its folder; None: `openmas_project.yml` in the working folder or above it.

        Raises:
            AssetConfigurationError: There is no such file, or it is wrong.
        """
        return cls(AssetManager.from_project(path))

    def close(self) -> None:
        """Close everything, in the reverse order of opening. Idempotent; any thread."""
        with contextlib.ExitStack() as stack:
            for facade in (self.asset_manager, self.asset_store, self.plugins):
                stack.callback(facade.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async with contextlib.AsyncExitStack() as stack:
            for facade in (self.asset_manager, self.asset_store, self.plugins):
                stack.push_async_exit(facade)
