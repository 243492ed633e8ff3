"""Data as JSON and as text, without running what classes say of themselves."""

import json
import uuid
from collections import OrderedDict, deque, namedtuple
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import Path, PurePosixPath
from types import MappingProxyType

import numpy as np
import pytest
from pydantic import BaseModel, SecretStr

from openmas_assets.actors.render.json_value import MAX_JSON_DEPTH, json_of, json_string
from openmas_assets.messages.asset import Asset
from openmas_assets.messages.errors import AssetError
from rendering import rendered

Point = namedtuple("Point", "x y")  # noqa: PYI024


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Name(StrEnum):
    BOB = "bob"


@dataclass(slots=True)
class Box:
    width: int
    label: object


class Model(BaseModel):
    path: Path
    when: date
    secret: SecretStr = SecretStr("hidden")


class Loud(str):
    __slots__ = ()

    def __repr__(self) -> str:
        return "LOUD"

    __str__ = __repr__


ID = uuid.UUID("12345678-1234-5678-1234-567812345678")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a *text*\n", "a *text*\n"),
        ("", ""),
        (12, "12"),
        (0.1, "0.1"),
        (float("nan"), "nan"),
        (True, "true"),
        (None, "null"),
        (Loud("quiet"), "quiet"),
        (Colour.RED, "red"),
        (Level.HIGH, "3"),
        (Name.BOB, "bob"),
        (PurePosixPath("/a/b"), "/a/b"),
        (ID, str(ID)),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00Z"),
        (Decimal("1.50"), "1.50"),
        (np.float32(0.5), "0.5"),
        (np.int64(7), "7"),
        (np.bool_(1), "true"),
    ],
)
@pytest.mark.parametrize("content_type", ["text/plain", "text/markdown"])
def test_text_and_numbers_are_shown_as_text(value: object, text: str, content_type: str) -> None:
    assert rendered("<|asset://x|>", content_type, x=value).text == text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": [1, 2.5, None, True], "é": "ü"}, {"a": [1, 2.5, None, True], "é": "ü"}),
        ((1, Point(2, 3), deque([4]), range(5, 7)), [1, [2, 3], [4], [5, 6]]),
        (OrderedDict(a=MappingProxyType({"b": 1})), {"a": {"b": 1}}),
        (Box(1, Box(2, [Colour.RED])), {"width": 1, "label": {"width": 2, "label": ["red"]}}),
        (
            Model(path=Path("a/b"), when=date(2026, 1, 2)),
            {"path": "a/b", "when": "2026-01-02", "secret": "**********"},
        ),
        (
            {1: 1, None: 2, False: 3, ID: 4, Level.HIGH: 5},
            {"1": 1, "false": 3, "null": 2, str(ID): 4, "3": 5},
        ),
        ([np.int8(1), np.float64(0.5), ID, Loud("quiet")], [1, 0.5, str(ID), "quiet"]),
        (
            Asset(asset_id="i", content={"a": 1}),
            {"asset_id": "i", "content_type": "<class 'dict'>", "content": {"a": 1}},
        ),
        ([], []),
        ({}, {}),
    ],
)
def test_other_data_is_shown_as_json(value: object, expected: object) -> None:
    for content_type in ("text/plain", "text/markdown", "application/json"):
        result = rendered("<|asset://x|>", content_type, x=value)
        assert result.problems == ()
        assert json.loads(result.text) == expected
        assert "\n" not in result.text


class Hostile:
    def __repr__(self) -> str:
        raise AssertionError

    __str__ = __hash__ = __repr__  # type: ignore[assignment]

    def __getattr__(self, name: str) -> object:
        raise AssertionError(name)


class Talkative:
    def __repr__(self) -> str:
        return "my secret"

    __str__ = __repr__


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({1, 2}, "JSON cannot hold <class 'set'>"),
        (1j, "JSON cannot hold <class 'complex'>"),
        (SecretStr("secret"), "JSON cannot hold <class 'pydantic.types.SecretStr'>"),
        (np.longdouble(1), "JSON cannot hold <class 'numpy."),
        (Talkative(), "Talkative'>"),
        ({"a": [0, {"b": Talkative()}]}, "at a/1/b: JSON cannot hold <class '"),
        ([b"bytes"], "at 0: JSON cannot hold <class 'bytes'>"),
        ({(1, 2): 3}, "JSON cannot hold a key that is <class 'tuple'>"),
        ({"a": float("inf")}, "at a: JSON has no NaN and no infinity"),
        ({1: 2, "1": 3}, "two of its keys are the same in JSON"),
        ([10**5000], "at 0: a number has too many digits"),
        (Asset(content={1}), "at content: JSON cannot hold <class 'set'>"),
    ],
)
def test_what_json_cannot_hold_is_told_with_the_place_and_without_the_value(value: object, why: str) -> None:
    (problem,) = rendered("<|asset://x|>", x=value).problems
    assert why in problem
    assert "secret" not in problem.replace("SecretStr", "")


def test_a_hostile_object_is_not_asked() -> None:
    for value in (Hostile(), [Hostile()]):
        (problem,) = rendered("<|asset://x|>", x=value).problems
        assert "Hostile'>" in problem


def test_a_container_that_contains_itself_is_told() -> None:
    cycle: list[object] = []
    cycle.append({"a": cycle})
    box = Box(1, None)
    box.label = [box]
    for value in (cycle, box):
        with pytest.raises(AssetError, match="it contains itself"):
            json_of(value)


def test_a_container_that_stands_there_twice_is_no_cycle() -> None:
    shared = [1]
    assert json_of([shared, shared]) == "[[1], [1]]"


def test_depth_is_bounded() -> None:
    def nested(depth: int) -> object:
        return [] if depth == 1 else [nested(depth - 1)]

    assert json_of(nested(MAX_JSON_DEPTH)) == "[" * MAX_JSON_DEPTH + "]" * MAX_JSON_DEPTH
    with pytest.raises(AssetError, match="nested more than 100 levels"):
        json_of(nested(MAX_JSON_DEPTH + 1))


def test_containers_that_share_their_parts_come_to_an_end() -> None:
    value: object = []
    for _ in range(60):
        value = [value, value]
    with pytest.raises(AssetError, match="too large to be shown"):
        json_of(value, max_characters=1_000)
    with pytest.raises(AssetError, match="too large to be shown"):
        json_of(range(10**12), max_characters=1_000)
    assert json_of("abc", max_characters=5) == '"abc"'


def test_code_of_an_object_that_fails_is_told_by_its_type_only() -> None:
    class Failing(dict[str, object]):
        def items(self) -> object:  # type: ignore[override]
            raise ZeroDivisionError("my secret")

    (problem,) = rendered("<|asset://x|>", x=Failing(a=1)).problems
    assert "ZeroDivisionError" in problem
    assert "secret" not in problem


def test_a_lone_surrogate_is_escaped() -> None:
    assert json_string('é"\udc80\n') == '"é\\"\\udc80\\n"'
