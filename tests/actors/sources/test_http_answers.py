"""Answers that are not what RFC 9110 and 9112 say: none of them may pass for a whole file."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from fetching import Fetching
from loopback import Fault, LoopbackServer, Resource
from loopback_answer import Answer
from openmas_assets.actors.sources.fetched import TransferError
from projects import asset

DATA = bytes(range(256)) * 100
OTHER = DATA[::-1]
SHORT_SECONDS = 0.2
NO_HTTP = "what the server answers is not HTTP"
CUT = "the connection was cut before the end of the file"
NO_CHUNKS = "the body is not in the chunks that it says it is in"
LATE = "the server gave no whole answer within 0.2 s"
Script = Callable[[Answer], Iterable[bytes | float]]


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[Fetching]:
    """A fetcher that waits for a moment only."""
    impatient = Fetching(tmp_path, timeout_seconds=SHORT_SECONDS)
    yield impatient
    impatient.network.close()


def problem(fetching: Fetching, server: LoopbackServer, script: Script, etag: str | None = '"v1"') -> str:
    """What is said of an answer."""
    url = server.put("/a", DATA, etag=etag, faults=[Fault(script=script)])
    with pytest.raises(TransferError) as caught:
        fetching.hit(asset("a", url))
    assert caught.value.is_retryable
    return str(caught.value)


def sent(head: bytes, body: bytes = DATA) -> Script:
    return lambda _: [b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + body]


@pytest.mark.parametrize("length", [20, 35, 60, 100])
def test_a_head_that_is_cut_is_no_empty_file(fetching: Fetching, server: LoopbackServer, length: int) -> None:
    assert CUT in problem(fetching, server, lambda answer: [answer.head()[:length]])
    assert fetching.staged() == []


def test_a_head_that_is_cut_between_two_lines_is_no_empty_file(
    fetching: Fetching, server: LoopbackServer
) -> None:
    assert CUT in problem(fetching, server, lambda _: [b"HTTP/1.1 200 OK\r\nDate: now\r\n"])


@pytest.mark.parametrize("line", [b"no colon", b"Space : before", b": no name", b"N\0L: x", b" folded"])
def test_a_line_that_is_no_header_does_not_hide_those_below_it(
    fetching: Fetching, server: LoopbackServer, line: bytes
) -> None:
    head = line + b"\r\nContent-Length: 25600\r\n"
    assert NO_HTTP in problem(fetching, server, sent(head, DATA[:1000]))


@pytest.mark.parametrize(
    "length",
    [
        b"abc",
        b"-5",
        b"+1000",
        b"1_000",
        b"1e3",
        b"",
        b"0x10",
        b"100, 1000",
        b"1\r\n 000",
        b"9" * 5000,
        b"\xb2",
    ],
)
def test_a_length_that_is_none_makes_the_answer_useless(
    fetching: Fetching, server: LoopbackServer, length: bytes
) -> None:
    """RFC 9112, 6.3: nobody knows where such a body ends, so a cut one would pass for a whole one."""
    assert NO_HTTP in problem(fetching, server, sent(b"Content-Length: " + length + b"\r\n"))
    assert fetching.staged() == []


def test_two_lengths_that_differ_are_none(fetching: Fetching, server: LoopbackServer) -> None:
    head = b"Content-Length: 1000\r\nContent-Length: 25600\r\n"
    assert NO_HTTP in problem(fetching, server, sent(head))


@pytest.mark.parametrize("head", [b"Content-Length: 25600, 25600\r\n", b"Content-Length: 25600\r\n" * 2])
def test_a_length_may_be_said_twice(fetching: Fetching, server: LoopbackServer, head: bytes) -> None:
    url = server.put("/a", DATA, faults=[Fault(script=sent(head))])
    assert fetching.path(asset("a", url)).read_bytes() == DATA


@pytest.mark.parametrize(
    "coding",
    [b"gzip, chunked", b"chunked\r\nTransfer-Encoding: chunked", b"xchunked", b"chunked;q=1", b"gzip"],
)
def test_a_transfer_coding_that_nobody_asked_for_is_not_taken_for_bytes_of_the_file(
    fetching: Fetching, server: LoopbackServer, coding: bytes
) -> None:
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(DATA), DATA)
    assert NO_HTTP in problem(fetching, server, sent(b"Transfer-Encoding: " + coding + b"\r\n", body))


def test_a_length_does_not_count_where_there_are_chunks(fetching: Fetching, server: LoopbackServer) -> None:
    head = b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"
    url = server.put("/a", faults=[Fault(script=sent(head, b"%x\r\n%b\r\n0\r\n\r\n" % (len(DATA), DATA)))])
    assert fetching.path(asset("a", url)).read_bytes() == DATA


CHUNKS = {
    "negative": (b"-5\r\n" + DATA, NO_CHUNKS),
    "with a sign": (b"+5\r\nhello\r\n0\r\n\r\n", NO_CHUNKS),
    "in another notation": (b"0x5\r\nhello\r\n0\r\n\r\n", NO_CHUNKS),
    "with an underscore": (b"0_5\r\nhello\r\n0\r\n\r\n", NO_CHUNKS),
    "empty": (b"\r\n" + DATA, NO_CHUNKS),
    "no number": (b"xyz\r\n" + DATA, NO_CHUNKS),
    "larger than any file": (b"f" * 16 + b"\r\n" + DATA, NO_CHUNKS),
    "without end": (b"0" * 70_000, NO_CHUNKS),
    "too small": (b"1\r\n000000\r\n0\r\n\r\n", NO_CHUNKS),
    "too large": (b"7\r\nhello\r\n0\r\n\r\n", NO_CHUNKS),
    "one byte too large": (b"1\r\n\r\n0\r\n\r\n", NO_CHUNKS),
    "cut in the size": (b"5\r\nhello\r\n5", CUT),
    "cut in the chunk": (b"5\r\nhel", CUT),
    "cut behind the chunk": (b"5\r\nhello\r\n", CUT),
    "cut in the trailers": (b"5\r\nhello\r\n0\r\nA: b\r\n", CUT),
    "trailers without end": (b"5\r\nhello\r\n0\r\n" + b"A: b\r\n" * 1000, NO_HTTP),
    "a trailer without end": (b"5\r\nhello\r\n0\r\nA: " + b"b" * 100_000, NO_HTTP),
}


@pytest.mark.parametrize(("body", "text"), CHUNKS.values(), ids=CHUNKS)
def test_chunks_that_are_none_are_no_whole_file(
    fetching: Fetching, server: LoopbackServer, body: bytes, text: str
) -> None:
    assert text in problem(fetching, server, sent(b"Transfer-Encoding: chunked\r\n", body), etag=None)


def test_chunks_may_have_extensions_and_trailers(fetching: Fetching, server: LoopbackServer) -> None:
    body = b'%X;name="value;" \r\n%b\r\n00 \r\nExpires: never\r\n\r\n' % (len(DATA), DATA)
    script = sent(b"Transfer-Encoding: chunked\r\n", body)
    url = server.put("/a", faults=[Fault(script=script, is_kept=True, times=1)])
    assert fetching.path(asset("a", url)).read_bytes() == DATA
    server.put("/a", OTHER)
    assert fetching.path(asset("a", url), force_download=True).read_bytes() == OTHER
    assert len({request.client_port for request in server.requests}) == 1


def test_what_came_in_damaged_chunks_is_not_gone_on_with(fetching: Fetching, server: LoopbackServer) -> None:
    """Of what was taken for the file some may be the size of the next chunk."""
    head = b'ETag: "v1"\r\nTransfer-Encoding: chunked\r\n'
    damaged = sent(head, b"7\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n")
    assert NO_CHUNKS in problem(fetching, server, damaged)
    assert fetching.staged() == []


def test_more_than_the_whole_file_is_not_gone_on_with(fetching: Fetching, server: LoopbackServer) -> None:
    first = Resource(data=DATA, etag='"v1"', faults=[Fault(cut_after=1000)])
    headers = {"Content-Range": f"bytes 1000-{len(DATA) - 1}/{len(DATA)}"}
    more = Resource(data=DATA, status=206, framing="chunked", headers=headers)
    config = asset("a", server.put_sequence("/a", [first, more]))
    for text in (CUT, "more came than the 25,600 bytes"):
        with pytest.raises(TransferError, match=text):
            fetching.hit(config)
    assert fetching.staged() == []


@pytest.mark.parametrize("status", [b"100 Continue", b"102 Processing", b"103 Early Hints"])
def test_interim_answers_are_passed_over(fetching: Fetching, server: LoopbackServer, status: bytes) -> None:
    def script(answer: Answer) -> Iterator[bytes]:
        yield (b"HTTP/1.1 %b\r\nLink: </a>\r\n\r\n" % status) * 3
        yield answer.head() + answer.body()

    url = server.put("/a", DATA, faults=[Fault(script=script)])
    assert fetching.path(asset("a", url)).read_bytes() == DATA


@pytest.mark.parametrize("status", [100, 103])
@pytest.mark.parametrize("steps", [(1, SHORT_SECONDS / 20), (10_000,)], ids=["slowly", "in a flood"])
def test_interim_answers_without_end_are_no_answer(
    impatient: Fetching, server: LoopbackServer, status: int, steps: tuple[int | float, ...]
) -> None:
    def script(_: Answer) -> Iterator[bytes | float]:
        interim = b"HTTP/1.1 %d Wait\r\n\r\n" % status
        for step in itertools.cycle(steps):
            yield interim * step if isinstance(step, int) else step

    assert LATE in problem(impatient, server, script)


def drops(data: bytes) -> Iterator[bytes | float]:
    """Never silent for as long as the time-out."""
    for number in range(len(data)):
        yield data[number : number + 1]
        yield SHORT_SECONDS / 2


def test_a_head_that_comes_drop_by_drop_is_not_waited_for(
    impatient: Fetching, server: LoopbackServer
) -> None:
    assert LATE in problem(impatient, server, lambda answer: drops(answer.head()))


@pytest.mark.parametrize("framing", ["length", "close"])
def test_a_body_that_comes_drop_by_drop_is_not_waited_for_and_kept(
    impatient: Fetching, server: LoopbackServer, framing: str
) -> None:
    def script(answer: Answer) -> Iterator[bytes | float]:
        yield answer.head() + answer.body()[:1000]
        yield from drops(b"\x00" * 20)

    url = server.put("/a", DATA, etag='"v1"', framing=framing, faults=[Fault(script=script, times=1)])
    with pytest.raises(TransferError, match=r"less than 10 bytes a second for 0\.2 s") as caught:
        impatient.hit(asset("a", url))
    assert caught.value.is_retryable
    assert "OPENMAS_ASSETS_TIMEOUT" in str(caught.value)
    assert impatient.part().stat().st_size >= 1000


@pytest.mark.parametrize("end", [b"0\r\n", b""])
def test_chunks_and_trailers_that_come_drop_by_drop_are_not_waited_for(
    impatient: Fetching, server: LoopbackServer, end: bytes
) -> None:
    def script(_: Answer) -> Iterator[bytes | float]:
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n" + end
        yield from drops(b"0" * 100)

    assert LATE in problem(impatient, server, script)
