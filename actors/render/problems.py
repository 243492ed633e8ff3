"""What could not be shown of a text, for people and models to read."""

from openmas_assets.messages.embedding import Embedding
from openmas_assets.messages.errors import AssetError

MAX_PROBLEMS = 100
"""How many problems are told one by one; the rest is counted."""

_MAX_URL_LENGTH = 300
_MAX_REASON_LENGTH = 2_500


class RenderProblems:
    """Collects the problems of one text, in its order.

    Args:
        text: The text.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines: list[str] = []
        self._left_out = 0
        self._line_number, self._position = 1, 0

    def add(self, embedding: Embedding, failure: AssetError) -> None:
        """Note that a reference stays in place.

        Args:
            embedding: The reference; not before the last one that was added.
            failure: Why.
        """
        if len(self._lines) == MAX_PROBLEMS:
            self._left_out += 1
            return
        self._line_number += self._text.count("\n", self._position, embedding.start)
        self._position = embedding.start
        url = _cut(embedding.ref.url, _MAX_URL_LENGTH)
        reason = _cut(" ".join(str(failure).split()), _MAX_REASON_LENGTH)
        self._lines.append(f"line {self._line_number}: {url}: {reason}")

    def lines(self) -> tuple[str, ...]:
        """One line each, and one more for those beyond the hundredth, if there are any."""
        rest = [f"and {self._left_out:,} more references stay in place"] if self._left_out else []
        return (*self._lines, *rest)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
