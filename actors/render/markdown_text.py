"""References in a Markdown text: in the running text and as targets of images, not in code."""

import re
from collections.abc import Iterator, Sequence

from openmas_assets.actors.render.markdown_blocks import Block, find_blocks
from openmas_assets.actors.render.markdown_code import Span, find_code
from openmas_assets.actors.render.place import MARKDOWN, RenderPlace, Slot
from openmas_assets.messages.embedding import Embedding, find_embeddings

_BRACKET = re.compile(r"\\.|!?\[|\]", re.DOTALL)
_SPACE = r"[ \t]*(?:\r\n?|\n)?[ \t]*"
_TARGET_OPENING = re.compile(rf"\({_SPACE}")
_TITLE = r'"(?:[^"\\]|\\.)*+"' + r"|'(?:[^'\\]|\\.)*+'" + r"|\((?:[^()\\]|\\.)*+\)"
_TARGET_CLOSING = re.compile(rf"(?:(?=[ \t\r\n]){_SPACE}(?:{_TITLE}))?{_SPACE}\)", re.DOTALL)


def markdown_slots(text: str) -> Iterator[Slot]:
    """Find the references in a Markdown text (CommonMark 0.31) that are to be replaced.

    Args:
        text: Markdown.

    Yields:
        The references in their order, without those in fenced and inline code; those that are all there is
        to the target of an image, `![alt](<|…|>)` or `![alt](<|…|> "title")`, as such.
    """
    embeddings = find_embeddings(text)
    if not embeddings:
        return
    blocks = find_blocks(text)
    code = list(find_code(text, blocks, {each.start: each.end for each in embeddings}))
    shown = list(_outside(embeddings, code))
    targets = frozenset(_image_targets(_masked(text, code, shown), blocks, shown))
    for each in shown:
        yield Slot(each, RenderPlace(MARKDOWN, is_image_target=each.start in targets))


def _outside(embeddings: Sequence[Embedding], code: Sequence[Span]) -> Iterator[Embedding]:
    spans = iter(code)
    span = next(spans, None)
    for each in embeddings:
        while span is not None and span[1] <= each.start:
            span = next(spans, None)
        if span is None or each.start < span[0]:
            yield each


def _masked(text: str, code: Sequence[Span], embeddings: Sequence[Embedding]) -> str:
    """The text with letters in place of code and references, so that no bracket in them counts."""
    pieces: list[str] = []
    position = 0
    for start, end in sorted([*code, *((each.start, each.end) for each in embeddings)]):
        # A reference with a blank line in its JSON may reach into code.
        pieces += [text[position:start], "x" * (end - max(start, position))]
        position = max(end, position)
    return "".join([*pieces, text[position:]])


def _image_targets(masked: str, blocks: Sequence[Block], embeddings: Sequence[Embedding]) -> Iterator[int]:
    """The starts of the references that are targets of images."""
    ends = {each.start: each.end for each in embeddings}
    for block in blocks:
        openings: list[str] = []
        for bracket in _BRACKET.finditer(masked, block.start, block.end):
            if bracket[0].endswith("["):
                openings.append(bracket[0])
            elif bracket[0] == "]" and openings and openings.pop() == "![":
                target = _TARGET_OPENING.match(masked, bracket.end(), block.end)
                end = ends.get(target.end()) if target else None
                if target and end and _TARGET_CLOSING.match(masked, end, block.end):
                    yield target.end()
