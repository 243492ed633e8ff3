"""Whether JSON can hold a value as it is."""

import math
from collections.abc import Iterable

from openmas_assets.messages.container import elements, is_dict, is_list
from openmas_assets.messages.mapping_key import MAX_INTEGER_BITS

_MAX_DEPTH = 200
_MAX_VALUES = 1_000_000


def fits_json(value: object) -> bool:
    """Whether a value is made of what JSON knows, so that a chat history can hold it.

    Dicts with text keys, lists, tuples, text, booleans, None, finite numbers, and integers of at most 640
    digits, which Python writes whatever its settings; not nested more than 200 deep and not more than
    1,000,000 of them, which also ends cycles. Runs no code of the value's.

    Args:
        value: Anything.
    """
    pending: list[tuple[object, int]] = [(value, 0)]
    count = 0
    while pending:
        value, depth = pending.pop()
        count += 1
        if count + len(pending) > _MAX_VALUES:
            return False
        if _is_plain(value):
            continue
        members = _members(value)
        if members is None or depth >= _MAX_DEPTH:
            return False
        pending += [(member, depth + 1) for member in members]
    return True


def _is_plain(value: object) -> bool:
    # By identity: the hash of a class may be its metaclass's to tell.
    kind: type = type(value)
    if kind is int:
        return int.bit_length(value) <= MAX_INTEGER_BITS  # type: ignore[arg-type]
    if kind is float:
        return math.isfinite(value)  # type: ignore[arg-type]
    return value is None or kind is bool or kind is str


def _members(value: object) -> Iterable[object] | None:
    """What a container holds; None where it is none, or has keys that are no texts."""
    if is_dict(value):
        has_text_keys = all(type(key) is str for key in dict.keys(value))
        return dict.values(value) if has_text_keys else None
    return elements(value) if is_list(value) else None
