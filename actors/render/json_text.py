"""References in a JSON document (RFC 8259): inside string literals, and where a value stands."""

import json
import re
from collections.abc import Iterator

from openmas_assets.actors.render.json_value import json_string
from openmas_assets.actors.render.place import JSON, RenderPlace, Slot
from openmas_assets.messages.embedding import Embedding, find_embeddings
from openmas_assets.messages.errors import AssetError

_IN_STRING = RenderPlace(JSON)
_VALUE = RenderPlace(JSON, is_json_value=True)
_MARK = re.compile(r'\\.|"|<\|', re.DOTALL)
_OBJECT_OPENING = "<|{"
# Two escaped surrogates are one character, so they are one piece.
_PIECE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]+|\\", re.DOTALL
)


def json_slots(text: str) -> Iterator[Slot]:
    r"""Find the references in a JSON document.

    In a string literal they are read as JSON reads it, so that the dict form is escaped there:
    `"<|{\"asset_id\":\"x\"}|>"`. A dict form whose quotes somebody forgot to escape is understood too; no
    valid document can hold one.

    Args:
        text: The document; of one that is no valid JSON at least nothing is damaged.

    Yields:
        The references in their order, with offsets in the text as it stands.
    """
    found = {each.start: each for each in find_embeddings(text)}
    position, begins, is_in_string = 0, 0, False
    while mark := _MARK.search(text, position):
        position = mark.end()
        if mark[0] == '"':
            if is_in_string:
                yield from _string_slots(text, begins, mark.start())
            begins, is_in_string = position, not is_in_string
        elif embedding := found.get(mark.start()):
            if not is_in_string:
                yield Slot(embedding, _VALUE)
                position = embedding.end
            elif text.startswith(_OBJECT_OPENING, mark.start()):
                yield from _string_slots(text, begins, mark.start())
                yield Slot(embedding, _IN_STRING)
                position = begins = embedding.end
    if is_in_string:
        yield from _string_slots(text, begins, len(text))


def fit_into_json(rendered: str, place: RenderPlace) -> str:
    """Make a rendered text fit, so that the document stays valid.

    Args:
        rendered: What a renderer returned.
        place: Where it goes, in a JSON document.

    Returns:
        The text, escaped if it goes into a string literal.

    Raises:
        AssetError: It goes where a value stands, but is no JSON.
    """
    if not place.is_json_value:
        return json_string(rendered)[1:-1]
    try:
        # Only whether it is JSON matters, so numbers of any length need not be read.
        json.loads(rendered, parse_constant=_refuse_constant, parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as failure:
        raise AssetError("what its renderer returned is no JSON, and it stands in no string") from failure
    return rendered


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _string_slots(text: str, begins: int, ends: int) -> Iterator[Slot]:
    """The references in a stretch of a string literal."""
    characters, offsets = _unescaped(text, begins, ends)
    for each in find_embeddings(characters):
        yield Slot(Embedding(offsets[each.start], offsets[each.end], each.ref), _IN_STRING)


def _unescaped(text: str, begins: int, ends: int) -> tuple[str, list[int] | range]:
    """What a stretch of a string literal says, and for each of its characters where in the text it begins."""
    if text.find("\\", begins, ends) < 0:
        return text[begins:ends], range(begins, ends + 1)
    characters: list[str] = []
    offsets: list[int] = []
    for piece in _PIECE.finditer(text, begins, ends):
        said = _said(piece[0])
        characters.append(said)
        offsets.extend(range(piece.start(), piece.start() + len(said)))
    return "".join(characters), [*offsets, ends]


def _said(piece: str) -> str:
    if not piece.startswith("\\"):
        return piece
    try:
        said: str = json.loads(f'"{piece}"')
    except ValueError:  # no escape that JSON has: as it stands
        return piece
    return said
