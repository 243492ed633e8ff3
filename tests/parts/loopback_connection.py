"""One client's connection to the loopback server: requests are read, answers sent, faults done to them."""

import math
import socket
import struct
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from email.parser import HeaderParser
from threading import Event
from typing import BinaryIO
from urllib.parse import urlsplit

from loopback_answer import Answer, plan
from loopback_journal import Journal, RecordedRequest
from loopback_resource import Fault, Resource

_LINE_BYTES = 65537
_REQUEST_LINE_WORDS = 3
_PIECE_BYTES = 256 * 1024
_LOOK_SECONDS = 0.02
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Connection:
    """A connection, served by the thread that calls `run` until either side ends it.

    Args:
        client: The accepted socket; `run` closes it.
        port: The client's port.
        take: Returns, for a method and a path, what to serve and what goes wrong this time.
        journal: Where requests and bytes are recorded.
        closing: Set once the server closes, which then also shuts the socket down.
    """

    def __init__(
        self,
        client: socket.socket,
        port: int,
        take: Callable[[str, str], tuple[Resource, Fault]],
        journal: Journal,
        closing: Event,
    ) -> None:
        self._client = client
        self._port = port
        self._take = take
        self._journal = journal
        self._closing = closing

    def run(self) -> None:
        """Answer one request after the other; returns when the connection has ended."""
        with self._client, self._client.makefile("rb") as requests, suppress(ConnectionError):
            self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while (request := self._read(requests)) is not None and self._serve(request):
                pass
            # Closing would not do: a process forked meanwhile holds the same socket open.
            with suppress(OSError):
                self._client.shutdown(socket.SHUT_WR)

    def _read(self, requests: BinaryIO) -> RecordedRequest | None:
        """Return the next request, or None at the end of the connection or at what is no HTTP request."""
        lines = []
        while (line := requests.readline(_LINE_BYTES)) not in (b"\r\n", b"\n"):
            if not line.endswith(b"\n"):
                return None  # a client killed in the middle of its request has not made one
            lines.append(line.decode("latin-1"))
        words = lines[0].split() if lines else []
        if len(words) != _REQUEST_LINE_WORDS:
            return None
        method, target, version = words
        headers = HeaderParser().parsestr("".join(lines[1:]))
        if version != "HTTP/1.1":
            del headers["Connection"]
            headers["Connection"] = "close"
        if not target.startswith("/"):  # the client of a proxy names the whole URL
            target = urlsplit(target)._replace(scheme="", netloc="").geturl()
        request = RecordedRequest(method, target, headers, self._port)
        self._journal.start(request)
        return request

    def _serve(self, request: RecordedRequest) -> bool:
        """Answer a request; tell whether the connection can serve another."""
        try:
            resource, fault = self._take(request.method, request.path)
            other = resource.instead(request.headers) if resource.instead is not None else None
            if other is not None:
                resource, fault = other, Fault()
            if fault.hang_before_headers and not self._is_let_go(fault.gate):
                return False
            if fault.garbage is not None:
                self._client.sendall(fault.garbage)
                return False
            answer = plan(resource, fault, request.method, request.headers)
            self._journal.answer(request, answer.status)
            if fault.script is not None:
                return self._follow(fault.script(answer), fault)
            self._client.sendall(answer.head())
            # The body of a HEAD is none, and whatever follows a method we do not know is not read.
            is_whole = request.method == "HEAD" or self._send_body(request, answer, fault)
            is_wanted = "close" not in request.headers.get("Connection", "").lower()
            return is_whole and is_wanted and not answer.ends_connection and request.method in ("GET", "HEAD")
        finally:
            self._journal.finish(request)

    def _follow(self, script: Iterable[bytes | float], fault: Fault) -> bool:
        for step in script:
            if isinstance(step, bytes):
                self._client.sendall(step)
            elif not self._is_let_go(None, step):
                return False
        self._prepare_cut(fault)
        return fault.is_kept

    def _send_body(self, request: RecordedRequest, answer: Answer, fault: Fault) -> bool:
        """Send the body as far as the fault lets it; tell whether it is whole."""
        stops = sorted(stop for stop in (fault.stall_after, fault.cut_after) if stop is not None)
        started, sent, whole = time.monotonic(), 0, len(answer.part)
        with answer.resource.open() as source:
            source.seek(answer.part.start)
            while True:
                if sent == fault.stall_after and not self._is_let_go(fault.gate):
                    return False
                if sent == fault.cut_after:
                    self._prepare_cut(fault)
                    return False
                if sent == whole:
                    break
                ahead = next((stop for stop in stops if stop > sent), whole)
                piece = source.read(min(ahead, whole, sent + _piece_bytes(answer)) - sent)
                if not piece:
                    return False  # a wrong range may lie behind the end
                self._send_piece(request, piece, is_chunk=answer.is_chunked)
                sent += len(piece)
                self._pace(answer, started, sent)
        if answer.is_chunked:
            self._client.sendall(b"0\r\n\r\n")
        return True

    def _send_piece(self, request: RecordedRequest, piece: bytes, *, is_chunk: bool) -> None:
        rest = memoryview(piece)
        if is_chunk:
            self._client.sendall(b"%x\r\n" % len(piece))
        self._journal.count_bytes(request, len(rest))
        try:
            while rest:
                rest = rest[self._client.send(rest) :]
        finally:
            if rest:
                self._journal.count_bytes(request, -len(rest))
        if is_chunk:
            self._client.sendall(b"\r\n")

    def _pace(self, answer: Answer, started: float, sent: int) -> None:
        if answer.resource.bytes_per_second is not None:
            due = started + sent / answer.resource.bytes_per_second
            self._closing.wait(max(0.0, due - time.monotonic()))

    def _prepare_cut(self, fault: Fault) -> None:
        if fault.is_reset:
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            raise ConnectionResetError  # over the orderly end in `run`

    def _is_let_go(self, gate: Event | None, most_seconds: float = math.inf) -> bool:
        """Hold the answer until the gate is set; False if the client has left or the server closes before."""
        gate, until = gate or Event(), time.monotonic() + most_seconds
        # Nothing waits for an event and a socket at once, so the socket is looked at now and then.
        while not gate.wait(max(0.0, min(_LOOK_SECONDS, until - time.monotonic()))):
            if time.monotonic() >= until:
                break
            with suppress(BlockingIOError):
                if not self._client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                    return False
        return True


def _piece_bytes(answer: Answer) -> int:
    pace = answer.resource.bytes_per_second
    return _PIECE_BYTES if pace is None else min(_PIECE_BYTES, max(1, pace // 50))
