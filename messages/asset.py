"""An in-memory asset: an object that is too large, or too alive, for a chat history."""

import secrets
from collections.abc import Sequence
from typing import Any, Self

from pydantic import Field, model_validator

from openmas_assets.messages.base import Message
from openmas_assets.messages.python_type import python_type_text

_ID_BYTES = 8


def new_asset_id() -> str:
    """Make an id that no other asset has: 16 hexadecimal digits, short enough for a prompt."""
    return secrets.token_hex(_ID_BYTES)


class Asset(Message):
    """An object with an id, and what is said of it.

    The content is held by reference, never copied; neither `repr` nor `==` nor `hash` looks into it. Two
    assets are equal if their contents are the same object and all else is equal.

    Attributes:
        asset_type: A word of the project's own to classify assets; None where not given.
        asset_id: What references name it by; not empty. Generated unless given.
        asset_name: A name for people; None where not given.
        description: What it is; None where not given.
        content_type: What the content is; by default its Python type, as `str(type(content))` gives it.
        content: Anything.
    """

    asset_type: str | None = None
    asset_id: str = Field(default_factory=new_asset_id, min_length=1)
    asset_name: str | None = None
    description: str | None = None
    content_type: str = ""
    content: Any

    @model_validator(mode="before")
    @classmethod
    def _name_content_type(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and "content" in fields and fields.get("content_type") is None:
            return {**fields, "content_type": python_type_text(fields["content"])}
        return fields

    def given_fields(self) -> dict[str, Any]:
        """The fields that have a value, in their order; the content always, whatever it is.

        Returns:
            What a reference's first step can name.
        """
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in fields.items() if value is not None or name == "content"}

    def resolve(self, field_path: Sequence[str | int] = ()) -> object:
        """What a path leads to. See `resolve_asset`.

        Args:
            field_path: Keys and indices from the root; none for the asset itself.

        Raises:
            AssetRefError: It leads nowhere, or to what is no data.
        """
        from openmas_assets.messages.resolution import resolve_asset  # which imports this module

        return resolve_asset(self, field_path, may_run_code=True)

    def flatten(self, sep: str = "/", keep_container_type: bool = True) -> dict[str, Any]:
        """The flattened metadata. See `flatten_asset`.

        Args:
            sep: Stands between the steps in each key.
            keep_container_type: Whether containers have an entry too, before those of their members.
        """
        from openmas_assets.messages.asset_meta import flatten_asset  # which imports this module

        return flatten_asset(self, sep, keep_container_type)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Asset):
            return NotImplemented
        return self._labels() == other._labels() and self.content is other.content

    def __hash__(self) -> int:
        return hash(self._labels())

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        labels = self.given_fields()
        del labels["content"]
        return list(labels.items())

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self.__copy__()

    def _labels(self) -> tuple[str | None, ...]:
        return (self.asset_type, self.asset_id, self.asset_name, self.description, self.content_type)
