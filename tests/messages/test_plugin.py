"""What plugins, their dispatcher and its callers say to each other."""

import pytest

from openmas_assets.messages.base import Message
from openmas_assets.messages.plugin import CallPlugin, CommandRun, PluginAnswered


@pytest.mark.parametrize(
    "message",
    [
        CallPlugin(message={"content": {"param": "SECRET"}}),
        PluginAnswered(message={"content": {"response": "SECRET"}}),
        CommandRun(call_id=1, response="SECRET"),
    ],
    ids=lambda message: type(message).__name__,
)
def test_what_is_passed_to_and_by_a_plugin_is_not_shown(message: Message) -> None:
    assert repr(message).startswith(type(message).__name__)
    assert "SECRET" not in f"{message!r} {message}"
