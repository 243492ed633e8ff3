"""`fits_json`: what a chat history can hold as it is."""

import json
import sys
from collections import OrderedDict
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostile import Journal, hostile
from openmas_assets.messages import Asset, fits_json


class Point(NamedTuple):
    x: int
    y: int


class Color(IntEnum):
    RED = 1


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 0, -1, 10**600, 1.5, "", "ü\ud800", [], {}, (), Point(1, 2), OrderedDict(a=1)),
        [None, [1, {"a": (2,), "": None}]],
    ],
)
def test_what_json_has_a_form_for_fits(value: object) -> None:
    assert fits_json(value)
    assert fits_json([{"inside": value}])
    json.dumps(value, allow_nan=False)


@pytest.mark.parametrize(
    "value",
    [
        *({1}, frozenset(), b"", bytearray(), object(), len, datetime(2026, 1, 1, tzinfo=UTC), 1j, range(3)),
        *(float("nan"), float("inf"), -float("inf"), np.zeros(2), np.float64(1), np.int64(1), Color.RED),
        *({1: "a"}, {None: "a"}, {("a",): 1}, Asset(content=1), int),
    ],
)
def test_what_json_has_no_form_for_does_not_fit_however_deep_it_lies(value: object) -> None:
    assert not fits_json(value)
    assert not fits_json([{"inside": (1, value)}])


def test_an_integer_that_python_refuses_to_write_does_not_fit() -> None:
    longest = 10 ** sys.get_int_max_str_digits()
    assert not fits_json(longest)
    with pytest.raises(ValueError, match="Exceeds the limit"):
        json.dumps(longest)


def test_it_may_nest_two_hundred_deep() -> None:
    nested: Any = "leaf"
    for _ in range(200):
        nested = [nested]
    assert fits_json(nested)
    assert not fits_json({"a": nested})


def test_it_may_hold_a_million_values() -> None:
    assert fits_json([0] * 999_999)
    assert not fits_json([0] * 1_000_000)


def test_cycles_and_what_is_shared_a_billion_times_end() -> None:
    cycle: list[Any] = []
    cycle.append(cycle)
    assert not fits_json(cycle)
    around: dict[str, Any] = {"a": []}
    around["a"].append(around)
    assert not fits_json(around)
    shared: list[Any] = []
    for _ in range(30):
        shared = [shared, shared]
    assert not fits_json(shared)


@pytest.mark.parametrize("base", [object, list, dict, tuple, str, int, float])
def test_nothing_of_a_value_runs(base: type) -> None:
    journal = Journal()
    value = hostile(journal, base)
    journal.open()
    fits_json(value)
    fits_json([{"a": value}])
    assert journal.calls == []


_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.just({1}),
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner), st.tuples(inner, inner), st.dictionaries(st.one_of(st.text(), st.integers()), inner)
    ),
)


@given(_VALUES)
def test_what_fits_is_read_back_as_it_was(value: Any) -> None:
    if fits_json(value):
        assert json.loads(json.dumps(value, allow_nan=False)) == _with_lists(value)


def _with_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_lists(member) for key, member in value.items()}
    return [_with_lists(member) for member in value] if isinstance(value, list | tuple) else value
