"""A reference is one thing, however it is written."""

import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, PrivateAttr, ValidationError

from openmas_assets.messages.asset_ref import AssetRef
from openmas_assets.messages.errors import AssetError, AssetRefError

ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    ["", "a/b", "%", "%2F", "+", " ", "?", "#", "|>", "<|", "0", "01", "-1", "A", "ß", "\ud83d", "写"]
)
ANY_REF = st.builds(
    AssetRef, ANY_TEXT.filter(bool), st.lists(ANY_TEXT | st.integers(), max_size=8) | st.none()
)


class _BoundRef(AssetRef):
    """As the store hands out: with something of its own."""

    _store: object = PrivateAttr(default=None)


class _Message(BaseModel):
    ref: AssetRef


class _MessageWithUnion(BaseModel):
    param: AssetRef | str | list[int] | dict[str, Any]


@given(ANY_REF)
def test_every_form_of_a_reference_parses_to_it(ref: AssetRef) -> None:
    forms: list[Any] = [ref, ref.to_dict(), ref.url, ref.embedding, str(ref)]

    for form in forms:
        assert AssetRef.is_ref(form)
        assert AssetRef.parse(form) == ref
        assert hash(AssetRef.parse(form)) == hash(ref)
        assert _Message(ref=form).ref == ref


@given(ANY_REF)
def test_a_dict_form_comes_back_as_it_was(ref: AssetRef) -> None:
    steps = AssetRef.parse(ref.to_dict()).to_dict()

    assert steps == ref.to_dict()
    assert [type(step) for step in steps["field_path"]] == [type(step) for step in ref.field_path]
    assert json.loads(json.dumps(steps)).keys() == {"asset_id", "field_path"}


@given(ANY_REF)
def test_a_url_printed_again_is_the_same_url(ref: AssetRef) -> None:
    assert AssetRef.parse(ref.url).url == ref.url
    assert AssetRef.parse(ref.embedding).embedding == ref.embedding == f"<|{ref.url}|>"


@given(ANY_REF, ANY_REF)
def test_references_are_equal_if_and_only_if_their_urls_are(one: AssetRef, other: AssetRef) -> None:
    assert (one == other) is (one.url == other.url)


def test_the_guides_reference_is_one_in_all_forms() -> None:
    path = ["path", "to", "the", "image", "object"]
    ref = AssetRef("the_asset_id", path)

    assert ref.to_dict() == {"asset_id": "the_asset_id", "field_path": path}
    assert ref.url == "asset://the_asset_id/path/to/the/image/object"
    assert ref == AssetRef.parse(
        '<|{"asset_id":"the_asset_id","field_path":["path", "to", "the", "image", "object"]}|>'
    )


def test_one_and_the_text_of_one_are_the_same_step_and_keep_their_spelling() -> None:
    number, text = AssetRef("a", ["b", 1]), AssetRef("a", ["b", "1"])

    assert number == text
    assert hash(number) == hash(text)
    assert {number, text} == {AssetRef.parse("asset://a/b/1")}
    assert (number.field_path, text.field_path) == (("b", 1), ("b", "1"))
    assert number != AssetRef("a", ["b", "01"])
    assert number != AssetRef("a", ["b"])
    assert AssetRef("a", ["b"]) != AssetRef("a/b")
    assert number != number.url


def test_a_reference_is_made_by_position_or_by_name() -> None:
    assert AssetRef("a", ("b",)) == AssetRef(asset_id="a", field_path=["b"])
    assert AssetRef("a") == AssetRef("a", None) == AssetRef("a", ()) == AssetRef.parse("asset://a")
    assert AssetRef("a").to_dict() == {"asset_id": "a", "field_path": []}


@pytest.mark.parametrize(
    ("asset_id", "field_path"),
    [
        ("", ()),
        (None, ()),
        (7, ()),
        ("a", "content"),
        ("a", [True]),
        ("a", [1.5]),
        ("a", [None]),
        ("a", {"b"}),
        ("a", ["b"] * 257),
    ],
)
def test_what_is_no_reference_cannot_be_made(asset_id: Any, field_path: Any) -> None:
    with pytest.raises(AssetRefError):
        AssetRef(asset_id, field_path)


def test_a_reference_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        AssetRef("a").asset_id = "b"


def test_parse_returns_a_reference_as_it_is() -> None:
    ref = AssetRef("a")
    bound = _BoundRef(asset_id="a")

    assert AssetRef.parse(ref) is ref
    assert AssetRef.parse(bound) is bound


def test_a_child_leads_on_from_where_the_reference_leads() -> None:
    ref = AssetRef("a", ["content"])

    assert ref.child("labels", 0).url == "asset://a/content/labels/0"
    assert ref.child() == ref
    assert ref.field_path == ("content",)
    for steps in ([True], ["b"] * 256):
        with pytest.raises(AssetRefError):
            ref.child(*steps)


def test_a_bound_reference_equals_a_plain_one_and_its_children_are_bound() -> None:
    store = object()
    bound = _BoundRef(asset_id="a", field_path=(1,))
    bound._store = store

    assert bound == AssetRef("a", ["1"])
    assert AssetRef("a", ["1"]) == bound
    assert {bound} == {AssetRef("a", ["1"])}
    assert isinstance(bound.child("b"), _BoundRef)
    assert bound.child("b")._store is store
    assert _Message(ref=bound).ref is bound


@pytest.mark.parametrize("use", [AssetRef.resolve, AssetRef.flatten])
def test_a_reference_without_a_store_says_what_to_use(use: Any) -> None:
    with pytest.raises(AssetRefError, match=rf"not bound to a store\. Use store\.{use.__name__}\(ref\)"):
        use(AssetRef("a"))


def test_a_reference_travels() -> None:
    ref = AssetRef("a", ["b", 1])

    for travelled in (
        pickle.loads(pickle.dumps(ref)),
        copy.deepcopy(ref),
        AssetRef.model_validate_json(ref.model_dump_json()),
    ):
        assert travelled == ref
        assert travelled.field_path == ("b", 1)


def test_a_message_that_wants_a_reference_says_what_was_wrong_with_it() -> None:
    with pytest.raises(ValidationError, match="this is no reference: the text does not begin with asset://"):
        _Message.model_validate({"ref": "photo"})
    with pytest.raises(ValidationError, match="has the keys asset_id and field_path and no others"):
        _Message.model_validate({"ref": {"asset_id": "a", "content": 1}})


def test_a_message_may_take_a_reference_or_something_else() -> None:
    assert _MessageWithUnion.model_validate({"param": [1]}).param == [1]
    assert _MessageWithUnion.model_validate({"param": "https://a"}).param == "https://a"
    assert _MessageWithUnion.model_validate({"param": {"asset_id": ""}}).param == {"asset_id": ""}
    assert _MessageWithUnion.model_validate({"param": {"asset_id": 1, "b": 2}}).param == {
        "asset_id": 1,
        "b": 2,
    }
    assert _MessageWithUnion.model_validate_json('{"param": {"asset_id": "a"}}').param == AssetRef("a")


def test_asking_whether_something_is_a_reference_never_raises() -> None:
    for form in (object(), AssetRef, 7, "a", {"asset_id": object()}, {1: 2}):
        assert AssetRef.is_ref(form) is False
        assert AssetRef("a") != form


def test_a_bad_reference_is_an_asset_error_and_a_lookup_error() -> None:
    with pytest.raises(AssetError, match=r'Write asset://.+ or \{"asset_id": .+ between <\| and \|>'):
        AssetRef.parse("photo")
    with pytest.raises(LookupError):
        AssetRef.parse(7)
