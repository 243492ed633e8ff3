"""The body of an HTTP answer on its way to the disk, over one connection."""

import contextlib
import threading
from typing import TYPE_CHECKING

from openmas_assets.actors.cache.decompression import (
    GZIP_WINDOW_BITS,
    BrokenStreamError,
    Inflater,
    decompress_streams,
)
from openmas_assets.actors.monitor import Monitor
from openmas_assets.actors.sources.http_bandwidth import Bandwidth
from openmas_assets.actors.sources.http_connection import Chunks
from openmas_assets.actors.sources.http_headers import content_encoding
from openmas_assets.actors.sources.http_pace import Pace
from openmas_assets.actors.sources.http_part import HttpPart
from openmas_assets.actors.sources.http_request import HttpRequest

if TYPE_CHECKING:
    import requests


class HttpBody:
    """One answer's body. The worker's thread.

    Args:
        request: How it was asked for.
        part: Where its bytes go.
        monitor: Is told of each chunk.
        bandwidth: The limit.
    """

    def __init__(self, request: HttpRequest, part: HttpPart, monitor: Monitor, bandwidth: Bandwidth) -> None:
        self._request = request
        self._part = part
        self._monitor = monitor
        self._bandwidth = bandwidth

    def receive(self, response: "requests.Response", chunks: Chunks, pace: Pace | None) -> bool:
        """Write and hash it as it arrives. What has arrived of a long one outlives the process.

        Args:
            response: The answer.
            chunks: Its body.
            pace: Judges whether more connections could help; None if there can be none.

        Returns:
            Whether it has ended; False if more connections could help with the rest.

        Raises:
            TransferError: The body is damaged.
            OSError: The disk refused.
            JobAbortedError: The job is to stop.
        """
        part, monitor = self._part, self._monitor
        is_stopped = threading.Event()

        def unblock() -> None:
            is_stopped.set()
            # Too late is no error: the response may have ended at this very moment.
            with contextlib.suppress(Exception):
                response.raw.shutdown()

        with monitor.unblocking(unblock), part.writing() as file:
            for chunk in self._decoded(response, self._metered(chunks, is_stopped)):
                # An abort shuts the socket; what is read after that is not trusted.
                monitor.check()
                part.append(chunk, file)
                if not part.is_small or part.is_complete:
                    monitor.report("downloading", part.bytes_done, part.bytes_total)
                if pace is not None and pace.is_waiting(len(chunk), part.bytes_left) and part.is_long:
                    return False
        monitor.check()
        return True

    def _metered(self, chunks: Chunks, is_stopped: threading.Event) -> Chunks:
        # No `yield from`: when the loop above ends early, that would end the chunks as well.
        for chunk in chunks:
            if pause_seconds := self._bandwidth.spend(len(chunk)):
                is_stopped.wait(pause_seconds)
            yield chunk

    def _decoded(self, response: "requests.Response", chunks: Chunks) -> Chunks:
        match content_encoding(response):
            case "":
                return chunks
            case "gzip" | "x-gzip":
                return self._inflated(chunks)
            case _:
                raise self._request.unknown_encoding()

    def _inflated(self, chunks: Chunks) -> Chunks:
        try:
            yield from decompress_streams(lambda: Inflater(GZIP_WINDOW_BITS), map(bytes, chunks))
        except BrokenStreamError as error:
            self._monitor.check()
            raise self._request.broken(f"its gzip {error}") from None
