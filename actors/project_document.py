"""The project file as a document: plain data in which every value knows its line."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from openmas_assets.actors.project_nodes import NodeEntry, NodeReader, Position
from openmas_assets.actors.project_yaml import compose_project_file, project_file_error
from openmas_assets.messages.problem import MAX_PROBLEMS, KeyPath, Problem, is_harmless


class ProjectDocument:
    """The content of a project file, and where in the file each part of it stands.

    Args:
        path: The file.

    Attributes:
        path: The file.
        data: Its content as plain Python data.

    Raises:
        AssetConfigurationError: The file cannot be read, or is not YAML that can become a mapping.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reader = NodeReader(path)
        root = compose_project_file(path)
        data = self._reader.read(root, ())
        if not isinstance(data, dict):
            raise project_file_error(
                path, "line 1: the file is not a mapping; begin it with name: my-project"
            )
        self._root = root
        self.data: dict[Any, Any] = data

    def position(self, path: KeyPath) -> Position:
        """Where a value stands; of a missing one, where stands what should hold it."""
        return self._find(path)[0].position

    def as_written(self, path: KeyPath) -> str | None:
        """How the scalar at a path is spelled; None where there is something else or nothing."""
        entry, is_found = self._find(path)
        return entry.node.value if is_found and isinstance(entry.node, yaml.ScalarNode) else None

    def refuse(self, problems: Iterable[Problem]) -> None:
        """Refuse the file if anything is wrong with it.

        Args:
            problems: What is wrong besides what the YAML itself has shown.

        Raises:
            AssetConfigurationError: Something is wrong. It lists the problems in the order of the file,
                100 at most.
        """
        located = [
            (self.position(problem.path), problem)
            for problem in problems
            if not self._is_unreadable(problem.path)
        ]
        found = sorted([*self._reader.problems, *located], key=lambda item: item[0])
        if found:
            lines = [self._line_of_text(line, problem) for (line, _), problem in found[:MAX_PROBLEMS]]
            more = ["and more; put these right first"] if len(found) > MAX_PROBLEMS else []
            raise project_file_error(self.path, *lines, *more)

    def _is_unreadable(self, path: KeyPath) -> bool:
        # What could not be read is a problem already, and nothing else is known of it.
        return any(path[:length] in self._reader.unreadable_paths for length in range(len(path) + 1))

    def _find(self, path: KeyPath) -> tuple[NodeEntry, bool]:
        entry = NodeEntry((1, 1), self._root)
        for step in path:
            found = self._reader.entries(entry.node).get(step)
            if found is None:
                return entry, False
            entry = found
        return entry, True

    def _line_of_text(self, line: int, problem: Problem) -> str:
        name = self.as_written((*problem.path[:2], "name")) if problem.path[:1] == ("assets",) else None
        about = f" (asset '{name}')" if name and is_harmless(name) and problem.path[2:] != ("name",) else ""
        return f"line {line}: {problem}{about}"
