"""What JSON can hold stands in the answer, anything else becomes an asset, unless a policy says otherwise."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openmas_assets.actors import AssetStore, PluginDispatcher
from openmas_assets.actors.plugin_responses import ResponsePolicy
from openmas_assets.messages.asset_ref import AssetRef
from plugins import config, error_of, message, response_of

CYCLE: list[Any] = []
CYCLE.append(CYCLE)

INLINE = [None, True, 0, -1.5, "", "text", [], {}, [1, [2, {"a": None}]], {"a": {"b": ["c"]}}, (1, 2)]
ASSETS: dict[str, Any] = {
    "a set": {1, 2},
    "bytes": b"\x00",
    "an array": np.zeros((2, 2)),
    "not a number": math.nan,
    "infinity in a list": [1.0, math.inf],
    "a cycle": CYCLE,
    "a model": AssetRef("a"),
    "a path": Path("/tmp"),
    "a set deep down": {"a": [{"b": {1}}]},
    "a key that is no text": {1: 2},
    "an object": object(),
}


@pytest.fixture
def store() -> Iterator[AssetStore]:
    with AssetStore() as store:
        yield store


def dispatcher(store: AssetStore, response: object, policy: ResponsePolicy | None = None) -> PluginDispatcher:
    plugins = PluginDispatcher(store, response_policy=policy)
    plugins.register(config(go=None), lambda _command, _param: response)
    return plugins


@pytest.mark.parametrize("response", INLINE, ids=repr)
def test_what_json_can_hold_stands_in_the_answer(store: AssetStore, response: object) -> None:
    with dispatcher(store, response) as plugins:
        answer = plugins.call(message())
    assert answer["content"] == {"command": "go", "response": response}
    assert answer["content_type"] == "command"
    assert json.dumps(answer)
    assert len(store) == 0


@pytest.mark.parametrize("response", ASSETS.values(), ids=ASSETS)
def test_what_json_cannot_hold_becomes_an_asset_of_the_command_and_the_response(
    store: AssetStore, response: object
) -> None:
    with dispatcher(store, response) as plugins:
        answer = plugins.call(message(sender={"role": "agent"}))
    assert answer == {
        "sender": {"role": "plugin", "name": "lab"},
        "receiver": {"role": "agent"},
        "content_type": "asset_ref",
        "content": {"asset_id": answer["content"]["asset_id"]},
    }
    asset = store.get(answer["content"]["asset_id"])
    assert set(asset.content) == {"command", "response"}
    assert asset.content["command"] == "go"
    assert store.resolve(AssetRef.parse(answer["content"]).child("content", "response")) is response
    assert json.dumps(store.meta(asset.asset_id))


def test_a_policy_is_asked_with_all_that_it_needs_and_decides(store: AssetStore) -> None:
    asked: list[object] = []

    def is_long(command: str, response: Any, is_json: bool) -> bool:
        asked.append((command, response, is_json))
        return len(response) > 3

    for response, content_type in (("long text", "asset_ref"), ("txt", "command"), ({1}, "command")):
        with dispatcher(store, response, is_long) as plugins:
            assert plugins.call(message())["content_type"] == content_type
    assert asked == [("go", "long text", True), ("go", "txt", True), ("go", {1}, False)]


def failing(_command: str, _response: object, _is_json: bool) -> bool:
    raise ValueError("no idea")


def leaving(_command: str, _response: object, _is_json: bool) -> bool:
    raise SystemExit(3)


def ambiguous(_command: str, _response: object, _is_json: bool) -> Any:
    return np.zeros(2)


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        (failing, "the policy for responses failed: ValueError: no idea"),
        (leaving, "the policy for responses failed: SystemExit: 3"),
        (ambiguous, "the policy for responses failed: ValueError: The truth value"),
    ],
)
def test_a_policy_that_fails_is_an_error_answer(store: AssetStore, policy: Any, text: str) -> None:
    with dispatcher(store, 1, policy) as plugins:
        for _ in range(2):
            error = error_of(plugins.call(message(), timeout_seconds=30))
            assert error["message"].startswith(text)
            assert error["type"] in {"ValueError", "SystemExit"}


def test_a_store_that_is_closed_meanwhile_is_an_error_answer(store: AssetStore) -> None:
    response: Any = {1}
    with dispatcher(store, response) as plugins:
        plugins.register(config("plain", go=None), lambda _command, _param: 1)
        store.close()
        assert "the asset store is closed" in error_of(plugins.call(message(), timeout_seconds=30))["message"]
        assert response_of(plugins.call(message(plugin="plain"))) == 1


def test_the_answer_of_one_plugin_is_the_parameter_of_the_next(store: AssetStore) -> None:
    picture = np.zeros((2, 2))
    with dispatcher(store, picture) as plugins:
        plugins.register(
            config("next", go={"type": "numpy.ndarray", "asset_ref_acceptable": True}),
            lambda _command, param: param is picture,
        )
        ref = AssetRef.parse(plugins.call(message())["content"]).child("content", "response")
        for form in (ref.url, ref.to_dict(), ref.embedding):
            assert response_of(plugins.call(message(plugin="next", param=form))) is True
