"""A reference to an asset, or to a part of one."""

from collections.abc import Sequence
from typing import Any, NoReturn, Self, TypeGuard

from pydantic import ModelWrapValidatorHandler, model_validator

from openmas_assets.messages.base import Message
from openmas_assets.messages.errors import AssetRefError
from openmas_assets.messages.reference_form import check_parts, read_form
from openmas_assets.messages.reference_url import print_url


class AssetRef(Message):
    """Names an asset, or a part of it, in place of the object itself.

    Steps keep the spelling they were given in, but `1` and `"1"` are the same step: such references are
    equal and hash alike. What exists is valid: its URL parses to an equal reference.

    As the type of a field of a message it takes every form that `parse` takes.

    Args:
        asset_id: The asset's id; any text but the empty one.
        field_path: Keys and indices from the asset's root, a list or tuple of at most 256; none (or None)
            for the whole asset.

    Raises:
        AssetRefError: The id is empty or no text, a step is neither text nor integer (a boolean is none),
            there are too many of them, or the URL would be longer than 65,536 characters.
    """

    asset_id: str
    field_path: tuple[str | int, ...] = ()

    def __init__(self, asset_id: str, field_path: Sequence[str | int] | None = ()) -> None:
        checked_id, steps = check_parts(asset_id, field_path)
        # mypy takes the signature for that of Message, which declares no fields.
        super().__init__(asset_id=checked_id, field_path=steps)  # type: ignore[call-arg]

    @model_validator(mode="wrap")
    @classmethod
    def _accept_any_form(cls, form: Any, build: ModelWrapValidatorHandler[Self]) -> Self:
        if _is_asset_ref(form):
            return build(form)
        try:
            asset_id, steps = read_form(form)
        except AssetRefError as error:
            # A ValueError, so that pydantic tries the other members of a union.
            raise ValueError(str(error)) from None
        return build({"asset_id": asset_id, "field_path": steps})

    @staticmethod
    def parse(form: object) -> "AssetRef":
        """Read a reference in whichever of its forms, in time linear in its length.

        Args:
            form: An `AssetRef` (returned as it is); a dict with `asset_id` and, unless the whole asset is
                meant, `field_path`; an `asset://` URL; or an embedding: the URL, or the dict as JSON,
                between `<|` and `|>` without a space.

        Returns:
            The reference. Whether the asset exists is not looked at.

        Raises:
            AssetRefError: It is none of these. Says why and which forms there are; does not repeat it.
        """
        if _is_asset_ref(form):
            return form
        asset_id, steps = read_form(form)
        # What was just read need not be checked again, which would take twice as long as reading it.
        return AssetRef.model_construct(asset_id=asset_id, field_path=steps)

    @staticmethod
    def is_ref(form: object) -> bool:
        """Whether `parse` takes it. Never raises, and runs no code of the object's."""
        if _is_asset_ref(form):
            return True
        try:
            read_form(form)
        except AssetRefError:
            return False
        return True

    @property
    def url(self) -> str:
        """The reference as a URL: ASCII, percent-encoded."""
        return print_url(self.asset_id, self.field_path)

    @property
    def embedding(self) -> str:
        """The reference as it stands in a text: the URL between `<|` and `|>`."""
        return f"<|{self.url}|>"

    def to_dict(self) -> dict[str, Any]:
        """The dict form, which JSON can hold; its `field_path` is an empty list for the whole asset."""
        return {"asset_id": self.asset_id, "field_path": list(self.field_path)}

    def child(self, *steps: str | int) -> Self:
        """The reference to a part of what this one refers to.

        Args:
            steps: Keys and indices from there.

        Returns:
            A reference of the same kind, bound to the same store if this one is bound.

        Raises:
            AssetRefError: As for the constructor.
        """
        _, field_path = check_parts(self.asset_id, (*self.field_path, *steps))
        return self.model_copy(update={"field_path": field_path})

    def resolve(self) -> object:
        """What it refers to; on references that a store handed out.

        Raises:
            AssetRefError: It is bound to no store.
        """
        self._refuse_unbound("resolve")

    def flatten(self, sep: str = "/", keep_container_type: bool = True) -> dict[str, object]:
        """The flattened metadata of what it refers to; on references that a store handed out.

        Args:
            sep: Stands between the steps in each key.
            keep_container_type: Whether containers have an entry too, before those of their members.

        Raises:
            AssetRefError: It is bound to no store.
        """
        del sep, keep_container_type
        self._refuse_unbound("flatten")

    def __str__(self) -> str:
        return self.url

    def __eq__(self, other: object) -> bool:
        if not _is_asset_ref(other):
            return NotImplemented
        return self._spelling() == other._spelling()

    def __hash__(self) -> int:
        return hash(self._spelling())

    def _spelling(self) -> tuple[str, ...]:
        return (self.asset_id, *map(str, self.field_path))

    def _refuse_unbound(self, verb: str) -> NoReturn:
        raise AssetRefError("the reference is not bound to a store", fix=f"Use store.{verb}(ref).")


def _is_asset_ref(value: object) -> TypeGuard[AssetRef]:
    # Neither isinstance nor issubclass: both would run code of the value's, or of its class.
    return type.__subclasscheck__(AssetRef, type(value))
