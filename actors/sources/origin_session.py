"""A session of requests whose credentials stay at home. Imports requests, so it is imported late itself."""

from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.auth import AuthBase
from requests.utils import get_auth_from_url

from openmas_assets.actors.credentials import HttpCredential

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

    def __init__(self, adapter: BaseAdapter) -> None:
        super().__init__()
        self.adapters.clear()
        self.mount("https://", adapter)
        self.mount("http://", adapter)
        self.secret_headers = {"Authorization"}

    def get_as(self, credential: HttpCredential | None, url: str, **options: Any) -> requests.Response:
        """Ask for a URL with a credential.

        Args:
            credential: What says who asks; None: the URL's userinfo, else what `~/.netrc` has for the host.
            url: The URL.
            options: Of `requests.Session.get`.
        """
        if credential is not None:
            self.secret_headers.add(credential.header_name)
            return self.get(url, auth=CredentialAuth(credential), **options)
        # Named here, as requests itself would let `~/.netrc` win over what the project file says.
        userinfo = get_auth_from_url(url)
        return self.get(url, auth=userinfo if any(userinfo) else None, **options)

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


def _origin(url: str | None) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url or "")
    try:
        port = parts.port
    except ValueError:  # out of range: no origin that a request could reach
        port = -1
    return parts.scheme, parts.hostname, port or _DEFAULT_PORTS.get(parts.scheme)
