"""The dict form of plugin calls and their answers, as agents and language models write and read it."""

from dataclasses import dataclass, field
from typing import Any

from openmas_assets.messages.container import is_dict
from openmas_assets.messages.errors import AssetError, PluginCallError
from openmas_assets.messages.suggestion import closest

CALL_FORM = (
    'Write {"receiver": {"role": "plugin", "name": "<plugin>"}, "content_type": "command", '
    '"content": {"command": "<command>", "param": {…}}}.'
)
"""What a call looks like, for errors."""

_MAX_TEXT_LENGTH = 2_000


@dataclass(frozen=True)
class PluginCall:
    """A call, read from its dict form.

    Attributes:
        plugin: The plugin's name.
        command: The command's name.
        param: What it is called with; `{}` where the call says nothing, or null.
        caller: Whom the answer goes to: the call's `sender`, else the role `cerebrum`.
        is_param_absent: Whether the call says nothing, or null.
    """

    plugin: str
    command: str
    param: Any = field(repr=False)  # which may hold anything
    caller: dict[str, Any]
    is_param_absent: bool = False

    @classmethod
    def parse(cls, message: object) -> "PluginCall":
        """Read a call. Keys that it does not need are passed over.

        Args:
            message: The dict form; not changed.

        Raises:
            PluginCallError: It is no call; the error says what is missing and how a call looks, and names
                plugin and command as far as the message does.
        """
        receiver, content = _field(message, "receiver"), _field(message, "content")
        plugin, command = _text(receiver, "name"), _text(content, "command")
        problem = _problem(message)
        if problem is None and plugin is None:
            problem = "its receiver has no name"
        if problem is None and command is None:
            problem = "its content has no command"
        if problem is not None or plugin is None or command is None:
            text = f"this is no plugin call: {problem}"
            raise PluginCallError(text, plugin=plugin, command=command, fix=CALL_FORM)
        param = _field(content, "param")
        is_absent = param is None
        return cls(plugin, command, {} if is_absent else param, caller_of(message), is_absent)

    def answer(self, response: object) -> dict[str, Any]:
        """The answer that gives the response itself.

        Args:
            response: What the handler returned.
        """
        return self._message("command", {"command": self.command, "response": response})

    def asset_answer(self, asset_id: str) -> dict[str, Any]:
        """The answer that refers to the asset which holds the response.

        Args:
            asset_id: Its id.
        """
        return self._message("asset_ref", {"asset_id": asset_id})

    def error_answer(self, error: AssetError) -> dict[str, Any]:
        """The answer that says what went wrong.

        Args:
            error: What.
        """
        return error_answer(error, plugin=self.plugin, command=self.command, caller=self.caller)

    def _message(self, content_type: str, content: dict[str, Any]) -> dict[str, Any]:
        return _answer(self.plugin, self.caller, content_type, content)


def caller_of(message: object) -> dict[str, Any]:
    """Whom the answer to a message goes to.

    Args:
        message: The message; anything.

    Returns:
        Its `sender`, else the role `cerebrum`.
    """
    sender = _field(message, "sender")
    return dict(dict.items(sender)) if is_dict(sender) and dict.__len__(sender) else {"role": "cerebrum"}


def error_answer(
    error: AssetError, *, plugin: str | None, command: str | None, caller: dict[str, Any]
) -> dict[str, Any]:
    """The answer that says what went wrong with a call.

    Args:
        error: What.
        plugin: The plugin's name, None where the call names none.
        command: The command's name, None where the call names none.
        caller: Whom it goes to.
    """
    kind = error.kind if isinstance(error, PluginCallError) else type(error).__name__
    parameter = error.parameter if isinstance(error, PluginCallError) else None
    text = str(error)
    if len(text) > _MAX_TEXT_LENGTH:
        text = f"{text[:_MAX_TEXT_LENGTH]}…"
    content = {"command": command, "error": {"type": kind, "message": text, "param": parameter}}
    return _answer(plugin, caller, "error", content)


def _answer(
    plugin: str | None, caller: dict[str, Any], content_type: str, content: dict[str, Any]
) -> dict[str, Any]:
    return {
        "sender": {"role": "plugin", "name": plugin},
        "receiver": dict(caller),
        "content_type": content_type,
        "content": content,
    }


def _field(value: object, key: str) -> Any:
    return dict.get(value, key) if is_dict(value) else None


def _text(value: object, key: str) -> str | None:
    text = _field(value, key)
    return text if isinstance(text, str) and text else None


def _problem(message: object) -> str | None:
    if not is_dict(message):
        return "it is no dict"
    for key in ("receiver", "content"):
        part = dict.get(message, key)
        if part is None:
            others = [name for name in dict.keys(message) if isinstance(name, str) and name != key]
            likely = closest(key, others)
            hint = f" (is '{likely}' meant to be it?)" if likely is not None else ""
            return f"it has no {key}{hint}"
        if not is_dict(part):
            return f"its {key} is no dict"
    if _text(message, "content_type") != "command":
        return 'its content_type is not "command"'
    if _text(dict.get(message, "receiver"), "role") != "plugin":
        return 'the role of its receiver is not "plugin"'
    return None
