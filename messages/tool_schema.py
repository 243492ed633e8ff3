"""A tool's schema: a plugin's command as model APIs take it, with its parameter as JSON Schema.

Written for JSON Schema draft 2020-12, with only what the APIs of OpenAI and Anthropic both take: the root is
an object with `properties` and without `anyOf` and the like, its keys are 64 of `a-z A-Z 0-9 _ . -` at most,
every array has `items`. Schemas are not for OpenAI's strict mode, which knows no optional fields.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from openmas_assets.messages.parameter_schema import ParameterSchema
from openmas_assets.messages.parameter_type import (
    FieldsType,
    MapType,
    Parameter,
    ParameterType,
    UnionType,
    alternatives,
)
from openmas_assets.messages.plugin_config import UNDECLARED, PluginCommand, PluginConfig

Dialect = Literal["openai", "anthropic"]
"""Whose form a tool definition has."""

MAX_TOOL_NAME_LENGTH = 64
"""The longest name of a tool that the APIs take."""

WRAPPED_KEY = "param"
"""What a parameter that is no object stands under in a tool's arguments."""

_DIGEST_LENGTH = 8
_PROPERTY_KEY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")


def tool_schemas(configs: Iterable[PluginConfig], dialect: Dialect = "openai") -> list[dict[str, Any]]:
    """Define every command of every plugin as a tool.

    Args:
        configs: The plugins.
        dialect: `openai` for `{"type": "function", "function": {"name", "description", "parameters"}}`,
            `anthropic` for `{"name", "description", "input_schema"}`.

    Returns:
        The definitions, named as by `tool_names`, in the order of plugins and commands.
    """
    definitions = []
    for name, (config, command) in tool_names(configs).items():
        described = {"name": name, "description": _description(config, command)}
        schema = command_schema(command)
        if dialect == "anthropic":
            definitions.append({**described, "input_schema": schema})
        else:
            definitions.append({"type": "function", "function": {**described, "parameters": schema}})
    return definitions


def tool_names(configs: Iterable[PluginConfig]) -> dict[str, tuple[PluginConfig, PluginCommand]]:
    """Name every command of every plugin as a tool.

    Args:
        configs: The plugins.

    Returns:
        The command and its plugin by the tool's name: `plugin__command`, where what is none of
        `a-z A-Z 0-9 _ -` is replaced by `_`. A name that is too long, or taken, ends in a digest.
    """
    names: dict[str, tuple[PluginConfig, PluginCommand]] = {}
    for config in configs:
        for command in config.commands:
            name = re.sub(r"[^a-zA-Z0-9_-]", "_", f"{config.name}__{command.name}")
            if len(name) > MAX_TOOL_NAME_LENGTH or name in names:
                name = f"{name[: MAX_TOOL_NAME_LENGTH - _DIGEST_LENGTH - 1]}_{_digest(config, command)}"
            names[name] = (config, command)
    return names


def command_schema(command: PluginCommand) -> dict[str, Any]:
    """Describe a command's parameter as an object.

    A dict is described as it is. Where a reference may stand in for the whole of it, its own keys
    `asset_id` and `field_path` are described too and no field is required, because an API takes no choice
    at the root. Any other parameter, and a dict with a key that the APIs refuse, stands under `param`.

    Args:
        command: The command.

    Returns:
        A JSON Schema. What a model answers to it is made a parameter by `tool_param`.
    """
    schema = ParameterSchema()
    parameter = command.parameter
    if parameter is UNDECLARED:
        return {"type": "object", "properties": {}}
    if (declared := _root_object(parameter)) is None:
        root: dict[str, Any] = {
            "type": "object",
            "properties": {WRAPPED_KEY: schema.of(parameter)},
            "required": [WRAPPED_KEY] if parameter.is_required else [],
            "additionalProperties": False,
        }
    else:
        root = schema.of_root(parameter, declared)
    return {**root, "$defs": schema.definitions} if schema.definitions else root


def tool_param(command: PluginCommand, arguments: Mapping[str, Any]) -> Any:
    """Make the parameter of a call of what a model answered to `command_schema`.

    Args:
        command: The command.
        arguments: The tool call's arguments.

    Returns:
        The arguments themselves, or what stands under `param` in them; None where it was left out.
    """
    if command.parameter is UNDECLARED or _root_object(command.parameter) is not None:
        return dict(arguments)
    return arguments.get(WRAPPED_KEY)


def _root_object(parameter: Parameter) -> FieldsType | MapType | None:
    declared: ParameterType = parameter.type
    options = alternatives(declared)
    if (
        len(options) != 1
        or isinstance(declared, UnionType)
        or not isinstance(options[0], FieldsType | MapType)
    ):
        return None
    names = options[0].names if isinstance(options[0], FieldsType) else []
    return options[0] if all(_PROPERTY_KEY.fullmatch(name) for name in names) else None


def _description(config: PluginConfig, command: PluginCommand) -> str:
    parameter = command.parameter
    parts = [command.description or f"{command.name} of {config.name}.", parameter.description or ""]
    declared = _root_object(parameter)
    if parameter.accepts_references and declared is not None:
        required = (
            [each.name for each in declared.fields if each.is_required]
            if isinstance(declared, FieldsType)
            else []
        )
        needed = (
            f" Without a reference these are required: {json.dumps(required, ensure_ascii=False)}."
            if required
            else ""
        )
        parts.append(
            "In place of all the arguments, asset_id and field_path of a reference to an asset "
            f"that holds them may be given.{needed}"
        )
    return " ".join(part.strip() for part in parts if part.strip())


def _digest(config: PluginConfig, command: PluginCommand) -> str:
    # Of both names, so that a name stays the same whatever else is registered later.
    text = json.dumps([config.name, command.name])
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]
