"""A parameter's type: which values it holds."""

from collections import OrderedDict
from datetime import datetime
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from openmas_assets.messages.parameter_type import ClassType, ScalarName, ScalarType


class Colour(StrEnum):
    RED = "red"


class Number(IntEnum):
    ONE = 1


class Liar:
    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise AssertionError("asked")


class Meta(type):
    def __getattribute__(cls, name: str) -> Any:
        raise AssertionError(f"asked for {name}")


class Hostile(metaclass=Meta):
    pass


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("string", ["", Colour.RED, np.str_("a")], [b"a", 1, None]),
        ("int", [1, Number.ONE], [True, 1.0, "1", np.int64(1)]),
        ("float", [1.5, 1, np.float64(2)], [True, "1.5", np.float32(1)]),
        ("bool", [True, False], [1, 0, "true", np.bool_(1)]),
        ("null", [None], [0, "", False]),
        ("bytes", [b""], ["", bytearray(b"a")]),
    ],
)
def test_a_scalar_type_goes_by_the_class(name: ScalarName, good: list[Any], bad: list[Any]) -> None:
    assert [ScalarType(name).holds(value) for value in good] == [True] * len(good)
    assert [ScalarType(name).holds(value) for value in bad] == [False] * len(bad)


@pytest.mark.parametrize("name", ["string", "int", "float", "bool", "null", "bytes"])
def test_an_object_is_not_asked_what_it_is(name: ScalarName) -> None:
    assert not ScalarType(name).holds(Liar())
    assert not ScalarType(name).holds(Hostile())
    assert ClassType(f"{__name__}.Liar").holds(Liar())
    assert ClassType(f"{__name__}.Hostile").holds(Hostile())


class Picture(np.ndarray[Any, Any]):
    pass


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("numpy.ndarray", np.zeros(3)),
        ("numpy.ndarray", np.zeros(3).view(Picture)),
        ("PIL.Image.Image", Image.new("RGB", (1, 1))),
        ("datetime.datetime", datetime.now().astimezone()),
        ("pathlib.PurePath", Path()),
        ("collections.OrderedDict", OrderedDict()),
        ("builtins.set", set()),
    ],
)
def test_a_class_holds_its_instances_and_those_of_its_subclasses(name: str, value: object) -> None:
    assert ClassType(name).holds(value)


def test_a_class_is_known_by_the_package_that_hands_it_out() -> None:
    moved = type("Frame", (), {"__module__": "tables.core.frame"})()

    assert ClassType("tables.Frame").holds(moved)
    assert ClassType("tables.core.frame.Frame").holds(moved)
    assert not ClassType("table.Frame").holds(moved)
    assert not ClassType("tables.other.Frame").holds(moved)
    assert not ClassType("tables.ame").holds(moved)


@pytest.mark.parametrize("value", [[1], "numpy.ndarray", np.ndarray, np.int64(1), None])
def test_a_class_does_not_hold_other_objects(value: object) -> None:
    assert not ClassType("numpy.ndarray").holds(value)


def test_a_class_whose_module_is_no_text_is_none_that_is_meant() -> None:
    odd = type("Odd", (), {"__module__": 3})()

    assert not ClassType("m.Odd").holds(odd)
