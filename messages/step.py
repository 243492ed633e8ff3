"""One step of a reference: from a value to a part of it."""

from collections.abc import Mapping
from typing import Any

from openmas_assets.messages.absence import ABSENT
from openmas_assets.messages.class_record import descends
from openmas_assets.messages.instance_fields import instance_fields
from openmas_assets.messages.mapping_key import find_key, plain_mapping, spellings
from openmas_assets.messages.needs_code import NeedsCodeError
from openmas_assets.messages.property_table import PropertyTable
from openmas_assets.messages.python_type import python_type_text
from openmas_assets.messages.sequence_index import (
    find_element,
    items_copied,
    read_index,
    sequence_type,
)

MANY_MEMBERS = 10_000
"""A step into more keys than these, or a slice of more items, takes too long for an actor."""


class CodeFailedError(Exception):
    """A property, or the mapping of a class of its own, failed. Holds the type of its exception only."""


def take_step(value: object, step: str | int, properties: PropertyTable, *, may_run_code: bool) -> Any:
    """What a step leads to, data or not.

    Args:
        value: Where it begins.
        step: A `str` or an `int`, no subclass.
        properties: Which properties it may evaluate.
        may_run_code: Whether it may take its time, and run mappings of other classes and properties.

    Returns:
        The part, `ABSENT` where there is none.

    Raises:
        NeedsCodeError: It would have to, and may not.
        CodeFailedError: What ran failed.
    """
    part = _find_member(value, step, may_run_code=may_run_code)
    if part is ABSENT and step in properties.names_for(value):
        return _run(lambda: getattr(value, str(step)), may_run_code=may_run_code)
    return part


def has_members(value: object) -> bool:
    """Whether steps from a value lead to the members of a mapping or sequence, not to attributes."""
    is_plain = plain_mapping(value) is not None or sequence_type(value) is not None
    return is_plain or is_other_mapping(value)


def is_other_mapping(value: object) -> bool:
    """Whether a value is a mapping that only its own code can read, such as a `ChainMap` or `UserDict`."""
    return descends(value, Mapping)


def _find_member(value: object, step: str | int, *, may_run_code: bool) -> Any:
    mapping = plain_mapping(value)
    if mapping is not None:
        _require_few(dict.__len__(mapping), may_run_code=may_run_code)
        return find_key(mapping, step)
    base = sequence_type(value)
    if base is not None:
        index = read_index(step)
        if index is not None:
            if isinstance(index, slice):
                _require_few(items_copied(value, index, base), may_run_code=may_run_code)
            return find_element(value, index, base)
    elif is_other_mapping(value):
        return _run(lambda: _find_by_running(value, step), may_run_code=may_run_code)
    return instance_fields(value).get(step, ABSENT) if isinstance(step, str) else ABSENT


def _require_few(count: int, *, may_run_code: bool) -> None:
    if count > MANY_MEMBERS and not may_run_code:
        raise NeedsCodeError


def _find_by_running(mapping: Any, step: str | int) -> Any:
    # Asked before it is taken: a mapping may make what it lacks.
    return next((mapping[key] for key in spellings(step) if key in mapping), ABSENT)


def _run(code: Any, *, may_run_code: bool) -> Any:
    if not may_run_code:
        raise NeedsCodeError
    try:
        return code()
    except KeyboardInterrupt:
        raise
    # Whatever it is: a SystemExit would end every actor of the process.
    except BaseException as error:  # noqa: BLE001
        raise CodeFailedError(python_type_text(error)) from None
