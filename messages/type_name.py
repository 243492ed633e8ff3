"""A type's name: how a plugin config writes a type in one line, such as `List[Union[int, numpy.ndarray]]`."""

import re
from collections.abc import Callable, Iterator, Mapping

from openmas_assets.messages.parameter_type import (
    AnyType,
    ClassType,
    ListType,
    MapType,
    NamedType,
    ParameterType,
    ScalarName,
    ScalarType,
    UnionType,
)

MAX_NAME_LENGTH = 1000
"""The longest name of a type, in characters."""

MAX_NAME_DEPTH = 20
"""How deep the brackets in a type's name may nest."""

TYPE_NAMES = ("string", "int", "float", "bool", "list", "dict", "null", "any", "bytes")
"""The built-in types, by the names that are suggested."""

_SCALARS: Mapping[str, ScalarName] = {
    "string": "string", "str": "string", "int": "int", "integer": "int", "float": "float", "number": "float",
    "bool": "bool", "boolean": "bool", "none": "null", "null": "null", "nonetype": "null", "bytes": "bytes",
}  # fmt: skip
_LISTS = frozenset({"list", "array"})
_MAPS = frozenset({"dict", "mapping", "object"})
_OTHERS = frozenset({"any", "optional", "union"})

_CLASS_TEXT = re.compile(r"<class '([^']+)'>")
_CLASS_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")


def is_built_in(name: str) -> bool:
    """Whether a name means a built-in type, in whatever case.

    Args:
        name: One word.

    Returns:
        Whether no `_type_ref` can have it.
    """
    word = name.lower()
    return word in _SCALARS or word in _LISTS or word in _MAPS or word in _OTHERS


def is_class_name(name: str) -> bool:
    """Whether a name reads like a class with its module, such as `numpy.ndarray`."""
    return _CLASS_NAME.fullmatch(name) is not None


def read_type_name(text: str, named: Callable[[str], NamedType]) -> ParameterType:
    """Read a type as Python's annotations write it.

    Args:
        text: The name.
        named: Answers a word that is no built-in type.

    Returns:
        The type.

    Raises:
        ValueError: It is none. The text says why and what to write.
    """
    if len(text) > MAX_NAME_LENGTH:
        raise ValueError(f"is longer than {MAX_NAME_LENGTH} characters; give the type as a mapping of fields")
    return _union(text, named, 0)


def _union(text: str, named: Callable[[str], NamedType], depth: int) -> ParameterType:
    if depth > MAX_NAME_DEPTH:
        raise ValueError(f"nests deeper than {MAX_NAME_DEPTH} brackets; give the type as a mapping of fields")
    members = [_one(part, named, depth) for part in _parts(text, "|")]
    return members[0] if len(members) == 1 else UnionType(tuple(members))


def _parts(text: str, separator: str) -> Iterator[str]:
    depth = start = 0
    for position, character in enumerate(text):
        depth += (character == "[") - (character == "]")
        if depth < 0:
            break
        if character == separator and depth == 0:
            yield text[start:position].strip()
            start = position + 1
    if depth != 0:
        raise ValueError("has brackets that do not pair; write such as List[int]")
    yield text[start:].strip()


def _one(text: str, named: Callable[[str], NamedType], depth: int) -> ParameterType:
    if written := _CLASS_TEXT.fullmatch(text):
        text = written[1]
        if "." in text:
            return ClassType(text)
    word, bracket, inside = text.partition("[")
    word = word.strip().removeprefix("typing.")
    if not word or (bracket and not inside.endswith("]")):
        raise ValueError("is no type; write one such as string, List[int] or numpy.ndarray")
    if not is_built_in(word):
        if bracket:
            raise ValueError("has brackets after a name that takes none; only List, Dict, Optional, Union do")
        return named(word)
    arguments = [_union(part, named, depth + 1) for part in _parts(inside[:-1], ",")] if bracket else []
    return _built_in(word.lower(), arguments)


def _built_in(word: str, arguments: list[ParameterType]) -> ParameterType:
    if word in _LISTS and len(arguments) <= 1:
        return ListType(arguments[0] if arguments else AnyType())
    if word in _MAPS and len(arguments) in {0, 2}:
        if arguments and arguments[0] != ScalarType("string"):
            raise ValueError("has keys that are not text; write Dict[str, …], for keys are always text")
        return MapType(arguments[1] if arguments else AnyType())
    if word == "optional" and len(arguments) == 1:
        return UnionType((arguments[0], ScalarType("null")))
    if word == "union" and arguments:
        return UnionType(tuple(arguments))
    if word == "any" and not arguments:
        return AnyType()
    if word in _SCALARS and not arguments:
        return ScalarType(_SCALARS[word])
    raise ValueError("has the wrong number of types in brackets; write such as List[int] or Dict[str, int]")
