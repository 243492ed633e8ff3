"""The type of numpy's arrays, without importing numpy."""

from typing import Any

from openmas_assets.messages.class_record import lineage

_FLAGS = type.__dict__["__flags__"]
# Py_TPFLAGS_IMMUTABLETYPE: no class that Python code makes has it, whatever it calls itself.
# https://docs.python.org/3/c-api/typeobj.html#c.Py_TPFLAGS_IMMUTABLETYPE
_IS_IMMUTABLE = 1 << 8


def is_immutable(cls: type) -> bool:
    """Whether a class is one of C's own, which no Python code can make or pretend to be."""
    return bool(_FLAGS.__get__(cls) & _IS_IMMUTABLE)


def array_type(value: object) -> Any:
    """The class `numpy.ndarray`, if the value is an array.

    Args:
        value: Anything.

    Returns:
        The class, taken from the value's own lineage; None where the value is no array.
    """
    for cls in lineage(type(value)):
        if is_immutable(cls) and type.__repr__(cls) == "<class 'numpy.ndarray'>":
            return cls
    return None
