"""A plugin's config: given as it is, or read from a YAML file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from openmas_assets.actors.project_document import ProjectDocument
from openmas_assets.messages.errors import AssetConfigurationError
from openmas_assets.messages.plugin_config import PluginConfig, parse_plugin_config

_ADVICE = {
    "begin it with name: my-project": "begin it with info: {title: my_plugin}",
    "is it a project file?": "is it a plugin file?",
}


def read_plugin_config(config: Mapping[str, Any] | Path | str) -> PluginConfig:
    """Read a plugin's config. Blocks on the disk where it is a file.

    Args:
        config: The config, or the YAML file that holds it.

    Raises:
        AssetConfigurationError: The file cannot be read, or the config is broken; every problem is listed.
    """
    if not isinstance(config, Path | str):
        return parse_plugin_config(config)
    path = Path(config)
    data = _read(path)
    try:
        return parse_plugin_config(data)
    except AssetConfigurationError as error:
        problem = f"in the plugin file {path}: {error.problem}"
        raise AssetConfigurationError(problem, path=path, problems=error.problems, fix=error.fix) from None


def _read(path: Path) -> dict[Any, Any]:
    try:
        document = ProjectDocument(path)
        document.refuse([])
    except AssetConfigurationError as error:
        count = "a problem" if len(error.problems) == 1 else f"{len(error.problems)} problems"
        problems = [_of_plugin_file(problem) for problem in error.problems]
        raise AssetConfigurationError(
            f"the plugin file {path} has {count}", path=path, problems=problems
        ) from None
    return document.data


def _of_plugin_file(problem: str) -> str:
    # The reader is the project file's, and so is its advice.
    for advice, ours in _ADVICE.items():
        problem = problem.replace(advice, ours)
    return problem
