"""The blocks of a Markdown text, as far as one must know them to tell what is code.

Follows CommonMark 0.31 (https://spec.commonmark.org/0.31.2/#container-blocks): block quotes and list items
with what lies in them, fences, headings, rules, paragraphs with their lazy lines. HTML blocks and link
reference definitions are taken for paragraphs.
"""

import re
from dataclasses import dataclass

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n|\Z)")
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*\Z)|~{3,})")
_HEADING = re.compile(r" {0,3}#{1,6}(?: |\Z)")
_RULE = re.compile(r" {0,3}(?:(?:\* *){3,}|(?:- *){3,}|(?:_ *){3,})\Z")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-+) *\Z")
_QUOTE_MARKER = re.compile(r" {0,3}> ?")
_ITEM_MARKER = re.compile(r"( {0,3}(?:[-+*]|([0-9]{1,9})[.)]))( +|\Z)")
# An item whose text begins with more spaces than this begins with indented code.
_MOST_SPACES = 4
_TAB = 4
_QUOTE = 0
# Deeper ones are taken for text, so that no line takes long, however deep the lines before it went.
_MAX_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines that belong together: inline code begins and ends within them.

    Attributes:
        start: The offset of their first character.
        end: The offset after their last one.
        is_fenced: Whether they are a fenced code block, fences included.
    """

    start: int
    end: int
    is_fenced: bool


def find_blocks(text: str) -> list[Block]:
    """Find the blocks of a Markdown text, in time linear in its length.

    Args:
        text: Markdown.

    Returns:
        The blocks that hold text or fenced code, in order; blank lines are in none of them, except in fences.
    """
    scanner = _Scanner()
    for line in _LINE.finditer(text):
        scanner.read(line.start(), line.end(), line[0].rstrip("\r\n").expandtabs(_TAB))
    scanner.end_block(len(text))
    return scanner.blocks


class _Scanner:
    """Reads line after line; knows which containers and which block are open."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        # Of a list item how far its contents are indented, of a block quote _QUOTE.
        self._containers: list[int] = []
        self._start: int | None = None
        self._fence = ""
        self._is_indented = False
        self._is_item_empty = False

    def read(self, start: int, end: int, line: str) -> None:
        matched, rest = self._match_containers(line)
        is_inside = matched == len(self._containers)
        if self._fence and is_inside:
            if _closes(rest, self._fence):
                self.end_block(end)
            return
        if self._fence:
            self.end_block(start)
        has_paragraph = self._start is not None and not self._is_indented
        opened, rest = _open_containers(rest, matched, has_paragraph=has_paragraph and is_inside)
        if not opened and self._continues(rest, is_inside=is_inside):
            if is_inside and not self._is_indented and _UNDERLINE.match(rest):
                self.end_block(end)
            return
        self.end_block(start)
        self._containers[matched:] = opened
        self._is_item_empty = not rest.strip(" ") and bool(opened) and opened[-1] != _QUOTE
        if rest.strip(" "):
            self._begin(start, end, rest)

    def end_block(self, at: int) -> None:
        if self._start is not None:
            self.blocks.append(Block(self._start, at, bool(self._fence)))
        self._start, self._fence, self._is_indented = None, "", False

    def _begin(self, start: int, end: int, rest: str) -> None:
        self._start = start
        self._is_indented = _indentation(rest) >= _TAB
        if fence := _FENCE.match(rest):
            self._fence = fence[1]
        elif _HEADING.match(rest) or _RULE.match(rest):
            self.end_block(end)

    def _match_containers(self, line: str) -> tuple[int, str]:
        """How many of the open containers the line goes on with, and what it says in them."""
        matched = 0
        for width in self._containers:
            if width == _QUOTE:
                marker = _QUOTE_MARKER.match(line)
                if not marker:
                    break
                line = line[marker.end() :]
            elif line.strip(" "):
                if _indentation(line) < width:
                    break
                line = line[width:]
            elif self._is_item_empty and matched == len(self._containers) - 1:
                break  # an item begins with one blank line at most
            matched += 1
        return matched, line

    def _continues(self, rest: str, *, is_inside: bool) -> bool:
        """Whether a line goes on with the open block; in a paragraph even without the containers' marks."""
        if self._start is None or not rest.strip(" "):
            return False
        if self._is_indented:
            return is_inside and _indentation(rest) >= _TAB
        if _FENCE.match(rest) or _HEADING.match(rest):
            return False
        return not _RULE.match(rest) or (is_inside and _UNDERLINE.match(rest) is not None)


def _open_containers(rest: str, depth: int, *, has_paragraph: bool) -> tuple[list[int], str]:
    """The containers that begin in a line, and what it says in them."""
    opened: list[int] = []
    while depth + len(opened) < _MAX_DEPTH:
        is_in_paragraph = has_paragraph and not opened
        if marker := _QUOTE_MARKER.match(rest):
            opened.append(_QUOTE)
            rest = rest[marker.end() :]
        elif width := _item_width(rest, is_in_paragraph=is_in_paragraph):
            opened.append(width)
            rest = rest[width:]
        else:
            break
    return opened, rest


def _item_width(rest: str, *, is_in_paragraph: bool) -> int | None:
    """How far the contents of the list item are indented that begins there; None if none does."""
    marker = _ITEM_MARKER.match(rest)
    if not marker or _RULE.match(rest) or (is_in_paragraph and _UNDERLINE.match(rest)):
        return None
    is_empty = marker.end() == len(rest)
    if is_in_paragraph and (is_empty or marker[2] not in {None, "1"}):
        return None
    spaces = len(marker[3])
    return len(marker[1]) + (1 if is_empty or spaces > _MOST_SPACES else spaces)


def _closes(rest: str, fence: str) -> bool:
    line = rest.strip(" ")
    return _indentation(rest) < _TAB and len(line) >= len(fence) and not line.strip(fence[0])


def _indentation(rest: str) -> int:
    return len(rest) - len(rest.lstrip(" "))
