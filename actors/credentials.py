"""Tokens: read from the environment when a transfer starts, kept nowhere else, shown never."""

import base64
import os
from dataclasses import dataclass

from pydantic import SecretStr

from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.authentication import HttpAuthentication, HubAuthentication
from openmas_assets.messages.errors import AssetAuthenticationError


@dataclass(frozen=True)
class HttpCredential:
    """A header that says who asks.

    Attributes:
        header_name: The header.
        header_value: What it holds.
        variable: The environment variable that the token came from.
    """

    header_name: str
    header_value: SecretStr
    variable: str


def http_credential(config: AssetConfig) -> HttpCredential | None:
    """Make the header that an HTTP asset's `authentication` asks for.

    Args:
        config: The asset.

    Returns:
        None if it asks for none.

    Raises:
        AssetAuthenticationError: The variable is unset, empty, or holds what no header can carry.
    """
    if config.authentication is None or config.authentication.http is None:
        return None
    http = config.authentication.http
    token = _token(config, http.token_env_var)
    return HttpCredential(http.header_name, SecretStr(_header_value(http, token)), http.token_env_var)


@dataclass(frozen=True)
class HubToken:
    """A token for the Hugging Face Hub.

    Attributes:
        token: The token; None to leave it to the library, which has variables and a stored login of its own.
        variable: The environment variable it came from, or would come from.
    """

    token: SecretStr | None
    variable: str


def hub_token(config: AssetConfig) -> HubToken:
    """Find the token for a Hub asset.

    A variable that the project file names must be set. The default one need not be: without it the library
    looks for HF_TOKEN and for what `hf auth login` has stored.

    Args:
        config: The asset.

    Raises:
        AssetAuthenticationError: The variable is unset, empty, or holds what no header can carry.
    """
    hub = config.authentication.hf if config.authentication is not None else HubAuthentication()
    is_named = "token_env_var" in hub.model_fields_set
    if not is_named and not os.environ.get(hub.token_env_var):
        return HubToken(None, hub.token_env_var)
    return HubToken(SecretStr(_token(config, hub.token_env_var)), hub.token_env_var)


def _token(config: AssetConfig, variable: str) -> str:
    token = os.environ.get(variable, "")
    fix = f"Set it, or write {variable}=... into the .env file beside the project file."
    if not token:
        state = "is empty" if variable in os.environ else "is not set"
        raise AssetAuthenticationError(
            f"its token should be in the environment variable {variable}, which {state}",
            asset_name=config.name,
            fix=fix,
        )
    # RFC 9110, 5.5: visible ASCII, spaces and tabs inside; a line break would start another header.
    if not token.isascii() or not token.isprintable() or token != token.strip():
        raise AssetAuthenticationError(
            f"the environment variable {variable} holds a line break, a space at an end, or another "
            "character that a token cannot have",
            asset_name=config.name,
            fix=fix,
        )
    return token


def _header_value(http: HttpAuthentication, token: str) -> str:
    if http.scheme.lower() == "basic" and ":" in token:  # RFC 7617, 2; what has no colon is encoded already
        token = base64.b64encode(token.encode()).decode()
    return f"{http.scheme} {token}" if http.scheme else token
