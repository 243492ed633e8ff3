"""GET requests that an abort need not wait for, and that leave no secret in a log."""

import functools
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from openmas_assets.actors.abort import JobAbortedError
from openmas_assets.actors.credentials import HttpCredential
from openmas_assets.actors.monitor import Monitor

# requests takes a tenth of a second to import: only a transfer pays for it, not a warm hit or `list`.
if TYPE_CHECKING:
    import requests

    from openmas_assets.actors.sources.origin_session import OriginSession

# A connection that was idle for longer may have been forgotten on the way (by a NAT, a load balancer), and
# the next request would only learn that from a time-out.
_MAX_IDLE_SECONDS = 20.0
_TALKATIVE_LOGGERS = (
    "urllib3.connection",
    "urllib3.connectionpool",
    "urllib3.poolmanager",
    "urllib3.util.retry",
)

_this_thread = threading.local()


class HttpSession:
    """Sends requests one at a time and keeps the connections alive between them.

    Proxies and certificate authorities are those of the usual environment variables (`HTTPS_PROXY`,
    `NO_PROXY`, `REQUESTS_CA_BUNDLE`, …), as requests reads them. All methods run in the worker's thread.

    Args:
        timeout_seconds: How long to wait for a connection, and then for each next byte.
    """

    def __init__(self, timeout_seconds: float) -> None:
        self._timeouts = (timeout_seconds, timeout_seconds)
        self._opened: OriginSession | None = None
        self._last_used = 0.0

    def close(self) -> None:
        """Close the connections that were kept alive."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def get(
        self, url: str, headers: Mapping[str, str], credential: HttpCredential | None, monitor: Monitor
    ) -> "requests.Response":
        """Ask for a URL, follow its redirects, and wait for the headers of the answer.

        The request has a thread of its own. Nothing ends the looking up of a name, the opening of a
        connection or the waiting for headers early, so an abort leaves that thread to its time-outs.

        Args:
            url: The URL.
            headers: What to send besides the usual.
            credential: What says who asks; goes to the URL's own origin only.
            monitor: Tells of an abort.

        Returns:
            The answer, whatever its status; its body is still to be read.

        Raises:
            JobAbortedError: The job is to stop.
            Exception: Whatever requests and urllib3 raise. Their texts quote the URL, secrets included.
        """
        monitor.check()
        session = self._session()
        answer: Future[requests.Response] = Future()
        is_over = threading.Event()
        answer.add_done_callback(lambda _: is_over.set())
        ask = functools.partial(
            session.get_as, credential, url, headers=headers, stream=True, timeout=self._timeouts
        )
        threading.Thread(target=_ask, args=(answer, ask), name="openmas-http", daemon=True).start()
        with monitor.unblocking(is_over.set):
            is_over.wait()
        try:
            monitor.check()
        except JobAbortedError:
            self._opened = None  # the thread may be using it still, and closes it
            answer.add_done_callback(lambda answer: _discard(answer, session))
            raise
        self._last_used = time.monotonic()
        return answer.result()

    def _session(self) -> "OriginSession":
        if time.monotonic() - self._last_used > _MAX_IDLE_SECONDS:
            self.close()
        if self._opened is None:
            from openmas_assets.actors.sources.origin_session import OriginSession

            self._opened = OriginSession()
            # Ranges, lengths and checksums are about the bytes of the file, not of a compressed form of it.
            self._opened.headers["Accept-Encoding"] = "identity"
            self._opened.hooks["response"] = _drop_body_of_redirect
            for name in _TALKATIVE_LOGGERS:
                logging.getLogger(name).addFilter(_hide_queries)
        self._opened.cookies.clear()  # one asset's cookies are no business of the next one's server
        return self._opened


def _ask(answer: "Future[requests.Response]", ask: Callable[[], "requests.Response"]) -> None:
    _this_thread.is_asking = True
    try:
        answer.set_result(ask())
    except Exception as error:  # noqa: BLE001, it is raised in the worker's thread
        answer.set_exception(error)


def _discard(answer: "Future[requests.Response]", session: "requests.Session") -> None:
    if answer.exception() is None:
        answer.result().close()
    session.close()


def _drop_body_of_redirect(response: "requests.Response", **_: object) -> None:
    # requests would read it whole into memory before it goes on, however large it is.
    if response.is_redirect:
        response.raw.close()


def _hide_queries(record: logging.LogRecord) -> bool:
    """A filter for urllib3's loggers, which name paths with their queries; other libraries' requests pass.

    Only numbers and text up to a `?` are left of a record.
    """
    if getattr(_this_thread, "is_asking", False) and isinstance(record.args, tuple):
        record.args = tuple(_harmless(argument) for argument in record.args)
        record.exc_info = record.exc_text = None
    return True


def _harmless(argument: Any) -> Any:
    if isinstance(argument, str):
        return argument.partition("?")[0]
    return argument if isinstance(argument, int | float | None) else type(argument).__name__
