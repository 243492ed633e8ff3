"""Naming: whether the names in a project file fit together."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeGuard

from openmas_assets.messages.problem import MAX_PROBLEMS, KeyPath, Problem, is_harmless
from openmas_assets.messages.suggestion import closest, listed


def naming_problems(data: Mapping[Any, Any]) -> list[Problem]:
    """Find assets of the same name, and agents that require what no asset is called.

    It looks at the names alone and passes over what is malformed, so that these problems are found
    in the same run as all others.

    Args:
        data: The content of a project file, valid or not.

    Returns:
        One problem for each name at fault, and of each kind 101 at most.
    """
    assets = data.get("assets") or ()
    if not _is_list(assets):
        return []
    first_paths: dict[str, KeyPath] = {}
    duplicates = []
    for path, name in _asset_names(assets):
        if name in first_paths:
            text = f"is the name of assets[{first_paths[name][1]}] too; give each asset a name of its own"
            duplicates.append(Problem(path, text))
        first_paths.setdefault(name, path)
    names = list(first_paths)
    missing = ((path, name) for path, name in _required_names(data.get("agents")) if name not in first_paths)
    # Bounded here, for a suggestion is dear.
    listed_missing = islice(missing, MAX_PROBLEMS + 1)
    return duplicates[: MAX_PROBLEMS + 1] + [
        Problem(path, _missing_text(name, names)) for path, name in listed_missing
    ]


def _missing_text(name: str, names: Sequence[str]) -> str:
    shown = f"'{name}' is" if is_harmless(name) else "this is"
    harmless_names = [candidate for candidate in names if is_harmless(candidate)]
    match = closest(name, harmless_names)
    fix = f"did you mean '{match}'?" if match is not None else f"declared are: {listed(harmless_names)}"
    return f"{shown} the name of no asset; {fix}"


def _asset_names(assets: Sequence[Any]) -> Iterator[tuple[KeyPath, str]]:
    for index, asset in enumerate(assets):
        name = asset.get("name") if isinstance(asset, Mapping) else None
        if isinstance(name, str):
            yield ("assets", index, "name"), name


def _required_names(agents: object) -> Iterator[tuple[KeyPath, str]]:
    for agent_name, agent in agents.items() if isinstance(agents, Mapping) else ():
        required = agent.get("required_assets") if isinstance(agent, Mapping) else None
        for index, name in enumerate(required if _is_list(required) else ()):
            if isinstance(name, str):
                yield ("agents", agent_name, "required_assets", index), name


def _is_list(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)
