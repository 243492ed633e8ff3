"""One file over several connections: the worker's thread hashes and watches while they fetch."""

import time
from io import FileIO
from typing import TYPE_CHECKING

from openmas_assets.actors.cache.checksum import CHUNK_BYTES
from openmas_assets.actors.monitor import Monitor
from openmas_assets.actors.sources.fetched import TransferError
from openmas_assets.actors.sources.http_connection import (
    Chunks,
    Piecework,
    RangeConnection,
    RangeRefusedError,
)
from openmas_assets.actors.sources.http_gaps import LEAST_PIECE_BYTES, Gaps
from openmas_assets.actors.sources.http_network import HttpNetwork
from openmas_assets.actors.sources.http_pace import Pace
from openmas_assets.actors.sources.http_part import HttpPart
from openmas_assets.actors.sources.http_ramp import Ramp
from openmas_assets.actors.sources.http_request import HttpRequest, UnsoundBodyError

if TYPE_CHECKING:
    import requests

# So often progress is noted: what a killed process fetched since the last note is fetched again.
_TICK_SECONDS = 0.05
# How far the hashing goes before it looks up.
_HASH_BYTES = 8 * CHUNK_BYTES
# A piece takes a connection about a second: the round trip that it costs is little beside that.
_PIECE_SECONDS = 1.0
_MOST_PIECE_BYTES = 256 << 20
_LEAD_WINDOWS = 2
# Each connection has a buffer of this size.
_READ_BYTES = 256 << 10


class ParallelTransfer:
    """Fetches what is missing of a file over as many connections as bring more. The worker's thread.

    Args:
        request: How the file is asked for.
        part: What is there of it.
        monitor: Is told how far it is.
        network: Its limits.
        pace: What one connection brings.
    """

    def __init__(
        self,
        request: HttpRequest,
        part: HttpPart,
        monitor: Monitor,
        network: HttpNetwork,
        pace: Pace,
    ) -> None:
        self._request = request
        self._part = part
        self._monitor = monitor
        self._network = network
        total = part.bytes_total or 0
        missing = part.missing or ((part.bytes_done, total),)
        self._gaps = Gaps(missing, total, is_proven=bool(part.missing))
        # A pace's window is some round trips long: by then the second one has its answer. Nor is it much
        # longer: nothing behind the first one's bytes can be hashed before they are there.
        lead_bytes = int(pace.bytes_per_second * pace.window_seconds * _LEAD_WINDOWS)
        self._gaps.lead_bytes = max(lead_bytes, LEAST_PIECE_BYTES)
        # One that finds nothing to do would be waited for, and nothing be judged.
        most = max(part.bytes_left // (2 * LEAST_PIECE_BYTES), 2)
        self._ramp = Ramp(pace.bytes_per_second, min(most, network.slots.most_per_host), pace.window_seconds)
        self._connections: list[RangeConnection] = []
        self._buffer = bytearray(CHUNK_BYTES)
        self._work = Piecework(
            request,
            self._gaps,
            part.range_headers,
            part.is_continued_by,
            part.path,
            min(network.bandwidth.share_bytes or _READ_BYTES, _READ_BYTES),
            network.bandwidth.spend,
        )

    def run(self, response: "requests.Response", chunks: Chunks) -> None:
        """Fetch and hash all that is missing.

        Args:
            response: The answer that brings the first bytes of it; closed when they are there.
            chunks: What of its body has not been read.

        Raises:
            RangeRefusedError: The rest cannot be had in ranges of the same version.
            TransferError: The last connection failed.
            OSError: The disk refused.
            JobAbortedError: The job is to stop.
        """
        self._part.note(self._gaps.arrived)
        with self._part.path.open("rb", buffering=0) as file:
            with self._monitor.unblocking(self._cancel):
                try:
                    self._connection(is_further=False).go_on(response, chunks)
                    self._watch(file)
                finally:
                    self._cancel()
                    for connection in list(self._connections):
                        connection.wait()
                    self._part.note(self._gaps.arrived)
            while not self._part.is_complete:
                self._hash(file)
                self._monitor.check()
        self._monitor.report("downloading", self._part.bytes_done, self._part.bytes_total)

    def _connection(self, *, is_further: bool) -> RangeConnection:
        slots, host = self._network.slots, self._request.host
        connection = RangeConnection(
            self._work,
            should_yield=lambda: is_further and slots.should_yield(host),
            on_end=lambda has_yielded: slots.give_back(host, was_asked=has_yielded) if is_further else None,
        )
        self._connections.append(connection)
        return connection

    def _watch(self, file: FileIO) -> None:
        next_tick = 0.0
        while not self._gaps.is_complete:
            self._hash(file)
            self._monitor.report("downloading", self._gaps.bytes_done, self._part.bytes_total)
            self._steer(now := time.monotonic())
            if now >= next_tick:
                next_tick = now + _TICK_SECONDS
                self._part.note(self._gaps.arrived)
            if self._part.bytes_done == self._gaps.front:
                self._gaps.wait(max(next_tick - time.monotonic(), 0.0))

    def _hash(self, file: FileIO) -> None:
        end = min(self._gaps.front, self._part.bytes_done + _HASH_BYTES)
        self._part.hash_up_to(end, file, self._buffer)

    def _steer(self, now: float) -> None:
        """Have as many connections as there should be; raise if there can be none."""
        ended = [connection for connection in self._connections if connection.is_over]
        failures = [connection.failure for connection in ended if connection.failure is not None]
        self._connections = [connection for connection in self._connections if connection not in ended]
        working = len(self._connections)
        if failures:
            self._ramp.settle(working)
            self._judge(failures, working)
        self._ramp.look(now, self._gaps.bytes_done, sum(each.is_receiving for each in self._connections))
        self._gaps.wanted = self._ramp.wanted
        piece_bytes = int(self._ramp.each_bytes_per_second * _PIECE_SECONDS)
        self._gaps.piece_bytes = min(max(piece_bytes, LEAST_PIECE_BYTES), _MOST_PIECE_BYTES)
        for surplus in self._connections[self._ramp.wanted :]:
            surplus.cancel()
        for number in range(working, self._ramp.wanted):
            # Without any, the place of the first one is free.
            if number and not self._network.slots.try_further(self._request.host):
                break
            self._connection(is_further=number > 0).start()

    def _judge(self, failures: list[Exception], working: int) -> None:
        """Raise what is no trouble of one connection only."""
        for failure in failures:
            is_of_connection = isinstance(failure, TransferError | RangeRefusedError)
            if not is_of_connection or isinstance(failure, UnsoundBodyError):
                raise failure
        if not working and not self._gaps.is_complete:
            raise failures[-1]

    def _cancel(self) -> None:
        self._gaps.close()
        for connection in list(self._connections):
            connection.cancel()
