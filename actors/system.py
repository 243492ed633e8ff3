"""Everything that a project needs, wired together."""

from pathlib import Path
from types import TracebackType
from typing import Self

from openmas_assets.actors.manager import AssetManager


class AssetSystem:
    """A project's asset actors, opened and closed together.

    Args:
        asset_manager: Gives paths of declared assets.

    Attributes:
        asset_manager: Gives paths of declared assets.
    """

    def __init__(self, asset_manager: AssetManager) -> None:
        self.asset_manager = asset_manager

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
        self.asset_manager.close()

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
        await self.asset_manager.__aexit__(kind, error, trace)
