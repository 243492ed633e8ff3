"""GET requests that an abort need not wait for, and that leave no secret in a log."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from openmas_assets.actors.credentials import HttpCredential
from openmas_assets.actors.monitor import Monitor
from openmas_assets.actors.sources.http_line import Line
from openmas_assets.actors.sources.http_log import as_ours
from openmas_assets.actors.sources.http_network import HttpNetwork

if TYPE_CHECKING:
    import requests


class HttpSession:
    """Sends requests over the connections that a manager's downloaders share.

    Args:
        timeout_seconds: How long to wait for a connection, for the head of an answer, and then for each next
            byte.
        network: Has the connections.
    """

    def __init__(self, timeout_seconds: float, network: HttpNetwork) -> None:
        self._timeouts = (timeout_seconds, timeout_seconds)
        self._network = network

    def get(
        self, url: str, headers: Mapping[str, str], credential: HttpCredential | None, monitor: Monitor
    ) -> "requests.Response":
        """Ask for a URL, follow its redirects, and wait for the headers of the answer. The worker's thread.

        An abort ends the waiting: see `Line`.

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
        line = Line()
        with monitor.unblocking(line.cut), line:
            return self.get_here(url, headers, credential)

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
        with as_ours():
            return self._network.session().get_as(credential, url, headers, self._timeouts)
