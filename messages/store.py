"""The protocol of the AssetStore actor: objects in memory, named by id, read by reference.

Whoever `ask`s gets the answer, or the `AssetError` that stands in its place. Wherever a command has a `ref`,
it takes every form of a reference: an `AssetRef`, its dict, its URL, its `<|…|>` embedding.
"""

from typing import Any

from openmas_assets.messages.asset import Asset
from openmas_assets.messages.asset_ref import AssetRef
from openmas_assets.messages.base import Message
from openmas_assets.messages.meta_limits import FLAT_LIMITS, PROMPT_LIMITS, MetaLimits


class PutAsset(Message):
    """Keep an asset, by reference: nothing is copied. Answer: `AssetStored`.

    Attributes:
        asset: The asset.
        replace: Whether it takes the place of another with the same id; without it that is an error.
    """

    asset: Asset
    replace: bool = False


class AssetStored(Message):
    """The asset is in the store.

    Attributes:
        ref: The reference to the whole of it.
    """

    ref: AssetRef


class GetAsset(Message):
    """Answer with the `Asset` of an id.

    Attributes:
        asset_id: The id.
    """

    asset_id: str


class ResolveAssetRef(Message):
    """Answer with what a reference refers to. Answer: `AssetRefResolved`.

    Attributes:
        ref: The reference.
    """

    ref: AssetRef


class _Read(Message):
    """An answer that holds an object of somebody else's, which neither `repr` nor `==` may touch."""

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return [("ref", getattr(self, "ref", None))]


class AssetRefResolved(_Read):
    """What a reference refers to.

    Attributes:
        ref: The reference.
        value: The very object, no copy; the `Asset` where the reference has no path.
    """

    ref: AssetRef
    value: Any


class GetAssetMeta(Message):
    """Answer with the metadata of an asset or of a part of one. Answer: `AssetMetaFound`.

    Attributes:
        ref: The reference.
        limits: How much is shown.
    """

    ref: AssetRef
    limits: MetaLimits = PROMPT_LIMITS


class AssetMetaFound(_Read):
    """The metadata of an asset or of a part of one: what JSON can hold, bounded (see `asset_meta`).

    Attributes:
        ref: The reference.
        meta: A dict for a whole asset; for a part whatever describes that.
    """

    ref: AssetRef
    meta: Any


class ListAssetMetas(Message):
    """Answer with the metadata of all assets, oldest first, for a prompt. Answer: `AssetMetaList`.

    Attributes:
        flattened: Whether each is flattened.
        sep: Of the flattened keys.
        keep_container_type: Whether flattened ones have an entry for each container too.
        limits: How much is shown of each.
    """

    flattened: bool = False
    sep: str = "/"
    keep_container_type: bool = True
    limits: MetaLimits = PROMPT_LIMITS


class AssetMetaList(Message):
    """The metadata of all assets, oldest first.

    Attributes:
        metas: One for each; of one that could not be read, its id and an `error`.
    """

    metas: tuple[dict[str, Any], ...]


class FlattenAsset(Message):
    """Answer with the flattened metadata of an asset or of a part of one. Answer: `AssetFlattened`.

    Attributes:
        ref: The reference.
        sep: Stands between the steps in each key.
        keep_container_type: Whether containers have an entry too, before those of their members.
        limits: How much is shown.
    """

    ref: AssetRef
    sep: str = "/"
    keep_container_type: bool = True
    limits: MetaLimits = FLAT_LIMITS


class AssetFlattened(_Read):
    """The flattened metadata of an asset or of a part of one.

    Attributes:
        ref: The reference.
        entries: What describes each leaf, by its path from the asset's root.
    """

    ref: AssetRef
    entries: dict[str, Any]


class RenderText(Message):
    """Put what a text refers to in the place of its `<|…|>` embeddings. Answer: `TextRendered`.

    Attributes:
        text: The text.
        content_type: What it is: `text/markdown`, `text/plain` or `application/json`, or what a renderer has
            been registered for.
    """

    text: str
    content_type: str = "text/markdown"


class TextRendered(Message):
    """A text with its references replaced.

    Attributes:
        text: The text. What does not resolve, or cannot be shown there, stands in it as before.
        problems: One line for each of those: which, where and why.
    """

    text: str
    problems: tuple[str, ...] = ()


class DeleteAsset(Message):
    """Forget an asset. What was resolved before stays alive with whoever holds it. Answer: `AssetDeleted`.

    Attributes:
        asset_id: The id.
    """

    asset_id: str


class AssetDeleted(Message):
    """The asset is gone from the store.

    Attributes:
        asset_id: The id, free again.
    """

    asset_id: str


class ListAssetIds(Message):
    """Answer with the ids of all assets. Answer: `AssetIds`."""


class AssetIds(Message):
    """The ids of all assets.

    Attributes:
        asset_ids: Oldest first.
    """

    asset_ids: tuple[str, ...]


class ReadOver(Message):
    """What the store tells itself when a thread that read somebody's objects for it has ended.

    Attributes:
        read_id: Which.
    """

    read_id: int


AssetStoreCommand = (
    PutAsset
    | GetAsset
    | ResolveAssetRef
    | GetAssetMeta
    | ListAssetMetas
    | FlattenAsset
    | RenderText
    | DeleteAsset
    | ListAssetIds
)
AssetStoreAnswer = (
    AssetStored
    | Asset
    | AssetRefResolved
    | AssetMetaFound
    | AssetMetaList
    | AssetFlattened
    | TextRendered
    | AssetDeleted
    | AssetIds
)
