"""The fields of an instance: what it holds by name, read without running any code of its class.

No `getattr`: a property, a `__getattr__`, a `__getattribute__` or a `__dict__` of the class's own could be
anything. What lies in the instance itself is found through the descriptors which Python made for it.
"""

from collections.abc import Iterator
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any

from pydantic import BaseModel

from openmas_assets.messages.absence import ABSENT
from openmas_assets.messages.class_record import entries, lineage
from openmas_assets.messages.data_check import is_code
from openmas_assets.messages.mapping_key import plain_members

_PYDANTIC_EXTRA = BaseModel.__dict__["__pydantic_extra__"]

Named = Iterator[tuple[str, Any]]


def instance_fields(value: object) -> dict[str, Any]:
    """The public fields of an instance, data or not.

    These are the fields of pydantic models (undeclared ones too, where the model keeps them), dataclasses
    and named tuples, and the attributes in the instance's `__dict__` and the `__slots__` of its classes.
    What C code keeps in structures of its own, such as `functools.partial.func`, is none.

    Args:
        value: Anything.

    Returns:
        Name to value, without names that have a leading underscore. Nothing for a class, a module, a
        function, or what else is code.
    """
    if is_code(value):
        return {}
    bases = lineage(type(value))
    fields: dict[str, Any] = {}
    for cls in reversed(bases):
        fields.update(_dataclass_defaults(cls))
        fields.update(_slots(value, cls))
    fields.update(_attributes(value, bases))
    if any(cls is BaseModel for cls in bases):
        fields.update(_texts(_PYDANTIC_EXTRA.__get__(value)))
    fields.update(_tuple_fields(value, bases))
    return {name: member for name, member in fields.items() if not name.startswith("_")}


def _entry(cls: type, name: str) -> Any:
    return dict.get(plain_members(entries(cls)), name, ABSENT)


def _texts(found: Any) -> Named:
    """The members of a dict that have texts for keys; of anything else none."""
    if issubclass(type(found), dict):
        for name, member in list(dict.items(plain_members(found))):
            if isinstance(name, str):
                yield name, member


def _attributes(value: object, bases: tuple[type, ...]) -> Named:
    for cls in bases:
        descriptor: Any = _entry(cls, "__dict__")
        if _is_made_by_python(descriptor, cls, "__dict__"):
            return _texts(descriptor.__get__(value))
    return iter(())


def _slots(value: object, cls: type) -> Named:
    # Only a class that Python code wrote has this entry; the members of all others are of C structures.
    if _entry(cls, "__slots__") is ABSENT:
        return
    for name, descriptor in _texts(entries(cls)):
        if type(descriptor) is MemberDescriptorType and _is_made_by_python(descriptor, cls, name):
            try:
                yield name, descriptor.__get__(value)
            except AttributeError:  # declared, but not set
                continue


def _is_made_by_python(descriptor: Any, cls: type, name: str) -> bool:
    kind = type(descriptor)
    is_descriptor = kind is GetSetDescriptorType or kind is MemberDescriptorType
    return is_descriptor and descriptor.__objclass__ is cls and descriptor.__name__ == name


def _dataclass_defaults(cls: type) -> Named:
    # A field with init=False and a default has its value in the class only.
    for name, _ in _texts(_entry(cls, "__dataclass_fields__")):
        default = _entry(cls, name)
        if default is not ABSENT and not is_code(default):
            yield name, default


def _tuple_fields(value: object, bases: tuple[type, ...]) -> Named:
    if not issubclass(type(value), tuple):
        return
    for cls in bases:
        names = _entry(cls, "_fields")
        if type(names) is tuple:
            members: Iterator[Any] = tuple.__iter__(value)  # type: ignore[arg-type]
            for name, member in zip(names, members, strict=False):
                if type(name) is str:
                    yield name, member
            return
