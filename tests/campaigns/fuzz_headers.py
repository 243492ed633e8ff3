"""Fuzzes what we read of HTTP answers: headers and statuses, as functions of them alone."""

import requests
from requests.structures import CaseInsensitiveDict

from fuzz_input import CANARY, NUMBERS, SECRET_URL, Choices
from fuzz_oracle import check, check_error
from openmas_assets.actors.sources.http_failure import status_failure
from openmas_assets.actors.sources.http_headers import (
    content_encoding,
    content_length,
    content_range,
    http_date,
    validator,
)

_STARTS = {
    "Content-Range": ("bytes 0-9/10", "bytes 5-9/*", "bytes */10", "bytes 9-0/10"),
    "Content-Length": ("10", "+10", "1_0", "0x10", "10, 10"),
    "Content-Encoding": ("gzip", "gzip, br", "identity", "utf-8", ",,,"),
    "Transfer-Encoding": ("chunked", "gzip, Chunked"),
    "ETag": ('"v1"', 'W/"v1"', '"', '""', '"a"b"', '"\x80"'),
    "Last-Modified": (
        "Wed, 21 Oct 2015 07:28:00 GMT",
        "Wed, 21 Oct 9999 23:59:59 -2359",
        "Sun Nov  6 08:49:37 1994",
    ),
    "Date": ("Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 00 Jan 0000 00:00:00 +9999"),
    "Retry-After": ("120", "1e9", "-1", "99999999999999", "Wed, 21 Oct 2066 07:28:00 GMT"),
    "WWW-Authenticate": ("Basic", "Bearer realm=x"),
    "Location": ("/other", SECRET_URL),
}
_DAYS = ("Wed", "Xyz", "")
_MONTHS = ("Jan", "Feb", "Dec", "Foo", "13")


class HeaderTarget:
    """Answers of any status with headers of any content."""

    def run(self, choices: Choices) -> str:
        """See `fuzzing.Target`."""
        response = _response(choices)
        start, total = content_range(response)
        length = content_length(response)
        check(
            all(number is None or 0 <= number < 10**18 for number in (start, total, length)),
            "a number no file has",
        )
        known = validator(response)
        check(
            known is None or known in (response.headers.get("ETag", "").strip(), _last_modified(response)),
            "a validator",
        )
        content_encoding(response)
        for text in response.headers.values():
            http_date(text)
        failure = status_failure("fuzz", "https://files.example.com/a.bin", response, None)
        check(failure.retry_after_seconds >= 0, f"to wait for {failure.retry_after_seconds} s")
        return (
            check_error(failure.error)
            if choices.chance(5)
            else f"{_word(known)} validator, {_word(start)} range"
        )

    def close(self) -> None:
        """See `fuzzing.Target`."""


def _word(found: object) -> str:
    return "no" if found is None else "a"


def _last_modified(response: requests.Response) -> str:
    return str(response.headers.get("Last-Modified", "").strip())


def _response(choices: Choices) -> requests.Response:
    response = requests.Response()
    response.status_code = choices.pick(
        (200, 206, 206, 301, 400, 401, 403, 404, 407, 416, 429, 500, 503, 599, 600, 999)
    )
    response.url = SECRET_URL
    response.reason = choices.text()
    response.request = requests.Request("GET", SECRET_URL, {"Authorization": f"Bearer {CANARY}"}).prepare()
    response.headers = CaseInsensitiveDict(
        {name: _value(choices, starts) for name, starts in _STARTS.items() if choices.chance(60)}
    )
    return response


def _value(choices: Choices, starts: tuple[str, ...]) -> str:
    match choices.below(5):
        case 0:
            return choices.text()
        case 1:
            return _date(choices)
        case 2:
            # As requests reads header bytes.
            text = choices.pick(starts).encode("latin-1", "replace")
            position = choices.below(len(text) + 1)
            return (text[:position] + choices.bytes(4) + text[position + choices.below(3) :]).decode(
                "latin-1"
            )
        case 3:
            low, high, total = (choices.pick((*map(str, NUMBERS[:-1]), "*", "", " 1")) for _ in range(3))
            return f"bytes {low}-{high}/{total}"
        case _:
            return choices.pick(starts)


def _date(choices: Choices) -> str:
    day, year = choices.below(40), choices.pick(("0", "69", "1970", "2026", "9999", "10000", "99999999999"))
    clock = ":".join(str(choices.below(70)) for _ in range(choices.below(4)))
    zone = choices.pick(("GMT", "+0000", "-2359", "+9999", "-99999999", "EST", "", "Z"))
    return f"{choices.pick(_DAYS)}, {day} {choices.pick(_MONTHS)} {year} {clock} {zone}"
