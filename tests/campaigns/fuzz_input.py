"""Inputs for fuzzing, each made of a string of bytes that stands for all the choices on the way.

So one way of changing inputs serves all targets: change the bytes, and the same generator makes another
input of them, which is like the first up to where they differ.
"""

import json
import random
from collections.abc import Sequence
from typing import Any, TypeVar

T = TypeVar("T")

CANARY = "cnry~f00d~token"
"""A secret. With its tildes it is no plain word, so it may be shown from no place in a project file."""

SECRET_URL = f"https://user:{CANARY}@files.example.com/a.bin?signature={CANARY}"

TEXTS: tuple[str, ...] = (
    *("", " ", ".", "..", "/", "//", "\\", "~", "~nobody", "-", "--", "-1", "0", "00", "1", "\u00b2"),
    *("\uff11", "*", "?", "#", "a", "A", "é", "e\u0301", "ß", "İ", "\u202e", "\ufeff", "\u2028", "\x85"),
    *("\x7f", "\x1b[2J", "\0", "\n", "\t", "\ud800", "\udcff", "\U0010ffff", "😀", "a" * 5000, "../" * 40),
    *("a/" * 300, "9" * 25, "9" * 5000, "-0", "0x1F", "1e999", "nan", "inf", "null", "true", "C:", "C:\\x"),
    *("CON", "nul.txt", "a.", "a ", "data", ".asset_info.json", "${HOME}", "$(id)", "%s", "%00", "%ff"),
    *("%", "{}", "{0}", "__class__", "__globals__", "latest", "sha256:", "1:2", "asset://", "ASSET://a/b"),
    *("asset://%ff", "<|", "|>", "<|asset://a|>", "<|{}|>", "<|asset://fuzz/content|>", SECRET_URL),
    *(f"Bearer {CANARY}", f"{CANARY}: {CANARY}", "http://", "http://[", "https://a:b"),
    *("file:///etc/passwd", "2020-13-45", "1:30:00", "!!int", "&a", "*a", "<<", "=", "- a", "a: b", "'"),
    *('"', "|", ">", "[", "{", "@", "`"),
)
"""What has broken something somewhere before."""

HARMLESS_TEXTS = tuple(text for text in TEXTS if CANARY not in text)
"""The same without secrets: for names and references, which errors do repeat."""

NUMBERS = (0, 1, -1, 2, 255, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**30, 10**400)
FLOATS = (0.0, -0.0, 0.5, -1.5, 1e308, 5e-324, float("inf"), float("-inf"), float("nan"))

JSON_PIECES = (
    *(b"{", b"}", b"[", b"]", b'"', b",", b":", b"\\u0000", b"\\ud800", b"../", b"null", b"true", b"-1"),
    *(b"1e999", b"\xff", b"\0", b"[" * 9999),
)
"""What breaks JSON, or the one who reads it."""

_MAX_BYTES = 1 << 16


class Choices:
    """Chooses what the bytes say, and at random where they end.

    Args:
        data: The bytes.
        generator: Goes on behind their end; None for zeros.

    Attributes:
        taken: The bytes of all choices so far: the same ones again, whatever the generator.
        texts: What `text` is made of.
        faults_left: How much may still be wrong: what has one thing wrong gets further than what has many.
    """

    def __init__(self, data: bytes, generator: random.Random | None = None) -> None:
        self._data = data
        self._generator = generator
        self.taken = bytearray()
        self.texts: tuple[str, ...] = TEXTS
        self.faults_left = 1000

    def _take(self, count: int) -> bytes:
        start = len(self.taken)
        piece = self._data[start : start + count]
        missing = count - len(piece)
        if missing:
            piece += (
                self._generator.randbytes(missing)
                if self._generator and start < _MAX_BYTES
                else bytes(missing)
            )
        self.taken += piece
        return piece

    def below(self, count: int) -> int:
        """A number from 0, less than `count`."""
        return int.from_bytes(self._take(1 if count <= 2**8 else 2 if count <= 2**16 else 4), "big") % count

    def pick(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]

    def chance(self, percent: int) -> bool:
        # What is behind the end of the bytes is the simpler choice.
        return self.below(100) >= 100 - percent

    def fault(self, percent: int) -> bool:
        """Whether to do something wrong, as long as there may be more of that."""
        if not self.faults_left or not self.chance(percent):
            return False
        self.faults_left -= 1
        return True

    def bytes(self, most: int) -> bytes:
        return self._take(self.below(most + 1))

    def text(self) -> str:
        """A text that is trouble, several of them, or a short one of any characters."""
        match self.below(10):
            case 0 if self.texts is TEXTS:
                return self.pick((SECRET_URL, f"Bearer {CANARY}", f"{CANARY}: {CANARY}"))
            case 0 | 1 | 2 | 3 | 4:
                return self.pick(self.texts)
            case 5 | 6 | 7:
                return self.pick(self.texts) + self.pick(("", "/", ".", " ", ":")) + self.pick(self.texts)
            case _:
                return "".join(
                    chr(self.below(0x250 if self.chance(80) else 0x110000)) for _ in range(self.below(8))
                )

    def plain_value(self, depth: int = 4) -> Any:
        """Something JSON could hold, or nearly."""
        kind = self.below(9 if depth else 6)
        match kind:
            case 0:
                return self.pick((None, True, False))
            case 1:
                return self.pick(NUMBERS)
            case 2:
                return self.pick(FLOATS)
            case 3 | 4 | 5:
                return self.text()
            case 6 | 7:
                return {self.text(): self.plain_value(depth - 1) for _ in range(self.below(4))}
            case _:
                return [self.plain_value(depth - 1) for _ in range(self.below(4))]


def mutated_bytes(choices: Choices, data: bytes, pieces: Sequence[bytes] = (b"\0", b"\xff" * 4)) -> bytes:
    """A few things replaced, put in, taken out or said twice."""
    changed = bytearray(data)
    for _ in range(1 + choices.below(5)):
        start = choices.below(len(changed) + 1)
        end = start + choices.below(41)
        piece = choices.bytes(8) if choices.chance(40) else choices.pick(pieces)
        match choices.below(4):
            case 0:
                changed[start : start + len(piece)] = piece
            case 1:
                changed[start:start] = piece
            case 2:
                del changed[start:end]
            case _:
                changed[start:start] = changed[end : end + choices.below(600)]
    return bytes(changed)


def mutated_value(choices: Choices, value: Any) -> Any:
    """The same lists and dicts with a few members replaced, renamed, moved, repeated or gone."""
    changed = value
    for _ in range(1 + choices.below(3)):
        changed = _mutated_once(choices, changed, value)
    return changed


def _mutated_once(choices: Choices, value: Any, whole: Any) -> Any:
    if not isinstance(value, dict | list) or not value or choices.chance(10):
        return _other(choices, value, whole)
    if isinstance(value, list):
        index = choices.below(len(value))
        return [*value[:index], *_members(choices, value[index], whole), *value[index + 1 :]]
    key = choices.pick(list(value))
    changed = dict(value)
    match choices.below(8):
        case 0:
            del changed[key]
        case 1:
            changed[choices.text() if choices.chance(70) else choices.pick(_keys(whole))] = changed.pop(key)
        case 2:
            changed[choices.pick(_keys(whole))] = choices.plain_value()
        case _:
            changed[key] = _mutated_once(choices, value[key], whole)
    return changed


def _members(choices: Choices, member: Any, whole: Any) -> list[Any]:
    match choices.below(6):
        case 0:
            return []
        case 1:
            return [member, member]
        case _:
            return [_mutated_once(choices, member, whole)]


def _other(choices: Choices, value: Any, whole: Any) -> Any:
    match choices.below(5):
        case 0:
            return [value]
        case 1:
            return _somewhere(choices, whole)
        case 2 if isinstance(value, str):
            position = choices.below(len(value) + 1)
            return value[:position] + choices.text() + value[position + choices.below(3) :]
        case 2 if isinstance(value, int):
            return value + choices.pick((1, -1, 2**32, -(2**63)))
        case _:
            return choices.plain_value()


def _somewhere(choices: Choices, value: Any) -> Any:
    while isinstance(value, dict | list) and value and choices.chance(80):
        value = choices.pick(list(value.values()) if isinstance(value, dict) else value)
    return value


def _keys(value: Any) -> list[str]:
    """All keys anywhere in it."""
    if isinstance(value, dict):
        return [*value, *(key for member in value.values() for key in _keys(member))]
    return [key for member in value for key in _keys(member)] if isinstance(value, list) else ["a"]


def json_bytes(value: Any) -> bytes:
    """As a file holds it."""
    try:
        return json.dumps(value).encode()
    except ValueError:  # an integer with too many digits
        return b'{"format": ' + b"9" * 5000 + b"}"
