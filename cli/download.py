"""What `download` does: who is meant, and the answers as they come."""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue

from openmas_assets.actors import AssetManager
from openmas_assets.cli.program import fail
from openmas_assets.cli.screen import say
from openmas_assets.cli.text import printable
from openmas_assets.messages.errors import AssetConfigurationError, AssetError
from openmas_assets.messages.manager import GetAssetPath
from openmas_assets.messages.project import ProjectConfig
from openmas_assets.messages.suggestion import listed


def what_can_be_named(project: ProjectConfig) -> str:
    """Tell somebody who named nothing what there is.

    Args:
        project: The project.
    """
    return (
        "Name the assets to download, or use --agent AGENT or --all. "
        f"Assets: {printable(listed([asset.name for asset in project.assets]))}. "
        f"Agents: {printable(listed(list(project.agents)))}."
    )


def add_required(project: ProjectConfig, agent: str, wanted: list[str]) -> bool:
    """Add what an agent requires; show the error if there is no such agent.

    Args:
        project: The project.
        agent: The agent's name.
        wanted: Gets the names.

    Returns:
        Whether there is such an agent.
    """
    try:
        wanted += project.required_assets(agent)
    except AssetConfigurationError as error:
        fail(error)
        return False
    return True


def fetch(manager: AssetManager, names: Sequence[str], *, is_forced: bool) -> int:
    """Fetch assets in parallel, and print their paths in the order of the names.

    An error is shown at once: who waits for a large asset wants to know now that another one has failed.

    Args:
        manager: Who fetches.
        names: The assets, each once.
        is_forced: Whether they are transferred even if they are cached.

    Returns:
        How many failed.
    """
    paths: dict[str, Path | None] = {}
    waiting = deque(names)
    for name, answer in _answers(manager, names, is_forced=is_forced):
        paths[name] = None if isinstance(answer, AssetError) else answer
        if isinstance(answer, AssetError):
            fail(answer)
        while waiting and waiting[0] in paths:
            path = paths[waiting.popleft()]
            if path is not None:
                # Bytes: a path need not be valid text, and must come out as it is.
                say(os.fsencode(path))
    return sum(path is None for path in paths.values())


def _answers(
    manager: AssetManager, names: Sequence[str], *, is_forced: bool
) -> Iterator[tuple[str, Path | AssetError]]:
    """Each path or error, in the order in which they come."""
    replies = {name: manager.ask(GetAssetPath(name=name, force_download=is_forced)) for name in names}
    answered: SimpleQueue[str] = SimpleQueue()
    for name, reply in replies.items():
        reply.add_done_callback(lambda _, name=name: answered.put(name))  # type: ignore[misc] # mypy and defaults
    for _ in names:
        name = answered.get()
        try:
            yield name, replies[name].get().path
        except AssetError as error:
            yield name, error
