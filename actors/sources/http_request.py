"""How one file is asked for: by its first connection, and by all others alike."""

import time
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from openmas_assets.actors.abort import JobAbortedError
from openmas_assets.actors.credentials import http_credential
from openmas_assets.actors.monitor import Monitor
from openmas_assets.actors.sources.fetched import TransferError
from openmas_assets.actors.sources.http_answer import DamagedBodyError
from openmas_assets.actors.sources.http_failure import (
    broken_body,
    connection_failure,
    status_failure,
    too_slow,
    unknown_encoding,
)
from openmas_assets.actors.sources.http_session import HttpSession
from openmas_assets.actors.sources.http_stream import body_chunks
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.source import HttpSource

if TYPE_CHECKING:
    import requests


# What is slower than this for as long as the time-out is taken for dead; cargo has the same limit.
_LEAST_BYTES_PER_SECOND = 10


class UnsoundBodyError(TransferError):
    """What has arrived of the file may be no part of it, and is not to be gone on with."""


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
            yield from self._timely(body_chunks(response, most_bytes))
        except DamagedBodyError as error:
            failure: TransferError = UnsoundBodyError(
                self._connection_failure(error).error, is_retryable=True
            )
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            failure = self._connection_failure(error)
        else:
            return
        self._monitor.check()
        raise failure

    def _timely(self, chunks: Iterator[bytes | memoryview]) -> Iterator[bytes | memoryview]:
        """Do not wait for ever for a body that never quite stops; only what is waited for counts."""
        waited_seconds, count = 0.0, 0
        while True:
            began = time.monotonic()
            chunk = next(chunks, None)
            waited_seconds += time.monotonic() - began
            if chunk is None:
                return
            count += len(chunk)
            if waited_seconds >= self._timeout_seconds:
                if count < waited_seconds * _LEAST_BYTES_PER_SECOND:
                    raise self._too_slow()
                waited_seconds, count = 0.0, 0
            yield chunk

    def _too_slow(self) -> TransferError:
        return too_slow(self._config.name, self._source.shown, _LEAST_BYTES_PER_SECOND, self._timeout_seconds)

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

    def unsound(self, problem: str) -> UnsoundBodyError:
        """What a body means that contradicts what was said of it.

        Args:
            problem: What is wrong with it, as a clause that holds no secret.
        """
        return UnsoundBodyError(self.broken(problem).error, is_retryable=True)

    def unknown_encoding(self) -> TransferError:
        """What a body in a content encoding that nobody asked for means."""
        return unknown_encoding(self._config.name, self._source.shown)

    def _connection_failure(self, error: Exception) -> TransferError:
        return connection_failure(self._config.name, self._source.shown, error, self._timeout_seconds)
