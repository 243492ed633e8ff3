"""The resolution of a reference: from an asset, step by step, to the part that is meant.

What a step may lead to is an allow-list: keys of mappings, indices and slices of sequences, fields of
models, dataclasses and named tuples, and plain public attributes; and only to data. None of it runs code of
the objects on the way, except where a caller allows it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from openmas_assets.messages.absence import ABSENT
from openmas_assets.messages.asset import Asset
from openmas_assets.messages.asset_ref import AssetRef
from openmas_assets.messages.data_check import is_data, is_member_data
from openmas_assets.messages.errors import AssetRefError
from openmas_assets.messages.mapping_key import find_key, plain_key
from openmas_assets.messages.needs_code import NeedsCodeError
from openmas_assets.messages.property_table import NO_PROPERTIES, PropertyTable
from openmas_assets.messages.python_type import python_type_text
from openmas_assets.messages.step import CodeFailedError, has_members, take_step
from openmas_assets.messages.step_parts import StepParts, asset_parts, parts_of, shown_name

__all__ = ["NeedsCodeError", "resolve_asset", "resolve_steps"]

# Of the texts that an error repeats; all of it stays below some 2,000 characters.
_MAX_URL_LENGTH = 300
_MAX_TYPE_LENGTH = 100


def resolve_asset(
    asset: Asset,
    field_path: Sequence[str | int],
    *,
    properties: PropertyTable = NO_PROPERTIES,
    may_run_code: bool = False,
) -> Any:
    """What a reference to an asset refers to. Any thread; blocks on nothing.

    Args:
        asset: The asset.
        field_path: The steps from its root. The first is a field that was given, such as `content`.
        properties: Which properties of which types may be evaluated.
        may_run_code: Whether to run them, and mappings of other classes than `dict`, and to take more than
            microseconds with huge ones.

    Returns:
        The part itself, no copy (a slice is a new list); the asset for no steps. The content may be
        anything; what lies below it is data.

    Raises:
        AssetRefError: A step leads nowhere, or to what is no data. Names what is there instead.
        NeedsCodeError: Code would have to run, and may not. None has.
    """
    if not field_path:
        return asset
    path = _Path(asset.asset_id, tuple(field_path))
    if field_path[0] == "content":  # nearly always
        return _follow(asset.content, path, 1, properties, may_run_code=may_run_code)
    fields = asset.given_fields()
    step = _plain_step(path, 0)
    value = find_key(fields, step)
    if value is ABSENT:
        raise _failure(
            path.reached(0), step, f"an asset without the field {shown_name(step)}", asset_parts(fields)
        )
    return _follow(value, path, 1, properties, may_run_code=may_run_code)


def resolve_steps(
    value: object,
    steps: Sequence[str | int],
    *,
    start: AssetRef,
    properties: PropertyTable = NO_PROPERTIES,
    may_run_code: bool = False,
) -> Any:
    """What some steps lead to. Any thread; blocks on nothing.

    Args:
        value: Where they begin; anything.
        steps: The keys and indices from there.
        start: What errors call the value.
        properties: See `resolve_asset`.
        may_run_code: See `resolve_asset`.

    Returns:
        The part; the value itself for no steps.

    Raises:
        AssetRefError: See `resolve_asset`.
        NeedsCodeError: See `resolve_asset`.
    """
    path = _Path(start.asset_id, (*start.field_path, *steps))
    return _follow(value, path, len(start.field_path), properties, may_run_code=may_run_code)


class _Path(NamedTuple):
    asset_id: str
    steps: tuple[str | int, ...]

    def reached(self, count: int) -> AssetRef:
        """The reference to where the first steps lead. Made for errors only: it takes its time."""
        return AssetRef(self.asset_id, self.steps[:count])


def _follow(value: object, path: _Path, begin: int, properties: PropertyTable, *, may_run_code: bool) -> Any:
    for position in range(begin, len(path.steps)):
        step = path.steps[position]
        if type(step) is not str:
            step = _plain_step(path, position)
        try:
            part = take_step(value, step, properties, may_run_code=may_run_code)
            if part is ABSENT or not (is_data(part) or (is_member_data(part) and has_members(value))):
                raise _wrong_step(path.reached(position), value, step, part, properties)
        except CodeFailedError as error:
            raise _code_failed(path.reached(position), value, step, error) from None
        value = part
    return value


def _plain_step(path: _Path, position: int) -> str | int:
    step = path.steps[position]
    plain = plain_key(step)
    if plain is None:
        reached = path.reached(position).url
        raise AssetRefError(
            f"after {_cut(reached, _MAX_URL_LENGTH)} comes a {_type_of(step)}, which is no step",
            reached=reached,
            fix="A step is a text, or an integer of at most 640 digits.",
        )
    return plain


def _wrong_step(
    reached: AssetRef, value: object, step: str | int, part: object, properties: PropertyTable
) -> AssetRefError:
    parts = parts_of(value, properties)
    what, name = f"a {_type_of(value)}", shown_name(step)
    if part is not ABSENT:
        what = f"{what} whose {parts.kind} {name} is a {_type_of(part)}, which is no data"
    elif parts.kind == "item":
        what = f"{what} of {parts.count:,} items without the index {name}"
    elif parts.kind == "field" and name.startswith("_"):
        what = f"{what} and {name}, with its leading underscore, is private"
    else:
        what = f"{what} without the {parts.kind} {name}"
    return _failure(reached, step, what, parts)


def _failure(reached: AssetRef, step: str | int, what: str, parts: StepParts) -> AssetRefError:
    url = reached.url
    return AssetRefError(
        f"{_cut(url, _MAX_URL_LENGTH)} is {what}",
        reached=url,
        step=step,
        available=parts.shown(),
        fix=parts.advice(step),
    )


def _code_failed(reached: AssetRef, value: object, step: str | int, error: CodeFailedError) -> AssetRefError:
    error_type = _cut(str(error), _MAX_TYPE_LENGTH)
    return AssetRefError(
        f"{_cut(reached.url, _MAX_URL_LENGTH)} is a {_type_of(value)} that failed with {error_type} "
        f"when asked for {shown_name(step)}",
        reached=reached.url,
        step=step,
        fix="Refer to another part of the asset; this one is broken.",
    )


def _type_of(value: object) -> str:
    return _cut(python_type_text(value), _MAX_TYPE_LENGTH)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}…"
