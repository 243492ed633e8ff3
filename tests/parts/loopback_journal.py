"""What the loopback server was asked and what it sent, as it happens."""

from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from threading import Condition


@dataclass(eq=False)
class RecordedRequest:
    """One request, from its headers to the end of its answer; the server's thread goes on filling it in.

    Attributes:
        method: `GET`, `HEAD`, …
        path: The path with its query, as it travelled.
        headers: The headers; names in any case.
        client_port: Equal for requests on one connection, which shows keep-alive.
        status: The status sent; None as long as there is none, and for an answer that is not HTTP.
        bytes_sent: Body bytes, after content encoding, without chunk sizes. Counted before they are handed to
            the kernel and corrected if it takes less, so that no client can hold a byte that is not counted.
        is_finished: Nothing more will be sent. The client may know a moment earlier: use `wait_for`.
    """

    method: str
    path: str
    headers: Message
    client_port: int
    status: int | None = None
    bytes_sent: int = 0
    is_finished: bool = False

    @property
    def range(self) -> str | None:
        """The `Range` header as it travelled."""
        return self.headers.get("Range")

    def is_for(self, path: str) -> bool:
        """Tell whether it asked for `path`; a `path` without a query stands for every query."""
        return path in (self.path, self.path.partition("?")[0])


class Journal:
    """All requests of a server, in the order of their arrival; every thread may read and write it."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._requests: list[RecordedRequest] = []

    def requests(self) -> list[RecordedRequest]:
        """Return the requests so far."""
        with self._changed:
            return list(self._requests)

    def start(self, request: RecordedRequest) -> None:
        """Record that a request has arrived."""
        with self._changed:
            self._requests.append(request)
            self._changed.notify_all()

    def answer(self, request: RecordedRequest, status: int) -> None:
        """Record the status that is about to be sent."""
        with self._changed:
            request.status = status
            self._changed.notify_all()

    def count_bytes(self, request: RecordedRequest, size_bytes: int) -> None:
        """Record body bytes that are about to be sent, or, below zero, that could not be sent."""
        with self._changed:
            request.bytes_sent += size_bytes
            self._changed.notify_all()

    def finish(self, request: RecordedRequest) -> None:
        """Record that nothing more will be sent."""
        with self._changed:
            request.is_finished = True
            self._changed.notify_all()

    def wait_for(self, predicate: Callable[[], bool], timeout_seconds: float) -> None:
        """Block the calling thread until `predicate` holds; it is asked again after each change.

        Raises:
            TimeoutError: It still does not hold; the message lists the requests so far.
        """
        with self._changed:
            if not self._changed.wait_for(predicate, timeout_seconds):
                seen = "\n".join(
                    f"  {request.method} {request.path} range={request.range} status={request.status}"
                    f" bytes_sent={request.bytes_sent} is_finished={request.is_finished}"
                    for request in self._requests
                )
                raise TimeoutError(f"not within {timeout_seconds} s; the server's requests so far:\n{seen}")
