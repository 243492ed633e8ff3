"""What went wrong between us and the Hugging Face Hub, in words of our own.

The library's texts quote signed URLs, and its errors hold the request with its token: none of that is kept.
"""

import errno
from typing import NamedTuple
from urllib.parse import urlsplit

from openmas_assets.actors.credentials import HubToken
from openmas_assets.actors.sources.fetched import TransferError
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.errors import AssetAuthenticationError, AssetDownloadError
from openmas_assets.messages.source import HubSource

_UNAUTHORIZED, _FORBIDDEN, _TOO_MANY_REQUESTS, _INTERNAL_SERVER_ERROR = 401, 403, 429, 500
_WRITE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)


class _Explanation(NamedTuple):
    problem: str
    fix: str | None = None
    is_retryable: bool = False
    is_about_access: bool = False


def hub_failure(
    config: AssetConfig, source: HubSource, token: HubToken, error: BaseException
) -> TransferError | OSError:
    """Say what an exception of the library means.

    Args:
        config: The asset.
        source: Its source.
        token: What was sent.
        error: What the library raised.

    Returns:
        What to raise in its place: an `OSError` where the disk is to blame.
    """
    if isinstance(error, OSError) and error.errno is not None and _is_of_the_disk(error):
        return OSError(error.errno, error.strerror, error.filename)
    explanation = _explain(source, token, error)
    error_type = AssetAuthenticationError if explanation.is_about_access else AssetDownloadError
    return TransferError(
        error_type(
            explanation.problem,
            url=source.shown,
            status_code=_status_code(error),
            asset_name=config.name,
            fix=explanation.fix,
        ),
        is_retryable=explanation.is_retryable,
    )


def _explain(source: HubSource, token: HubToken, error: BaseException) -> _Explanation:
    from huggingface_hub import errors

    repository = f"{_endpoint()}/{source.repo_id}"
    match error:
        case errors.GatedRepoError():  # a kind of RepositoryNotFoundError, so it comes first
            accept = f"Accept its licence on {repository}, with the account of the token."
            problem = f"the repository {source.repo_id} is gated"
            return _Explanation(problem, f"{accept} {_sent(token)}", is_about_access=True)
        case errors.RepositoryNotFoundError():
            problem = f"the repository {source.repo_id} does not exist, or is private"
            fix = f"Check source.repo_id. {_sent(token)}"
            return _Explanation(problem, fix, is_about_access=_status_code(error) == _UNAUTHORIZED)
        case errors.RevisionNotFoundError():
            problem = f"the repository {source.repo_id} has no revision {source.revision}"
            return _Explanation(problem, f"Its branches and tags are on {repository}.")
        case errors.EntryNotFoundError() if not isinstance(error, errors.LocalEntryNotFoundError):
            problem = f"the repository {source.repo_id} has no file {source.filename or ''}"
            return _Explanation(problem.rstrip(), f"Its files are on {repository}.")
    return _explain_connection(source, token, error)


def _explain_connection(source: HubSource, token: HubToken, error: BaseException) -> _Explanation:
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return _Explanation(
            f"{source.shown} is not cached, and HF_HUB_OFFLINE is set", "Unset it to fetch the asset once."
        )
    status_code = _status_code(error)
    if status_code in (_UNAUTHORIZED, _FORBIDDEN):
        problem = f"the Hub refuses access to {source.repo_id} ({status_code})"
        return _Explanation(problem, _sent(token), is_about_access=True)
    if status_code is not None:
        is_retryable = status_code == _TOO_MANY_REQUESTS or status_code >= _INTERNAL_SERVER_ERROR
        return _Explanation(f"the Hub answered {status_code} for {source.shown}", None, is_retryable)
    if type(error) is OSError:  # the library compares sizes, and has no class of its own for it
        return _Explanation(f"{source.shown} did not arrive whole", None, is_retryable=True)
    if not isinstance(error, OSError) and not type(error).__module__.startswith(("httpx", "httpcore")):
        name = f"{type(error).__module__}.{type(error).__name__}"
        return _Explanation(f"the Hugging Face library failed on {source.shown} ({name})")
    return _Explanation(
        f"the connection to the Hub at {_endpoint()} failed ({type(error).__name__})",
        "Check the network; HF_ENDPOINT and HTTPS_PROXY say where the Hub is and how to get there.",
        is_retryable=True,
    )


def _endpoint() -> str:
    """HF_ENDPOINT for people: a mirror's may hold a password."""
    from huggingface_hub import constants

    url = urlsplit(constants.ENDPOINT)
    return url._replace(netloc=url.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _sent(token: HubToken) -> str:
    if token.token is not None:
        return (
            f"The token from {token.variable} was sent, in the header Authorization: "
            "check that it is valid and may read this."
        )
    return (
        f"No token of ours was sent: {token.variable} would hold it, "
        "or HF_TOKEN, or what `hf auth login` has stored."
    )


def _status_code(error: BaseException) -> int | None:
    response = getattr(error, "response", None)
    status_code = getattr(response, "status_code", None)
    return status_code if isinstance(status_code, int) else None


def _is_of_the_disk(error: OSError) -> bool:
    """Network errors are OSErrors too, but name no file, as a write that fails does not either."""
    is_of_the_network = isinstance(error, ConnectionError | TimeoutError)
    return not is_of_the_network and (error.filename is not None or error.errno in _WRITE_ERRORS)
