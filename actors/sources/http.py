"""Bytes from an HTTP server."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from openmas_assets.actors.abort import JobAbortedError
from openmas_assets.actors.cache.staging import Staging
from openmas_assets.actors.credentials import HttpCredential, http_credential
from openmas_assets.actors.monitor import Monitor
from openmas_assets.actors.sources.fetched import Fetched
from openmas_assets.actors.sources.http_body import HttpBody
from openmas_assets.actors.sources.http_failure import connection_failure, status_failure
from openmas_assets.actors.sources.http_session import HttpSession
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.source import HttpSource

if TYPE_CHECKING:
    import requests


class _Request(NamedTuple):
    config: AssetConfig
    source: HttpSource
    credential: HttpCredential | None


class HttpTransfer:
    """Fetches assets over HTTP. One for each downloader; all methods run in its thread.

    Args:
        timeout_seconds: How long to wait for a connection, and then for each next byte.
    """

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._session = HttpSession(timeout_seconds)

    def close(self) -> None:
        """Close the connections that were kept alive."""
        self._session.close()

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
        request = _Request(config, source, http_credential(config))
        body = HttpBody(config, source, staging, monitor)
        body.reopen()
        with self._get(request, body.range_headers, monitor) as response:
            is_outdated = body.is_outdated_by(response)
            if is_outdated:
                body.start_over()
            if not is_outdated or response.status_code == body.awaited_status:
                return self._receive(request, body, response)
        with self._get(request, {}, monitor) as response:
            return self._receive(request, body, response)

    def _receive(self, request: "_Request", body: HttpBody, response: "requests.Response") -> Fetched:
        if response.status_code != body.awaited_status:
            raise status_failure(request.config.name, request.source.shown, response, request.credential)
        body.receive(response, self._timeout_seconds)
        return Fetched(sha256=body.sha256)

    def _get(self, request: "_Request", headers: Mapping[str, str], monitor: Monitor) -> "requests.Response":
        config, source = request.config, request.source
        try:
            return self._session.get(source.url, headers, request.credential, monitor)
        except JobAbortedError:
            raise
        except Exception as error:  # noqa: BLE001, the libraries raise much, and none of it may be shown
            failure = connection_failure(config.name, source.shown, error, self._timeout_seconds)
        # Raised outside the handler: what requests says quotes the URL with its query, which may be a secret.
        raise failure
