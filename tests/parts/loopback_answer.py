"""How the loopback server answers a request: RFC 9110 on ranges, and the faults that show in the headers."""

import re
from dataclasses import dataclass
from email.message import Message
from email.utils import formatdate
from http import HTTPStatus
from http.client import responses

from loopback_resource import Fault, Resource

_SINGLE_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A status, its headers, and which bytes of the resource follow.

    Attributes:
        resource: Whose bytes follow.
        part: The positions of those bytes.
        ends_connection: The client cannot know where the body ends unless the connection ends.
    """

    status: int
    headers: dict[str, str]
    resource: Resource
    part: range
    ends_connection: bool = False

    @property
    def is_chunked(self) -> bool:
        """Whether the body travels in chunks."""
        return "Transfer-Encoding" in self.headers

    def head(self) -> bytes:
        """Return the status line and the headers as they travel."""
        phrase = responses.get(self.status, "Unknown")
        lines = [
            f"HTTP/1.1 {self.status} {phrase}",
            *(f"{name}: {text}" for name, text in self.headers.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def body(self) -> bytes:
        """Return the bytes that follow, without the sizes of chunks."""
        with self.resource.open() as source:
            source.seek(self.part.start)
            return source.read(len(self.part))


def plan(resource: Resource, fault: Fault, method: str, request_headers: Message) -> Answer:
    """Return the answer to a GET or HEAD; nothing is read or sent yet."""
    if fault.status is not None:
        resource = Resource(status=fault.status, headers=fault.headers)
    status = 302 if resource.redirect is not None and resource.status == HTTPStatus.OK else resource.status
    part = range(resource.size_bytes)
    headers = _description(resource)
    # RFC 9110, 14.2: Range is defined for GET only, and only where the answer would be 200 otherwise.
    validator = None if fault.ignores_if_range else request_headers.get("If-Range")
    has_ranges = method == "GET" and status == HTTPStatus.OK and _is_current(resource, validator)
    asked = _asked_part(resource, request_headers) if has_ranges else None
    if asked is not None and not asked:
        status, part = 416, asked
        headers["Content-Range"] = f"bytes */{resource.size_bytes}"
    elif asked is not None:
        status = 206
        part = asked if fault.wrong_range is None else range(fault.wrong_range[0], fault.wrong_range[1] + 1)
        headers["Content-Range"] = f"bytes {part[0]}-{part[-1]}/{resource.size_bytes}"
    framing = _framing(resource, part, fault)
    return Answer(
        status=status,
        headers=headers | framing | dict(resource.headers),
        resource=resource,
        part=part,
        ends_connection="Connection" in framing or "close" in resource.headers.get("Connection", ""),
    )


def _description(resource: Resource) -> dict[str, str]:
    headers = {
        "Date": formatdate(usegmt=True),
        "Content-Type": "application/octet-stream",
        "Accept-Ranges": "bytes" if resource.ranges else None,
        "ETag": resource.etag,
        "Last-Modified": resource.last_modified,
        "Content-Encoding": resource.content_encoding,
        "Location": resource.redirect,
    }
    return {name: text for name, text in headers.items() if text is not None}


def _framing(resource: Resource, part: range, fault: Fault) -> dict[str, str]:
    if resource.framing == "chunked":
        return {"Transfer-Encoding": "chunked"}
    if resource.framing == "close":
        return {"Connection": "close"}
    if fault.wrong_length is not None:
        return {"Content-Length": str(fault.wrong_length), "Connection": "close"}
    return {"Content-Length": str(len(part))}


def _asked_part(resource: Resource, request_headers: Message) -> range | None:
    """Return the positions asked for, empty if there are none such, or None if everything is to be sent."""
    asked = _SINGLE_RANGE.fullmatch(request_headers.get("Range", "").strip())
    # A list of ranges may be ignored (14.2), a malformed one must be: both get everything.
    if asked is None or not resource.ranges:
        return None
    size_bytes = resource.size_bytes
    first, last = (int(digits) if digits else None for digits in asked.groups())
    if first is None:
        return None if last is None else range(max(0, size_bytes - last), size_bytes)
    if last is None:
        return range(first, size_bytes)
    return range(first, min(last + 1, size_bytes)) if first <= last else None


def _is_current(resource: Resource, validator: str | None) -> bool:
    """Compare an If-Range as in RFC 9110, 13.1.5: a weak entity tag never matches, a date only exactly.

    Everything that is no strong tag is compared as a date, which a weak tag never equals.
    """
    if validator is None:
        return True
    return validator == (resource.etag if validator.startswith('"') else resource.last_modified)
