"""A suggestion: what somebody who wrote an unknown word may have meant."""

from collections.abc import Iterable, Sequence
from itertools import islice

_MAX_WORD_LENGTH = 100
_MAX_CANDIDATES = 1000
_MAX_LISTED = 20


def closest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that looks most like the word.

    Args:
        word: What was written. Words of more than 100 characters get no suggestion.
        candidates: What could have been meant; the first 1,000 are looked at, which bounds the time.

    Returns:
        The closest one, None where none is close.
    """
    if len(word) > _MAX_WORD_LENGTH:
        return None
    # Imported here: most runs suggest nothing.
    from difflib import get_close_matches

    short_candidates = [name for name in islice(candidates, _MAX_CANDIDATES) if len(name) <= _MAX_WORD_LENGTH]
    matches = get_close_matches(word, short_candidates, n=1)
    return matches[0] if matches else None


def listed(names: Sequence[str]) -> str:
    """The names as one line of text, the first 20 of them.

    Args:
        names: What to list, in the order to list it.

    Returns:
        `a, b, c`, with `and 7 more` at the end where they are too many; `none` where there is none.
    """
    shown = [
        name if len(name) <= _MAX_WORD_LENGTH else f"{name[:_MAX_WORD_LENGTH]}…"
        for name in names[:_MAX_LISTED]
    ]
    more = [f"and {len(names) - _MAX_LISTED} more"] if len(names) > _MAX_LISTED else []
    return ", ".join([*shown, *more]) or "none"
