"""Tokens come from the environment, in the form that the project file asks for."""

import base64
from typing import Any

import pytest

from openmas_assets.actors.credentials import http_credential, hub_token
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.errors import AssetAuthenticationError
from projects import asset

TOKEN = "s3cret-T0ken"


def http_asset(**http: Any) -> AssetConfig:
    authentication = {"http": {"token_env_var": "MY_API_KEY", **http}}
    return asset("a", "https://example.com/a", authentication=authentication)


def header(**http: Any) -> tuple[str, str]:
    credential = http_credential(http_asset(**http))
    assert credential is not None
    return credential.header_name, credential.header_value.get_secret_value()


def test_an_asset_without_authentication_has_no_credential() -> None:
    assert http_credential(asset("a", "https://example.com/a")) is None


@pytest.mark.parametrize(
    ("http", "expected"),
    [
        ({}, ("Authorization", f"Bearer {TOKEN}")),
        ({"scheme": "Token"}, ("Authorization", f"Token {TOKEN}")),
        ({"scheme": "", "header_name": "X-API-Key"}, ("X-API-Key", TOKEN)),
        ({"scheme": "Basic"}, ("Authorization", f"Basic {TOKEN}")),
    ],
)
def test_the_scheme_and_the_header_are_those_of_the_project_file(
    monkeypatch: pytest.MonkeyPatch, http: dict[str, str], expected: tuple[str, str]
) -> None:
    monkeypatch.setenv("MY_API_KEY", TOKEN)
    assert header(**http) == expected


@pytest.mark.parametrize("scheme", ["Basic", "basic"])
def test_basic_encodes_a_user_and_a_password(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("MY_API_KEY", "Aladdin:open sesame")  # the example of RFC 7617, 2
    assert header(scheme=scheme) == ("Authorization", f"{scheme} QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
    assert base64.b64decode("QWxhZGRpbjpvcGVuIHNlc2FtZQ==") == b"Aladdin:open sesame"


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_that_holds_nothing_is_an_error_that_names_it(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    if value is None:
        monkeypatch.delenv("MY_API_KEY", raising=False)
    else:
        monkeypatch.setenv("MY_API_KEY", value)
    with pytest.raises(AssetAuthenticationError, match=r"asset 'a'.*MY_API_KEY.*\.env"):
        http_credential(http_asset())


@pytest.mark.parametrize(
    "value", [f"{TOKEN}\n", f"{TOKEN}\r\nX-Evil: 1", f"\t{TOKEN}", f"{TOKEN}\x7f", "tökén"]
)
def test_a_value_that_no_header_can_carry_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("MY_API_KEY", value)
    with pytest.raises(AssetAuthenticationError, match="MY_API_KEY") as caught:
        http_credential(http_asset())
    assert value.strip() not in str(caught.value)


def test_a_credential_does_not_show_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", TOKEN)
    assert TOKEN not in repr(http_credential(http_asset()))
    monkeypatch.setenv("HUGGING_FACE_HUB_TOKEN", TOKEN)
    assert TOKEN not in repr(hub_token(hub_asset()))


def hub_asset(**hub: str) -> AssetConfig:
    fields: dict[str, Any] = {"authentication": {"hf": hub}} if hub else {}
    source = {"type": "hf", "repo_id": "org/model", "filename": "model.safetensors"}
    return AssetConfig.model_validate({"name": "m", "source": source, **fields})


def test_the_hub_token_is_in_its_usual_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUGGING_FACE_HUB_TOKEN", TOKEN)
    found = hub_token(hub_asset())
    assert found.token is not None
    assert found.token.get_secret_value() == TOKEN


def test_without_it_the_library_is_left_to_look_for_one_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    assert hub_token(hub_asset()).token is None


def test_a_variable_that_the_project_file_names_must_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUGGING_FACE_HUB_TOKEN", TOKEN)
    monkeypatch.delenv("OUR_HUB_TOKEN", raising=False)
    with pytest.raises(AssetAuthenticationError, match="OUR_HUB_TOKEN"):
        hub_token(hub_asset(token_env_var="OUR_HUB_TOKEN"))
