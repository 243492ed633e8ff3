"""The record of a class: its bases and entries, read without asking its metaclass or an instance.

`cls.__mro__` and `cls.__dict__` may be answered by a metaclass, `==` and `in` on classes by its `__eq__`,
`isinstance` by the instance's `__class__`. The descriptors of `type` itself answer what is so.
"""

import gc
from typing import Any

_BASES = type.__dict__["__mro__"]
_ENTRIES = type.__dict__["__dict__"]


def lineage(cls: type) -> tuple[type, ...]:
    """The class and its bases, in the order in which attributes are looked up."""
    bases: tuple[type, ...] = _BASES.__get__(cls)
    return bases


def entries(cls: type) -> dict[Any, Any]:
    """What the class itself defines, by name. Only to read: it is the class's own dict."""
    # The proxy would look up by a method of the dict as well, but hides whether all of its keys are texts.
    found: dict[Any, Any] = gc.get_referents(_ENTRIES.__get__(cls))[0]
    return found


def descends(value: object, base: type) -> bool:
    """Whether the value's class has the base in its lineage; virtual subclasses have not.

    Args:
        value: Anything.
        base: A class of any metaclass; for classes of `type`, `issubclass(type(value), base)` is as safe.
    """
    return any(cls is base for cls in lineage(type(value)))
