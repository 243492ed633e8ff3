"""Flattened metadata: each key, split by the separator, is a path that leads to what its value stands for."""

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from openmas_assets.messages.asset import Asset
from openmas_assets.messages.asset_meta import FLAT_LIMITS, flatten_asset, flatten_value
from openmas_assets.messages.asset_ref import AssetRef
from openmas_assets.messages.errors import AssetConfigurationError, AssetRefError
from openmas_assets.messages.resolution import resolve_asset

SEPARATORS = ["/", ".", "::", "-", "_", " ", "->", "-/-", "//", ":", "…", "→", "\ud800", "\n", "…/"]

GUIDE = Asset(
    asset_type="asset_example",
    asset_id="<asset_id>",
    content={
        "image": np.zeros((4, 4, 3), np.uint8),
        "source_url": "<the_image_source_url>",
        "labels": ["<label_1>", "<label_2>"],
    },
)

# Characters that make keys collide, split or read as something else.
_TEXTS = (
    st.text(st.sampled_from("/%.:-_ >…→\ud800\nF2fa01é")) | st.text() | st.sampled_from(["%2F", "%2f", "…"])
)
_KEYS = _TEXTS | st.integers() | st.integers(0, 3) | st.integers(0, 3).map(str) | st.booleans() | st.none()
_LEAVES = st.integers() | st.text(max_size=5) | st.none() | st.booleans() | st.binary(max_size=2)


def _containers(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(children, max_size=4)
    return lists | lists.map(tuple) | st.dictionaries(_KEYS, children, max_size=6)


_CONTENTS = st.recursive(_LEAVES, _containers, max_leaves=15)


def flat(
    content: object, sep: str = "/", keep_container_type: bool = True, **limits: int | None
) -> dict[str, Any]:
    asset = Asset(asset_id="a1", content=content)
    return flatten_asset(asset, sep, keep_container_type, dataclasses.replace(FLAT_LIMITS, **limits))  # type: ignore[arg-type]


def is_shown_as(value: object, shown: object) -> bool:
    if isinstance(value, (dict, list, tuple, bytes)):
        return shown == str(type(value))
    return type(value) is type(shown) and value == shown


def is_count(path: str, shown: object) -> bool:
    """Whether it is a note of how many keys are missing, under the key … or one like it."""
    return (
        path.endswith("…")
        and isinstance(shown, str)
        and shown.startswith("… ")
        and shown.endswith(" more keys")
    )


def test_the_guides_example_word_for_word() -> None:
    assert (
        json.dumps(flatten_asset(GUIDE, sep="/", keep_container_type=True), indent=2)
        == """{
  "asset_type": "asset_example",
  "asset_id": "<asset_id>",
  "content_type": "<class 'dict'>",
  "content": "<class 'dict'>",
  "content/image": "<class 'numpy.ndarray'>",
  "content/source_url": "<the_image_source_url>",
  "content/labels": "<class 'list'>",
  "content/labels/0": "<label_1>",
  "content/labels/1": "<label_2>"
}"""
    )


def test_without_container_types_only_leaves_and_empty_containers_have_entries() -> None:
    flattened = flatten_asset(GUIDE, ".", keep_container_type=False)
    assert list(flattened)[2:] == [
        "content_type", "content.image", "content.source_url", "content.labels.0", "content.labels.1",
    ]  # fmt: skip
    assert flat({"a": {}, "b": [()]}, keep_container_type=False) == {
        "asset_id": "a1",
        "content_type": "<class 'dict'>",
        "content/a": "<class 'dict'>",
        "content/b/0": "<class 'tuple'>",
    }


@given(content=_CONTENTS, sep=st.sampled_from(SEPARATORS), keep=st.booleans())
@example(content={"/": 1, "%2F": 2, "%2f": 3}, sep="/", keep=True)
@example(content={"a:": {"b": 1}, ":": {":": 1}}, sep="::", keep=True)
@example(content={1: "n", "1": "t", -5: "m"}, sep="-", keep=True)
def test_every_flattened_key_resolves_to_its_leaf(content: object, sep: str, *, keep: bool) -> None:
    asset = Asset(asset_type="a_b", asset_id="a1", content=content)
    for path, shown in flatten_asset(asset, sep, keep).items():
        if not is_count(path, shown):
            assert is_shown_as(resolve_asset(asset, path.split(sep)), shown), path
            by_url = AssetRef("a1", tuple(path.split(sep)))
            assert is_shown_as(resolve_asset(asset, AssetRef.parse(by_url.url).field_path), shown), path


@given(content=_CONTENTS, sep=st.sampled_from(SEPARATORS))
def test_every_leaf_is_shown_or_counted(content: object, sep: str) -> None:
    def places(value: object) -> int:
        if isinstance(value, dict):
            return 1 + sum(map(places, value.values()))
        return 1 + (sum(map(places, value)) if isinstance(value, (list, tuple)) else 0)

    def counted(entries: dict[str, Any]) -> int:
        return sum(is_count(*entry) for entry in entries.items())

    flattened = flat(content, sep)
    shown = len(flattened) - 2
    assert shown == places(content) or counted(flattened)


@given(content=st.dictionaries(_TEXTS, st.integers(), min_size=1))
def test_a_key_without_the_separator_stands_as_it_is(content: dict[str, int]) -> None:
    flattened = flat(content)
    assert all(f"content/{key}" in flattened for key in content if "/" not in key)


def test_a_key_with_the_separator_is_percent_encoded() -> None:
    assert list(flat({"a/b": 1, "50%/c": 2, "50%": 3}))[3:] == [
        "content/a%2Fb",
        "content/50%25%2Fc",
        "content/50%",
    ]


def test_a_key_whose_encoding_is_taken_is_encoded_further() -> None:
    content = {"a/": 1, "a%2F": 2, "a%2f": 3}
    assert list(flat(content))[3:] == ["content/%61%2F", "content/a%2F", "content/a%2f"]


def test_a_key_for_which_no_encoding_is_free_is_counted() -> None:
    assert list(flat({"/": 1, "%2F": 2}))[3:] == ["content/%2f", "content/%2F"]
    assert flat({"/": 1, "%2F": 2, "%2f": 3})["content/…"] == "… 1 more keys"


def test_keys_that_no_path_can_name_are_counted() -> None:
    flattened = flat({(1,): 1, None: 2, 1.5: 3, "a": 4, 1: 5, "1": 6, True + 1: 7, 1 << 5000: 8})
    assert list(flattened.items())[3:] == [
        ("content/a", 4), ("content/1", 6), ("content/2", 7), ("content/…", "… 5 more keys"),
    ]  # fmt: skip
    assert flat({1 << 50_000: 8})["content/…"] == "… 1 more keys"
    assert flat({"…": "real", None: 1})["content/……"] == "… 1 more keys"


def test_a_path_too_long_for_a_reference_is_counted() -> None:
    assert flat({"k" * 5000: 1})["content/…"] == "… 1 more keys"
    assert len(max(flat({"k" * 3000: {"k" * 3000: 1}}), key=len)) < 4000


def test_a_long_list_is_counted_under_the_slice_that_is_missing() -> None:
    content = {"rows": list(range(250))}
    flattened = flat(content, max_items=100)
    assert flattened["content/rows/100:"] == "… 150 more items"
    rest = resolve_asset(Asset(content=content), ["content", "rows", "100:"])
    assert rest == list(range(100, 250))
    assert "content:rows:100%3A" in flat(content, ":", max_items=100)
    assert resolve_asset(Asset(content=content), ["content", "rows", "100%3A"]) == rest


def test_a_deep_or_cyclic_content_is_cut_and_named() -> None:
    content: list[Any] = []
    for _ in range(100_000):
        content = [content]
    flattened = flat(content)
    assert list(flattened.values())[-1] == "<class 'list'> (deeper than 100 levels)"
    content = []
    content.append([content])
    assert flat(content)["content/0/0"] == "<class 'list'> (a cycle: the same object as asset://a1/content)"


def test_an_exponential_content_ends() -> None:
    many: list[Any] = []
    for _ in range(60):
        many = [many, many]
    flattened = flat(many, max_entries=1000)
    assert 1000 <= len(flattened) < 1200


def test_entries_and_characters_are_bounded_overall() -> None:
    flattened = flat({"a": list(range(50)), "b": 1}, max_entries=10)
    assert flattened["content/a/8:"] == "… 42 more items"
    assert flattened["content/…"] == "… 1 more keys"
    key = "k" * 4000
    assert sum(map(len, flat({key: list(range(100_000))}, max_characters=1_000_000))) < 1_100_000
    assert flat(["x" * 20_000])["content/0"].endswith("… (10,000 more characters)")


@pytest.mark.parametrize("sep", ["", "a", "1", "%", "/a", "é", None, 5, b"/"])
def test_a_separator_that_keys_could_not_be_split_by_is_refused(sep: Any) -> None:
    with pytest.raises(AssetConfigurationError):
        flat({}, sep)


def test_a_part_is_flattened_under_its_path_from_the_root() -> None:
    content = {"a/b": {"c": [1]}}
    asset = Asset(asset_id="a1", content=content)
    ref = AssetRef("a1", ("content", "a/b"))
    assert flatten_value(content["a/b"], ref) == {
        "content/a%2Fb": "<class 'dict'>",
        "content/a%2Fb/c": "<class 'list'>",
        "content/a%2Fb/c/0": 1,
    }
    assert resolve_asset(asset, ["content", "a%2Fb", "c", "0"]) == 1
    assert flatten_value(asset, AssetRef("a1")) == flatten_asset(asset)


def test_a_mapping_of_fields_is_flattened_as_an_asset_is() -> None:
    assert flatten_value({"name": "x", "tags": ["t"]}, AssetRef("declared")) == {
        "name": "x",
        "tags": "<class 'list'>",
        "tags/0": "t",
    }


def test_the_type_of_a_function_is_shown_but_no_reference_leads_to_it() -> None:
    asset = Asset(content={"run": len})
    assert flatten_asset(asset)["content/run"] == "<class 'builtin_function_or_method'>"
    with pytest.raises(AssetRefError):
        resolve_asset(asset, ["content", "run"])
