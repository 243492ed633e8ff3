"""A session of requests whose credentials stay at home. Imports requests, so it is imported late itself."""

import functools
import os
from collections.abc import Mapping
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from requests.utils import default_headers, get_auth_from_url, get_netrc_auth

from openmas_assets.actors.credentials import HttpCredential
from openmas_assets.actors.sources.origin_adapter import OriginAdapter

# What requests reads of the environment for each request. (Of a name in mixed case it sees no change.)
_VARIABLES = (
    *("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
    *("no_proxy", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "REQUEST_METHOD"),
)
_DEFAULT_PORTS = {"http": 80, "https": 443}


class OriginSession(requests.Session):
    """Follows redirects, and takes no credential to another origin than the one it was meant for.

    An origin is scheme, host and port (RFC 6454, 4). requests itself drops only the `Authorization` header,
    and keeps that from http to https on the same host. What was dropped does not come back later.

    Args:
        adapter: Has the connections; it may be shared, and closing this session does not close them.

    Attributes:
        secret_headers: The headers that are dropped.
    """

    def __init__(self, adapter: OriginAdapter) -> None:
        super().__init__()
        self._adapter = adapter
        self.adapters.clear()
        self.mount("https://", adapter)
        self.mount("http://", adapter)
        self.secret_headers = {"Authorization"}

    def get_as(
        self,
        credential: HttpCredential | None,
        url: str,
        headers: Mapping[str, str],
        timeouts: tuple[float, float],
    ) -> requests.Response:
        """Ask for a URL with a credential; the body of the answer is still to be read.

        It does what `get` of requests does, but for what that computes anew for each of a thousand files.

        Args:
            credential: What says who asks; None: the URL's userinfo, else what `~/.netrc` has for the host.
            url: The URL.
            headers: What to send besides the usual.
            timeouts: How many seconds to wait for a connection, and for each next byte.
        """
        request = _usual_request().copy()
        request.prepare_url(url, None)
        request.headers.update(headers)
        if (auth := self._auth(credential, url)) is not None:
            request.prepare_auth(auth)
        settings = self._adapter.settings(_origin_text(request.url), *map(os.environ.get, _VARIABLES))
        return self.send(request, stream=True, timeout=timeouts, **settings)

    def _auth(self, credential: HttpCredential | None, url: str) -> AuthBase | tuple[str, str] | None:
        if credential is not None:
            self.secret_headers.add(credential.header_name)
            return CredentialAuth(credential)
        # First, as requests itself would let `~/.netrc` win over what the project file says.
        userinfo = get_auth_from_url(url) if "@" in url else ("", "")
        return userinfo if any(userinfo) else get_netrc_auth(url)

    def close(self) -> None:
        """Does nothing: others use the connections too."""

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Called by requests for each redirect.

        Args:
            prepared_request: The request that follows it; has the headers of the one before.
            response: The redirect.
        """
        if _origin(prepared_request.url) != _origin(response.request.url):
            for name in self.secret_headers:
                prepared_request.headers.pop(name, None)


class CredentialAuth(AuthBase):
    """Puts a credential into a request. As requests' `auth` it wins over `~/.netrc` and the URL's userinfo.

    Args:
        credential: The credential.
    """

    def __init__(self, credential: HttpCredential) -> None:
        self._credential = credential

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Called by requests for the first request, not for redirects.

        Args:
            request: The request.
        """
        request.headers[self._credential.header_name] = self._credential.header_value.get_secret_value()
        return request


@functools.cache
def _usual_request() -> requests.PreparedRequest:
    """What all requests have in common."""
    request = requests.PreparedRequest()
    # Ranges, lengths and checksums are about the bytes of the file, not of a compressed form of it.
    headers = {**default_headers(), "Accept-Encoding": "identity"}
    request.prepare("GET", "http://localhost/", headers, hooks={"response": _drop_body_of_redirect})
    return request


def _drop_body_of_redirect(response: requests.Response, **_: object) -> None:
    # requests would read it whole into memory before it goes on, however large it is.
    if response.is_redirect:
        response.raw.close()


def _origin_text(url: str | None) -> str:
    """Scheme, host and port as the URL has them."""
    return "/".join((url or "").split("/", 3)[:3])


def _origin(url: str | None) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url or "")
    try:
        port = parts.port
    except ValueError:  # out of range: no origin that a request could reach
        port = -1
    return parts.scheme, parts.hostname, port or _DEFAULT_PORTS.get(parts.scheme)
