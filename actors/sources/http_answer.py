"""An HTTP answer as http.client reads it, without what that guesses or lets pass."""

import re
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, IncompleteRead, parse_headers
from socket import socket
from typing import TYPE_CHECKING, Any, cast

from openmas_assets.actors.sources.http_line_reader import LineReader

if TYPE_CHECKING:
    from io import BufferedReader

# More digits than any file has bytes; and http.client reads signs and underscores as Python does.
_LENGTH = re.compile(r"[0-9]{1,18}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(;.*)?\r\n", re.DOTALL)


class DamagedBodyError(HTTPException):
    """The body is not framed as it says: what was taken for its bytes may be none of them."""


class HttpAnswer(HTTPResponse):
    """Reads a head within the time-out as a whole, and refuses one that does not say how long the body is.

    http.client takes a head that is cut short, or that has a line which is none, for one that ends there:
    without its length, a body that is cut short is a whole one.

    Args:
        sock: The connection.
        arguments: As http.client has them.
        options: As http.client has them.
    """

    def __init__(self, sock: socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self._sock = sock

    def begin(self) -> None:
        """Read the head. Called by http.client.

        Raises:
            HTTPException: It is none.
            TimeoutError: It did not come within the time-out.
            OSError: The connection broke.
        """
        # Late, as requests and all below it are; at this point they are there.
        from urllib3.exceptions import HeaderParsingError
        from urllib3.util.response import assert_header_parsing

        lines = LineReader(self.fp, self._sock)
        self.fp = cast("BufferedReader", lines)  # it has all that is called while a head is read
        try:
            super().begin()
        finally:
            # http.client closes what it finds to be no HTTP at once.
            if self.fp is not None:  # pragma: no branch - else an error is on its way
                self.fp = lines.finish()
        try:
            assert_header_parsing(self.headers)
        except HeaderParsingError:
            raise HTTPException("a line of the head is no header") from None
        self._check_framing()

    def _read_status(self) -> tuple[str, int, str]:
        # RFC 9110, 15.2: any number of interim answers may come; http.client knows one kind of them.
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]  # it has no public name
            if status >= HTTPStatus.OK or status == HTTPStatus.SWITCHING_PROTOCOLS:
                return version, status, reason
            parse_headers(self.fp)

    def _check_framing(self) -> None:
        """RFC 9112, 6.3: a length that is none, or an unknown coding, makes the whole answer useless."""
        codings = self.headers.get_all("Transfer-Encoding", [])
        if self.chunked and len(codings) == 1:
            del self.headers["Content-Length"]  # it does not count, and urllib3 would complain of it
            return
        if [coding.strip().lower() for coding in codings] not in ([], ["identity"]):
            raise HTTPException("a transfer coding that nobody asked for")
        values = self.headers.get_all("Content-Length", [])
        lengths = {length.strip() for value in values for length in value.split(",")}
        if len(lengths) > 1 or not all(map(_LENGTH.fullmatch, lengths)):
            raise HTTPException("the Content-Length is no length")

    def next_chunk_bytes(self, *, is_first: bool) -> int:
        """Read what stands before a chunk (RFC 9112, 7.1); after the last one, also what stands behind it.

        Args:
            is_first: Whether no chunk has been read.

        Returns:
            How many bytes the chunk has; 0 at the end of the body.

        Raises:
            DamagedBodyError: It is no chunk.
            OSError: The connection broke.
        """
        if not is_first and self._next_line() != b"\r\n":
            raise DamagedBodyError("a chunk is longer than it says")
        match = _CHUNK_SIZE.fullmatch(self._next_line())
        if match is None:
            raise DamagedBodyError("the size of a chunk is none")
        size = int(match[1], 16)
        if size == 0:
            lines = LineReader(self.fp, self._sock)
            lines.skip_to_empty_line()
            lines.finish()
        return size

    def _next_line(self) -> bytes:
        lines = LineReader(self.fp, self._sock)
        line = lines.readline()
        lines.finish()
        if not line:
            raise IncompleteRead(b"")
        return line
