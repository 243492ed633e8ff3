"""The project: what `openmas_project.yml` says about assets."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import ConfigDict, Field, model_validator

from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.declaration import Declaration, PathText, PositiveAmount, PositiveCount
from openmas_assets.messages.errors import AssetConfigurationError, UnknownAssetError
from openmas_assets.messages.naming import naming_problems
from openmas_assets.messages.suggestion import closest, listed


class AgentConfig(Declaration):
    """What an agent needs. Its other keys are the framework's; an agent given as plain text needs nothing.

    Attributes:
        required_assets: The names of its assets.
    """

    model_config = ConfigDict(extra="ignore")

    required_assets: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _read_plain_text(cls, data: Any) -> Any:
        return {} if data is None or isinstance(data, str) else data


class AssetSettings(Declaration):
    """How assets are kept, for the whole project.

    Attributes:
        cache_dir: The cache folder as it stands in the project file; None for the default.
        max_unpacked_members: How many members an archive may have.
        max_unpacked_bytes: How many bytes it may unpack to.
        max_unpack_ratio: How many times larger than the archive that may be.
        max_connections: How many connections to HTTP servers there may be at once, over all transfers.
        max_bandwidth_mb_s: How much may come over them all, in megabytes (10^6) a second; None: no limit.
    """

    cache_dir: PathText | None = None
    max_unpacked_members: PositiveCount = 1_000_000
    max_unpacked_bytes: PositiveCount = 2**40
    max_unpack_ratio: PositiveAmount = 200.0
    max_connections: PositiveCount = 16
    max_bandwidth_mb_s: PositiveAmount | None = None

    @property
    def max_bytes_per_second(self) -> float | None:
        """`max_bandwidth_mb_s` in bytes."""
        return None if self.max_bandwidth_mb_s is None else self.max_bandwidth_mb_s * 1_000_000


class Settings(Declaration):
    """The project's settings. Those that are not about assets belong to the framework.

    Attributes:
        assets: How assets are kept.
    """

    model_config = ConfigDict(extra="ignore")

    # Were the default an instance, its class would build a validator of its own when this is imported.
    assets: AssetSettings = Field(default={}, validate_default=True)


class ProjectConfig(Declaration):
    """All that a project declares about assets. Other top-level keys belong to the framework and are dropped.

    Attributes:
        name: The project's name; the framework's, and only carried along.
        version: The project's version; likewise.
        assets: What is declared, in the order of the file.
        agents: Who needs what, by the agent's name.
        settings: How assets are kept.
    """

    model_config = ConfigDict(extra="ignore")

    name: str | None = None
    version: str | None = None
    assets: tuple[AssetConfig, ...] = ()
    agents: Mapping[str, AgentConfig] = Field(default_factory=dict)
    settings: Settings = Field(default={}, validate_default=True)

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        problems = naming_problems(
            {
                "assets": [{"name": asset.name} for asset in self.assets],
                "agents": {
                    name: {"required_assets": agent.required_assets} for name, agent in self.agents.items()
                },
            }
        )
        if problems:
            raise ValueError("; ".join(str(problem) for problem in problems))
        return self

    def asset(self, name: str) -> AssetConfig:
        """Look up an asset.

        Args:
            name: The name it is declared by.

        Returns:
            Its configuration.

        Raises:
            UnknownAssetError: None is declared by that name. The error suggests one and lists them.
        """
        for asset in self.assets:
            if asset.name == name:
                return asset
        names = [asset.name for asset in self.assets]
        raise UnknownAssetError(
            "no asset of that name is declared in the project",
            asset_name=name,
            fix=f"{_suggestion(name, names)}Declared are: {listed(names)}.",
        )

    def required_assets(self, agent_name: str) -> tuple[str, ...]:
        """Look up what an agent needs.

        Args:
            agent_name: The agent's key under `agents`.

        Returns:
            The names of its assets, each once, in the order of the file.

        Raises:
            AssetConfigurationError: The project has no such agent.
        """
        if agent_name not in self.agents:
            names = list(self.agents)
            raise AssetConfigurationError(
                f"the project has no agent '{agent_name}'",
                fix=f"{_suggestion(agent_name, names)}Its agents are: {listed(names)}.",
            )
        return tuple(dict.fromkeys(self.agents[agent_name].required_assets))


def _suggestion(word: str, names: list[str]) -> str:
    match = closest(word, names)
    return f"Did you mean '{match}'? " if match is not None else ""
