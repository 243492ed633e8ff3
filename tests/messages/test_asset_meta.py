"""Metadata tells a prompt what an asset holds: bounded, as JSON, and without running code of its objects."""

import dataclasses
import enum
import json
import pathlib
import sys
import types
import uuid
from collections import OrderedDict, UserDict, deque
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image
from pydantic import BaseModel

from hostile import Journal, hostile, hostile_class
from openmas_assets.messages.asset import Asset
from openmas_assets.messages.asset_meta import (
    FLAT_LIMITS,
    PROMPT_LIMITS,
    asset_meta,
    flatten_asset,
    value_meta,
)
from openmas_assets.messages.asset_ref import AssetRef


def meta_of(content: object, **limits: int | None) -> Any:
    meta = asset_meta(Asset(asset_id="a1", content=content), dataclasses.replace(PROMPT_LIMITS, **limits))  # type: ignore[arg-type]
    json.dumps(meta, allow_nan=False)
    return meta["content"]


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Model(BaseModel):
    name: str = "n"


@dataclasses.dataclass
class Box:
    width: int = 1


class Row(NamedTuple):
    left: object
    right: object


def test_the_guides_example_word_for_word() -> None:
    asset = Asset(
        asset_type="asset_example",
        asset_id="<asset_id>",
        content={
            "image": np.zeros((4, 4, 3), np.uint8),
            "source_url": "<the_image_source_url>",
            "labels": ["<label_1>", "<label_2>"],
        },
    )
    assert (
        json.dumps(asset_meta(asset), indent=2)
        == """{
  "asset_type": "asset_example",
  "asset_id": "<asset_id>",
  "content_type": "<class 'dict'>",
  "content": {
    "image": "<class 'numpy.ndarray'>",
    "source_url": "<the_image_source_url>",
    "labels": [
      "<label_1>",
      "<label_2>"
    ]
  }
}"""
    )


def test_all_six_fields_stand_in_the_guides_order() -> None:
    asset = Asset(
        content=1, content_type="number", description="d", asset_name="n", asset_id="i", asset_type="t"
    )
    assert list(asset_meta(asset)) == [
        "asset_type", "asset_id", "asset_name", "description", "content_type", "content",
    ]  # fmt: skip
    assert list(asset_meta(Asset(content=None))) == ["asset_id", "content_type", "content"]


VALUES: list[tuple[object, object]] = [
    ("text", "text"),
    (5, 5),
    (1.5, 1.5),
    (True, True),
    (None, None),
    (Colour.RED, "red"),
    (Level.HIGH, 3),
    (np.float64(2.5), 2.5),
    (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
    (pathlib.PurePosixPath("/a/b"), "/a/b"),
    (pathlib.Path("a"), "a"),
    (float("nan"), "nan"),
    (float("-inf"), "-inf"),
    (1 << 5000, "<class 'int'> (5,001 bits)"),
    (np.int64(1), "<class 'numpy.int64'>"),
    (Model(), f"<class '{__name__}.Model'>"),
    (Box(), f"<class '{__name__}.Box'>"),
    (Image.new("RGB", (1, 1)), "<class 'PIL.Image.Image'>"),
    (b"bytes", "<class 'bytes'>"),
    ({1}, "<class 'set'>"),
    (deque(), "<class 'collections.deque'>"),
    (range(2), "<class 'range'>"),
    (UserDict(), "<class 'collections.UserDict'>"),
    (types.MappingProxyType(UserDict()), "<class 'mappingproxy'>"),
    (sys, "<class 'module'>"),
    (int, "<class 'type'>"),
    (len, "<class 'builtin_function_or_method'>"),
    ((1, (2,)), [1, [2]]),
    (Row(1, {}), [1, {}]),
    (OrderedDict(a=1), {"a": 1}),
    (types.MappingProxyType({"a": 1}), {"a": 1}),
    (uuid.UUID.__new__(uuid.UUID), "<class 'uuid.UUID'>"),
    (object.__new__(pathlib.PurePosixPath), str(pathlib.PurePosixPath)),
]


@pytest.mark.parametrize(("value", "shown"), VALUES, ids=range(len(VALUES)))
def test_each_value_is_shown_plain_or_by_its_type(value: object, shown: object) -> None:
    assert meta_of(value) == shown
    assert type(meta_of(value)) is type(shown)
    assert meta_of([value]) == [shown]


def test_keys_are_texts_and_what_reads_alike_is_numbered() -> None:
    content: dict[Any, int] = {
        1: 0,
        "1": 1,
        None: 2,
        1.5: 3,
        True + 1: 4,
        Colour.RED: 5,
        (1,): 6,
        (2,): 7,
        (3,): 8,
    }
    assert meta_of(content) == {
        "1": 0, "1 (2)": 1, "None": 2, "1.5": 3, "2": 4, "red": 5,
        "<class 'tuple'>": 6, "<class 'tuple'> (2)": 7, "<class 'tuple'> (3)": 8,
    }  # fmt: skip
    assert meta_of({False: 1}) == {"False": 1}


def test_a_long_text_is_cut_and_says_how_much_is_missing() -> None:
    assert meta_of("abcdef" * 1000, max_string_length=3) == "abc… (5,997 more characters)"
    assert meta_of("abc", max_string_length=3) == "abc"
    asset = Asset(content=1, description="x" * 2000, asset_id="i" * 2000)
    assert asset_meta(asset)["description"].endswith("… (1,000 more characters)")
    assert asset_meta(asset)["asset_id"] == "i" * 2000


def test_a_long_container_is_cut_and_says_how_much_is_missing() -> None:
    assert meta_of(list(range(10_000)))[-2:] == [99, "… 9,900 more items"]
    assert meta_of({"a": 1, "b": 2, "c": 3}, max_items=1) == {"a": 1, "…": "… 2 more keys"}
    assert meta_of({"…": 1, "b": 2}, max_items=1) == {"…": 1, "……": "… 1 more keys"}


def test_deep_nesting_is_cut_and_named() -> None:
    content: Any = "leaf"
    for _ in range(100_000):
        content = {"x": [content]}
    meta = meta_of(content, max_depth=3)
    assert meta == {"x": [{"x": "<class 'list'> (deeper than 3 levels)"}]}
    meta_of(content)
    asset_meta(Asset(content=content), FLAT_LIMITS)


def test_a_cycle_is_cut_and_named() -> None:
    content: dict[str, Any] = {"a": {"b": []}}
    content["a"]["b"].append(content["a"])
    content["me"] = content
    content["proxy"] = types.MappingProxyType(content)
    assert meta_of(content) == {
        "a": {"b": ["<class 'dict'> (a cycle: the same object as asset://a1/content/a)"]},
        "me": "<class 'dict'> (a cycle: the same object as asset://a1/content)",
        "proxy": "<class 'mappingproxy'> (a cycle: the same object as asset://a1/content)",
    }


def test_a_cycle_through_a_key_that_no_path_can_name_is_still_cut() -> None:
    inner: list[Any] = []
    inner.append(inner)
    assert meta_of({(1,): inner}) == {"<class 'tuple'>": ["<class 'list'> (a cycle)"]}


def test_a_shared_container_is_shown_again_but_not_without_end() -> None:
    shared = ["x"]
    assert meta_of([shared, shared]) == [["x"], ["x"]]
    many: list[Any] = []
    for _ in range(60):
        many = [many, many]
    assert len(json.dumps(meta_of(many, max_depth=100))) < 2_000_000


def test_entries_and_characters_are_bounded_overall() -> None:
    wide = [list(range(100)) for _ in range(100)]
    meta = meta_of(wide, max_entries=250)
    assert meta[-1] == "… 97 more items"
    assert sum(len(row) for row in meta[:-1]) < 260
    texts = ["x" * 1000] * 100
    assert len(json.dumps(meta_of(texts, max_characters=10_000))) < 12_000


def test_the_meta_of_a_part_knows_its_place() -> None:
    part: dict[str, Any] = {}
    part["me"] = part
    assert value_meta(part, AssetRef("a1", ("content", "x"))) == {
        "me": "<class 'dict'> (a cycle: the same object as asset://a1/content/x)"
    }
    asset = Asset(content=1)
    assert value_meta(asset, AssetRef(asset.asset_id)) == asset_meta(asset)
    assert (
        value_meta(asset, AssetRef("other", ("content",))) == "<class 'openmas_assets.messages.asset.Asset'>"
    )


@pytest.mark.parametrize(
    ("base", "arguments", "shown"),
    [
        (object, (), "<class 'hostile.Hostile'>"),
        (Exception, (), "<class 'hostile.Hostile'>"),
        (np.ndarray, ((3,),), "<class 'hostile.Hostile'>"),
        (deque, (), "<class 'hostile.Hostile'>"),
        (pathlib.PurePosixPath, ("a",), "<class 'hostile.Hostile'>"),
        (list, ([1, 2],), [1, 2]),
        (tuple, ([1, 2],), [1, 2]),
        (dict, ({"a": 1},), {"a": 1}),
        (str, ("ab",), "ab"),
        (int, (5,), 5),
        (float, (5.5,), 5.5),
    ],
    ids=lambda each: each.__name__ if isinstance(each, type) else "",
)
def test_nothing_of_a_hostile_object_runs(base: type, arguments: tuple[Any, ...], shown: object) -> None:
    journal = Journal()
    evil = hostile(journal, base, arguments=arguments)
    asset = Asset(asset_id="a1", content={"evil": evil, "list": [evil]})
    alone = Asset(asset_id="a2", content=None).model_copy(update={"content": evil})
    journal.open()
    assert asset_meta(asset)["content"] == {"evil": shown, "list": [shown]}
    flat = flatten_asset(asset)
    assert asset_meta(alone)["content"] == shown
    flatten_asset(alone)
    value_meta(evil, AssetRef("a1"))
    assert journal.calls == []
    assert "content/evil" in flat


def test_hostile_keys_are_neither_compared_nor_hashed() -> None:
    journal = Journal()
    keys = [hostile(journal, str, arguments=("name",), reads_as="name"), hostile(journal, reads_as="name")]
    keys += [hostile(journal, tuple, reads_as="…"), hostile_class(journal, int)]
    content = dict.fromkeys(keys[:3], 1)
    journal.open()
    assert meta_of(content) == {
        "name": 1, "<class 'hostile.Hostile'>": 1, "<class 'hostile.Hostile'> (2)": 1,
    }  # fmt: skip
    assert flatten_asset(Asset(asset_id="a", content=content))["content/…"] == "… 2 more keys"
    assert journal.calls == []


def test_a_cycle_to_where_no_reference_can_lead_is_still_cut() -> None:
    inner: list[Any] = []
    inner.append(inner)
    meta = meta_of({"x" * 65_530: inner}, max_characters=1_000_000)
    assert list(meta.values()) == [["<class 'list'> (a cycle)"]]
