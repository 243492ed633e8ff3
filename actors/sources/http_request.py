"""How one file is asked for: by its first connection, and by all others alike."""

from collections.abc import Iterator, Mapping
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from openmas_assets.actors.abort import JobAbortedError
from openmas_assets.actors.credentials import http_credential
from openmas_assets.actors.monitor import Monitor
from openmas_assets.actors.sources.fetched import TransferError
from openmas_assets.actors.sources.http_failure import (
    broken_body,
    connection_failure,
    status_failure,
    unknown_encoding,
)
from openmas_assets.actors.sources.http_session import HttpSession
from openmas_assets.actors.sources.http_stream import body_chunks
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.source import HttpSource

if TYPE_CHECKING:
    import requests


class HttpRequest:
    """One asset's request, to be sent as often as its transfer needs. Its failures are in words.

    Args:
        config: The asset.
        source: Its source.
        session: Sends the requests.
        timeout_seconds: The time-out that was set, for the texts of errors.
        monitor: Tells of an abort.

    Attributes:
        host: The host and port that the URL names, as far as it names them.

    Raises:
        AssetAuthenticationError: The variable that should hold the token does not.
    """

    def __init__(
        self,
        config: AssetConfig,
        source: HttpSource,
        session: HttpSession,
        timeout_seconds: float,
        monitor: Monitor,
    ) -> None:
        self._config = config
        self._source = source
        self._session = session
        self._timeout_seconds = timeout_seconds
        self._monitor = monitor
        self._credential = http_credential(config)
        self.host = urlsplit(source.url).netloc.rpartition("@")[2].lower()

    def get(self, headers: Mapping[str, str]) -> "requests.Response":
        """Ask, and wait for the headers of the answer. The worker's thread.

        Args:
            headers: What to send besides the usual.

        Raises:
            TransferError: There is no answer.
            JobAbortedError: The job is to stop.
        """
        try:
            return self._session.get(self._source.url, headers, self._credential, self._monitor)
        except JobAbortedError:
            raise
        except Exception as error:  # noqa: BLE001, the libraries raise much, and none of it may be shown
            failure = self._connection_failure(error)
        self._monitor.check()
        # Raised outside the handler: what requests says quotes the URL with its query, which may be a secret.
        raise failure

    def get_here(self, headers: Mapping[str, str]) -> "requests.Response":
        """Do the same in the calling thread, which no abort frees from its waiting.

        Args:
            headers: What to send besides the usual.

        Raises:
            TransferError: There is no answer.
        """
        try:
            return self._session.get_here(self._source.url, headers, self._credential)
        except Exception as error:  # noqa: BLE001, as above
            failure = self._connection_failure(error)
        raise failure

    def chunks(self, response: "requests.Response", most_bytes: int | None) -> Iterator[bytes | memoryview]:
        """Read a body piece by piece. Any thread.

        Args:
            response: The answer.
            most_bytes: See `body_chunks`.

        Yields:
            What has arrived, as it travels; a view is good until the next one is asked for.

        Raises:
            TransferError: The connection failed.
            JobAbortedError: So it did, as the job is to stop.
        """
        from urllib3.exceptions import HTTPError

        try:
            yield from body_chunks(response, most_bytes)
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            failure = self._connection_failure(error)
        else:
            return
        self._monitor.check()
        raise failure

    def refused(self, response: "requests.Response") -> TransferError:
        """What an answer that is not the file means.

        Args:
            response: The answer.
        """
        return status_failure(self._config.name, self._source.shown, response, self._credential)

    def broken(self, problem: str) -> TransferError:
        """What a body that is damaged or not whole means.

        Args:
            problem: What is wrong with it, as a clause that holds no secret.
        """
        return broken_body(self._config.name, self._source.shown, problem)

    def unknown_encoding(self) -> TransferError:
        """What a body in a content encoding that nobody asked for means."""
        return unknown_encoding(self._config.name, self._source.shown)

    def _connection_failure(self, error: Exception) -> TransferError:
        return connection_failure(self._config.name, self._source.shown, error, self._timeout_seconds)
