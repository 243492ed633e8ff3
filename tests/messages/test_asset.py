"""`Asset`: an object with an id, held by reference and never looked into."""

import copy
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from hostile import Journal, hostile
from openmas_assets.messages import Asset, AssetRefError
from openmas_assets.messages.asset import new_asset_id


class Painting:
    pass


@pytest.mark.parametrize(
    "content",
    [{"a": 1}, [], (), "text", b"", 1, 1.5, True, None, Painting(), Painting, np.zeros(3), Ellipsis],
)
def test_the_content_type_is_the_python_type_unless_it_is_given(content: object) -> None:
    assert Asset(content=content).content_type == str(type(content))
    assert Asset.model_validate({"content": content, "content_type": None}).content_type == str(type(content))
    assert Asset(content=content, content_type="image/png").content_type == "image/png"


def test_the_content_is_the_very_object() -> None:
    contents: list[Any] = [[[]], {"a": []}, {1}, np.zeros(3), Painting(), Asset(content=1)]
    for content in contents:
        asset = Asset(content=content)
        assert asset.content is content
        for twin in (copy.copy(asset), copy.deepcopy(asset), asset.model_copy(deep=True)):
            assert twin == asset
            assert twin.content is content
        assert Asset.model_validate({"content": content}).content is content


def test_an_id_is_sixteen_hexadecimal_digits_and_no_other_has_it() -> None:
    ids = {new_asset_id() for _ in range(10_000)}
    assert len(ids) == 10_000
    assert all(len(each) == 16 and int(each, 16) >= 0 for each in ids)
    assert Asset(content=1).asset_id != Asset(content=1).asset_id


def test_nothing_of_the_content_runs() -> None:
    journal = Journal()
    content = hostile(journal)
    journal.open()
    one = Asset(asset_id="a", content=content)
    other = Asset(asset_id="a", content=content)
    assert one == other
    assert hash(one) == hash(other)
    assert repr(one) == "Asset(asset_id='a', content_type=\"<class 'hostile.Hostile'>\")"
    assert str(one) == "asset_id='a' content_type=\"<class 'hostile.Hostile'>\""
    assert one.given_fields()["content"] is content
    assert copy.deepcopy(one) == copy.copy(one) == one
    assert journal.calls == []


def test_a_copy_with_another_field_leaves_the_asset_as_it_is() -> None:
    asset = Asset(asset_id="a", content=[])
    other = asset.model_copy(update={"asset_id": "b"})
    assert (asset.asset_id, other.asset_id) == ("a", "b")
    assert other.content is asset.content


def test_assets_are_equal_if_they_have_the_same_object_and_equal_labels() -> None:
    content: list[int] = []
    asset = Asset(asset_id="a", content=content)
    assert asset == Asset(asset_id="a", content=content)
    assert asset != Asset(asset_id="a", content=list(content))
    assert asset != "a"
    for label in ("asset_type", "asset_name", "description", "content_type", "asset_id"):
        assert asset != asset.model_copy(update={label: "another"})


def test_the_given_fields_are_in_order_and_the_content_is_always_one() -> None:
    assert list(Asset(asset_id="a", content=None).given_fields()) == ["asset_id", "content_type", "content"]
    whole = Asset(content=1, content_type="t", description="d", asset_name="n", asset_id="a", asset_type="x")
    assert list(whole.given_fields().items()) == [
        ("asset_type", "x"),
        ("asset_id", "a"),
        ("asset_name", "n"),
        ("description", "d"),
        ("content_type", "t"),
        ("content", 1),
    ]


def test_an_asset_reads_itself() -> None:
    asset = Asset(asset_id="a", content={"rows": [[1]]})
    assert asset.resolve() is asset
    assert asset.resolve(["content", "rows"]) is asset.content["rows"]
    assert asset.flatten(".", keep_container_type=False) == {
        "asset_id": "a",
        "content_type": "<class 'dict'>",
        "content.rows.0.0": 1,
    }
    with pytest.raises(AssetRefError, match="asset://a/content"):
        asset.resolve(["content", "columns"])


@pytest.mark.parametrize(
    "fields", [{}, {"content": 1, "asset_id": ""}, {"content": 1, "asset_id": 5}, {"content": 1, "size": 5}]
)
def test_what_is_no_asset_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Asset.model_validate(fields)
