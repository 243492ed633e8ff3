"""A container: a dict, list or tuple, told and looked into without running code of a subclass."""

from collections.abc import Iterator
from typing import Any, TypeGuard


def is_dict(value: object) -> TypeGuard[dict[Any, Any]]:
    """Whether a value is a dict. Its class decides, not what it answers for `__class__`."""
    return issubclass(type(value), dict)


def is_list(value: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    """Whether a value is a list or tuple. Its class decides, not what it answers for `__class__`."""
    return issubclass(type(value), list | tuple)


def elements(value: list[Any] | tuple[Any, ...]) -> Iterator[Any]:
    """The elements, by the base class's own iterator.

    Args:
        value: A list or tuple, of a subclass too.

    Returns:
        What it holds, in order.
    """
    return list.__iter__(value) if issubclass(type(value), list) else tuple.__iter__(value)  # type: ignore[arg-type]
