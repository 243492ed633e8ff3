"""A real HTTP server on loopback for tests: it serves bytes, goes wrong where told to, and counts exactly."""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock, Thread, current_thread
from typing import Any, Self

from loopback_connection import Connection
from loopback_journal import Journal, RecordedRequest
from loopback_resource import Fault, Resource

__all__ = ["Fault", "LoopbackServer", "RecordedRequest", "Resource"]

_BACKLOG = 4096


@dataclass
class _Shelf:
    """What a path serves, GET by GET; the last resource stays."""

    resources: Sequence[Resource]
    gets: int = 0

    def current(self) -> tuple[Resource, Fault]:
        index = min(self.gets, len(self.resources) - 1)
        return self.resources[index], self.resources[index].fault(self.gets - index)


class LoopbackServer:
    """An HTTP/1.1 server on 127.0.0.1 and a free port, a daemon thread for each connection; serves once made.

    Use it as a context manager, or `close()` it. Every method may be called from every thread.

    Example:
        with LoopbackServer() as server:
            url = server.put("/a.bin", data, etag='"v1"', faults=[Fault(cut_after=1000, times=1)])
            ...
            assert server.count("GET", "/a.bin") == 2
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._shelves: dict[str, _Shelf] = {}
        self._clients: dict[Thread, socket.socket] = {}
        self._journal = Journal()
        self._closing = Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        self.origin = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._acceptor = Thread(target=self._accept, name="loopback-accept", daemon=True)
        self._acceptor.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def url(self, path: str) -> str:
        """Return the full URL of a path, whether or not something is served there."""
        return self.origin + path

    def put(self, path: str, data: bytes | Path = b"", **options: Any) -> str:
        """Serve `data` at `path` from now on, with the `options` of a `Resource`, and return its URL.

        Args:
            path: The path as it travels, percent-encoded; without a query it stands for every query, and with
                `/*` at its end for everything below it that has nothing nearer.
            data: The bytes, or a file that is streamed from disk.
            options: Fields of `Resource`: `etag`, `ranges`, `framing`, `status`, `redirect`, `faults`, …
        """
        return self.put_sequence(path, [Resource(data=data, **options)])

    def put_sequence(self, path: str, resources: Sequence[Resource]) -> str:
        """Answer the n-th GET from now on with the n-th resource; the last one stays.

        A HEAD is answered as the next GET would be, and does not count.

        Returns:
            The full URL.
        """
        with self._lock:
            self._shelves[path] = _Shelf(resources)
        return self.url(path)

    @property
    def requests(self) -> list[RecordedRequest]:
        """The requests so far, in the order of their arrival."""
        return self._journal.requests()

    def count(self, method: str, path: str) -> int:
        """Return how many requests of that method came for `path`; without a query: with every query."""
        return sum(request.method == method and request.is_for(path) for request in self.requests)

    def bytes_sent(self, path: str) -> int:
        """Return the body bytes sent so far for `path`, over all requests, as `RecordedRequest` does."""
        return sum(request.bytes_sent for request in self.requests if request.is_for(path))

    def wait_for(self, predicate: Callable[[Self], bool], timeout_seconds: float = 10) -> None:
        """Block the calling thread until `predicate(server)` holds; asked at each request, piece and end.

        Raises:
            TimeoutError: It still does not hold; the message lists the requests so far.
        """
        self._journal.wait_for(lambda: predicate(self), timeout_seconds)

    def close(self) -> None:
        """End all connections, whatever they are at, and join all threads; again does nothing."""
        if self._closing.is_set():
            return
        self._closing.set()
        # Not every platform wakes an accept() when its socket is shut down, but a connection always does.
        with suppress(OSError), socket.create_connection(self._listener.getsockname(), timeout=1):
            pass
        self._acceptor.join()
        # A process forked meanwhile holds the same socket open: closing alone would leave it listening.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            clients = dict(self._clients)
        for client in clients.values():
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        for thread in clients:
            thread.join()

    def _accept(self) -> None:
        while True:
            client, (_, port) = self._listener.accept()
            if self._closing.is_set():
                client.close()
                return
            thread = Thread(target=self._serve, args=(client, port), name=f"loopback-{port}", daemon=True)
            with self._lock:
                self._clients[thread] = client
            thread.start()

    def _serve(self, client: socket.socket, port: int) -> None:
        try:
            Connection(client, port, self._take, self._journal, self._closing).run()
        finally:
            with self._lock:
                del self._clients[current_thread()]

    def _take(self, method: str, path: str) -> tuple[Resource, Fault]:
        if method not in ("GET", "HEAD"):
            return Resource(status=405, headers={"Allow": "GET, HEAD", "Connection": "close"}), Fault()
        with self._lock:
            shelf = next((self._shelves[name] for name in _names(path) if name in self._shelves), None)
            if shelf is None:
                return Resource(status=404), Fault()
            taken = shelf.current()
            shelf.gets += method == "GET"
            return taken


def _names(path: str) -> Iterator[str]:
    """Yield under what a path may be served, the nearest first."""
    yield path
    folder = path.partition("?")[0]
    yield folder
    while folder:
        folder = folder.rpartition("/")[0]
        yield folder + "/*"
