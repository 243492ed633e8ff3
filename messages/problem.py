"""A problem: one thing that is wrong in a project file, and where."""

import re
from typing import NamedTuple

MAX_PROBLEMS = 100
"""How many problems of one file are listed; a file with more has them found in the next run."""

KeyPath = tuple[str | int, ...]
"""The keys and indices that lead to a value in the project file."""

# What can be a key or a name, and can be no URL, no header and no assignment: those may hold a secret.
_HARMLESS = re.compile(r"[\w .+-]{1,80}")


class Problem(NamedTuple):
    """One thing that is wrong.

    Attributes:
        path: Where it is.
        text: What is wrong and what would be right; never a secret.
    """

    path: KeyPath
    text: str

    def __str__(self) -> str:
        return f"{dotted(self.path)}: {self.text}" if self.path else self.text


def dotted(path: KeyPath) -> str:
    """A path as people write it, such as `assets[2].source.url`.

    Args:
        path: The keys and indices.

    Returns:
        The text. A key that may be a misplaced value, such as a URL, is shown as `?`.
    """
    steps = [
        f"[{step}]" if isinstance(step, int) else f".{step if is_harmless(str(step)) else '?'}"
        for step in path
    ]
    return "".join(steps).removeprefix(".")


def is_harmless(text: str) -> bool:
    """Whether a key or name can be shown: it is short, and no URL or header that may hold a secret.

    Args:
        text: What would be shown.

    Returns:
        Whether it is made of letters, digits, spaces and `_ . + -` only, 80 characters at most.
    """
    return _HARMLESS.fullmatch(text) is not None
