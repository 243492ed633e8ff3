"""The parts of a value that a step could lead to, told to whoever took a wrong one. No values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate, islice, takewhile
from typing import Any

from openmas_assets.messages.data_check import is_data, is_member_data
from openmas_assets.messages.instance_fields import instance_fields
from openmas_assets.messages.mapping_key import plain_key, plain_mapping
from openmas_assets.messages.property_table import PropertyTable
from openmas_assets.messages.python_type import python_type_text
from openmas_assets.messages.sequence_index import sequence_length, sequence_type
from openmas_assets.messages.step import CodeFailedError, is_other_mapping
from openmas_assets.messages.suggestion import closest

MAX_SHOWN_NAMES = 20
"""How many names an error lists."""

MAX_NAME_LENGTH = 60
"""How many characters of a name are shown."""

# Suggestions compare with these only, and these letters with each other: it takes time, some milliseconds.
_MAX_NAMES = 300
_MAX_LETTERS_COMPARED = 40_000
_EXAMPLE_SLICE = 10


@dataclass(frozen=True)
class StepParts:
    """What there is in a value.

    Attributes:
        kind: What the parts are called: `key`, `field` or `item`.
        names: Some of their names, the first ones; for items the range of indices.
        count: How many parts there are.
    """

    kind: str
    names: tuple[str, ...]
    count: int

    def shown(self) -> tuple[str, ...]:
        """The names that an error lists, at most 20."""
        return self.names[:MAX_SHOWN_NAMES]

    def advice(self, step: str | int) -> str:
        """What to write instead of a step, in whole sentences."""
        if not self.count:
            return "It has no parts; refer to it as a whole."
        if self.kind == "item":
            stop = min(self.count, _EXAMPLE_SLICE)
            return f"Give an index, {self.names[0]}, or a slice such as 0:{stop}."
        meant = self._closest(str(step)[: MAX_NAME_LENGTH + 1])
        question = f"Did you mean {meant}? " if meant is not None else ""
        more = f", and {self.count - MAX_SHOWN_NAMES:,} more" if self.count > MAX_SHOWN_NAMES else ""
        return f"{question}Its {self.kind}s: {', '.join(self.shown())}{more}."

    def _closest(self, word: str) -> str | None:
        letters = accumulate(len(name) * len(word) for name in self.names)
        affordable = takewhile(lambda total: total <= _MAX_LETTERS_COMPARED, letters)
        return closest(word, self.names[: len(list(affordable))])


def parts_of(value: object, properties: PropertyTable) -> StepParts:
    """The parts of a value.

    Args:
        value: Anything. The keys of a mapping of another class are asked of it, which runs its code; nothing
            else is run.
        properties: Which properties could be evaluated.

    Returns:
        Its keys, indices or data fields.
    """
    mapping = plain_mapping(value)
    if mapping is not None:
        some = list(islice(dict.items(mapping), _MAX_NAMES))
        hidden = sum(not is_member_data(member) for _, member in some)
        return _named(
            "key", (key for key, member in some if is_member_data(member)), dict.__len__(mapping) - hidden
        )
    if sequence_type(value) is not None:
        count = sequence_length(value)
        return StepParts("item", (f"0 to {count - 1:,}",) if count else (), count)
    if is_other_mapping(value):
        return _running_mapping_parts(value)
    fields = [name for name, member in instance_fields(value).items() if is_data(member)]
    names = list(dict.fromkeys([*fields, *sorted(properties.names_for(value))]))
    return _named("field", names[:_MAX_NAMES], len(names))


def asset_parts(fields: Mapping[str, Any]) -> StepParts:
    """The parts of an asset: the fields that were given."""
    return _named("field", fields, len(fields))


def shown_name(key: object) -> str:
    """A key as an error shows it, at most some 80 characters.

    Args:
        key: Anything.

    Returns:
        A text or an integer as it stands, quoted and escaped if it could be misread; the type of all else.
    """
    name = plain_key(key)
    if name is None:
        return python_type_text(key)[: MAX_NAME_LENGTH + 20]
    text = str(name)
    is_clear = text.isprintable() and text == text.strip() and text and not set(text) & set(",'\"")
    shown = text if is_clear else repr(text[: MAX_NAME_LENGTH + 1])
    return shown if len(shown) <= MAX_NAME_LENGTH else f"{shown[:MAX_NAME_LENGTH]}…"


def _named(kind: str, keys: Iterable[object], count: int) -> StepParts:
    return StepParts(kind, tuple(shown_name(key) for key in keys), count)


def _running_mapping_parts(mapping: Any) -> StepParts:
    try:
        return _named("key", list(islice(iter(mapping), _MAX_NAMES)), len(mapping))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  (see take_step)
        raise CodeFailedError(python_type_text(error)) from None
