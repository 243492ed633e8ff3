"""What went wrong between us and an HTTP server, in words. Libraries are not quoted: they show the URL."""

import http.client
import ssl
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from openmas_assets.actors.credentials import HttpCredential
from openmas_assets.actors.sources.fetched import TransferError
from openmas_assets.actors.sources.http_answer import DamagedBodyError
from openmas_assets.actors.sources.http_headers import http_date
from openmas_assets.actors.sources.http_line_reader import LateLinesError
from openmas_assets.messages.errors import AssetAuthenticationError, AssetDownloadError

if TYPE_CHECKING:
    import requests

# RFC 9110, 15.5.9; RFC 8470, 5.2; RFC 6585, 4
_RETRYABLE_STATUSES = frozenset({408, 425, 429})
_AUTHENTICATION_STATUSES = frozenset({401, 403, 407})
# A server that asks for a longer pause is not waited for: an agent would seem to hang.
_MAX_RETRY_AFTER_SECONDS = 3600.0
_FIX_TIMEOUT = "OPENMAS_ASSETS_TIMEOUT sets how many seconds to wait."


def status_failure(
    asset_name: str,
    shown_url: str,
    response: "requests.Response",
    credential: HttpCredential | None,
) -> TransferError:
    """What an answer that is not the file means.

    Args:
        asset_name: The asset.
        shown_url: The URL, without userinfo and query.
        response: The answer.
        credential: What the project file says who asks; None if it does not.

    Returns:
        The failure, retryable for 408, 425, 429 and 5xx with a `Retry-After` of an hour at most.
    """
    status = response.status_code
    retry_after_seconds = _retry_after_seconds(response)
    is_retryable = status in _RETRYABLE_STATUSES or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    error_type = AssetAuthenticationError if status in _AUTHENTICATION_STATUSES else AssetDownloadError
    error = error_type(
        f"the server answered {_name(status)} for {shown_url}",
        url=shown_url,
        status_code=status,
        asset_name=asset_name,
        fix=_fix(response, retry_after_seconds if is_retryable else 0.0, credential),
    )
    return TransferError(
        error,
        is_retryable=is_retryable and retry_after_seconds <= _MAX_RETRY_AFTER_SECONDS,
        retry_after_seconds=retry_after_seconds,
    )


def broken_body(asset_name: str, shown_url: str, problem: str) -> TransferError:
    """What a body that is damaged or not whole means.

    Args:
        asset_name: The asset.
        shown_url: The URL, without userinfo and query.
        problem: What is wrong with it, as a clause that holds no secret.

    Returns:
        The failure, retryable.
    """
    error = AssetDownloadError(
        f"the file did not arrive whole: {problem} ({shown_url})", url=shown_url, asset_name=asset_name
    )
    return TransferError(error, is_retryable=True)


def too_slow(asset_name: str, shown_url: str, bytes_per_second: int, timeout_seconds: float) -> TransferError:
    """What a body that comes drop by drop means.

    Args:
        asset_name: The asset.
        shown_url: The URL, without userinfo and query.
        bytes_per_second: What it should be at least.
        timeout_seconds: For how long it was not.

    Returns:
        The failure, retryable.
    """
    problem = f"the server sent less than {bytes_per_second} bytes a second for {timeout_seconds:g} s"
    error = AssetDownloadError(
        f"{problem} ({shown_url})",
        url=shown_url,
        asset_name=asset_name,
        fix=_FIX_TIMEOUT,
    )
    return TransferError(error, is_retryable=True)


def unknown_encoding(asset_name: str, shown_url: str) -> TransferError:
    """What a body in a content encoding that nobody asked for means.

    Args:
        asset_name: The asset.
        shown_url: The URL, without userinfo and query.

    Returns:
        The failure, not retryable.
    """
    error = AssetDownloadError(
        f"the server compresses the file in another way than gzip, unasked ({shown_url})",
        url=shown_url,
        asset_name=asset_name,
        fix="Have it serve the file as it is, without Content-Encoding.",
    )
    return TransferError(error)


def connection_failure(
    asset_name: str, shown_url: str, error: Exception, timeout_seconds: float
) -> TransferError:
    """What an exception of requests or urllib3 means.

    Args:
        asset_name: The asset.
        shown_url: The URL, without userinfo and query.
        error: What was raised.
        timeout_seconds: The time-out that was set.

    Returns:
        The failure, retryable unless asking again can only give the same.
    """
    explanation = _explanation(error, timeout_seconds)
    return TransferError(
        AssetDownloadError(
            f"{explanation.problem} ({shown_url})",
            url=shown_url,
            asset_name=asset_name,
            fix=explanation.fix,
        ),
        is_retryable=explanation.is_retryable,
    )


class _Explanation(NamedTuple):
    problem: str
    fix: str | None = None
    is_retryable: bool = True


def _explanation(error: Exception, timeout_seconds: float) -> _Explanation:
    causes = _causes(error)
    for kind, explanation in _known_kinds(timeout_seconds):
        for cause in causes:
            if isinstance(cause, kind):
                return explanation
    for cause in causes:
        if isinstance(cause, OSError) and cause.errno is not None and cause.strerror:
            return _Explanation(f"the connection to the server failed: {cause.strerror.lower()}")
    return _Explanation(f"the connection to the server broke: {type(causes[-1]).__name__}")


def _known_kinds(
    timeout_seconds: float,
) -> list[tuple[type[BaseException] | tuple[type[BaseException], ...], _Explanation]]:
    """The kinds of exceptions and what each means; where several fit, the first one says most."""
    import requests
    from urllib3 import exceptions as urllib3

    fix_url = "Check the URL."
    return [
        (
            requests.TooManyRedirects,
            _Explanation("the server redirects without end", fix_url, is_retryable=False),
        ),
        (
            (requests.exceptions.ProxyError, urllib3.ProxyError),
            _Explanation("no connection through the proxy", "Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY."),
        ),
        (
            ssl.SSLCertVerificationError,
            _Explanation(
                "the server's certificate is not trusted",
                "Check the URL, or name the certificate authority in REQUESTS_CA_BUNDLE.",
                is_retryable=False,
            ),
        ),
        (
            ssl.SSLError,
            _Explanation(
                "no secure connection to the server", "Check whether it speaks https, and on this port."
            ),
        ),
        (
            urllib3.NameResolutionError,
            _Explanation("the server's name is not known", "Check the URL and the network."),
        ),
        (
            requests.ConnectTimeout,  # not urllib3's, of which a refused connection is a kind
            _Explanation(f"no connection within {timeout_seconds:g} s", _FIX_TIMEOUT),
        ),
        (
            LateLinesError,
            _Explanation(f"the server gave no whole answer within {timeout_seconds:g} s", _FIX_TIMEOUT),
        ),
        (
            (urllib3.ReadTimeoutError, requests.ReadTimeout, TimeoutError),
            _Explanation(f"the server sent nothing for {timeout_seconds:g} s", _FIX_TIMEOUT),
        ),
        (DamagedBodyError, _Explanation("the body is not in the chunks that it says it is in")),
        (
            (http.client.IncompleteRead, urllib3.IncompleteRead),
            _Explanation("the connection was cut before the end of the file"),
        ),
        (
            http.client.RemoteDisconnected,
            _Explanation("the server closed the connection without an answer"),
        ),
        (http.client.HTTPException, _Explanation("what the server answers is not HTTP", fix_url)),
        (
            ValueError,  # all that can be wrong with a URL, and the others are listed above
            _Explanation(
                "the URL, or one that it redirects to, is none that can be fetched",
                fix_url,
                is_retryable=False,
            ),
        ),
    ]


def _causes(error: BaseException) -> list[BaseException]:
    """The error and what it wraps, outermost first: requests and urllib3 keep it in three places."""
    causes: list[BaseException] = []
    pending: list[object] = [error]
    while pending:
        cause = pending.pop(0)
        if isinstance(cause, BaseException) and cause not in causes:
            causes.append(cause)
            pending += [getattr(cause, "reason", None), cause.__cause__, cause.__context__, *cause.args]
    return causes


def _name(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _fix(
    response: "requests.Response", retry_after_seconds: float, credential: HttpCredential | None
) -> str | None:
    status = response.status_code
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return "The proxy asks for credentials; HTTP_PROXY and HTTPS_PROXY may hold them."
    if status in _AUTHENTICATION_STATUSES:
        return _authentication_fix(response, credential)
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return "Check the url of the asset in the project file."
    if retry_after_seconds > _MAX_RETRY_AFTER_SECONDS:
        return f"It asks to come back in {retry_after_seconds:,.0f} s."
    return None


def _authentication_fix(response: "requests.Response", credential: HttpCredential | None) -> str:
    header_name, what = "Authorization", "the user name and password of the URL or of ~/.netrc"
    if credential is not None:
        header_name, what = credential.header_name, f"the token from {credential.variable}"
    if header_name in response.request.headers:
        return (
            f"It was sent {what}, in the header {header_name}. "
            "Check that this is valid, may read the file, and is sent as expected."
        )
    first = [*response.history, response][0]
    if header_name in first.request.headers:
        return (
            f"It was not sent {what}, in the header {header_name}: the request was redirected to another "
            "server, and credentials go to none but the one in the project file."
        )
    return (
        "It asks for credentials, and no token was sent: the project file names none. "
        "Add authentication: {http: {token_env_var: MY_API_KEY}}."
    )


def _retry_after_seconds(response: "requests.Response") -> float:
    """The Retry-After header, RFC 9110, 10.2.3: seconds, or a date."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    date = http_date(text)
    return 0.0 if date is None else max(date - time.time(), 0.0)
