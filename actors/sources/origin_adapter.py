"""The connections that are kept alive between requests. Imports requests, so it is imported late itself."""

import functools
import threading
import time
from http.client import BadStatusLine, RemoteDisconnected
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ProtocolError

from openmas_assets.actors.abort import JobAbortedError
from openmas_assets.actors.sources.http_answer import HttpAnswer
from openmas_assets.actors.sources.http_line import current_line

# A connection that was idle for longer may have been forgotten on the way (by a NAT, a load balancer), and
# the next request would only learn that from a time-out.
_MAX_IDLE_SECONDS = 20.0
_MAX_ORIGINS = 64
# No answer at all, or something that came unasked before it.
_UNSERVED = (RemoteDisconnected, ConnectionResetError, BrokenPipeError, BadStatusLine)


class OriginAdapter(HTTPAdapter):
    """Sends the requests of many sessions, from any thread, over connections that they share.

    A connection carries nothing that says who asks: credentials and cookies are headers of each request, and
    belong to the session.

    Args:
        most: How many idle connections to keep for each host.

    Attributes:
        settings: Says for an origin, as text, and the variables that matter what requests reads of them: the
            proxies and how to verify. That takes requests as long as all the rest of a small request.
    """

    def __init__(self, most: int) -> None:
        super().__init__(pool_connections=max(most, 32), pool_maxsize=most)
        self.settings = functools.lru_cache(_MAX_ORIGINS)(_settings)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Called by requests."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Plain, "https": _Encrypted}

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Called by requests."""
        manager = super().proxy_manager_for(proxy, **options)
        if not proxy.lower().startswith("socks"):  # pragma: no branch - that needs another package
            manager.pool_classes_by_scheme = {"http": _Plain, "https": _Encrypted}
        return manager

    def close(self) -> None:
        """Close the connections that are idle, and those in use when they are given back.

        requests forgets its pools instead, and what still refers to one keeps its connections open.
        """
        managers = (self.poolmanager, *self.proxy_manager.values())
        pools = [manager.pools.get(key) for manager in managers for key in manager.pools.keys()]  # noqa: SIM118 - no dict
        super().close()
        for pool in filter(None, pools):  # None: it was dropped meanwhile
            pool.close()


def _settings(origin: str, *_: str | None) -> dict[str, Any]:
    settings = requests.Session().merge_environment_settings(origin, {}, None, None, None)
    return {name: settings[name] for name in ("proxies", "verify", "cert")}


class _Fresh(HTTPConnectionPool):
    """Does not trust what was idle for long, and tries again what an idle connection did not serve."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._taken = threading.local()

    def _put_conn(self, conn: Any) -> None:
        if (line := current_line()) is not None:
            line.leave()
        if conn is not None:
            conn.idle_since = time.monotonic()
        super()._put_conn(conn)

    def _get_conn(self, timeout: float | None = None) -> Any:
        conn = super()._get_conn(timeout)
        if time.monotonic() - getattr(conn, "idle_since", float("inf")) > _MAX_IDLE_SECONDS:
            conn.close()  # it opens itself again when it is used
        self._taken.was_idle = not conn.is_closed
        if (line := current_line()) is not None:
            try:
                line.take(conn)
            except JobAbortedError:
                super()._put_conn(conn)  # nobody else would close it
                raise
        return conn

    def urlopen(self, *arguments: Any, **options: Any) -> Any:
        """Called by requests. RFC 9112, 9.3.1: the server may close an idle connection as we use it."""
        while True:
            try:
                return super().urlopen(*arguments, **options)
            except ProtocolError as error:
                if not self._taken.was_idle or not isinstance(error.args[-1], _UNSERVED):
                    raise


class _PlainConnection(HTTPConnection):
    response_class = HttpAnswer

    def connect(self) -> None:
        if (line := current_line()) is not None:
            line.open(super().connect, self.close)
        else:
            super().connect()


class _EncryptedConnection(_PlainConnection, HTTPSConnection):
    pass


class _Plain(_Fresh):
    ConnectionCls = _PlainConnection


class _Encrypted(_Fresh, HTTPSConnectionPool):
    ConnectionCls = _EncryptedConnection
