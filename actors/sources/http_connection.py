"""One of several connections that fetch a file, with a thread of its own."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from openmas_assets.actors.sources.http_gaps import Gap, Gaps
from openmas_assets.actors.sources.http_request import HttpRequest

if TYPE_CHECKING:
    import requests

# A range that brings less, and less than was asked for, is a failure.
_LEAST_RANGE_BYTES = 64 << 10

Chunks = Iterator[bytes | memoryview]


class RangeRefusedError(Exception):
    """The server does not give this range of this version: the file has changed, or there are no ranges."""


@dataclass(frozen=True)
class Piecework:
    """What the connections of one file have in common.

    Attributes:
        request: How the file is asked for.
        gaps: What is missing.
        range_headers: The headers that ask for a range, its end excluded.
        is_expected: Whether an answer is the range from that position on, of the same version.
        path: The file. To be written only between a `Gaps.prove` and the end of the connection.
        most_bytes: How much to read at once.
        pause: Called with the number of bytes that have come; returns how many seconds to wait.
    """

    request: HttpRequest
    gaps: Gaps
    range_headers: Callable[[int, int], dict[str, str]]
    is_expected: Callable[["requests.Response", int], bool]
    path: Path
    most_bytes: int
    pause: Callable[[int], float]


class RangeConnection:
    """Fetches pieces of a file until there are none, or until it fails.

    Args:
        work: The file.
        should_yield: Whether others need the connection more; asked now and then.
        on_end: Called in the connection's thread when it has ended; told whether it has yielded.

    Attributes:
        failure: Why it ended; None if it did for no special reason.
        is_receiving: Whether it has got an answer.
        is_over: Whether it has ended.
    """

    def __init__(
        self, work: Piecework, should_yield: Callable[[], bool], on_end: Callable[[bool], None]
    ) -> None:
        self._work = work
        self._should_yield = should_yield
        self._on_end = on_end
        self._lock = threading.Lock()
        self._is_cancelled = threading.Event()
        self._has_yielded = False
        self._response: requests.Response | None = None
        self._thread = threading.Thread(target=self._run, name="openmas-http-range", daemon=True)
        self._begun: tuple[requests.Response, Chunks, Gap] | None = None
        self.failure: Exception | None = None
        self.is_receiving = self.is_over = False

    def start(self) -> None:
        """Begin to take pieces."""
        self._work.gaps.join()
        self._thread.start()

    def go_on(self, response: "requests.Response", chunks: Chunks) -> None:
        """Begin with an answer that is there already.

        Args:
            response: The answer.
            chunks: What of its body has not been read.
        """
        self._begun = response, chunks, self._work.gaps.take_all()
        self._response, self.is_receiving = response, True
        self.start()

    def cancel(self) -> None:
        """End it soon. Neither blocks nor raises."""
        with self._lock:
            self._is_cancelled.set()
            if self._response is not None:
                with contextlib.suppress(Exception):  # it may have ended at this very moment
                    self._response.raw.shutdown()

    def wait(self) -> None:
        """Wait until it writes no more: after a `cancel`, one that still waits for an answer never will."""
        with self._lock:
            is_writing = self._response is not None
        if is_writing:
            self._thread.join()

    def _run(self) -> None:
        try:
            if self._begun is not None:
                self._go_on(*self._begun)
            while not self._is_done and (gap := self._work.gaps.take()) is not None:
                self._fetch(gap)
        except Exception as error:  # noqa: BLE001, it is raised in the worker's thread
            if not self._is_cancelled.is_set():
                self.failure = error
        finally:
            self._on_end(self._has_yielded)
            self.is_over = True
            self._work.gaps.leave()

    @property
    def _is_done(self) -> bool:
        return self._has_yielded or self._is_cancelled.is_set()

    def _go_on(self, response: "requests.Response", chunks: Chunks, gap: Gap) -> None:
        try:
            with response:
                self._copy(response, chunks, gap)
        finally:
            self._end(gap)

    def _fetch(self, gap: Gap) -> None:
        work = self._work
        try:
            response = work.request.get_here(work.range_headers(gap.start, gap.end))
            with response:
                if not work.is_expected(response, gap.start):
                    raise self._refusal(response)
                if self._begin(response):
                    if not work.gaps.prove(gap):
                        raise RangeRefusedError
                    self._copy(response, work.request.chunks(response, work.most_bytes), gap)
        finally:
            self._end(gap)

    def _refusal(self, response: "requests.Response") -> Exception:
        # 416 and 200 are answers to the range; other ones tell nothing of the file.
        if response.status_code in (200, 206, 416):
            return RangeRefusedError()
        return self._work.request.refused(response)

    def _begin(self, response: "requests.Response") -> bool:
        with self._lock:
            if self._is_cancelled.is_set():
                return False
            self._response, self.is_receiving = response, True
            return True

    def _end(self, gap: Gap) -> None:
        if gap.size_bytes:
            self._work.gaps.give_back(gap)
        with self._lock:
            self._response = None

    def _copy(self, response: "requests.Response", chunks: Chunks, gap: Gap) -> None:
        start = gap.start
        with self._work.path.open("r+b", buffering=0) as file:
            file.seek(start)
            for chunk in chunks:
                if self._is_cancelled.is_set():  # what is read after an abort is not trusted
                    return
                self._write(memoryview(chunk)[: gap.size_bytes], gap, file)
                self._has_yielded = bool(gap.size_bytes) and self._should_yield()
                if not gap.size_bytes or self._has_yielded:
                    break
                if pause_seconds := self._work.pause(len(chunk)):
                    self._is_cancelled.wait(pause_seconds)
        if response.raw.length_remaining == 0:
            next(chunks, None)  # gives the connection back to the next request
        # A server that gives next to nothing at a time would have us ask for ever.
        is_short = gap.size_bytes and gap.start - start < _LEAST_RANGE_BYTES and not self._has_yielded
        if (is_short or gap.start == start) and not self._is_cancelled.is_set():
            came_bytes, asked_bytes = gap.start - start, gap.end - start
            raise self._work.request.broken(
                f"a range of it ended after {came_bytes:,} of {asked_bytes:,} bytes"
            )

    def _write(self, view: memoryview, gap: Gap, file: FileIO) -> None:
        while view and gap.size_bytes:  # another connection may have taken the end of it meanwhile
            count = file.write(view)
            self._work.gaps.advance(gap, count)
            view = view[count:]
