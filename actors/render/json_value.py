"""Any data as JSON, without a word that its classes would say of it."""

import json
import math
import re
from collections import deque
from collections.abc import Iterable, Mapping
from typing import NoReturn

from openmas_assets.actors.render.plain_data import plain_data
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.python_type import python_type_text

MAX_JSON_CHARACTERS = 10_000_000
"""How much one value may come to; containers that share their parts can grow without end."""
MAX_JSON_DEPTH = 100
"""How many containers may lie in each other."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def json_of(value: object, *, max_characters: int = MAX_JSON_CHARACTERS) -> str:
    """Write a value as JSON (RFC 8259), on one line, letters beyond ASCII as they are.

    Mappings, lists, tuples, deques, ranges, pydantic models, dataclasses, enum members, UUIDs, paths, dates,
    times, decimals and numpy's numbers are written. Sets, bytes, arrays, NaN and all else are not: JSON has
    no such thing, and what a class's `__repr__` or `__str__` says is no data. May run code of the classes.

    Args:
        value: What to write.
        max_characters: The most that it may come to.

    Returns:
        The JSON.

    Raises:
        AssetError: JSON cannot hold it, it contains itself, or it is too large or too deep. Says where.
    """
    writer = _Writer(max_characters)
    writer.write(value)
    return "".join(writer.pieces)


def json_string(text: str) -> str:
    """Write a text as a JSON string literal.

    Args:
        text: Any; a lone surrogate, which no UTF-8 can hold, is escaped.

    Returns:
        With the quotes.
    """
    quoted = json.dumps(text, ensure_ascii=False)
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)


class _Writer:
    """Writes one value; knows how far it has come and in what it is."""

    def __init__(self, max_characters: int) -> None:
        self.pieces: list[str] = []
        self._left = max_characters
        self._steps: list[str] = []
        self._inside: set[int] = set()

    def write(self, value: object) -> None:
        data = plain_data(value)
        if data is None or isinstance(data, bool):
            self._put({None: "null", True: "true", False: "false"}[data])
        elif isinstance(data, str):
            self._put(json_string(str.__str__(data)))
        elif isinstance(data, int):
            self._put(self._integer(data))
        elif isinstance(data, float):
            self._put(self._float(data))
        else:
            self._container(data, id(value))

    def _container(self, value: object, identity: int) -> None:
        if identity in self._inside:
            self._refuse("it contains itself")
        if len(self._inside) >= MAX_JSON_DEPTH:
            self._refuse(f"it is nested more than {MAX_JSON_DEPTH} levels deep")
        self._inside.add(identity)
        if isinstance(value, Mapping):
            self._mapping(value)
        elif isinstance(value, list | tuple | deque | range):
            self._sequence(value)
        else:
            self._refuse(f"JSON cannot hold {python_type_text(value)}")
        self._inside.discard(identity)

    def _mapping(self, value: Mapping[object, object]) -> None:
        names: set[str] = set()
        self._put("{")
        for number, (key, each) in enumerate(value.items()):
            name = self._name(key)
            if name in names:
                self._refuse("two of its keys are the same in JSON, such as 1 and '1'")
            names.add(name)
            self._put(f"{', ' if number else ''}{json_string(name)}: ")
            self._step(name, each)
        self._put("}")

    def _sequence(self, value: Iterable[object]) -> None:
        self._put("[")
        for number, each in enumerate(value):
            if number:
                self._put(", ")
            self._step(str(number), each)
        self._put("]")

    def _step(self, name: str, value: object) -> None:
        self._steps.append(name)
        self.write(value)
        self._steps.pop()

    def _name(self, key: object) -> str:
        plain = plain_data(key)
        if isinstance(plain, str):
            return str.__str__(plain)
        if isinstance(plain, bool | int | None):
            return json_of(plain)
        return self._refuse(f"JSON cannot hold a key that is {python_type_text(key)}")

    def _integer(self, value: int) -> str:
        try:
            return int.__repr__(value)
        except ValueError:  # sys.set_int_max_str_digits
            return self._refuse("a number has too many digits to be written")

    def _float(self, value: float) -> str:
        if not math.isfinite(value):
            self._refuse("JSON has no NaN and no infinity")
        return float.__repr__(value)

    def _put(self, piece: str) -> None:
        self._left -= len(piece)
        if self._left < 0:
            self._refuse("it is too large to be shown whole")
        self.pieces.append(piece)

    def _refuse(self, problem: str) -> NoReturn:
        where = "/".join(step[:60] for step in self._steps[:20])
        raise AssetError(
            f"at {where}: {problem}" if where else problem,
            fix="Refer to a part of it that can be shown, such as text, a number or a list of them.",
        )
