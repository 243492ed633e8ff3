"""The separator of flattened keys, and how a key that holds it is written so that it can be split again."""

from collections.abc import Callable, Iterator
from itertools import islice

from openmas_assets.messages.errors import AssetConfigurationError

_MAX_SPELLINGS = 20


class Separator:
    """What stands between the steps of a flattened key.

    Args:
        text: One or more characters; no letter, digit or `%`, for percent-encoded keys are made of these.

    Raises:
        AssetConfigurationError: It is empty, no text, or has such characters.
    """

    def __init__(self, text: str) -> None:
        if not issubclass(type(text), str) or not text or any(each.isalnum() or each == "%" for each in text):
            raise AssetConfigurationError(
                "the separator of flattened keys is a text without letters, digits and %",
                fix="Use one such as / or . or ::",
            )
        self.text = text
        self._first = text[0]

    def divides(self, key: str) -> bool:
        """Whether a key would be split, or its end be taken for the separator after it.

        With `::` the key `a:` would, for `a:::b` is split into `a` and `:b`.
        """
        return self._first in key and (key + self.text).find(self.text) != len(key)

    def encoded(self, key: str, is_taken: Callable[[str], bool]) -> str | None:
        """A spelling that splits right, and that a reference's step may have in place of the key.

        Args:
            key: A key that the separator divides.
            is_taken: Whether a key beside it is spelled so; that one would be found first.

        Returns:
            The key with `%` and the first character of the separator percent-encoded, and more letters if
            that is taken. None where nothing is free.
        """
        free = (
            spelling for spelling in islice(self._spellings(key), _MAX_SPELLINGS) if not is_taken(spelling)
        )
        return next(free, None)

    def step(self, key: str) -> str:
        """A key as it is written where nothing is known of the keys beside it."""
        return next(self._spellings(key)) if self.divides(key) else key

    def _spellings(self, key: str) -> Iterator[str]:
        for count in range(len(key) + 1):
            rest = "".join(_encoded(each) if each in {"%", self._first} else each for each in key[count:])
            spelling = "".join(map(_encoded, key[:count])) + rest
            yield spelling
            yield spelling.replace("%2F", "%2f")


def _encoded(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))
