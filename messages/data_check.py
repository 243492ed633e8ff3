"""The check that what a reference leads to is data, and no way to run something."""

from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CellType,
    ClassMethodDescriptorType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    TracebackType,
    WrapperDescriptorType,
)

from openmas_assets.messages.array_type import is_immutable

_CODE = (
    type,
    ModuleType,
    FunctionType,
    BuiltinFunctionType,
    MethodType,
    MethodWrapperType,
    MethodDescriptorType,
    ClassMethodDescriptorType,
    WrapperDescriptorType,
    GetSetDescriptorType,
    MemberDescriptorType,
    property,
    staticmethod,
    classmethod,
    CodeType,
    FrameType,
    TracebackType,
    CellType,
    GeneratorType,
    CoroutineType,
    AsyncGeneratorType,
)


def is_code(value: object) -> bool:
    """Whether a value is a part of a program: a class, module, function, frame, generator, or the like.

    Nothing of the value's runs.

    Args:
        value: Anything.

    Returns:
        Whether no reference may lead into it. An object that can be called is no code by that alone.
    """
    return issubclass(type(value), _CODE)


def is_data(value: object) -> bool:
    """Whether a reference may lead to a value that is an attribute of something.

    Nothing of the value's runs.

    Args:
        value: Anything.

    Returns:
        Whether it is neither code nor can be called.
    """
    cls = type(value)
    if cls is dict or cls is list or cls is str:
        return True
    # callable() looks at the class's C slot; it asks neither the value nor its metaclass.
    return not callable(value) and not issubclass(cls, _CODE)


def is_member_data(value: object) -> bool:
    """Whether a reference may lead to a value that a mapping or sequence holds.

    Somebody put it there to be found: it may be a live object that can also be called, such as a model.
    Nothing of the value's runs.

    Args:
        value: Anything.

    Returns:
        Whether it is no code, nor an instance of one of C's classes that can be called, such as a
        `functools.partial`: those are ways to run something, however they came there.
    """
    cls = type(value)
    return is_data(value) or not (issubclass(cls, _CODE) or is_immutable(cls))
