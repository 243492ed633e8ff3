"""Objects of every kind, as people put into an asset store or pass to a plugin."""

import array
import collections
import dataclasses
import datetime as dt
import enum
import json
import math
import types
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from fuzz_input import HARMLESS_TEXTS, Choices
from fuzz_oracle import BrokenPromiseError
from hostile import Journal, hostile
from openmas_assets.messages.asset import Asset

VALUE = "what only a value holds"
"""A member of some objects, which no error shows."""

_MAX_DEPTH = 4

PRIVATE = "what only a private attribute holds"
"""Nobody reads it."""


class _Point(NamedTuple):
    x: int
    y: object


class _Color(enum.Enum):
    RED = 1


@dataclasses.dataclass
class _Record:
    value: object
    count: int = 1


class _Model(BaseModel):
    model_config = ConfigDict(extra="allow", arbitrary_types_allowed=True)
    value: Any = None


class _Slots:
    __slots__ = ("empty", "value")

    def __init__(self, value: object) -> None:
        self.value = value


class _Plain:
    def __init__(self, value: object) -> None:
        self.value = value
        self._secret = PRIVATE

    @property
    def computed(self) -> str:
        raise BrokenPromiseError("a property was run")

    def method(self) -> str:
        raise BrokenPromiseError("a method was called")

    def __getattr__(self, name: str) -> str:
        raise BrokenPromiseError(f"__getattr__({name!r}) was called")


_LEAVES: tuple[Callable[[], object], ...] = (
    *(lambda: VALUE, lambda: b"bytes", lambda: bytearray(5), lambda: 1j, lambda: {1, 2}),
    *(lambda: range(10**12), lambda: np.zeros((2, 3), np.uint8), lambda: np.float64("nan")),
    *(lambda: np.datetime64("NaT"), lambda: np.array([{"a": 1}, None], dtype=object)),
    *(lambda: array.array("d", [math.nan]), lambda: memoryview(b"x")),
    *(lambda: (number for number in "ab"), lambda: json, lambda: print, lambda: int, lambda: _Color.RED),
    *(object, lambda: dt.datetime(1, 1, 1, tzinfo=dt.UTC), lambda: dt.timedelta.max),
    *(lambda: PurePosixPath("a/b"), lambda: types.SimpleNamespace(a=1, value=2), lambda: Exception("x")),
    *(lambda: collections.deque([1, 2]), lambda: collections.ChainMap({"a": 1})),
    *(lambda: collections.Counter("ab"), lambda: 10**5000, lambda: types.MappingProxyType({"a": 1})),
    *(lambda: "\ud800" * 3, lambda: Asset(content={"a": 1})),
    lambda: {
        1: "a",
        "1": "b",
        1.5: "c",
        None: 0,
        ("t",): 2,
        b"k": 3,
        "a/b": 4,
        "a%2Fb": 5,
        "": 6,
        "\ud800": 7,
    },
)


def odd_object(choices: Choices, depth: int = _MAX_DEPTH) -> Any:
    """An object of any kind, containers of others and of themselves among them."""
    if not depth or choices.chance(30):
        return choices.plain_value(2) if choices.chance(40) else choices.pick(_LEAVES)()
    return choices.pick(_CONTAINERS)(odd_object(choices, depth - 1), choices, depth - 1)


def _many(choices: Choices, depth: int) -> int:
    # Once: a text in which all of it is shown may become a quarter of a gigabyte before that is too much.
    return choices.pick((3, 300)) if depth == _MAX_DEPTH - 1 else 3


def _endless_list(inner: Any, _choices: Choices, _depth: int) -> Any:
    endless: list[Any] = [inner]
    endless.append(endless)
    return endless


def _endless_dict(inner: Any, _choices: Choices, _depth: int) -> Any:
    endless: dict[str, Any] = {"a": inner}
    endless["value"] = {"a": endless}
    return endless


def _deep(inner: Any, choices: Choices, _depth: int) -> Any:
    for _ in range(choices.pick((5, 150, 3000))):
        inner = [inner] if choices.chance(50) else {"a": inner}
    return inner


def _hostile(inner: Any, choices: Choices, _depth: int) -> Any:
    base = choices.pick((object, list, dict, str, int, tuple))
    return {"a": hostile(Journal(), *(() if base is object else (base,))), "value": inner}


_CONTAINERS: tuple[Callable[[Any, Choices, int], Any], ...] = (
    lambda inner, choices, depth: [inner, *([odd_object(choices, depth)] * choices.below(3))],
    lambda inner, choices, depth: {choices.text(): inner, "a": odd_object(choices, depth)},
    lambda inner, _choices, _depth: (inner, 1),
    lambda inner, _choices, _depth: _Point(1, inner),
    lambda inner, _choices, _depth: _Record(inner),
    lambda inner, _choices, _depth: _Model.model_validate({"value": inner, "extra": 1}),
    lambda inner, _choices, _depth: _Slots(inner),
    *([lambda inner, _choices, _depth: _Plain(inner)] * 3),
    lambda inner, choices, depth: [inner] * _many(choices, depth),
    lambda inner, choices, depth: {
        f"{choices.pick(HARMLESS_TEXTS[:20])}{number}": inner for number in range(_many(choices, depth))
    },
    *(_endless_list, _endless_dict, _deep, _hostile),
)


def real_path(choices: Choices, content: Any) -> list[str | int]:
    """Steps that lead into an object, as far as they go, or to what must not be reached."""
    steps: list[str | int] = ["content"]
    value = content
    for _ in range(1 + choices.below(5)):
        kind = type(value)
        if kind is dict and value:
            key = choices.pick(list(value))
            steps.append(key if type(key) in (str, int) else str(key))
            value = value[key]
        elif kind in (list, tuple) and value:
            steps.append(choices.below(min(len(value), 3)))
            value = value[steps[-1]]
        elif kind in (_Plain, _Slots, _Record, _Model, _Point):
            steps.append(
                choices.pick(
                    ("value", "value", "y", "_secret", "computed", "method", "__class__", "__dict__")
                )
            )
            value = value.value if steps[-1] == "value" and kind is not _Point else None
        else:
            break
    return steps
