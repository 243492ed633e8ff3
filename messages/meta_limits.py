"""The limits of metadata: how much of an asset a prompt is given to read."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MetaLimits:
    """How much metadata shows. What is more is cut, with a note of how much is missing.

    Attributes:
        max_string_length: Of one text, in characters.
        max_items: Of one container; None for no limit.
        max_depth: How many containers may nest; the content is the first.
        max_entries: Of values and containers overall.
        max_characters: Of keys and texts overall; the entry that passes it is the last.
    """

    max_string_length: int
    max_items: int | None
    max_depth: int
    max_entries: int
    max_characters: int


PROMPT_LIMITS = MetaLimits(
    max_string_length=1_000, max_items=100, max_depth=20, max_entries=10_000, max_characters=1_000_000
)
"""For a prompt."""

FLAT_LIMITS = MetaLimits(
    max_string_length=10_000, max_items=None, max_depth=100, max_entries=100_000, max_characters=20_000_000
)
"""For flattened metadata that was asked for."""
