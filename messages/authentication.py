"""Authentication: which environment variable holds the token, and how a request carries it."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from openmas_assets.messages.declaration import Declaration

_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Tokens of the Hub and of GitHub, which could be names of variables.
_TOKEN = re.compile(r"(hf|gh[a-z]|github_pat)_[A-Za-z0-9_]{20,}")
# RFC 9110, section 5.6.2: what a header's name and an authentication scheme are made of.
_HTTP_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def _check_variable_name(value: str) -> str:
    if not _VARIABLE_NAME.fullmatch(value) or _TOKEN.fullmatch(value):
        raise ValueError(
            "is not the name of an environment variable (letters, digits and _); "
            "write the variable's name, such as MY_API_KEY, never the token itself"
        )
    return value


def _check_header_name(value: str) -> str:
    if not _HTTP_TOKEN.fullmatch(value):
        raise ValueError("is not the name of an HTTP header; write one such as Authorization or X-API-Key")
    return value


def _check_scheme(value: str) -> str:
    if value and not _HTTP_TOKEN.fullmatch(value):
        raise ValueError('is not an authentication scheme; write Bearer, Token, Basic, or "" for none')
    return value


_VariableName = Annotated[str, AfterValidator(_check_variable_name)]


class HttpAuthentication(Declaration):
    """How an HTTP request carries a token.

    Attributes:
        token_env_var: The environment variable that holds the token.
        scheme: What stands before the token in the header; "" for the bare token.
        header_name: The header that carries it.
    """

    token_env_var: _VariableName
    scheme: Annotated[str, AfterValidator(_check_scheme)] = "Bearer"
    header_name: Annotated[str, AfterValidator(_check_header_name)] = "Authorization"


class HubAuthentication(Declaration):
    """Where the token for the Hugging Face Hub is.

    Attributes:
        token_env_var: The environment variable that holds the token.
    """

    token_env_var: _VariableName = "HUGGING_FACE_HUB_TOKEN"  # noqa: S105 - a variable's name


class Authentication(Declaration):
    """How an asset's source is told who asks. The token itself is never in the project file.

    Attributes:
        strategy: Where the token comes from; an environment variable is the only place so far.
        http: For an HTTP source; such a source needs it.
        hf: For a Hugging Face Hub source; the default names the Hub's usual variable.
    """

    strategy: Literal["env_token"] = "env_token"
    http: HttpAuthentication | None = None
    hf: HubAuthentication = Field(default_factory=HubAuthentication)
