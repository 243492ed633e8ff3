"""The nodes of a project file: how they become plain data, and which line each part of it stands on."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from yaml.constructor import SafeConstructor

from openmas_assets.actors.project_yaml import MAX_DEPTH, MAX_NODES, project_file_error
from openmas_assets.messages.errors import AssetConfigurationError
from openmas_assets.messages.problem import MAX_PROBLEMS, KeyPath, Problem

_MAX_NUMBER_LENGTH = 1000  # Python takes quadratic time for base-60 numbers of YAML 1.1.
_TAG = "tag:yaml.org,2002:"
_SCALAR_KINDS = frozenset({"null", "bool", "int", "float", "timestamp", "str"})
_MAPPING_TAGS = frozenset({f"{_TAG}map", f"{_TAG}set"})
_SEQUENCE_TAGS = frozenset({f"{_TAG}seq", f"{_TAG}omap", f"{_TAG}pairs"})
_MERGE_TAG = f"{_TAG}merge"


Position = tuple[int, int]
"""Line and column, counted from 1."""


class NodeEntry(NamedTuple):
    """A node that something holds.

    Attributes:
        position: Line and column of its key, or in a list its own; counted from 1.
        node: The node.
    """

    position: Position
    node: yaml.Node


class NodeReader:
    """Turns the nodes of one file into plain data, each of them once however many aliases name it.

    Args:
        file_path: The file, for the errors.

    Attributes:
        problems: What was wrong so far, with its position; 101 at most.
        unreadable_paths: Where values could not be read, and None stands in their place.
    """

    def __init__(self, file_path: Path) -> None:
        self._file_path = file_path
        self.problems: list[tuple[Position, Problem]] = []
        self.unreadable_paths: set[KeyPath] = set()
        self._scalars = SafeConstructor()
        self._open: set[int] = set()
        # By the id of the node, which the tree keeps alive. A weight is a node's size and its depth.
        self._values: dict[int, Any] = {}
        self._weights: dict[int, tuple[int, int]] = {}
        self._entries: dict[int, dict[Any, NodeEntry]] = {}

    def entries(self, node: yaml.Node) -> Mapping[Any, NodeEntry]:
        """What a node holds, by key or index, merged keys too.

        Args:
            node: A node that has been read.

        Returns:
            Its entries; none for a scalar.
        """
        return self._entries.get(id(node), {})

    def read(self, node: yaml.Node, path: KeyPath) -> Any:
        """Turn a node into data.

        Args:
            node: The node, nested 100 deep at most.
            path: Where it stands.

        Returns:
            The data; None in the place of what could not be read.

        Raises:
            AssetConfigurationError: Aliases make it endless, too large or too deep.
        """
        if id(node) in self._open:
            raise self._error(node, "an alias (*) stands inside of what it repeats; write the value out")
        if id(node) not in self._values:
            self._open.add(id(node))
            self._values[id(node)] = self._read_new(node, path)
            self._open.remove(id(node))
        return self._values[id(node)]

    def _read_new(self, node: yaml.Node, path: KeyPath) -> Any:
        self._weights[id(node)] = (1, 1)
        if isinstance(node, yaml.MappingNode) and node.tag in _MAPPING_TAGS:
            return self._read_mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag in _SEQUENCE_TAGS:
            return self._read_sequence(node, path)
        if isinstance(node, yaml.ScalarNode):
            return self._read_scalar(node, path)
        return self._refuse_tag(node, path)

    def _read_sequence(self, node: yaml.SequenceNode, path: KeyPath) -> list[Any]:
        self._entries[id(node)] = {
            index: NodeEntry(_position(item), item) for index, item in enumerate(node.value)
        }
        items = [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
        self._weigh(node, node.value)
        return items

    def _read_mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[Any, Any]:
        entries: dict[Any, NodeEntry] = {}
        first_positions: dict[tuple[type, Any], Position] = {}
        merged_nodes: list[yaml.Node] = []
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE_TAG:
                merged_nodes += self._mappings_to_merge(value_node, path)
                continue
            key = self._read_key(key_node, path)
            position = _position(key_node)
            # With its type, for to Python `1` and `true` are the same key.
            first_position = first_positions.setdefault((type(key), key), position)
            if first_position is not position:
                text = f"the key is there twice, first on line {first_position[0]}; remove one of the two"
                self._note(position, (*path, key), text)
            entries.setdefault(key, NodeEntry(position, value_node))
            self.read(value_node, (*path, key))
        self._weigh(node, [child for pair in node.value for child in pair])
        for merged_node in merged_nodes:
            for key, entry in self.entries(merged_node).items():
                entries.setdefault(key, entry)
        self._entries[id(node)] = entries
        return {key: self._values[id(entry.node)] for key, entry in entries.items()}

    def _mappings_to_merge(self, node: yaml.Node, path: KeyPath) -> list[yaml.Node]:
        self.read(node, (*path, "<<"))
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        if all(isinstance(item, yaml.MappingNode) for item in nodes):
            return list(nodes)
        text = "a merge (<<) names something that is not a mapping; name the anchor of one"
        self._note(_position(node), path, text)
        return []

    def _read_key(self, node: yaml.Node, path: KeyPath) -> Any:
        key = self.read(node, (*path, "?"))
        if isinstance(key, dict | list):
            self._note(
                _position(node),
                (*path, "?"),
                "a list or mapping stands where a key belongs; write the key as text",
            )
            return None
        return key

    def _read_scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        kind = node.tag.removeprefix(_TAG)
        if kind in {"merge", "value"}:  # `<<` and `=` in the place of a value
            return node.value
        if kind not in _SCALAR_KINDS:
            return self._refuse_tag(node, path)
        is_too_long = kind in {"int", "float"} and len(node.value) > _MAX_NUMBER_LENGTH
        try:
            if not is_too_long:
                return SafeConstructor.yaml_constructors[node.tag](self._scalars, node)
        # A tag such as `!!int` before any text makes PyYAML fail in many ways.
        except (ValueError, LookupError, ArithmeticError, AttributeError, TypeError, yaml.YAMLError):
            pass
        text = "cannot be read as the number or date that it looks like; write it in quotes if it is text"
        return self._give_up(node, path, text)

    def _refuse_tag(self, node: yaml.Node, path: KeyPath) -> None:
        text = "has a YAML tag (!) that makes it more than plain data; remove the tag"
        return self._give_up(node, path, text)

    def _give_up(self, node: yaml.Node, path: KeyPath, text: str) -> None:
        self.unreadable_paths.add(path)
        self._note(_position(node), path, text)

    def _note(self, position: Position, path: KeyPath, text: str) -> None:
        if len(self.problems) <= MAX_PROBLEMS:
            self.problems.append((position, Problem(path, text)))

    def _error(self, node: yaml.Node, text: str) -> AssetConfigurationError:
        return project_file_error(self._file_path, f"line {_position(node)[0]}: {text}")

    def _weigh(self, node: yaml.Node, children: Iterable[yaml.Node]) -> None:
        # A merge key `<<` is not read, and counts like any other.
        weights = [self._weights.get(id(child), (1, 1)) for child in children]
        size = 1 + sum(size for size, _ in weights)
        depth = 1 + max((depth for _, depth in weights), default=0)
        if size > MAX_NODES:
            raise self._error(node, f"aliases (*) make more than {MAX_NODES:,} values of it; use fewer")
        if depth > MAX_DEPTH:
            raise self._error(node, f"values are nested more than {MAX_DEPTH} deep; nest them less")
        self._weights[id(node)] = (size, depth)


def _position(node: yaml.Node) -> Position:
    return node.start_mark.line + 1, node.start_mark.column + 1
