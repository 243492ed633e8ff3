"""An explanation: what pydantic found wrong in a project file, in words for the person who wrote it."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from itertools import islice
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from openmas_assets.messages.asset_config import HOISTED_KEYS, AssetConfig
from openmas_assets.messages.authentication import Authentication, HttpAuthentication, HubAuthentication
from openmas_assets.messages.naming import naming_problems
from openmas_assets.messages.problem import MAX_PROBLEMS, KeyPath, Problem, is_harmless
from openmas_assets.messages.project import AssetSettings, ProjectConfig
from openmas_assets.messages.source import SOURCE_MODELS
from openmas_assets.messages.suggestion import closest, listed

# The values of these keys may be secrets, or hold one by mistake.
_HIDDEN_KEYS = frozenset(
    {"url", "token_env_var", "scheme", "header_name", "http", "hf", "authentication", "source"}
)

_EXAMPLES = {
    "name": "name: my-model",
    "source": "source: {type: http, url: https://example.com/model.bin}",
    "type": "type: http, type: hf or type: local",
    "url": "url: https://example.com/model.bin",
    "repo_id": "repo_id: organization/model",
    "path": "path: data/model.bin",
    "token_env_var": "token_env_var: MY_API_KEY",
}

_TEXTS = {
    "string_unicode": "holds characters that are no valid Unicode; write it anew",
    "path_type": "is no path; write the path of a file or folder, in quotes",
    "int_type": "is not a whole number; write one such as 3",
    "int_parsing": "is not a whole number; write one such as 3",
    "int_parsing_size": "is not a whole number that can be read; write a smaller one",
    "int_from_float": "is not a whole number; write one such as 3",
    "float_type": "is not a number; write one such as 5.0",
    "float_parsing": "is not a number; write one such as 5.0",
    "finite_number": "is not a finite number; write one such as 5.0",
    "bool_type": "is neither true nor false; write one of the two",
    "bool_parsing": "is neither true nor false; write one of the two",
    "tuple_type": "is not a list; write each entry on a line of its own, after a dash",
    "dict_type": "is not a mapping; write keys and values below it, indented",
    "mapping_type": "is not a mapping; write keys and values below it, indented",
    "model_type": "is not a mapping; write keys and values below it, indented",
    "model_attributes_type": "is not a mapping; write keys and values below it, indented",
}


def content_problems(data: Mapping[Any, Any], as_written: Callable[[KeyPath], str | None]) -> list[Problem]:
    """Find all that is wrong with the content of a project file.

    Args:
        data: What the file holds, as plain Python data.
        as_written: Answers how the scalar at a path is spelled in the file, None where there is no scalar.

    Returns:
        The problems in no particular order, of each kind 101 at most; none if the content is a valid
        `ProjectConfig`.
    """
    try:
        ProjectConfig.model_validate(data)
    except ValidationError as error:
        details = islice(error.errors(include_url=False), MAX_PROBLEMS + 1)
        # The one without a place tells of the names, which are looked at below, whatever else is wrong.
        explained = [_explained(detail, data, as_written) for detail in details if detail["loc"]]
        return explained + naming_problems(data)
    return []


def _explained(
    detail: ErrorDetails, data: Mapping[Any, Any], as_written: Callable[[KeyPath], str | None]
) -> Problem:
    path = _path_in_file(detail["loc"], data)
    if detail["type"].startswith("union_tag"):
        path = (*path, "type")
    key = str(path[-1])
    written = as_written(path)
    # Like a key, a value is shown only where it can be neither a URL nor a header.
    value = written if written and is_harmless(written) and key not in _HIDDEN_KEYS else None
    match detail["type"]:
        case "value_error":
            text = str(detail["ctx"]["error"])
        case "missing" | "union_tag_not_found":
            text = f"is missing; add {_EXAMPLES.get(key, key)}"
        case "invalid_key":
            text = "is a key that is not text; write it in quotes"
        case "extra_forbidden":
            text = _unknown_key_text(detail["loc"], key)
        case "union_tag_invalid":
            text = _choice_text(value, list(SOURCE_MODELS))
        case "literal_error":
            text = _choice_text(value, re.findall(r"'([^']*)'", detail["ctx"]["expected"]))
        case "string_type":
            text = _not_text_text(detail["input"], value)
        case "greater_than_equal" | "greater_than":
            text = _too_small_text(value, detail["ctx"])
        case kind:
            text = _TEXTS.get(kind, "is not what belongs here; compare it with the documentation")
            text = f"{value} {text}" if value else text
    return Problem(path, text)


def _path_in_file(location: tuple[int | str, ...], data: Mapping[Any, Any]) -> KeyPath:
    # pydantic's location tells the chosen source type and marks keys; the file has neither.
    path = tuple(step for step in location if step != "[key]")
    match path:
        case ("assets", int(), "source", str(tag), *rest) if tag in SOURCE_MODELS and rest:
            return (*path[:3], *rest)
        case ("assets", int(index), str(key), *rest) if key in HOISTED_KEYS:
            asset = data["assets"][index]
            return path if asset.get(key) is not None else ("assets", index, "source", key, *rest)
    return path


def _not_text_text(value: object, shown: str | None) -> str:
    if isinstance(value, bool):
        kind = "true or false"
    elif isinstance(value, int | float):
        kind = "a number"
    elif isinstance(value, date):
        kind = "a date"
    else:
        return "is not text; write plain text, in quotes if need be"
    return (
        f'{shown} is {kind} in YAML; write "{shown}" in quotes'
        if shown
        else f"is {kind}; write text in quotes"
    )


def _choice_text(value: str | None, choices: list[str]) -> str:
    match = closest(value, choices) if value else None
    suggestion = f"did you mean {match}? " if match else ""
    return f"{value or 'this'} is none of the choices; {suggestion}write one of {listed(choices)}"


def _too_small_text(value: str | None, context: Mapping[str, Any]) -> str:
    bound = f"at least {context['ge']}" if "ge" in context else f"more than {context['gt']}"
    return f"{value or 'this'} is too small; write a number that is {bound}"


def _unknown_key_text(location: tuple[int | str, ...], key: str) -> str:
    known_keys = list(_known_keys(location))
    is_in_source = "source" in location[:-1]
    if is_in_source and key in HOISTED_KEYS:
        return "stands on the asset too, with another value; keep the one on the asset"
    owners = [tag for tag, model in SOURCE_MODELS.items() if key in model.model_fields]
    if is_in_source and owners:
        return f"belongs to a source of type {' or '.join(owners)}; remove it, or change the type"
    if not is_harmless(key):
        return "unknown key, not shown because it looks like a value; is the space after its colon missing?"
    match = closest(key, known_keys)
    return f"unknown key; did you mean {match}?" if match else f"unknown key; known are: {listed(known_keys)}"


def _known_keys(location: tuple[int | str, ...]) -> Iterator[str]:
    model: type[BaseModel]
    match location:
        case ("assets", int(), "source", str(tag), _):
            model = SOURCE_MODELS[tag]
        case ("assets", int(), "authentication", _):
            model = Authentication
        case ("assets", int(), "authentication", "http", _):
            model = HttpAuthentication
        case ("assets", int(), "authentication", "hf", _):
            model = HubAuthentication
        case ("assets", int(), _):
            model = AssetConfig
        case _:
            model = AssetSettings
    yield from model.model_fields
