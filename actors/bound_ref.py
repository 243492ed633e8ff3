"""A reference that knows the store it came from."""

from typing import Any, Protocol, Self

from pydantic import PrivateAttr

from openmas_assets.messages.asset_ref import AssetRef


class ReadsRefs(Protocol):
    """What a bound reference asks of its store."""

    def resolve(self, ref: AssetRef) -> object:
        """See `AssetStore.resolve`."""

    def flatten(self, ref: AssetRef, sep: str = "/", keep_container_type: bool = True) -> dict[str, Any]:
        """See `AssetStore.flatten`."""


class BoundAssetRef(AssetRef):
    """An `AssetRef` whose `resolve` and `flatten` ask a store. Equal to the plain one; pickles as that.

    Args:
        store: The store.
        ref: The reference.
    """

    _store: ReadsRefs = PrivateAttr()

    def __init__(self, store: ReadsRefs, ref: AssetRef) -> None:
        super().__init__(ref.asset_id, ref.field_path)
        self._store = store

    def resolve(self) -> object:
        """What it refers to. See `AssetStore.resolve`."""
        return self._store.resolve(self)

    def flatten(self, sep: str = "/", keep_container_type: bool = True) -> dict[str, Any]:
        """The flattened metadata of what it refers to. See `AssetStore.flatten`.

        Args:
            sep: Stands between the steps in each key.
            keep_container_type: Whether containers have an entry too, before those of their members.
        """
        return self._store.flatten(self, sep, keep_container_type)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self.__copy__()  # of the same store

    def __reduce__(self) -> tuple[Any, ...]:
        # A store does not leave its process.
        return AssetRef, (self.asset_id, self.field_path)
