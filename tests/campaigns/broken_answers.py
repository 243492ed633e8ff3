"""Answers that are broken on purpose: each makes a fault of a random generator, a size and a time-out."""

from collections.abc import Callable, Iterator, Mapping
from random import Random

from loopback import Fault
from loopback_answer import Answer

Steps = Iterator[bytes | float]
Headers = Mapping[str, str | None]
# Told the generator, the size of the file, and the client's time-out in seconds.
MakeFault = Callable[[Random, int, float], Fault]

_PIECE_BYTES = 64 << 10


def _lines(answer: Answer, headers: Headers | None = None, status_line: str | None = None) -> list[bytes]:
    """The lines of its head with other headers in the place of, or besides, its own; None: without it."""
    changed = answer.headers | dict(headers or {})
    first, *_ = answer.head().split(b"\r\n", 1)
    lines = [first if status_line is None else status_line.encode("latin-1")]
    return [
        *lines,
        *(f"{name}: {text}".encode("latin-1") for name, text in changed.items() if text is not None),
    ]


def _head(lines: list[bytes]) -> bytes:
    return b"\r\n".join([*lines, b"", b""])


def _pieces(body: bytes, answer: Answer) -> Steps:
    """A body as it travels, at the pace of the resource."""
    pace = answer.resource.bytes_per_second
    for start in range(0, len(body), _PIECE_BYTES):
        piece = body[start : start + _PIECE_BYTES]
        yield b"%x\r\n%b\r\n" % (len(piece), piece) if answer.is_chunked else piece
        if pace is not None:
            yield len(piece) / pace


def _whole(answer: Answer, lines: list[bytes] | None = None) -> Steps:
    yield answer.head() if lines is None else _head(lines)
    yield from _pieces(answer.body(), answer)
    if answer.is_chunked:
        yield b"0\r\n\r\n"


def _in_chunks(answer: Answer, body: bytes) -> Steps:
    """An answer in chunks whose body is made by hand."""
    yield _head(_lines(answer, {"Content-Length": None, "Transfer-Encoding": "chunked"}))
    yield body


def chunk(data: bytes, size: bytes | None = None) -> bytes:
    return b"%b\r\n%b\r\n" % (b"%x" % len(data) if size is None else size, data)


# -- the connection


def _until(answer: Answer, cut: int) -> Steps:
    head, body = answer.head(), answer.body()
    yield head
    sent = 0
    for step in _pieces(body, answer):
        if isinstance(step, bytes) and sent + len(step) > cut:
            yield step[: cut - sent]
            return
        sent += len(step) if isinstance(step, bytes) else 0
        yield step


def _stalled(steps: Steps, seconds: float) -> Steps:
    yield from steps
    yield seconds


def _trickled(data: bytes, seconds: float) -> Steps:
    for number in range(len(data)):
        yield data[number : number + 1]
        yield seconds


def cut(random: Random, size: int, _: float, *, is_reset: bool) -> Fault:
    cut = random.choice([0, 1, size // 2, max(size - 1, 0), random.randint(0, size)])
    return Fault(
        script=lambda answer: _until(answer, min(cut, max(len(answer.part) - 1, 0))), is_reset=is_reset
    )


def cut_head(random: Random, *_: object) -> Fault:
    share = random.random()
    return Fault(script=lambda answer: iter([answer.head()[: int(share * (len(answer.head()) - 1))]]))


def stall(random: Random, size: int, timeout: float) -> Fault:
    cut = random.randint(0, size)
    return Fault(script=lambda answer: _stalled(_until(answer, cut), 20 * timeout))


def stall_head(random: Random, _: int, timeout: float) -> Fault:
    share = random.choice([0.0, random.random()])

    def script(answer: Answer) -> Steps:
        return _stalled(iter([answer.head()[: int(share * len(answer.head()))]]), 20 * timeout)

    return Fault(script=script)


def trickle_head(_: Random, __: int, timeout: float) -> Fault:
    return Fault(script=lambda answer: _trickled(answer.head(), 0.6 * timeout))


def trickle_body(random: Random, size: int, timeout: float) -> Fault:
    cut = random.randint(0, size // 2)

    def script(answer: Answer) -> Steps:
        head, *steps = _whole(answer)
        wire = b"".join(step for step in steps if isinstance(step, bytes))
        yield head
        yield wire[:cut]
        yield from _trickled(wire[cut:], 0.6 * timeout)

    return Fault(script=script)


# -- the head


def head_line(line: bytes, *, is_last: bool = False) -> MakeFault:
    """A line more in the head."""

    def make(random: Random, *_: object) -> Fault:
        share = random.random()

        def script(answer: Answer) -> Steps:
            lines = _lines(answer)
            place = len(lines) if is_last else 1 + int(share * len(lines))
            return _whole(answer, [*lines[:place], line, *lines[place:]])

        return Fault(script=script)

    return make


def header(headers: Headers) -> MakeFault:
    return lambda *_: Fault(script=lambda answer: _whole(answer, _lines(answer, headers)))


def status_line(text: str) -> MakeFault:
    """Another first line; `%d` is the status that it should have."""

    def script(answer: Answer) -> Steps:
        return _whole(answer, _lines(answer, status_line=text.replace("%d", str(answer.status))))

    return lambda *_: Fault(script=script)


def before(data: bytes) -> MakeFault:
    def script(answer: Answer) -> Steps:
        yield data
        yield from _whole(answer)

    return lambda *_: Fault(script=script)


def flood(random: Random, _: int, timeout: float) -> Fault:
    status = random.choice([100, 102, 103])

    def script(_: Answer) -> Steps:
        while True:
            yield b"HTTP/1.1 %d Wait\r\nLink: </a>\r\n\r\n" % status
            yield timeout / 10

    return Fault(script=script)


# -- lengths


def length(change: Callable[[int], str]) -> MakeFault:
    """Another Content-Length than the body has."""

    def script(answer: Answer) -> Steps:
        headers = {"Transfer-Encoding": None, "Content-Length": change(len(answer.part))}
        yield _head(_lines(answer, headers))
        yield answer.body()

    return lambda *_: Fault(script=script)


def two_lengths(*_: object) -> Fault:
    def script(answer: Answer) -> Steps:
        lines = _lines(answer, {"Transfer-Encoding": None, "Content-Length": str(len(answer.part))})
        yield _head([*lines, b"Content-Length: %d" % (len(answer.part) // 2)])
        yield answer.body()

    return Fault(script=script)


def length_and_chunks(*_: object) -> Fault:
    def script(answer: Answer) -> Steps:
        yield _head(_lines(answer, {"Content-Length": "7", "Transfer-Encoding": "chunked"}))
        yield chunk(answer.body()) if answer.part else b""
        yield b"0\r\n\r\n"

    return Fault(script=script)


def coded(coding: str) -> MakeFault:
    def script(answer: Answer) -> Steps:
        yield _head(_lines(answer, {"Content-Length": None, "Transfer-Encoding": coding}))
        yield chunk(answer.body()) if answer.part else b""
        yield b"0\r\n\r\n"

    return lambda *_: Fault(script=script)


# -- chunks


def chunk_size(size: bytes) -> MakeFault:
    """A chunk in the middle whose size is none, or not its own."""

    def script(answer: Answer) -> Steps:
        body = answer.body()
        half = len(body) // 2
        first = chunk(body[:half]) if half else b""
        return _in_chunks(answer, first + chunk(body[half:], size) + b"0\r\n\r\n")

    return lambda *_: Fault(script=script)


def chunks(make_body: Callable[[bytes], bytes]) -> MakeFault:
    return lambda *_: Fault(script=lambda answer: _in_chunks(answer, make_body(answer.body())))


def endless_trailers(random: Random, _: int, timeout: float) -> Fault:
    pause = timeout / random.choice([10, 100])

    def script(answer: Answer) -> Steps:
        yield from _in_chunks(answer, chunk(answer.body()) if answer.part else b"")
        yield b"0\r\n"
        while True:
            yield b"A: b\r\n"
            yield pause

    return Fault(script=script)


# -- ranges


def content_range(change: Callable[[int, int, int], str | None]) -> MakeFault:
    """A 206 that says something else of itself; it is told first, last and total."""

    def script(answer: Answer) -> Steps:
        if "Content-Range" not in answer.headers or not answer.part:
            return _whole(answer)
        part, total = answer.part, answer.resource.size_bytes
        return _whole(answer, _lines(answer, {"Content-Range": change(part[0], part[-1], total)}))

    return lambda *_: Fault(script=script)


def range_header(headers: Headers) -> MakeFault:
    """A 206 with other headers; whatever else is answered stays as it is."""

    def script(answer: Answer) -> Steps:
        return _whole(answer, _lines(answer, headers if "Content-Range" in answer.headers else {}))

    return lambda *_: Fault(script=script)


def wrong_range(random: Random, size: int, _: float) -> Fault:
    first = random.randint(0, max(size - 1, 0))
    return Fault(wrong_range=(first, random.randint(first, max(size - 1, 0)))) if size else Fault()


def one_byte_ranges(*_: object) -> Fault:
    """The least of what was asked for, and it says so."""

    def script(answer: Answer) -> Steps:
        if "Content-Range" not in answer.headers or not answer.part:
            return _whole(answer)
        first, total = answer.part[0], answer.resource.size_bytes
        headers = {"Content-Range": f"bytes {first}-{first}/{total}", "Content-Length": "1"}
        return iter([_head(_lines(answer, headers | {"Transfer-Encoding": None})), answer.body()[:1]])

    return Fault(script=script)


def unasked_206(*_: object) -> Fault:
    def script(answer: Answer) -> Steps:
        total = answer.resource.size_bytes
        headers = {"Content-Range": f"bytes 0-{max(total - 1, 0)}/{total}"}
        return _whole(answer, _lines(answer, headers, "HTTP/1.1 206 Partial Content"))

    return Fault(script=script)


# -- other answers


def status(status: int, headers: Mapping[str, str] | None = None) -> MakeFault:
    return lambda *_: Fault(status=status, headers=headers or {})


def redirect(location: str | None) -> MakeFault:
    headers = {} if location is None else {"Location": location}
    return lambda random, *_: Fault(status=random.choice([301, 302, 303, 307, 308]), headers=headers)


def after(*data: bytes | float) -> MakeFault:
    """More than the answer, on a connection that is kept."""

    def script(answer: Answer) -> Steps:
        steps = list(_whole(answer))
        # In one piece with the end of the body: there is no moment at which the connection looks clean.
        end = steps.pop() if isinstance(steps[-1], bytes) else b""
        yield from steps
        first, *rest = data
        yield (end + first) if isinstance(first, bytes) and isinstance(end, bytes) else end
        yield from rest if isinstance(first, bytes) else data

    return lambda *_: Fault(script=script, is_kept=True)


def closed_after(*_: object) -> Fault:
    return Fault(script=_whole)
