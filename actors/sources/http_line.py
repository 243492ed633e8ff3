"""What a request waits on, and how another thread ends that."""

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from openmas_assets.actors.abort import JobAbortedError
from openmas_assets.actors.sources.http_log import as_ours


class Line:
    """One request's way to its answer. A context manager: in it, the connections of its thread are noted.

    Nothing ends the looking up of a name or the opening of a connection early: those have a thread of their
    own, which is left to its time-outs. From then on the connection itself is shut.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_cut = False
        self._opened: threading.Event | None = None
        self._connection: Any = None

    def __enter__(self) -> Self:
        _this_thread.line = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _this_thread.line = None

    def cut(self) -> None:
        """Have the request fail soon. Any thread; neither blocks nor raises."""
        with self._lock:
            self._is_cut = True
            if self._opened is not None:
                self._opened.set()
            elif self._connection is not None:
                # It may have ended at this very moment. (What is encrypted twice has its socket inside.)
                with contextlib.suppress(Exception):
                    sock = self._connection.sock
                    getattr(sock, "socket", sock).shutdown(socket.SHUT_RDWR)

    def take(self, connection: Any) -> None:
        """Note on which connection the answer will come.

        Args:
            connection: The connection, of urllib3; it may not be open yet.

        Raises:
            JobAbortedError: The line was cut before.
        """
        with self._lock:
            if self._is_cut:
                raise JobAbortedError
            self._connection = connection

    def leave(self) -> None:
        """Note that the connection is another request's from now on."""
        with self._lock:
            self._connection = None

    def open(self, connect: Callable[[], None], close: Callable[[], None]) -> None:
        """Wait until the connection is open, or the line is cut.

        Args:
            connect: Opens it.
            close: Closes it; called if it opens too late.

        Raises:
            JobAbortedError: The line was cut.
            Exception: Whatever `connect` raises.
        """
        opened, failures = threading.Event(), list[Exception]()

        def run() -> None:
            try:
                with as_ours():
                    connect()
            except Exception as error:  # noqa: BLE001, it is raised in the thread that waits
                failures.append(error)
            with self._lock:
                opened.set()
                is_late = self._is_cut
            if is_late:
                close()

        with self._lock:
            if self._is_cut:
                raise JobAbortedError
            self._opened = opened
        threading.Thread(target=run, name="openmas-http", daemon=True).start()
        opened.wait()
        with self._lock:
            self._opened = None
            if self._is_cut:
                raise JobAbortedError
        if failures:
            raise failures.pop()


_this_thread = threading.local()


def current_line() -> Line | None:
    """The line that the calling thread is in; None if nobody needs to end what it waits for."""
    return getattr(_this_thread, "line", None)
