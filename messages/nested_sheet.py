"""The sheet of nested metadata: dicts and lists, as JSON has them."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from openmas_assets.messages.mapping_key import plain_key
from openmas_assets.messages.plain_value import cut_text, plain_value
from openmas_assets.messages.python_type import python_type_text
from openmas_assets.messages.walk import Container, Member


class NestedSheet:
    """Writes each value where it stands.

    Args:
        max_key_length: How many characters of a key are shown.
    """

    def __init__(self, max_key_length: int) -> None:
        self._max_key_length = max_key_length
        self._root: list[Any] = []
        self._open: list[Any] = [self._root]

    @property
    def result(self) -> Any:
        """What was written."""
        return self._root[0]

    def name_members(self, mapping: dict[Any, Any], most: int) -> Iterator[Member]:
        """The first members, each by its key as JSON can have it; what reads alike is numbered."""
        counts: dict[str, int] = {}
        # At once, for other threads may change the mapping meanwhile.
        for key, value in list(islice(dict.items(mapping), most)):
            text = cut_text(_key_text(key), self._max_key_length)
            name = text
            while name in counts:
                counts[text] += 1
                name = f"{text} ({counts[text]})"
            counts[name] = 1
            yield name, plain_key(key), value

    def leaf(self, name: str | int, value: Any) -> int:
        """Write down a value in its place."""
        target = self._open[-1]
        if isinstance(target, dict):
            target[name] = value
        else:
            target.append(value)
        return len(str(name)) + (len(value) if isinstance(value, str) else 1)

    def open(self, name: str | int, container: Container) -> int:
        """Write down an empty container, and go into it."""
        target: dict[str, Any] | list[Any] = {} if container.is_mapping else []
        size = self.leaf(name, target)
        self._open.append(target)
        return size

    def more(self, container: Container, note: str) -> None:
        """Note what is missing as the last element, or under the key `…`."""
        name = "…"
        while container.is_mapping and name in self._open[-1]:
            name += "…"
        self.leaf(name, note)

    def close(self) -> None:
        """Go out of the container."""
        self._open.pop()


def _key_text(key: object) -> str:
    name = plain_key(key)
    if name is not None:
        return str(name)
    if key is None or issubclass(type(key), (bool, float)):
        return str(plain_value(key, 0))
    return python_type_text(key)
