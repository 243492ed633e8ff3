"""What the downloaders of a manager share of the network: connections that are kept alive, and limits."""

import threading
from typing import TYPE_CHECKING

from openmas_assets.actors.sources.http_bandwidth import Bandwidth
from openmas_assets.actors.sources.http_log import hide_queries
from openmas_assets.actors.sources.http_slots import ConnectionSlots

# requests takes a tenth of a second to import: only a transfer pays for it, not a warm hit or `list`.
if TYPE_CHECKING:
    from openmas_assets.actors.sources.origin_adapter import OriginAdapter
    from openmas_assets.actors.sources.origin_session import OriginSession

_MAX_CONNECTIONS = 16


class HttpNetwork:
    """Opens sessions that share their connections. Any thread.

    Proxies and certificate authorities are those of the usual environment variables (`HTTPS_PROXY`,
    `NO_PROXY`, `REQUESTS_CA_BUNDLE`, …), as requests reads them.

    Args:
        max_connections: How many connections there may be at once.
        bytes_per_second: How much may come over all of them; None for no limit.

    Attributes:
        slots: Who may have a connection.
        bandwidth: The limit of bytes.
    """

    def __init__(
        self, max_connections: int = _MAX_CONNECTIONS, bytes_per_second: float | None = None
    ) -> None:
        self.slots = ConnectionSlots(max_connections)
        self.bandwidth = Bandwidth(bytes_per_second)
        self._max_connections = max_connections
        self._lock = threading.Lock()
        self._adapter: OriginAdapter | None = None

    def session(self) -> "OriginSession":
        """A session for one request: one asset's cookies are no business of the next one's server."""
        from openmas_assets.actors.sources.origin_session import OriginSession

        with self._lock:
            if self._adapter is None:
                from openmas_assets.actors.sources.origin_adapter import OriginAdapter

                self._adapter = OriginAdapter(self._max_connections)
                hide_queries()
            return OriginSession(self._adapter)

    def close(self) -> None:
        """Close the connections that are idle."""
        with self._lock:
            if self._adapter is not None:
                self._adapter.close()
