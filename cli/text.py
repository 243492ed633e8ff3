"""Text for a terminal: what is safe to show, how wide it is, how it is cut and how sizes read."""

import unicodedata
from itertools import accumulate

ELLIPSIS = "…"

# Controls, formats (which turn the direction of writing), lone surrogates, private and unassigned code
# points, and the two Unicode line breaks: no terminal shows them as they are, and some of them command it.
_UNPRINTABLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MARK_CATEGORIES = frozenset({"Mn", "Me"})


def printable(text: str) -> str:
    r"""The text with everything escaped that would not show as it is: `a\x1b[2J`.

    Args:
        text: One line from a project file, a server or a disk.
    """
    return "".join(
        character.encode("unicode_escape").decode("ascii")
        if unicodedata.category(character) in _UNPRINTABLE_CATEGORIES
        else character
        for character in text
    )


def printable_lines(text: str) -> str:
    """As `printable`, but line breaks stay.

    Args:
        text: An error's text.
    """
    return "\n".join(printable(line) for line in text.split("\n"))


def width(text: str) -> int:
    """How many columns a printable text takes (https://www.unicode.org/reports/tr11/).

    Args:
        text: The text.
    """
    return sum(_character_width(character) for character in text)


def padded(text: str, columns: int, *, is_right: bool = False) -> str:
    """The text with spaces, so that it takes that many columns.

    Args:
        text: A printable text.
        columns: How many.
        is_right: Whether the spaces come first.
    """
    spaces = " " * (columns - width(text))
    return spaces + text if is_right else text + spaces


def shortened(text: str, columns: int) -> str:
    """The text, with an ellipsis in its middle if it is too wide.

    Args:
        text: A printable text.
        columns: How many columns it may take; 1 at the least.
    """
    if width(text) <= columns:
        return text
    end_columns = (columns - 1) // 2
    start = _start(text, columns - 1 - end_columns)
    end = _start(text[::-1], end_columns)[::-1]
    return f"{start}{ELLIPSIS}{end}"


def size(size_bytes: int) -> str:
    """A size as people read it, in units of 1000 as the progress bars show it: `16.1 GB`.

    Args:
        size_bytes: Bytes.
    """
    if size_bytes < 1000:  # noqa: PLR2004 - what the units are made of
        return f"{size_bytes} B"
    amount = float(size_bytes)
    for unit in ("kB", "MB", "GB", "TB"):
        amount /= 1000
        if round(amount, 1) < 1000:  # noqa: PLR2004
            return f"{amount:.1f} {unit}"
    return f"{amount / 1000:.1f} PB"


def _character_width(character: str) -> int:
    if unicodedata.category(character) in _MARK_CATEGORIES:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _start(text: str, columns: int) -> str:
    taken = accumulate(map(_character_width, text))
    return "".join(
        character for character, columns_taken in zip(text, taken, strict=True) if columns_taken <= columns
    )
