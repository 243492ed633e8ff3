"""The references in a text: `<|asset://id/key|>` or `<|{"asset_id": …}|>`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from openmas_assets.messages.asset_ref import AssetRef
from openmas_assets.messages.errors import AssetRefError
from openmas_assets.messages.reference_url import SCHEME, has_scheme

_OPENING = "<|"
_CLOSING = "|>"

# How far a JSON object without another one in it reaches; a string in it may hold anything, `|>` too. Linear,
# as each repetition is possessive (`*+` gives nothing back). So are all matches of a text together: outside
# of a string `{` ends the match, and of two openings that one object has in its strings, the match of the
# first ends at the second.
_JSON_OBJECT = re.compile(r'\{[^"{}\\]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"{}\\]*+)*+\}', re.DOTALL)


@dataclass(frozen=True)
class Embedding:
    """A reference in a text, and where it stands.

    Attributes:
        start: The index of its `<|` in the text.
        end: The index after its `|>`.
        ref: What it refers to.
    """

    start: int
    end: int
    ref: AssetRef


def find_embeddings(text: str) -> tuple[Embedding, ...]:
    """Find the references that are embedded in a text, in time linear in its length.

    Every one of them, also in code: a text is not known to be Markdown here. No space stands between a
    reference and its `<|` and `|>`, so `<|im_start|>`, `<| asset://x |>` and halves of broken embeddings
    are none.

    Args:
        text: Any text.

    Returns:
        What was found, in the order of the text; none overlaps another.
    """
    return tuple(_embeddings(text))


def references(text: str) -> tuple[AssetRef, ...]:
    """List what a text refers to.

    Args:
        text: Any text. References in code count as well.

    Returns:
        The references embedded in it, in its order, each once.
    """
    return tuple(dict.fromkeys(embedding.ref for embedding in _embeddings(text)))


def _embeddings(text: str) -> Iterator[Embedding]:
    start = text.find(_OPENING)
    while start >= 0:
        found = _embedding_at(text, start)
        if found is not None:
            yield found
        start = text.find(_OPENING, found.end if found else start + len(_OPENING))


def _embedding_at(text: str, start: int) -> Embedding | None:
    end = _end_of_form(text, start + len(_OPENING))
    if end is None:
        return None
    try:
        return Embedding(start, end, AssetRef.parse(text[start:end]))
    except AssetRefError:
        return None


def _end_of_form(text: str, at: int) -> int | None:
    """Where the embedding ends whose form begins there; None if none does."""
    if text.startswith("{", at):
        json_object = _JSON_OBJECT.match(text, at)
        closing = json_object.end() if json_object else len(text)
        return closing + len(_CLOSING) if text.startswith(_CLOSING, closing) else None
    if not has_scheme(text[at : at + len(SCHEME)]):
        return None
    # Not beyond the next opening: else each of many openings would be looked through to the text's end.
    next_opening = text.find(_OPENING, at)
    closing = text.find(_CLOSING, at, next_opening if next_opening >= 0 else len(text))
    return closing + len(_CLOSING) if closing >= 0 else None
