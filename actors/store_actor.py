"""The AssetStore actor: keeps objects by id. It waits for nobody and runs nobody else's code."""

import contextlib
import functools
import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeVar, cast

import pykka

from openmas_assets.actors.base import AssetActor
from openmas_assets.actors.crash import crash_cause, crash_error
from openmas_assets.actors.declared_assets import DeclaredAssets
from openmas_assets.actors.readers import Readers
from openmas_assets.actors.render.registry import RendererRegistry
from openmas_assets.actors.render.text import render_text
from openmas_assets.actors.reply import ActorClosedError, Reply
from openmas_assets.messages.asset import Asset
from openmas_assets.messages.asset_meta import (
    asset_meta,
    flatten_asset,
    flatten_value,
    value_meta,
)
from openmas_assets.messages.asset_ref import AssetRef
from openmas_assets.messages.errors import AssetError, AssetRefError
from openmas_assets.messages.property_table import NO_PROPERTIES, PropertyTable
from openmas_assets.messages.python_type import python_type_text
from openmas_assets.messages.resolution import NeedsCodeError, resolve_asset
from openmas_assets.messages.separator import Separator
from openmas_assets.messages.store import (
    AssetDeleted,
    AssetFlattened,
    AssetIds,
    AssetMetaFound,
    AssetMetaList,
    AssetRefResolved,
    AssetStored,
    DeleteAsset,
    FlattenAsset,
    GetAsset,
    GetAssetMeta,
    ListAssetIds,
    ListAssetMetas,
    PutAsset,
    ReadOver,
    RenderText,
    ResolveAssetRef,
    TextRendered,
)
from openmas_assets.messages.suggestion import closest, listed

logger = logging.getLogger("openmas_assets")

T = TypeVar("T")

# Of the ids in an error's text; its `available` has as many.
_MAX_NAMES = 20
_MAX_COMPARED = 200
_MAX_ID_LENGTH = 100


class StoreReply(Reply[T]):
    """An answer of the asset store."""

    asked = "the asset store"


@dataclass
class StoreRules:
    """What the facade registers and the store reads: each attribute is replaced as a whole, never changed.

    Attributes:
        properties: Which properties references may evaluate.
        renderers: What texts show objects with.
        declared: The assets that the project file declares; None where there is no manager.
    """

    properties: PropertyTable = NO_PROPERTIES
    renderers: RendererRegistry = field(default_factory=RendererRegistry)
    declared: DeclaredAssets | None = None


class AssetStoreActor(AssetActor):
    """Answers `AssetStoreCommand`s.

    Args:
        rules: See `StoreRules`.
    """

    def __init__(self, rules: StoreRules) -> None:
        super().__init__()
        self._rules = rules
        self._assets: dict[str, Asset] = {}
        self._readers = Readers(StoreReply, self._tell_read_over)

    @staticmethod
    def _create_future() -> Reply[Any]:
        return StoreReply()

    def on_stop(self) -> None:
        """Answer everybody who waits. The actor's own thread."""
        self._readers.stop(ActorClosedError("the asset store is closed"))

    def on_failure(
        self,
        exception_type: type[BaseException] | None,  # noqa: ARG002 - pykka's signature
        exception_value: BaseException | None,
        traceback: TracebackType | None,  # noqa: ARG002 - pykka's signature
    ) -> None:
        """Answer everybody who waits. The actor's own thread."""
        self._readers.stop(crash_error("the asset store", crash_cause(exception_value)))

    def _receive(self, message: Any) -> Any:  # noqa: C901, PLR0911 - one arm for each message
        match message:
            case ResolveAssetRef():
                return self._on_resolve_asset_ref(message)
            case PutAsset():
                return self._on_put_asset(message)
            case GetAsset():
                return self._on_get_asset(message)
            case GetAssetMeta():
                return self._on_get_asset_meta(message)
            case ListAssetMetas():
                return self._on_list_asset_metas(message)
            case FlattenAsset():
                return self._on_flatten_asset(message)
            case RenderText():
                return self._on_render_text(message)
            case DeleteAsset():
                return self._on_delete_asset(message)
            case ListAssetIds():
                return AssetIds(asset_ids=tuple(self._assets))
            case ReadOver():
                return self._readers.finish(message.read_id)
            case _:
                return self._on_unknown(message)

    def _on_put_asset(self, command: PutAsset) -> AssetStored:
        asset_id = command.asset.asset_id
        if asset_id in self._assets and not command.replace:
            raise AssetError(
                f"the id '{asset_id[:_MAX_ID_LENGTH]}' is in use",
                fix="Give another id, or none to have one made; replace=True puts it in the other's place.",
            )
        if self._rules.declared is not None and asset_id in self._rules.declared:
            logger.warning(
                "the asset '%s' in the store hides the declared one of that name from references", asset_id
            )
        stored = AssetStored(ref=AssetRef(asset_id))  # an id that is too long for one is refused
        self._assets[asset_id] = command.asset
        return stored

    def _on_get_asset(self, command: GetAsset) -> Asset:
        return self._asset(command.asset_id)

    def _on_delete_asset(self, command: DeleteAsset) -> AssetDeleted:
        self._asset(command.asset_id)
        del self._assets[command.asset_id]
        return AssetDeleted(asset_id=command.asset_id)

    def _on_resolve_asset_ref(self, command: ResolveAssetRef) -> AssetRefResolved | Reply[AssetRefResolved]:
        ref = command.ref
        try:
            if (asset := self._assets.get(ref.asset_id)) is not None:
                value = resolve_asset(asset, ref.field_path, properties=self._rules.properties)
                return AssetRefResolved(ref=ref, value=value)
        except NeedsCodeError:
            pass
        return self._read(ref, lambda value: AssetRefResolved(ref=ref, value=value))

    def _on_get_asset_meta(self, command: GetAssetMeta) -> Reply[AssetMetaFound]:
        ref, limits = command.ref, command.limits
        return self._read(ref, lambda value: AssetMetaFound(ref=ref, meta=value_meta(value, ref, limits)))

    def _on_flatten_asset(self, command: FlattenAsset) -> Reply[AssetFlattened]:
        ref, sep, keep, limits = command.ref, command.sep, command.keep_container_type, command.limits

        def flatten(value: object) -> AssetFlattened:
            return AssetFlattened(ref=ref, entries=flatten_value(value, ref, sep, keep, limits))

        return self._read(ref, flatten)

    def _on_list_asset_metas(self, command: ListAssetMetas) -> Reply[AssetMetaList]:
        assets = tuple(self._assets.values())
        describe: Callable[[Asset], dict[str, object]] = functools.partial(asset_meta, limits=command.limits)
        if command.flattened:
            Separator(command.sep)  # refused once, not by each asset
            describe = functools.partial(
                flatten_asset,
                sep=command.sep,
                keep_container_type=command.keep_container_type,
                limits=command.limits,
            )

        def describe_all() -> AssetMetaList:
            return AssetMetaList(metas=tuple(_described(asset, describe) for asset in assets))

        return self._readers.read(describe_all)

    def _on_render_text(self, command: RenderText) -> Reply[TextRendered]:
        renderers, properties, declared = self._rules.renderers, self._rules.properties, self._rules.declared

        def resolve(ref: AssetRef) -> object:
            # In a reader's thread, which may wait for this actor and for the manager, but for no other
            # reader: all of them may be rendering.
            try:
                asset = cast("Asset", self.actor_ref.ask(GetAsset(asset_id=ref.asset_id)))
            except AssetRefError:
                if declared is None or ref.asset_id not in declared:
                    raise
                return declared.resolve(ref).get()
            return resolve_asset(asset, ref.field_path, properties=properties, may_run_code=True)

        def render() -> TextRendered:
            rendered = render_text(command.text, command.content_type, resolve, renderers)
            return TextRendered(text=rendered.text, problems=rendered.problems)

        return self._readers.read(render)

    def _read(self, ref: AssetRef, work: Callable[[object], T]) -> Reply[T]:
        """What `work` makes of what the reference refers to, in a reader's thread."""
        asset, properties = self._assets.get(ref.asset_id), self._rules.properties
        if asset is None and self._rules.declared is not None and ref.asset_id in self._rules.declared:
            return self._rules.declared.resolve(ref).then(work)
        asset = self._asset(ref.asset_id)
        return self._readers.read(
            lambda: work(resolve_asset(asset, ref.field_path, properties=properties, may_run_code=True))
        )

    def _asset(self, asset_id: str) -> Asset:
        if (asset := self._assets.get(asset_id)) is not None:
            return asset
        declared = self._rules.declared.names if self._rules.declared is not None else ()
        # Of many ids some: to compare them all would keep others waiting.
        names = [*itertools.islice(self._assets, _MAX_COMPARED), *declared[:_MAX_COMPARED]]
        likely = closest(asset_id, names)
        shown = [name[:_MAX_ID_LENGTH] for name in names[:_MAX_NAMES]]
        more = len(declared) + len(self._assets) - len(shown)
        fix = f"Did you mean '{likely}'? " if likely is not None else ""
        raise AssetRefError(
            f"there is no asset of the id '{asset_id[:_MAX_ID_LENGTH]}'",
            step=asset_id,
            available=shown,
            fix=f"{fix}The ids: {listed(shown)}{f', and {more:,} more' if more else ''}.",
        )

    def _tell_read_over(self, read_id: int) -> None:
        """From a reader's thread: a store that has stopped need not hear it."""
        with contextlib.suppress(pykka.ActorDeadError):
            self.actor_ref.tell(ReadOver(read_id=read_id))


def _described(asset: Asset, describe: Callable[[Asset], dict[str, object]]) -> dict[str, object]:
    try:
        return describe(asset)
    except Exception as error:  # noqa: BLE001 - one bad asset does not spoil the list
        return {"asset_id": asset.asset_id, "error": f"it cannot be read: {python_type_text(error)}"}
