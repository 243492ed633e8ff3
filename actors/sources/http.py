"""Bytes from an HTTP server."""

from typing import TYPE_CHECKING

from openmas_assets.actors.cache.staging import Staging
from openmas_assets.actors.monitor import Monitor
from openmas_assets.actors.sources.fetched import Fetched
from openmas_assets.actors.sources.http_body import HttpBody
from openmas_assets.actors.sources.http_connection import RangeRefusedError
from openmas_assets.actors.sources.http_network import HttpNetwork
from openmas_assets.actors.sources.http_pace import Pace
from openmas_assets.actors.sources.http_parallel import ParallelTransfer
from openmas_assets.actors.sources.http_part import HttpPart
from openmas_assets.actors.sources.http_request import HttpRequest, UnsoundBodyError
from openmas_assets.actors.sources.http_session import HttpSession
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.source import HttpSource

if TYPE_CHECKING:
    import requests


class HttpTransfer:
    """Fetches assets over HTTP. One for each downloader; all methods run in its thread.

    Args:
        timeout_seconds: How long to wait for a connection, for the head of an answer, and then for each next
            byte.
        network: What it shares with other downloaders.
    """

    def __init__(self, timeout_seconds: float, network: HttpNetwork) -> None:
        self._timeout_seconds = timeout_seconds
        self._network = network
        self._session = HttpSession(timeout_seconds, network)

    def fetch(self, config: AssetConfig, source: HttpSource, staging: Staging, monitor: Monitor) -> Fetched:
        """Bring the body of the URL to `staging.data_path`, going on with what is there already.

        Args:
            config: The asset.
            source: Its source.
            staging: Where the bytes go; what arrived stays there when the transfer fails or is aborted.
            monitor: Is told of each chunk.

        Raises:
            TransferError: The server or the network failed.
            AssetAuthenticationError: The variable that should hold the token does not.
            AssetCacheError: There is not enough room.
            OSError: The disk refused.
            JobAbortedError: The job is to stop.
        """
        request = HttpRequest(config, source, self._session, self._timeout_seconds, monitor)
        part = HttpPart(config, staging, monitor)
        part.reopen()
        with self._network.slots.first(request.host, monitor):
            _Attempt(request, part, monitor, self._network).run()
        return Fetched(sha256=part.sha256)


class _Attempt:
    """One file's way to the disk."""

    def __init__(self, request: HttpRequest, part: HttpPart, monitor: Monitor, network: HttpNetwork) -> None:
        self._request = request
        self._part = part
        self._monitor = monitor
        self._network = network

    def run(self) -> None:
        try:
            self._run()
        except UnsoundBodyError:
            self._part.start_over()  # resuming would build on bytes that may not be the file's
            raise

    def _run(self) -> None:
        if not self._go_on():
            self._part.start_over()
            with self._request.get({}) as response:
                self._receive(response, may_be_shared=False)

    def _go_on(self) -> bool:
        """Fetch what is missing; False if what is there is of no use."""
        with self._request.get(self._part.next_headers) as response:
            if self._part.is_outdated_by(response):
                self._part.start_over()
                if response.status_code != self._part.awaited_status:
                    return False
            try:
                self._receive(response, may_be_shared=True)
            except RangeRefusedError:
                return False
            return True

    def _receive(self, response: "requests.Response", *, may_be_shared: bool) -> None:
        request, part, monitor, network = self._request, self._part, self._monitor, self._network
        if response.status_code != part.awaited_status:
            raise request.refused(response)
        part.begin(response)
        chunks = request.chunks(response, network.bandwidth.share_bytes)
        pace = None
        if may_be_shared and (part.missing or part.is_long) and part.can_be_shared(response):
            pace = Pace(response.elapsed.total_seconds())
        is_over = False
        if not part.missing:
            is_over = HttpBody(request, part, monitor, network.bandwidth).receive(response, chunks, pace)
        if not is_over and pace is not None:
            ParallelTransfer(request, part, monitor, network, pace).run(response, chunks)
        if part.bytes_total is not None and part.bytes_done > part.bytes_total:
            raise request.unsound(f"more came than the {part.bytes_total:,} bytes that it has")
        if not part.is_complete:
            raise request.broken(f"it ended after {part.bytes_done:,} of {part.bytes_total:,} bytes")
