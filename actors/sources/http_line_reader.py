"""Lines that a server sends: the head of an answer, the sizes of chunks."""

import time
from http.client import HTTPException, IncompleteRead
from io import BufferedReader
from socket import socket

# http.client's own limits for one line and for the number of headers.
_MOST_LINE_BYTES = 65536
_MOST_LINES = 100


class LateLinesError(TimeoutError):
    """Something came, but not all of it within the limit."""


class LineReader:
    """Reads lines within a limit of time for all of them, where a socket's own limit is one for each byte.

    It has what http.client asks of a file when it reads a head.

    Args:
        file: What the socket sends; nothing but a line is taken from it.
        sock: The socket; its time-out is the limit, and is as it was after `finish`.
    """

    def __init__(self, file: BufferedReader, sock: socket) -> None:
        self._file = file
        self._sock = sock
        self._limit_seconds = sock.gettimeout()
        self._give_up_at = time.monotonic() + (self._limit_seconds or 0)
        self._has_begun = False
        self._there = b""  # what is known to lie in the file's buffer

    def readline(self, most_bytes: int = _MOST_LINE_BYTES + 1) -> bytes:
        """Read a line with its end.

        Args:
            most_bytes: At the most so much of it.

        Returns:
            The line; nothing if the server has closed the connection before the first one.

        Raises:
            TimeoutError: Not within the limit; a `LateLinesError` if something came.
            IncompleteRead: The connection has ended within a line, or before the last one.
            OSError: The connection broke.
        """
        line = b""
        while len(line) < most_bytes and not line.endswith(b"\n"):
            if not self._there:
                self._wait()
            if not self._there:
                if self._has_begun:
                    raise IncompleteRead(line)
                break
            self._has_begun = True
            end = min(self._there.find(b"\n") + 1 or len(self._there), most_bytes - len(line))
            line += self._file.read(end)
            self._there = self._there[end:]
        return line

    def skip_to_empty_line(self) -> None:
        """Read the lines behind the last chunk.

        Raises:
            HTTPException: There are too many.
        """
        for _ in range(_MOST_LINES):
            line = self.readline()
            if line in (b"\r\n", b"\n"):
                return
            if len(line) > _MOST_LINE_BYTES:
                break
        raise HTTPException("the trailers have no end")

    def finish(self) -> BufferedReader:
        """Let the socket have its own limit again.

        Returns:
            The file.
        """
        self._sock.settimeout(self._limit_seconds)
        return self._file

    def close(self) -> None:
        """Called by http.client when what it reads is no head."""
        self._file.close()

    def _wait(self) -> None:
        if self._limit_seconds is not None:
            left_seconds = self._give_up_at - time.monotonic()
            if left_seconds <= 0:
                raise LateLinesError
            self._sock.settimeout(left_seconds)
        try:
            self._there = self._file.peek()
        except TimeoutError:
            if self._has_begun:
                raise LateLinesError from None
            raise
