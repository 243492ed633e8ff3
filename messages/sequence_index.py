"""The index of a sequence that a step means, and what is there; also slices.

A slice is our extension of the path syntax: `asset://id/content/rows/0:10` is a list of the first ten rows.
Each side may be left out.
"""

import re
from array import array
from collections import deque
from itertools import islice
from typing import Any

from openmas_assets.messages.absence import ABSENT
from openmas_assets.messages.array_type import array_type
from openmas_assets.messages.mapping_key import percent_decoded

_SEQUENCES = (list, tuple, range, deque, array)

# No sequence has an index of more digits.
_NUMBER = "(?:0|[1-9][0-9]{0,17})"
_INDEX = re.compile(_NUMBER)
_SLICE = re.compile(f"({_NUMBER})?:({_NUMBER})?")

_MOST_ITEMS = (1 << 63) - 1


def sequence_type(value: object) -> Any:
    """The class by whose methods a value is read as a sequence.

    Args:
        value: Anything.

    Returns:
        `list`, `tuple`, `range`, `collections.deque`, `array.array`, or `numpy.ndarray` (of one dimension
        at least) for each and its subclasses; None for all else: texts and bytes have no parts.
    """
    cls = type(value)
    for base in _SEQUENCES:
        if issubclass(cls, base):
            return base
    array_base = array_type(value)
    return array_base if array_base is not None and array_base.ndim.__get__(value) else None


def sequence_length(value: object) -> int:
    """How many items a sequence has, of the first dimension where there are several."""
    try:
        return int(sequence_type(value).__len__(value))
    except OverflowError:
        return _MOST_ITEMS


def read_index(step: str | int) -> int | slice | None:
    """Read a step as an index or a slice.

    Args:
        step: An integer from 0; a text of ASCII digits without a leading zero, or two with a colon between
            them; either percent-encoded or not.

    Returns:
        None where the step reads otherwise.
    """
    if isinstance(step, int):
        return step if step >= 0 else None
    if _INDEX.fullmatch(step):
        return int(step)
    bounds = _SLICE.fullmatch(step)
    if bounds is not None:
        return slice(*(int(bound) if bound else None for bound in bounds.groups()))
    decoded = percent_decoded(step)
    return read_index(decoded) if decoded is not None else None


def find_element(value: object, index: int | slice, base: Any) -> Any:
    """What a sequence holds at an index, or its part that a slice means.

    Args:
        value: A sequence; its subclass's methods are not called, and an array's subclass is read as a
            plain array.
        index: From 0; a slice as `read_index` gives it.
        base: Its `sequence_type`.

    Returns:
        The element, `ABSENT` where the sequence is shorter. For a slice a new list, tuple, range or array,
        a view where the value is a numpy array; a list where it is a deque.
    """
    if base is deque and isinstance(index, slice):
        return list(islice(deque.__iter__(value), index.start, index.stop))  # type: ignore[arg-type]
    if base not in _SEQUENCES and type(value) is not base:
        # A view made of a subclass would call its __array_finalize__.
        value = base.view(value, base)
    try:
        return base.__getitem__(value, index)
    except (IndexError, OverflowError):
        return ABSENT


def items_copied(value: object, index: slice, base: Any) -> int:
    """How many items a slice copies, which takes time with many of them; see `find_element`."""
    if base not in {list, tuple, deque, array}:
        return 0
    return len(range(*index.indices(base.__len__(value))))
