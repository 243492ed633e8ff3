"""GET requests that an abort need not wait for, and that leave no secret in a log."""

import functools
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING

from openmas_assets.actors.abort import JobAbortedError
from openmas_assets.actors.credentials import HttpCredential
from openmas_assets.actors.monitor import Monitor
from openmas_assets.actors.sources.http_log import mark_thread
from openmas_assets.actors.sources.http_network import HttpNetwork

if TYPE_CHECKING:
    import requests


class HttpSession:
    """Sends requests over the connections that a manager's downloaders share.

    Args:
        timeout_seconds: How long to wait for a connection, and then for each next byte.
        network: Has the connections.
    """

    def __init__(self, timeout_seconds: float, network: HttpNetwork) -> None:
        self._timeouts = (timeout_seconds, timeout_seconds)
        self._network = network

    def get(
        self, url: str, headers: Mapping[str, str], credential: HttpCredential | None, monitor: Monitor
    ) -> "requests.Response":
        """Ask for a URL, follow its redirects, and wait for the headers of the answer. The worker's thread.

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
        answer: Future[requests.Response] = Future()
        is_over = threading.Event()
        answer.add_done_callback(lambda _: is_over.set())
        ask = functools.partial(self.get_here, url, headers, credential)
        threading.Thread(target=_ask, args=(answer, ask), name="openmas-http", daemon=True).start()
        with monitor.unblocking(is_over.set):
            is_over.wait()
        try:
            monitor.check()
        except JobAbortedError:
            answer.add_done_callback(_discard)
            raise
        return answer.result()

    def get_here(
        self, url: str, headers: Mapping[str, str], credential: HttpCredential | None
    ) -> "requests.Response":
        """Do the same in the calling thread, which no abort frees from its waiting.

        Args:
            url: The URL.
            headers: What to send besides the usual.
            credential: What says who asks; goes to the URL's own origin only.

        Raises:
            Exception: Whatever requests and urllib3 raise. Their texts quote the URL, secrets included.
        """
        mark_thread()
        return self._network.session().get_as(credential, url, headers, self._timeouts)


def _ask(answer: "Future[requests.Response]", ask: Callable[[], "requests.Response"]) -> None:
    try:
        answer.set_result(ask())
    except Exception as error:  # noqa: BLE001, it is raised in the worker's thread
        answer.set_exception(error)


def _discard(answer: "Future[requests.Response]") -> None:
    if answer.exception() is None:
        answer.result().close()
