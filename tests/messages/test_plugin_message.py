"""A call is read from its dict form, and what is none is told what a call looks like."""

from typing import Any

import numpy as np
import pytest

from openmas_assets.messages.errors import PluginCallError
from openmas_assets.messages.plugin_message import CALL_FORM, PluginCall, caller_of, error_answer

RECEIVER = {"role": "plugin", "name": "lab"}
CALL: dict[str, Any] = {"receiver": RECEIVER, "content_type": "command", "content": {"command": "go"}}


class Hostile(dict[Any, Any]):
    """A dict that may not be asked anything."""

    def _fail(self, *_: object) -> Any:
        raise AssertionError

    get = keys = items = __iter__ = __getitem__ = __contains__ = __len__ = __bool__ = _fail


ODD = {
    "None": (None, "it is no dict"),
    "text": ('{"receiver": {}}', "it is no dict"),
    "a list": ([CALL], "it is no dict"),
    "nothing": ({}, "it has no receiver"),
    "a misspelt receiver": (
        {**CALL, "receiver": None, "reciever": RECEIVER},
        "is 'reciever' meant to be it?",
    ),
    "no content": ({"receiver": RECEIVER, "content_type": "command"}, "it has no content"),
    "a receiver of text": ({**CALL, "receiver": "lab"}, "its receiver is no dict"),
    "another role": (
        {**CALL, "receiver": {**RECEIVER, "role": "agent"}},
        'the role of its receiver is not "plugin"',
    ),
    "no role": ({**CALL, "receiver": {"name": "lab"}}, 'the role of its receiver is not "plugin"'),
    "an odd role": (
        {**CALL, "receiver": {"role": np.arange(2), "name": "lab"}},
        "the role of its receiver is not",
    ),
    "no name": ({**CALL, "receiver": {"role": "plugin"}}, "its receiver has no name"),
    "an empty name": ({**CALL, "receiver": {"role": "plugin", "name": ""}}, "its receiver has no name"),
    "a number for a name": ({**CALL, "receiver": {"role": "plugin", "name": 1}}, "its receiver has no name"),
    "no content_type": ({"receiver": RECEIVER, "content": {}}, 'its content_type is not "command"'),
    "another content_type": ({**CALL, "content_type": "text/plain"}, 'its content_type is not "command"'),
    "an odd content_type": ({**CALL, "content_type": np.arange(2)}, 'its content_type is not "command"'),
    "content of text": ({**CALL, "content": "go"}, "its content is no dict"),
    "no command": ({**CALL, "content": {"param": {}}}, "its content has no command"),
    "a list for a command": ({**CALL, "content": {"command": ["go"]}}, "its content has no command"),
}


@pytest.mark.parametrize(("message", "problem"), ODD.values(), ids=ODD)
def test_what_is_no_call_is_told_why_and_how_one_looks(message: object, problem: str) -> None:
    with pytest.raises(PluginCallError) as raised:
        PluginCall.parse(message)
    text = str(raised.value)
    assert text.startswith("this is no plugin call: ")
    assert problem in text
    assert text.endswith(CALL_FORM)


def test_the_error_names_plugin_and_command_as_far_as_the_message_does() -> None:
    with pytest.raises(PluginCallError) as raised:
        PluginCall.parse({**CALL, "content_type": "text"})
    assert (raised.value.plugin, raised.value.command) == ("lab", "go")


def test_keys_that_it_does_not_need_are_passed_over() -> None:
    call = PluginCall.parse({**CALL, "id": 7, "content": {"command": "go", "param": [1], "x": 1}})
    assert (call.plugin, call.command, call.param, call.is_param_absent) == ("lab", "go", [1], False)


@pytest.mark.parametrize("content", [{"command": "go"}, {"command": "go", "param": None}])
def test_no_param_and_null_are_an_empty_dict(content: object) -> None:
    call = PluginCall.parse({**CALL, "content": content})
    assert (call.param, call.is_param_absent) == ({}, True)


@pytest.mark.parametrize("param", [0, False, "", [], {}])
def test_an_empty_param_is_kept_as_it_is(param: object) -> None:
    call = PluginCall.parse({**CALL, "content": {"command": "go", "param": param}})
    assert call.param is param
    assert not call.is_param_absent


def test_the_caller_is_a_copy_of_the_sender() -> None:
    message = {**CALL, "sender": {"role": "agent"}}
    call = PluginCall.parse(message)
    call.answer(1)["receiver"]["role"] = "changed"
    assert call.answer(1)["receiver"] == {"role": "agent"}
    assert message["sender"] == {"role": "agent"}


def test_no_code_of_a_message_is_run() -> None:
    hostile = Hostile({**CALL, "receiver": Hostile(RECEIVER), "sender": Hostile(role="agent")})
    assert PluginCall.parse(hostile).answer(1)["receiver"] == {"role": "agent"}
    with pytest.raises(PluginCallError, match="it has no receiver"):
        PluginCall.parse(Hostile(reciever=1))


def test_an_answer_that_refers_to_an_asset_reads_like_a_reference() -> None:
    answer = PluginCall.parse(CALL).asset_answer("a1")
    assert (answer["content_type"], answer["content"]) == ("asset_ref", {"asset_id": "a1"})


def test_a_long_error_is_cut() -> None:
    answer = error_answer(PluginCallError("x" * 10_000), plugin=None, command=None, caller=caller_of(None))
    assert answer["content"]["error"]["message"] == "x" * 2000 + "…"
