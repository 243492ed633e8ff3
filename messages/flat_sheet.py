"""The sheet of flattened metadata: one level, each key a path."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from openmas_assets.messages.absence import ABSENT
from openmas_assets.messages.mapping_key import plain_key, plain_members
from openmas_assets.messages.plain_value import Plain
from openmas_assets.messages.separator import Separator
from openmas_assets.messages.walk import Container, Member

MAX_PATH_LENGTH = 5_000
"""Of a flattened key, in characters. Longer ones could not be written as a reference; they are counted."""


class FlatSheet:
    """Writes each value under the path that leads to it.

    Args:
        separator: Stands between the steps.
        steps: The steps from the asset's root to where the walk begins; their last one names it.
        keep_container_type: Whether containers have entries as well; empty ones always have.
    """

    def __init__(
        self, separator: Separator, steps: Iterable[str | int], *, keep_container_type: bool
    ) -> None:
        *above, self.root = [separator.step(str(step)) for step in steps] or [""]
        self.entries: dict[str, Any] = {}
        self._separator = separator
        self._keep_container_type = keep_container_type
        self._prefix = "".join(step + separator.text for step in above)
        self._outer_prefixes: list[str] = []

    def name_members(self, mapping: dict[Any, Any], most: int) -> Iterator[Member]:
        """The first members that a step can name, each by the text that it has in a flattened key."""
        members = plain_members(mapping)
        longest = MAX_PATH_LENGTH - len(self._prefix)
        # At once, for other threads may change the mapping meanwhile.
        for key, value in list(islice(dict.items(members), most)):
            if type(key) is str and not self._separator.divides(key):  # nearly always
                name: str | None = key
            else:
                name = self._name(key, members)
            if name is not None and len(name) <= longest:
                yield name, key, value

    def leaf(self, name: str | int, value: Plain) -> int:
        """Write down a value under its path."""
        path = f"{self._prefix}{name}"
        self.entries[path] = value
        return len(path) + (len(value) if isinstance(value, str) else 1)

    def open(self, name: str | int, container: Container) -> int:
        """Write down a container's type, and go into it."""
        is_shown = self._keep_container_type or not container.count
        size = self.leaf(name, container.type_text) if is_shown else 0
        self._outer_prefixes.append(self._prefix)
        self._prefix = f"{self._prefix}{name}{self._separator.text}"
        return size

    def more(self, container: Container, note: str) -> None:
        """Note what is missing: of a sequence under the slice that it is, of a mapping under `…`."""
        name = "…" if container.is_mapping else self._separator.step(f"{container.shown}:")
        while self._prefix + name in self.entries:
            name += "…"
        self.entries[self._prefix + name] = note

    def close(self) -> None:
        """Go out of the container."""
        self._prefix = self._outer_prefixes.pop()

    def _name(self, key: str | int, members: dict[str | int, Any]) -> str | None:
        if plain_key(key) is None:  # too long an integer
            return None
        name = str(key)
        if isinstance(key, int) and _has(members, name):
            return None
        if self._separator.divides(name):
            return self._separator.encoded(name, lambda spelling: _has(members, spelling))
        return name


def _has(members: dict[str | int, Any], key: str) -> bool:
    return dict.get(members, key, ABSENT) is not ABSENT
