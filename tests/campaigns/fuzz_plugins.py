"""Fuzzes plugin configs, and calls of plugins as a language model may write them."""

from pathlib import Path
from typing import Any

from fuzz_input import HARMLESS_TEXTS, TEXTS, Choices, mutated_value
from fuzz_objects import odd_object
from fuzz_oracle import check, check_error
from fuzz_references import reference_form
from fuzz_yaml import hostile_yaml
from openmas_assets.actors.plugin_dispatcher import PluginDispatcher
from openmas_assets.actors.store import AssetStore
from openmas_assets.messages.errors import AssetError, PluginCallError
from openmas_assets.messages.json_fit import fits_json

_CONFIG: dict[str, Any] = {
    "info": {"title": "lab", "description": "text", "prompt": "text"},
    "commands": [
        {
            "command_name": "negative",
            "description_for_model": "text",
            "parameter": {
                "type": {
                    "image": {"type": "numpy.ndarray", "asset_ref_acceptable": True},
                    "style": {"type": "str", "enum": ["plain", "framed"], "required": False},
                    "marks": {
                        "type": [{"name": "x", "type": "int"}, {"name": "y", "type": "point"}],
                        "required": False,
                    },
                    "where": {"type": {"a": {"type": "float"}, "_type_ref": "point"}, "optional": True},
                    "sizes": {
                        "type": "Dict[str, List[int | None]]",
                        "example": {"a": [1]},
                        "required": False,
                    },
                }
            },
            "response": {"type": "any"},
        },
        {"command_name": "any"},
        {"command_name": "list", "parameter": {"type": "list", "asset_ref_acceptable": True}},
    ],
}
_CALL: dict[str, Any] = {
    "sender": {"role": "cerebrum", "name": "model"},
    "receiver": {"role": "plugin", "name": "lab"},
    "content_type": "command",
    "content": {
        "command": "negative",
        "param": {
            "image": "asset://fuzz/content",
            "style": "plain",
            "marks": [{"x": 1}],
            "sizes": {"a": [1, None]},
        },
    },
}
_TIMEOUT_SECONDS = 250
_TYPES = (
    *("str", "int", "float", "bool", "None", "any", "bytes", "list", "dict", "List[int]", "Dict[str, int]"),
    *("int | None", "Optional[str]", "Union[int, str]", "List[" * 500 + "int" + "]" * 500, "a.b.C"),
    *("numpy.ndarray", "point", "list[", "|", "tuple[int, ...]", "Literal['a']", "os.system"),
    *("__import__('os')", "builtins.eval", "int|" * 3000, "", " int "),
)


class PluginTarget:
    """A dispatcher with a plugin, and another dispatcher for each config that is tried.

    Args:
        folder: An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "plugin.yml"
        self._store = AssetStore()
        self._dispatcher = PluginDispatcher(self._store)
        self._dispatcher.register(_CONFIG, _echo)

    def run(self, choices: Choices) -> str:
        """See `fuzzing.Target`."""
        choices.texts = HARMLESS_TEXTS  # errors name plugins and commands
        if choices.chance(40):
            return self._register(choices)
        self._store.put(odd_object(choices, 2), asset_id="fuzz", replace=True)
        return self._call(choices, self._dispatcher, _call(choices))

    def close(self) -> None:
        """See `fuzzing.Target`."""
        self._dispatcher.close()
        self._store.close()

    def _register(self, choices: Choices) -> str:
        config: Any = _config(choices)
        if choices.chance(30):
            self._path.write_bytes(hostile_yaml(choices, (_CONFIG,)))
            config = self._path
        with PluginDispatcher(self._store) as dispatcher:
            name = dispatcher.register(config, _echo)
            for dialect in ("openai", "anthropic"):
                check(fits_json(dispatcher.tool_schemas(dialect)), "a tool schema is no JSON")
            for tool in dispatcher.tool_schemas("anthropic"):
                call = dispatcher.tool_call(
                    tool["name"], choices.pick(({}, {"image": reference_form(choices)}))
                )
                check(call["receiver"]["name"] == name, "a tool calls another plugin")
                self._call(choices, dispatcher, call)
        return "a config was registered"

    def _call(self, choices: Choices, dispatcher: PluginDispatcher, message: Any) -> str:
        if choices.chance(30):
            try:
                dispatcher.call(message, timeout_seconds=_TIMEOUT_SECONDS, raise_errors=True)
            except PluginCallError as error:
                check_error(error)
            return "a call was made that raises"
        answer = dispatcher.call(message, timeout_seconds=_TIMEOUT_SECONDS)
        # To whom it goes, the call has said, in whatever it likes.
        check(fits_json({**answer, "receiver": None}), f"an answer is no JSON: {answer!r:.300}")
        check(
            answer["content_type"] in ("command", "asset_ref", "error"),
            f"an answer is {answer['content_type']}",
        )
        if answer["content_type"] == "error":
            check_error(AssetError(answer["content"]["error"]["message"]))
            return f"a call was answered with an error of type {answer['content']['error']['type']}"
        return f"a call was answered with {answer['content_type']}"


def _echo(_command: str, param: object) -> object:
    return param


def _config(choices: Choices) -> Any:
    config = mutated_value(choices, _CONFIG) if choices.chance(80) else choices.plain_value()
    if choices.chance(50):
        typed = {"type": choices.pick(_TYPES), "enum": [choices.plain_value(1)] * choices.below(3)}
        extra = {"command_name": choices.text(), "parameter": mutated_value(choices, typed)}
        return {**_CONFIG, "commands": [*_CONFIG["commands"], extra]}
    if choices.chance(5):
        nested: Any = {"type": "int"}
        for _ in range(choices.pick((20, 300, 3000))):
            nested = {"type": {"a": nested}} if choices.chance(60) else {"type": [{"name": "a", **nested}]}
        return {**_CONFIG, "commands": [{"command_name": "deep", "parameter": nested}]}
    return config


def _call(choices: Choices) -> Any:
    match choices.below(5):
        case 0 | 1:
            return mutated_value(choices, _CALL)
        case 2:
            choices.texts = TEXTS
            fields = {
                **_CALL["content"]["param"],
                choices.pick(("image", "style", "marks", "sizes", "where", "x")): odd_object(choices, 3),
            }
            return {**_CALL, "content": {"command": "negative", "param": fields}}
        case 3:
            choices.texts = TEXTS
            param: Any = (
                [reference_form(choices) for _ in range(choices.below(4))]
                if choices.chance(60)
                else odd_object(choices, 3)
            )
            return {**_CALL, "content": {"command": choices.pick(("list", "any")), "param": param}}
        case _:
            return odd_object(choices, 2)
