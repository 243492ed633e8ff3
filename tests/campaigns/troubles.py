"""What can go wrong with a server's answer, each trouble with the name that it is counted by."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import broken_answers as broken
from broken_answers import MakeFault
from loopback import Fault

# Sent where nobody asked for it: no client may take it for an answer of its own.
STRAY = b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "stray"\r\n\r\nSTRAY'


@dataclass(frozen=True)
class Trouble:
    """One kind of trouble.

    Attributes:
        name: What it is counted with.
        make: Makes the fault.
        is_lie: HTTP itself says that all is well: only a checksum, or the archive's own, can tell.
        needs_ranges: It shows in answers to a range only.
        leaves_a_part: What has arrived may be gone on with.
    """

    name: str
    make: MakeFault
    is_lie: bool = False
    needs_ranges: bool = False
    leaves_a_part: bool = False


def _named(makers: Mapping[str, MakeFault], **options: Any) -> list[Trouble]:
    return [Trouble(name, make, **options) for name, make in makers.items()]


TROUBLES = [
    *_named(
        {
            "closed without an answer": lambda *_: Fault(garbage=b""),
            "reset without an answer": lambda *_: Fault(script=lambda _: iter([]), is_reset=True),
            "cut in the head": broken.cut_head,
            "stalled in the head": broken.stall_head,
            "a byte now and then in the head": broken.trickle_head,
        }
    ),
    *_named(
        {
            "cut in the body": partial(broken.cut, is_reset=False),
            "reset in the body": partial(broken.cut, is_reset=True),
            "stalled in the body": broken.stall,
            "a byte now and then in the body": broken.trickle_body,
        },
        leaves_a_part=True,
    ),
    *_named(
        {
            "garbage before the status": broken.before(b"\x00\xffgarbage\r\n"),
            "empty lines before the status": broken.before(b"\r\n\r\n"),
            "no status": broken.status_line("HTTP/1.1 banana"),
            "another protocol": broken.status_line("SSH-2.0-OpenSSH_9.6"),
            "HTTP of the future": broken.status_line("HTTP/9.9 %d OK"),
            "status 42": broken.status_line("HTTP/1.1 42 OK"),
            "status 1000": broken.status_line("HTTP/1.1 1000 OK"),
            "status without a phrase": broken.status_line("HTTP/1.1 %d"),
            "a header without a colon": broken.head_line(b"no colon here"),
            "a header without a name": broken.head_line(b": nothing"),
            "a space before the colon": broken.head_line(b"A : b"),
            "a folded header": broken.head_line(b"A: b\r\n c", is_last=True),
            "a fold before all headers": broken.before(b"HTTP/1.1 200 OK\r\n folded: x\r\n\r\n"),
            "NUL bytes in a header": broken.head_line(b"A: \x00\x00b"),
            "NUL bytes in a name": broken.head_line(b"A\x00: b"),
            "a huge header": broken.head_line(b"A: " + b"x" * 70_000),
            "a hundred headers": broken.head_line(b"\r\n".join(b"A%d: x" % number for number in range(101))),
            "a mad cookie": broken.head_line(
                b'Set-Cookie: a="\\777\xff;;=; expires=Foo, 99-Bar-99999; max-age=x'
            ),
            "mad dates and tags": broken.header(
                {"Last-Modified": "Fri, 99 Foo 9999999", "ETag": '"a", "b"', "Date": "\x01"}
            ),
            "waits without end": broken.flood,
            "switching protocols": broken.before(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"),
        }
    ),
    *_named(
        {
            "a length too large": broken.length(lambda length: str(length + 1)),
            "a length far too large": broken.length(lambda _: "9" * 18),
            "a negative length": broken.length(lambda length: f"-{length}"),
            "a length with a sign": broken.length(lambda length: f"+{max(length - 1, 1)}"),
            "a length with an underscore": broken.length(
                lambda length: f"{length}"[:1] + "_" + f"{length}"[1:-1]
            ),
            "a length in words": broken.length(lambda _: "long"),
            "no digits in the length": broken.length(lambda _: ""),
            "a folded length": broken.length(lambda length: f"{length}\r\n 0"),
            "two lengths": broken.two_lengths,
            "length and chunks": broken.length_and_chunks,
            "chunks in gzip": broken.coded("gzip, chunked"),
            "chunks in chunks": broken.coded("chunked, chunked"),
            "an unknown transfer coding": broken.coded("xchunked"),
            "gzip that is none": broken.header({"Content-Encoding": "gzip"}),
            "an unknown content coding": broken.header({"Content-Encoding": "br"}),
        }
    ),
    *_named(
        {
            "a negative chunk": broken.chunk_size(b"-5"),
            "a chunk without a size": broken.chunk_size(b""),
            "a chunk size that is none": broken.chunk_size(b"xyz"),
            "a chunk size in another notation": broken.chunk_size(b"0x10"),
            "a huge chunk": broken.chunk_size(b"f" * 16),
            "an endless chunk size": broken.chunk_size(b"0" * 70_000 + b"1"),
            "a chunk of one byte more": broken.chunk_size(b"1"),
            "a chunk of one byte less": broken.chunks(
                lambda body: broken.chunk(body, b"%x" % (len(body) + 1)) + b"0\r\n\r\n"
            ),
            "no line end behind a chunk": broken.chunks(
                lambda body: b"%x\r\n%b0\r\n\r\n" % (len(body), body)
            ),
            "no last chunk": broken.chunks(broken.chunk),
            "trailers cut": broken.chunks(lambda body: broken.chunk(body) + b"0\r\nA: b"),
            "trailers without end": broken.endless_trailers,
        }
    ),
    *_named(
        {
            "a range of its own choice": broken.wrong_range,
            "a range that starts elsewhere": broken.content_range(lambda a, b, c: f"bytes {a + 1}-{b}/{c}"),
            "a range that ends elsewhere": broken.content_range(lambda a, b, c: f"bytes {a}-{b + 1}/{c}"),
            "a range that ends before it starts": broken.content_range(
                lambda a, _, c: f"bytes {a}-{a - 1}/{c}"
            ),
            "a range of another total": broken.content_range(lambda a, b, c: f"bytes {a}-{b}/{c + 1}"),
            "a range in other units": broken.content_range(lambda a, b, c: f"lines {a}-{b}/{c}"),
            "no Content-Range": broken.content_range(lambda *_: None),
            "a mad Content-Range": broken.content_range(
                lambda *_: "bytes \x00-٣/-1".encode().decode("latin-1")
            ),
            "a changed ETag": broken.range_header({"ETag": '"changed"'}),
            "a weak ETag in the place of the strong one": broken.range_header({"ETag": 'W/"x"'}),
            "another date": broken.range_header({"Last-Modified": "Tue, 02 Jan 2024 00:00:00 GMT"}),
            "If-Range passed over": lambda *_: Fault(ignores_if_range=True),
            "an encoded range": broken.range_header({"Content-Encoding": "gzip"}),
            "ranges of one byte": broken.one_byte_ranges,
            "416": broken.status(416),
        },
        needs_ranges=True,
    ),
    *_named(
        {
            "206 to what asked for no range": broken.unasked_206,
            "400": broken.status(400),
            "404": broken.status(404),
            "204": broken.status(204),
            "304": broken.status(304),
            "500": broken.status(500),
            "503": broken.status(503),
            "599": broken.status(599),
            "503, come back now": broken.status(503, {"Retry-After": "0"}),
            "429, come back in a second": broken.status(429, {"Retry-After": "1"}),
            "503, come back last year": broken.status(503, {"Retry-After": "Wed, 01 Jan 2020 00:00:00 GMT"}),
            "429, come back in a million seconds": broken.status(429, {"Retry-After": "1000000"}),
            "503, come back in the year 9999": broken.status(
                503, {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}
            ),
            "503, come back someday": broken.status(503, {"Retry-After": "-1e99 or so"}),
        }
    ),
    *_named(
        {
            "a redirect to itself": broken.redirect(""),
            "a redirect that loops": broken.redirect("/loop"),
            "300 redirects": broken.redirect("/hop/300"),
            "a redirect without a place": broken.redirect(None),
            "a redirect to a file": broken.redirect("file:///etc/passwd"),
            "a redirect to ftp": broken.redirect("ftp://127.0.0.1/a"),
            "a redirect to nobody": broken.redirect("http://127.0.0.1:9/a"),
            "a redirect to no URL": broken.redirect("http://[::1"),
            "a redirect to a name that is none": broken.redirect("http://" + "a" * 70 + "/"),
        }
    ),
    *_named({"closed unsaid after the answer": broken.closed_after}),
    *_named(
        {
            "a stray answer after the answer": broken.after(STRAY),
            "garbage after the answer": broken.after(b"garbage"),
        }
    ),
    *_named({"garbage long after the answer": broken.after(0.02, b"garbage")}),
    *_named(
        {
            "a length too small": broken.length(lambda length: str(max(length - 1, 0))),
            "chunks that end early": broken.chunks(
                lambda body: broken.chunk(body[: len(body) // 2 + 1]) + b"0\r\n\r\n"
            ),
            "a chunk that ends late": broken.chunk_size(b"f" * 6),
            "other bytes": lambda *_: Fault(
                script=lambda answer: iter([answer.head(), bytes(reversed(answer.body()))])
            ),
        },
        is_lie=True,
    ),
]
