"""The store's protocol: frozen, closed, and blind to what it carries."""

import inspect
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from hostile import Journal, hostile
from openmas_assets.messages import (
    Asset,
    AssetFlattened,
    AssetMetaFound,
    AssetRef,
    AssetRefResolved,
    AssetStoreAnswer,
    AssetStoreCommand,
    FlattenAsset,
    GetAssetMeta,
    PutAsset,
    ResolveAssetRef,
    store,
)
from openmas_assets.messages.base import Message

PROTOCOL: set[type[Message]] = {*get_args(AssetStoreCommand), *get_args(AssetStoreAnswer)}
REF = AssetRef("a", ["content", 0])


def test_every_message_of_the_module_belongs_to_the_protocol() -> None:
    members = {
        member
        for _, member in inspect.getmembers(store, inspect.isclass)
        if member.__module__ == store.__name__
    }
    messages = {each for each in members if issubclass(each, Message) and not each.__name__.startswith("_")}
    assert messages | {Asset} == PROTOCOL | {store.ReadOver}  # which the store tells itself


def test_every_command_names_its_answer() -> None:
    answer_classes: tuple[type[Message], ...] = get_args(AssetStoreAnswer)
    answers = {answer.__name__ for answer in answer_classes}
    commands: tuple[type[Message], ...] = get_args(AssetStoreCommand)
    for command in commands:
        [first, *_] = str(command.__doc__).split("\n\n")
        assert [name for name in answers if f"`{name}`" in first], command


@pytest.mark.parametrize("message_class", sorted(PROTOCOL, key=str))
def test_it_is_frozen_and_refuses_what_is_not_declared(message_class: type[Message]) -> None:
    message = message_class.model_construct()
    for field in [*message_class.model_fields, "another"]:
        with pytest.raises(ValidationError):
            setattr(message, field, None)
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        message_class.model_validate({"no_such_field": 1})


@pytest.mark.parametrize("command_class", [ResolveAssetRef, GetAssetMeta, FlattenAsset])
@pytest.mark.parametrize(
    "form", [REF, REF.to_dict(), REF.url, REF.embedding], ids=["ref", "dict", "url", "embedding"]
)
def test_a_command_takes_every_form_of_a_reference(command_class: Any, form: object) -> None:
    assert command_class(ref=form).ref == REF


def test_a_wrong_reference_is_refused_without_being_repeated() -> None:
    with pytest.raises(ValidationError, match="this is no reference") as raised:
        ResolveAssetRef.model_validate({"ref": "http://user:secret@example.com/"})
    assert "secret" not in str(raised.value)


def test_no_message_looks_into_what_it_carries() -> None:
    journal = Journal()
    content = hostile(journal)
    journal.open()
    asset = Asset(asset_id="a", content=content)
    carriers: list[tuple[Message, Any]] = [
        (PutAsset(asset=asset), lambda message: message.asset.content),
        (AssetRefResolved(ref=REF, value=content), lambda message: message.value),
        (AssetMetaFound(ref=REF, meta=content), lambda message: message.meta),
        (AssetFlattened(ref=REF, entries={"content": content}), lambda message: message.entries["content"]),
    ]
    for message, carried in carriers:
        assert "asset_id='a'" in repr(message)
        assert "asset_id='a'" in str(message)
        assert message == message  # noqa: PLR0124 - equality is what is tested
        assert isinstance(hash(message), int)
        assert carried(message) is content
    assert journal.calls == []


def test_two_answers_are_never_equal_for_that_would_compare_their_values() -> None:
    value: list[int] = []
    assert AssetRefResolved(ref=REF, value=value) != AssetRefResolved(ref=REF, value=value)


def test_an_asset_is_put_as_it_is() -> None:
    asset = Asset(content=[])
    assert PutAsset(asset=asset).asset is asset
    assert not PutAsset(asset=asset).replace
