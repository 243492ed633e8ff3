"""The URL form of a reference: `asset://id/key/key`, printed and parsed.

A URL in the sense of RFC 3986, without query and fragment: each part is percent-encoded UTF-8, a `+` is a
plus. Lone surrogates, which Python texts may hold and UTF-8 may not, are encoded as if it could, so that
each id and each key has a URL which parses to it.
"""

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote_to_bytes

from openmas_assets.messages.errors import AssetRefError

SCHEME = "asset://"

# What RFC 3986 allows in a path besides letters, digits and `-._~`; without what a Markdown link or an
# embedding would end at: parentheses and quotes.
_SAFE = ":@!$&*+,;="

_SPACE_OR_CONTROL = re.compile(r"[\s\x00-\x1f\x7f-\x9f]")
_LONGEST_ENCODED_CHARACTER = len("%F0%9F%98%80")


def has_scheme(text: str) -> bool:
    """Whether the text begins as the URL of a reference does, `asset://` in any case."""
    return text.startswith(SCHEME) or text[: len(SCHEME)].lower() == SCHEME


def print_url(asset_id: str, steps: Iterable[str | int]) -> str:
    """Write a reference as a URL.

    Args:
        asset_id: The asset's id.
        steps: Keys and indices from the asset's root; none for the whole asset.

    Returns:
        ASCII without spaces, parentheses, quotes, `<`, `>` and `|`, so that it can stand in any text.
    """
    return SCHEME + "/".join(_encode(str(part)) for part in (asset_id, *steps))


def url_length(asset_id: str, steps: Iterable[str | int], enough: int) -> int:
    """How long the URL is, or at most is.

    Args:
        asset_id: The asset's id.
        steps: Keys and indices.
        enough: The length that matters; the URL is not written where it cannot be longer.

    Returns:
        Its length in characters, or a number up to `enough` that the length does not exceed.
    """
    steps = tuple(steps)
    characters = len(asset_id) + sum(map(len, map(str, steps)))
    at_most = len(SCHEME) + len(steps) + characters * _LONGEST_ENCODED_CHARACTER
    return at_most if at_most <= enough else len(print_url(asset_id, steps))


def parse_url(url: str) -> tuple[str, tuple[str, ...]]:
    """Read the URL of a reference, in time linear in its length.

    What no URL may hold but nobody can misread is taken as it stands: letters of any script, `?`, `#`, and
    a `%` without two hexadecimal digits.

    Args:
        url: Such as `asset://photo/content/labels/0`. With a slash at its end the last key is empty.

    Returns:
        The asset's id, and the steps.

    Raises:
        AssetRefError: It has another scheme, no id, holds a raw space or control character, or what it
            encodes is no UTF-8.
    """
    if not has_scheme(url):
        raise AssetRefError(f"it does not begin with {SCHEME}")
    unwritable = _SPACE_OR_CONTROL.search(url)
    if unwritable is not None:
        raise AssetRefError(
            f"the URL holds the raw space or control character U+{ord(unwritable[0]):04X}",
            fix=f"Percent-encode it: {_encode(unwritable[0])}.",
        )
    parts = url[len(SCHEME) :].split("/")
    if "%" in url:
        parts = [_decode(part, number) for number, part in enumerate(parts)]
    asset_id, *steps = parts
    if not asset_id:
        raise AssetRefError("the URL names no asset", fix=f"Write the asset's id after {SCHEME}.")
    return asset_id, tuple(steps)


def _encode(part: str) -> str:
    return quote(part, safe=_SAFE, errors="surrogatepass")


def _decode(part: str, number: int) -> str:
    if "%" not in part:
        return part
    try:
        return unquote_to_bytes(part.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        where = f"step {number} of the URL" if number else "the asset's id in the URL"
        raise AssetRefError(
            f"{where} is no UTF-8 after percent-decoding",
            fix="Write the letters as they are, or percent-encode their UTF-8 bytes.",
        ) from None
