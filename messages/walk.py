"""The walk through an asset's structure: each value and container once, in order, until a limit is met.

Neither cycles nor shared containers nor any depth of nesting can keep it from ending: it holds its own
stack, and counts what it has shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from openmas_assets.messages.absence import ABSENT
from openmas_assets.messages.asset_ref import AssetRef
from openmas_assets.messages.errors import AssetRefError
from openmas_assets.messages.mapping_key import plain_mapping
from openmas_assets.messages.meta_limits import MetaLimits
from openmas_assets.messages.plain_value import Plain, cut_text, plain_value
from openmas_assets.messages.python_type import python_type_text

Member = tuple[str | int, str | int | None, Any]
"""A member of a container: how it is shown, how a reference names it (None where none can), what it is."""


@dataclass(slots=True)
class Container:
    """A container that the walk is in.

    Attributes:
        type_text: Its type.
        is_mapping: Whether it is a mapping, else a sequence.
        count: How many members it has.
        identity: What tells it from all others while the walk lasts.
        step: How a reference names it in the container around it, None where none can.
        shown: How many of its members have been shown.
    """

    type_text: str
    is_mapping: bool
    count: int
    identity: int
    step: str | int | None
    shown: int = 0


class Sheet(Protocol):
    """What the walk is written down on."""

    def name_members(self, mapping: dict[Any, Any], most: int) -> Iterator[Member]:
        """The first members of a mapping as they are shown, without those that cannot be."""

    def leaf(self, name: str | int, value: Plain) -> int:
        """Write down a value, and say how many characters of key and text that took."""

    def open(self, name: str | int, container: Container) -> int:
        """Write down a container, and say likewise; until it is closed, all that follows is in it."""

    def more(self, container: Container, note: str) -> None:
        """Write down that members of the open container are missing."""

    def close(self) -> None:
        """The container that was opened last is complete."""


class Walk:
    """One walk, from one value.

    Args:
        sheet: Where to write it down.
        at: What references call the value.
        limits: Where to stop.
    """

    def __init__(self, sheet: Sheet, at: AssetRef, limits: MetaLimits) -> None:
        self._sheet = sheet
        self._at = at
        self._limits = limits
        self._entries = limits.max_entries
        self._characters = limits.max_characters
        self._open: list[tuple[Container, Iterator[Member]]] = []
        self._depths: dict[int, int] = {}

    def write(self, name: str | int, value: object) -> None:
        """Walk through the value.

        Args:
            name: What it is shown as.
            value: Anything.
        """
        self._visit(name, None, value)
        while self._open:
            container, members = self._open[-1]
            member = next(members, None) if self._entries > 0 and self._characters > 0 else None
            if member is None:
                self._leave(container)
            else:
                container.shown += 1
                self._visit(*member)

    def _visit(self, name: str | int, step: str | int | None, value: object) -> None:
        shown = plain_value(value, self._limits.max_string_length)
        if shown is ABSENT:
            shown = self._enter(name, step, value)
        if shown is not ABSENT:
            self._characters -= self._sheet.leaf(name, shown)
        self._entries -= 1

    def _enter(self, name: str | int, step: str | int | None, value: Any) -> Any:
        """Open a container, or say in a text why not."""
        mapping = plain_mapping(value)
        type_text = cut_text(python_type_text(value), self._limits.max_string_length)
        identity = id(value if mapping is None else mapping)
        if identity in self._depths:
            return f"{type_text} (a cycle{self._same_as(self._depths[identity])})"
        if len(self._open) >= self._limits.max_depth:
            return f"{type_text} (deeper than {self._limits.max_depth} levels)"
        count = dict.__len__(mapping) if mapping is not None else _sequence_base(value).__len__(value)
        container = Container(type_text, mapping is not None, count, identity, step)
        self._characters -= self._sheet.open(name, container)
        self._depths[identity] = len(self._open)
        self._open.append((container, self._members(value, mapping)))
        return ABSENT

    def _members(self, value: Any, mapping: dict[Any, Any] | None) -> Iterator[Member]:
        most = self._entries if self._limits.max_items is None else self._limits.max_items
        if mapping is not None:
            return self._sheet.name_members(mapping, most)
        items = enumerate(islice(_sequence_base(value).__iter__(value), most))
        return ((index, index, item) for index, item in items)

    def _leave(self, container: Container) -> None:
        missing = container.count - container.shown
        if missing > 0:
            self._sheet.more(container, f"… {missing:,} more {'keys' if container.is_mapping else 'items'}")
        self._sheet.close()
        self._open.pop()
        del self._depths[container.identity]

    def _same_as(self, depth: int) -> str:
        steps = [container.step for container, _ in self._open[1 : depth + 1]]
        named = [step for step in steps if step is not None]
        try:
            return f": the same object as {self._at.child(*named).url}" if len(named) == len(steps) else ""
        except AssetRefError:  # too long for a reference
            return ""


def _sequence_base(value: object) -> Any:
    return list if issubclass(type(value), list) else tuple
