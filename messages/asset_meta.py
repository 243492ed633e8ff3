"""The metadata of an asset: what a prompt is told of an object that it cannot hold.

Only dicts, lists and tuples are structure. Texts, numbers, booleans and None stand as they are; UUIDs and
paths as texts; for all else stands the text of its type, as `str(type(value))` gives it. Metadata is what
JSON can hold, it is bounded (see `MetaLimits`), and making it runs no code of the objects.
"""

from typing import Any, cast

from openmas_assets.messages.asset import Asset
from openmas_assets.messages.asset_ref import AssetRef
from openmas_assets.messages.class_record import descends
from openmas_assets.messages.flat_sheet import FlatSheet
from openmas_assets.messages.mapping_key import plain_mapping
from openmas_assets.messages.meta_limits import FLAT_LIMITS, PROMPT_LIMITS, MetaLimits
from openmas_assets.messages.nested_sheet import NestedSheet
from openmas_assets.messages.plain_value import cut_text
from openmas_assets.messages.separator import Separator
from openmas_assets.messages.walk import Walk

__all__ = [
    "FLAT_LIMITS",
    "PROMPT_LIMITS",
    "MetaLimits",
    "asset_meta",
    "flatten_asset",
    "flatten_value",
    "value_meta",
]

_ID = "asset_id"
_CONTENT = "content"


def asset_meta(asset: Asset, limits: MetaLimits = PROMPT_LIMITS) -> dict[str, Any]:
    """The metadata of an asset, nested as the asset is. Any thread.

    A tuple is a list in it, a key that is no text the text of it, or of its type; keys that would read alike
    get ` (2)`. Where something is cut, a text says how much: at the end of a long text, as the last element
    of a list, under the key `…` of a dict, and instead of a container that nests too deep or is in itself.

    Args:
        asset: The asset.
        limits: How much is shown.

    Returns:
        Its fields that were given, in their order; all of it JSON can hold. The id is never cut.
    """
    return {
        **_labels(asset, limits),
        _CONTENT: value_meta(asset.content, AssetRef(asset.asset_id, (_CONTENT,)), limits),
    }


def value_meta(value: object, at: AssetRef, limits: MetaLimits = PROMPT_LIMITS) -> Any:
    """The metadata of a part of an asset, see `asset_meta`.

    Args:
        value: What the reference refers to; the asset itself where it has no steps.
        at: The reference.
        limits: How much is shown.

    Returns:
        What JSON can hold.
    """
    if not at.field_path and descends(value, Asset):
        return asset_meta(cast("Asset", value), limits)
    sheet = NestedSheet(limits.max_string_length)
    Walk(sheet, at, limits).write("", value)
    return sheet.result


def flatten_asset(
    asset: Asset, sep: str = "/", keep_container_type: bool = True, limits: MetaLimits = FLAT_LIMITS
) -> dict[str, Any]:
    """The metadata of an asset in one level. Any thread; linear time.

    Each key, split by the separator, is a `field_path` that leads to what its value stands for (if that is
    data; of a function in a dict the type is shown, but no reference leads to it):

    - A key that holds the separator is percent-encoded in its first character and in `%`, and in more
      letters if a key beside it reads so. All other keys stand as they are.
    - Of the keys `1` and `"1"` of one dict the text has the name, and the other is left out; so are keys that
      are neither text nor integer, paths of more than 5,000 characters, and keys for which no encoding is
      free. What is left out, or cut off by the limits, is counted under the key `…` of its dict.
    - The rest of a list that is too long is counted under its slice, such as `content/rows/100:`.

    Args:
        asset: The asset.
        sep: Stands between the steps. No letters, digits or `%`.
        keep_container_type: Whether containers have an entry too, their type, before those of their members.
            Empty containers always have, and those whose members are not shown.
        limits: How much is shown.

    Returns:
        Path to value, in the asset's order.

    Raises:
        AssetConfigurationError: The separator cannot be one.
    """
    separator = Separator(sep)
    labels = {separator.step(name): text for name, text in _labels(asset, limits).items()}
    at = AssetRef(asset.asset_id, (_CONTENT,))
    return {**labels, **flatten_value(asset.content, at, sep, keep_container_type, limits)}


def flatten_value(
    value: object,
    at: AssetRef,
    sep: str = "/",
    keep_container_type: bool = True,
    limits: MetaLimits = FLAT_LIMITS,
) -> dict[str, Any]:
    """The metadata of a part of an asset in one level, see `flatten_asset`.

    Args:
        value: What the reference refers to; the asset itself where it has no steps, or a mapping of fields.
        at: The reference. Its steps begin each key, so that each is a path from the asset's root.
        sep: See `flatten_asset`.
        keep_container_type: See `flatten_asset`.
        limits: How much is shown.

    Returns:
        Path to value.

    Raises:
        AssetConfigurationError: The separator cannot be one.
    """
    if not at.field_path and descends(value, Asset):
        return flatten_asset(cast("Asset", value), sep, keep_container_type, limits)
    sheet = FlatSheet(Separator(sep), at.field_path, keep_container_type=keep_container_type)
    mapping = plain_mapping(value)
    if at.field_path or mapping is None:
        Walk(sheet, at, limits).write(sheet.root, value)
    else:
        for name, _, member in sheet.name_members(mapping, limits.max_entries):
            Walk(sheet, at.child(name), limits).write(name, member)
    return sheet.entries


def _labels(asset: Asset, limits: MetaLimits) -> dict[str, str]:
    labels = asset.given_fields()
    del labels[_CONTENT]
    return {
        name: text if name == _ID else cut_text(text, limits.max_string_length)
        for name, text in labels.items()
    }
