"""A plugin's config: what a plugin is called, what commands it has, and what they take and give."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from openmas_assets.messages.errors import AssetConfigurationError, PluginCallError
from openmas_assets.messages.parameter_spec import SpecReader, unknown_key
from openmas_assets.messages.parameter_type import AnyType, Parameter
from openmas_assets.messages.problem import MAX_PROBLEMS, KeyPath, Problem, is_harmless
from openmas_assets.messages.suggestion import closest, listed

UNDECLARED = Parameter(AnyType(), is_required=False)
"""The parameter or response of a command that says nothing of it: anything, but no reference."""

_COMMAND_KEYS = (
    "command_name", "description", "description_for_human", "description_for_model", "parameter", "response",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PluginCommand:
    """One command of a plugin.

    Attributes:
        name: What it is called by.
        description: What it does; None where not given. Written for models where the config tells that apart.
        parameter: What it takes; `UNDECLARED` where the config does not say.
        response: What it answers, for the reader only; `UNDECLARED` likewise.
    """

    name: str
    description: str | None = None
    parameter: Parameter = UNDECLARED
    response: Parameter = UNDECLARED


@dataclass(frozen=True, slots=True)
class PluginConfig:
    """A plugin, as its config declares it.

    Attributes:
        name: `config.name`, else `name`, else `info.title`.
        commands: In the order of the config, one or more, each with a name of its own.
        id: `config.id`, else `id`; None where not given.
        title: Of `info`; None where not given.
        description: What it is for. Written for models where the config tells that apart.
        prompt: How models are told to use it; None where not given.
    """

    name: str
    commands: tuple[PluginCommand, ...]
    id: str | None = None
    title: str | None = None
    description: str | None = None
    prompt: str | None = None

    def command(self, name: str) -> PluginCommand:
        """Look up a command.

        Args:
            name: Its name.

        Returns:
            The command.

        Raises:
            PluginCallError: The plugin has none of that name. The error suggests one and lists them.
        """
        for command in self.commands:
            if command.name == name:
                return command
        names = [command.name for command in self.commands]
        match = closest(name, names)
        suggestion = f"Did you mean '{match}'? " if match else ""
        shown = f" '{name}'" if is_harmless(name) else " of that name"
        raise PluginCallError(
            f"plugin '{self.name}' has no command{shown}",
            plugin=self.name,
            command=name if is_harmless(name) else None,
            fix=f"{suggestion}Its commands are: {listed(names)}.",
        )


def parse_plugin_config(data: object) -> PluginConfig:
    """Read a plugin's config.

    At the top and in `info` and `config`, keys that are not ours are passed over; in a command and in the
    description of a parameter they are problems, for a misspelt `asset_ref_acceptable` must not go unnoticed.
    `required: false` and `optional: true` mean the same, wherever they stand.

    Args:
        data: What the YAML file holds, loaded.

    Returns:
        The config.

    Raises:
        AssetConfigurationError: It is broken; `problems` lists all that is wrong, the first 100.
    """
    if not isinstance(data, Mapping):
        raise AssetConfigurationError(
            "the plugin config is not a mapping",
            fix="Write the keys info and commands, indented what is below.",
        )
    reader = SpecReader()
    sections = {key: _section(data, key, reader) for key in ("info", "config")}
    info, own = sections["info"], sections["config"]
    config = PluginConfig(
        name=_name(data, info, own, reader) or "",
        commands=_commands(data, reader),
        id=_first_text(reader, (own, ("config", "id")), (data, ("id",))),
        title=reader.text(info.get("title"), ("info", "title")),
        description=_first_text(
            reader, (info, ("info", "description_for_model")), (info, ("info", "description"))
        ),
        prompt=reader.text(info.get("prompt"), ("info", "prompt")),
    )
    reader.finish()
    if reader.problems:
        problems = list(islice(dict.fromkeys(reader.problems), 10 * MAX_PROBLEMS))
        raise _error(config.name, sorted(problems, key=lambda each: _position(data, each.path)))
    return config


def _error(name: str, problems: list[Problem]) -> AssetConfigurationError:
    count = f"{len(problems)} problems" if len(problems) > 1 else "a problem"
    which = f" of '{name}'" if is_harmless(name) else ""
    more = ["and more; put these right first"] if len(problems) > MAX_PROBLEMS else []
    lines = [str(problem) for problem in islice(problems, MAX_PROBLEMS)]
    return AssetConfigurationError(f"the plugin config{which} has {count}", problems=[*lines, *more])


def _position(data: object, path: KeyPath) -> list[int]:
    # Where a path stands in the file: names and enums are only checked when all has been read.
    position = []
    for step in path:
        if isinstance(data, Mapping):
            keys = list(data)
            position.append(keys.index(step) if step in data else len(keys))
            data = data.get(step)
        elif isinstance(data, list | tuple) and isinstance(step, int):
            position.append(step)
            data = data[step]
    return position


def _section(data: Mapping[Any, Any], key: str, reader: SpecReader) -> Mapping[Any, Any]:
    section = data.get(key)
    if section is not None and not isinstance(section, Mapping):
        reader.problems.append(Problem((key,), "is not a mapping; write keys and values below it, indented"))
    return section if isinstance(section, Mapping) else {}


def _name(
    data: Mapping[Any, Any], info: Mapping[Any, Any], own: Mapping[Any, Any], reader: SpecReader
) -> str | None:
    places = ((own, ("config", "name")), (data, ("name",)), (info, ("info", "title")))
    name = _first_text(reader, *places)
    if name is None and not any(section.get(path[-1]) for section, path in places):
        text = "is missing, and so are name and config.name; add one, for it is what the plugin is called by"
        reader.problems.append(Problem(("info", "title"), text))
    return name


def _first_text(reader: SpecReader, *places: tuple[Mapping[Any, Any], KeyPath]) -> str | None:
    for section, path in places:
        text = reader.text(section.get(path[-1]), path)
        if text is not None and text.strip():
            return text
    return None


def _commands(data: Mapping[Any, Any], reader: SpecReader) -> tuple[PluginCommand, ...]:
    entries = data.get("commands")
    if not isinstance(entries, list | tuple) or not entries:
        missing = "commands" not in data
        match = closest("commands", [key for key in data if isinstance(key, str)]) if missing else None
        text = f"is missing; did you write {match} for it?" if match else "is no list with a command or more"
        reader.problems.append(Problem(("commands",), f"{text}; add one: - command_name: my_command"))
        return ()
    commands = [_command(entry, ("commands", index), reader) for index, entry in enumerate(entries)]
    reader.problems.extend(_duplicates(commands))
    return tuple(commands)


def _duplicates(commands: list[PluginCommand]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, command in enumerate(commands):
        if command.name and first.setdefault(command.name, index) != index:
            text = f"is the name of commands[{first[command.name]}] too; give each command a name of its own"
            yield Problem(("commands", index, "command_name"), text)


def _command(entry: object, path: KeyPath, reader: SpecReader) -> PluginCommand:
    if not isinstance(entry, Mapping):
        reader.problems.append(Problem(path, "is not a mapping; write such as command_name: my_command"))
        return PluginCommand("")
    for key in entry:
        if key not in _COMMAND_KEYS:
            place = (*path, key if isinstance(key, str) else "?")
            reader.problems.append(Problem(place, unknown_key(key, _COMMAND_KEYS)))
    name = reader.text(entry.get("command_name"), (*path, "command_name"))
    if entry.get("command_name") is None or name == "":
        text = "is missing; add command_name: my_command"
        reader.problems.append(Problem((*path, "command_name"), text))
    return PluginCommand(
        name=name or "",
        description=_first_text(
            reader,
            (entry, (*path, "description_for_model")),
            (entry, (*path, "description")),
        ),
        parameter=_declared(entry, path, "parameter", reader),
        response=_declared(entry, path, "response", reader),
    )


def _declared(entry: Mapping[Any, Any], path: KeyPath, key: str, reader: SpecReader) -> Parameter:
    return reader.read(entry[key], (*path, key)) if entry.get(key) is not None else UNDECLARED
