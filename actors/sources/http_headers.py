"""What the headers of an HTTP answer say of the file."""

import re
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import requests

# No file has more than 18 digits of bytes, and Python refuses to read some thousands of digits.
_LENGTH = re.compile(r"[0-9]{1,18}")
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
_STRONG_ETAG = re.compile(r'"[^"\x00-\x20\x7f]*"')
# The registry of https://www.iana.org/assignments/http-parameters. What is not in it, like the utf-8 of some
# servers or the aws-chunked of some stores, encodes nothing.
_CODINGS = frozenset(
    {"aes128gcm", "br", "compress", "dcb", "dcz", "deflate", "exi", "gzip", "pack200-gzip"}
    | {"x-compress", "x-gzip", "zstd"}
)


def validator(response: "requests.Response") -> str | None:
    """What identifies this version of the file byte for byte (RFC 9110, 8.8).

    Args:
        response: The answer.

    Returns:
        A strong ETag, else the Last-Modified date; None if neither will do.
    """
    etag: str = response.headers.get("ETag", "").strip()
    if _STRONG_ETAG.fullmatch(etag):
        return etag
    last_modified: str = response.headers.get("Last-Modified", "").strip()
    changed_at = http_date(last_modified)
    answered_at = http_date(response.headers.get("Date", "")) or time.time()
    # 8.8.2.2: what has changed within this second may do so again without the date showing it.
    return last_modified if changed_at is not None and changed_at + 1 <= answered_at else None


def content_range(response: "requests.Response") -> tuple[int | None, int | None]:
    """Where the bytes of a 206 start and how many the file has (RFC 9110, 14.4).

    Args:
        response: The answer.

    Returns:
        Both in bytes, None for what it does not say, or says in contradiction to itself or the length.
    """
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    if match is None:
        return None, None
    start, last, total = int(match[1]), int(match[2]), None if match[3] == "*" else int(match[3])
    is_sound = start <= last and (total is None or last < total)
    if not is_sound or content_length(response) not in (None, last - start + 1):
        return None, None
    return start, total


def content_encoding(response: "requests.Response") -> str:
    """How the body is encoded.

    Args:
        response: The answer.

    Returns:
        The encodings in lower case, the first one applied first; empty if there is nothing to decode.
    """
    if content_length(response) == 0:
        return ""
    names = [name.strip().lower() for name in response.headers.get("Content-Encoding", "").split(",")]
    return ", ".join(name for name in names if name in _CODINGS)


def content_length(response: "requests.Response") -> int | None:
    """How many bytes the body has as it travels.

    Args:
        response: The answer.

    Returns:
        None if it is framed in another way, or the header is no number.
    """
    text = response.headers.get("Content-Length", "").strip()
    is_framed_by_it = "chunked" not in response.headers.get("Transfer-Encoding", "").lower()
    return int(text) if is_framed_by_it and _LENGTH.fullmatch(text) else None


def http_date(text: str) -> float | None:
    """Read a date as headers have it (RFC 9110, 5.6.7).

    Args:
        text: What stands in the header.

    Returns:
        Seconds since the epoch, None if it is no date.
    """
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, LookupError, OverflowError, OSError):
        return None
