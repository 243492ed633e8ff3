"""The key of a mapping that a step means; keys are compared without running code of theirs."""

import gc
from collections.abc import Iterator
from itertools import repeat
from operator import is_
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote_to_bytes

from openmas_assets.messages.absence import ABSENT

MAX_INTEGER_BITS = 2_125
"""The longest integer that is written out: 640 digits, which Python writes whatever its settings."""

_MAX_DIGITS = 640


def plain_mapping(value: object) -> dict[Any, Any] | None:
    """The dict that a value is or shows, None where it is another mapping or none.

    Args:
        value: Anything; a dict, of a subclass too, or a `MappingProxyType` of one is a plain mapping.

    Returns:
        The dict itself, to be read by `dict`'s own methods.
    """
    cls = type(value)
    if cls is MappingProxyType:
        # The proxy passes each question on to what it shows, which may be anybody's mapping.
        value = gc.get_referents(value)[0]
    return value if issubclass(type(value), dict) else None  # type: ignore[return-value]


def plain_members(mapping: dict[Any, Any]) -> dict[str | int, Any]:
    """The members whose keys a step can name: texts and integers.

    Args:
        mapping: Of whatever keys; its subclass's methods are not called.

    Returns:
        The same dict where all keys are `str` or all are `int`, for they can be looked up as they are. Else
        a new one, of the keys that are or derive from one of them; of two that read alike the first.
    """
    # A look-up in the dict itself calls the `__eq__` of each key with the same hash, which may be anybody's.
    if _has_only(mapping, str) or _has_only(mapping, int):
        return mapping
    members: dict[str | int, Any] = {}
    for key, member in list(dict.items(mapping)):
        name = plain_key(key)
        if name is not None:
            members.setdefault(name, member)
    return members


def plain_key(key: object) -> str | int | None:
    """The text or integer that a key is, by the base class's own reading.

    Args:
        key: Anything.

    Returns:
        None for what no step can name: other types, booleans too, and integers of more than 640 digits.
    """
    cls = type(key)
    if issubclass(cls, str):
        return str.__str__(key)
    if issubclass(cls, int) and cls is not bool:
        number = int.__index__(key)  # type: ignore[arg-type]
        return number if number.bit_length() <= MAX_INTEGER_BITS else None
    return None


def find_key(mapping: dict[Any, Any], step: str | int) -> Any:
    """What a mapping holds under the key that a step means.

    The exact key comes first, then its other spelling (`1` for `"1"` and the reverse), then the text that
    the step's percent-encoding means, as flattened metadata writes keys which hold the separator.

    Args:
        mapping: Where to look.
        step: The key.

    Returns:
        The member, `ABSENT` where there is none.
    """
    members = plain_members(mapping)
    member = dict.get(members, step, ABSENT)
    if member is not ABSENT:  # nearly always: no need to think of other spellings
        return member
    found = (dict.get(members, key, ABSENT) for key in spellings(step))
    return next((member for member in found if member is not ABSENT), ABSENT)


def spellings(step: str | int) -> Iterator[str | int]:
    """The keys that a step may mean, the likeliest first.

    Args:
        step: A text or an integer, of 640 digits at most.

    Yields:
        The step itself; the other type's spelling; the percent-decoded text; its spelling as an integer.
    """
    yield step
    if isinstance(step, int):
        yield str(step)
        return
    yield from _as_integer(step)
    decoded = percent_decoded(step)
    if decoded is not None:
        yield decoded
        yield from _as_integer(decoded)


def percent_decoded(step: str) -> str | None:
    """The text that a percent-encoded step means; None where it encodes nothing, or no UTF-8."""
    if "%" not in step:
        return None
    try:
        decoded = unquote_to_bytes(step.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None
    return decoded if decoded != step else None


def _as_integer(text: str) -> Iterator[int]:
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS and str(int(text)) == text:
        yield int(text)


def _has_only(mapping: dict[Any, Any], key_type: type) -> bool:
    return all(map(is_, map(type, dict.__iter__(mapping)), repeat(key_type)))
