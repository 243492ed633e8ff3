"""The protocol of the plugin dispatcher and its plugins: calls, in the form that agents and models write.

A call is a dict: `receiver` with role `plugin` and the plugin's name, `content_type` `command`, `content`
with `command` and `param`. Its answer has the same form, whether it succeeded or not.
"""

from typing import Any

from pydantic import ConfigDict, Field

from openmas_assets.messages.base import Message
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.plugin_message import PluginCall


class CallPlugin(Message):
    """Call a plugin's command. Answer: `PluginAnswered`; a failure of the call is an answer too.

    Attributes:
        message: The call.
        timeout_seconds: How long it may take; None for what the plugin was registered with.
        depth: In how many handlers of plugins the caller is itself; 0 outside.
    """

    message: Any
    timeout_seconds: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    depth: int = Field(default=0, ge=0)

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return []  # its param may hold anything


class PluginAnswered(Message):
    """What became of a call.

    Attributes:
        message: The answer: `content_type` `command`, `asset_ref` or `error`.
        error: What went wrong, for those who would rather have it raised; None where nothing did.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    message: dict[str, Any]
    error: AssetError | None = None

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return [("error", self.error)]  # its response may hold anything


class RunCommand(Message):
    """From the dispatcher to a plugin: run a command. Answer: `CommandRun` or `CommandFailed`.

    Attributes:
        call_id: Repeated in every answer.
        call: The call.
        depth: See `CallPlugin`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    call_id: int
    call: PluginCall
    depth: int


class AbortCommand(Message):
    """From the dispatcher to a plugin: nobody waits for a command any more. No answer.

    Attributes:
        call_id: Of the command.
    """

    call_id: int


class CommandRun(Message):
    """A handler has answered.

    Attributes:
        call_id: Of the command.
        response: What it returned; None where that has become an asset.
        asset_id: Of that asset; None where the response goes out as it is.
    """

    call_id: int
    response: Any = None
    asset_id: str | None = None

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return [("call_id", self.call_id)]


class CommandFailed(Message):
    """A command was not run, or its handler has failed.

    Attributes:
        call_id: Of the command.
        error: Why.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    call_id: int
    error: AssetError


class ReferencesResolved(Message):
    """What a plugin tells itself once the store has answered for all references of a call.

    Attributes:
        call_id: Of the command.
    """

    call_id: int


class CallerGone(Message):
    """What the dispatcher tells itself when somebody who called has given up.

    Attributes:
        call_id: Of the call.
    """

    call_id: int
