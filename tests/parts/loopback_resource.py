"""What the loopback server serves at a path: the bytes, how they are offered, and what goes wrong."""

import gzip
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, BinaryIO, Literal

if TYPE_CHECKING:
    from loopback_answer import Answer


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong with one answer or with several; its fields combine, positions count body bytes sent.

    Attributes:
        times: How many GETs it spoils before the resource's next fault has its turn; None: all of them.
        status: Answer with this status, `headers` and no body, instead of the resource.
        headers: Headers of that answer, for example `{"Retry-After": "1"}`.
        cut_after: End the connection after that many body bytes.
        is_reset: The cut is a TCP reset, which may swallow bytes on their way, and no orderly end.
        stall_after: Hold the transfer after that many body bytes (0: after the headers), until `gate` is set,
            the client leaves or the server closes.
        hang_before_headers: Hold it before the first byte of the answer; ends likewise.
        gate: Set it to let a held transfer go on; None: it never does.
        wrong_length: The `Content-Length` announced; the connection ends after the body.
        wrong_range: First and last position with which a 206 answers instead of what was asked for.
        ignores_if_range: A range is given of whatever version there is.
        garbage: Sent instead of an HTTP answer, then the connection ends.
        script: Makes of the right answer what travels instead: bytes, and pauses in seconds, until the client
            leaves. Then the connection ends as `is_reset` says, unless `is_kept`.
        is_kept: The connection serves another request after the `script`.
    """

    times: int | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    is_reset: bool = False
    stall_after: int | None = None
    hang_before_headers: bool = False
    gate: Event | None = None
    wrong_length: int | None = None
    wrong_range: tuple[int, int] | None = None
    ignores_if_range: bool = False
    garbage: bytes | None = None
    script: "Callable[[Answer], Iterable[bytes | float]] | None" = None
    is_kept: bool = False


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One version of what stands at a path.

    Attributes:
        data: The bytes, or a file that is streamed from disk.
        etag: The `ETag` as it travels, with its quotes: `'"v1"'` is strong, `'W/"v1"'` weak.
        last_modified: The `Last-Modified` as it travels, an HTTP date.
        ranges: Range requests are answered with 206 and 416; otherwise they get everything, with 200.
        framing: How the end of the body is told: by `Content-Length`, chunks, or the end of the connection.
        content_encoding: "gzip" compresses, whatever the client accepts; ranges then count compressed bytes.
        status: The status of an answer that is not about a range.
        headers: Sent as well; one that the server would send itself, spelled alike, is replaced.
        redirect: The `Location`, a path or a URL; the status is 302 unless `status` says otherwise.
        bytes_per_second: The pace at which the body is sent; None: as fast as it goes.
        faults: They have their turns one after the other, each for its `times`; then all goes well.
        instead: Asked with each request's headers; what it returns is sent instead, without the faults here,
            None: this one. So an answer can depend on a credential.
    """

    data: bytes | Path = b""
    etag: str | None = None
    last_modified: str | None = None
    ranges: bool = True
    framing: Literal["length", "chunked", "close"] = "length"
    content_encoding: Literal["gzip"] | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    redirect: str | None = None
    bytes_per_second: int | None = None
    faults: Sequence[Fault] = ()
    instead: Callable[[Message], "Resource | None"] | None = None

    @cached_property
    def size_bytes(self) -> int:
        """The size of the body as it travels, after content encoding."""
        content = self._content
        return content.stat().st_size if isinstance(content, Path) else len(content)

    def open(self) -> BinaryIO:
        """Open the body as it travels, at its start; the caller closes it."""
        content = self._content
        return content.open("rb") if isinstance(content, Path) else io.BytesIO(content)

    def fault(self, turn: int) -> Fault:
        """Return what goes wrong with the GET number `turn`, counted from 0; a `Fault()` is none."""
        for fault in self.faults:
            if fault.times is None or turn < fault.times:
                return fault
            turn -= fault.times
        return Fault()

    @cached_property
    def _content(self) -> bytes | Path:
        if self.content_encoding is None:
            return self.data
        plain = self.data.read_bytes() if isinstance(self.data, Path) else self.data
        # No time in the header: the same data must have the same bytes at each attempt.
        return gzip.compress(plain, compresslevel=1, mtime=0)
