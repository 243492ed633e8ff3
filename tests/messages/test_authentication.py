"""Authentication names a variable and a header, and can smuggle nothing into either."""

from typing import Any

import pytest
from pydantic import ValidationError

from openmas_assets.messages.authentication import Authentication, HttpAuthentication, HubAuthentication


def test_the_defaults_are_those_of_the_guide() -> None:
    authentication = Authentication()

    assert authentication.strategy == "env_token"
    assert authentication.http is None
    assert authentication.hf.token_env_var == "HUGGING_FACE_HUB_TOKEN"
    http = HttpAuthentication(token_env_var="MY_API_KEY")
    assert (http.scheme, http.header_name) == ("Bearer", "Authorization")


def test_the_empty_scheme_stands_for_the_bare_token() -> None:
    assert HttpAuthentication(token_env_var="KEY", scheme="").scheme == ""


@pytest.mark.parametrize(
    "fields",
    [
        {"token_env_var": "sk-live/abc=="},
        {"token_env_var": ""},
        {"token_env_var": "KEY", "scheme": "Bearer\r\nX-Evil: 1"},
        {"token_env_var": "KEY", "scheme": "Bearer abc"},
        {"token_env_var": "KEY", "header_name": "Authorization: Bearer"},
        {"token_env_var": "KEY", "header_name": "X\r\nHost"},
        {"token_env_var": "KEY", "header_name": ""},
    ],
)
def test_what_is_no_variable_scheme_or_header_is_refused_and_not_shown(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        HttpAuthentication.model_validate(fields)

    assert "input_value" not in str(caught.value)
    assert "sk-live" not in str(caught.value)


def test_another_strategy_is_refused() -> None:
    with pytest.raises(ValidationError):
        Authentication.model_validate({"strategy": "vault"})


def test_a_key_without_a_value_has_its_default() -> None:
    authentication = Authentication.model_validate({"strategy": None, "hf": None, "http": None})

    assert authentication == Authentication()
    assert HubAuthentication.model_validate({"token_env_var": None}) == HubAuthentication()
