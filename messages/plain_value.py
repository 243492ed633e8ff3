"""The plain value of an object: what JSON and a prompt can hold in its place; none of its code runs."""

from math import isfinite
from pathlib import Path, PosixPath, PurePath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import Any
from uuid import UUID

from openmas_assets.messages.absence import ABSENT
from openmas_assets.messages.mapping_key import MAX_INTEGER_BITS, plain_mapping
from openmas_assets.messages.python_type import python_type_text

_PATHS = (PurePath, PurePosixPath, PureWindowsPath, Path, PosixPath, WindowsPath)
_UUID_NUMBER = UUID.__dict__["int"]

Plain = str | int | float | bool | None


def plain_value(value: object, max_length: int) -> Any:
    """What stands for an object in metadata.

    Args:
        value: Anything.
        max_length: Of a text, in characters; the rest is counted.

    Returns:
        Texts, numbers, booleans and None as they are, those of a derived class by the base class's own
        reading; UUIDs and paths as texts; for all else the text of its type. `ABSENT` for a container: a
        dict, a `MappingProxyType` of one, a list or a tuple, of derived classes too. Numbers that JSON
        cannot hold (infinite ones, or with more than 640 digits) are texts.
    """
    cls = type(value)
    if value is None or cls is bool:
        return value
    if issubclass(cls, str):
        return cut_text(str.__str__(value), max_length)
    if issubclass(cls, int):
        whole = int.__index__(value)  # type: ignore[arg-type]
        return whole if whole.bit_length() <= MAX_INTEGER_BITS else _integer_text(whole)
    if issubclass(cls, float):
        number = float.__float__(value)  # type: ignore[arg-type]
        return number if isfinite(number) else str(number)
    if issubclass(cls, (list, tuple)) or plain_mapping(value) is not None:
        return ABSENT
    return cut_text(_text_of(value), max_length)


def cut_text(text: str, max_length: int) -> str:
    """A text, cut if it is too long, with a note of how much is missing."""
    if len(text) <= max_length:
        return text
    return f"{text[:max_length]}… ({len(text) - max_length:,} more characters)"


def _integer_text(number: int) -> str:
    return f"{python_type_text(number)} ({number.bit_length():,} bits)"


def _text_of(value: object) -> str:
    try:
        # Not of a derived path: how it is written is for its own code to say.
        if any(type(value) is path_type for path_type in _PATHS):
            return str(value)
        if issubclass(type(value), UUID):
            return str(UUID(int=_UUID_NUMBER.__get__(value)))
    except (AttributeError, TypeError, ValueError):  # never initialised
        pass
    return python_type_text(value)
