"""What somebody would see on a terminal: as much of one as tqdm makes use of."""

import re

# A cursor movement up, or a window title, which is not shown and so can mark a moment in a test.
_ESCAPE = re.compile(r"\x1b(?:\[(?P<count>\d*)A|\]0;(?P<title>[^\x07]*)\x07)")


def screen(output: str, mark: str | None = None, columns: int = 80) -> list[str]:
    """Return the lines that stand on the screen, without empty ones at the end.

    Args:
        output: What was written, line ends as `\\n`.
        mark: Look at the moment in which the window got this title; None: at the end.
        columns: The width; a line that is longer goes on in the next one, as it would there.

    Raises:
        AssertionError: There is an escape sequence that this does not know, or no such moment.
    """
    cells: dict[tuple[int, int], str] = {}
    row = column = position = 0
    while position < len(output):
        character = output[position]
        if character == "\x1b":
            escape = _ESCAPE.match(output, position)
            assert escape is not None, f"unknown: {output[position : position + 10]!r}"
            if escape["title"] is None:
                row = max(0, row - int(escape["count"] or 1))
            elif escape["title"] == mark:
                break
            position = escape.end()
            continue
        if character == "\r":
            column = 0
        elif character == "\n":
            row, column = row + 1, 0
        else:
            if column == columns:
                row, column = row + 1, 0
            cells[row, column] = character
            column += 1
        position += 1
    else:
        assert mark is None, f"no moment {mark!r}"
    lines = [
        "".join(cells.get((line, column), " ") for column in range(columns)).rstrip()
        for line in range(max((line for line, _ in cells), default=0) + 1)
    ]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def titled(mark: str) -> str:
    """Return what gives the window a title."""
    return f"\x1b]0;{mark}\x07"
