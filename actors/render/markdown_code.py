"""What is code in a Markdown text: fenced blocks and inline code (CommonMark 0.31)."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

from openmas_assets.actors.render.markdown_blocks import Block

Span = tuple[int, int]

_BACKTICKS = re.compile("`+")
_MARK = re.compile(r"\\[^<]|`+|<\|", re.DOTALL)


def find_code(text: str, blocks: Sequence[Block], embeddings: Mapping[int, int]) -> Iterator[Span]:
    """Find the code in a Markdown text, in time linear in its length (but for a logarithm).

    Indented code blocks count as text: people indent Markdown by accident, or to lay out their program.
    Backticks in HTML tags, autolinks and the targets of links count like any others.

    Args:
        text: Markdown.
        blocks: Its blocks.
        embeddings: The embedded references, their starts to their ends. One that does not begin in code is
            one character, so to speak: a backtick in it begins no code.

    Yields:
        The start and end of each stretch of code with its backticks or fences, in order.
    """
    for block in blocks:
        if block.is_fenced:
            yield block.start, block.end
        else:
            yield from _inline_code(text, block, embeddings)


def _inline_code(text: str, block: Block, embeddings: Mapping[int, int]) -> Iterator[Span]:
    """A run of backticks begins code if one of the same length follows; a backslash takes one from it."""
    runs: dict[int, list[int]] = {}
    for run in _BACKTICKS.finditer(text, block.start, block.end):
        runs.setdefault(len(run[0]), []).append(run.start())
    position = block.start
    while mark := _MARK.search(text, position, block.end):
        position = mark.end()
        if mark[0] == "<|":
            position = embeddings.get(mark.start(), position)
        elif mark[0].startswith("`"):
            closings = runs.get(len(mark[0]), [])
            index = bisect_left(closings, position)
            if index < len(closings):
                position = closings[index] + len(mark[0])
                yield mark.start(), position
