"""Checking a parameter: whether what a command is called with is what it declares."""

import json
from typing import Any

from openmas_assets.messages.container import elements, is_dict, is_list
from openmas_assets.messages.errors import PluginCallError
from openmas_assets.messages.parameter_place import MAX_PARAMETER_DEPTH, declared_fields, place_text
from openmas_assets.messages.parameter_type import (
    AnyType,
    ClassType,
    FieldsType,
    ListType,
    MapType,
    Parameter,
    ParameterType,
    PlainType,
    Scalar,
    ScalarType,
    alternatives,
)
from openmas_assets.messages.problem import KeyPath, Problem
from openmas_assets.messages.python_type import python_type_text
from openmas_assets.messages.suggestion import closest, listed

MAX_CALL_PROBLEMS = 20
"""How many problems of one call are listed."""

_NULL = ScalarType("null")
_MAX_LINE_LENGTH = 500


def check_parameter(parameter: Parameter, value: object) -> None:
    """Check what a command is called with, once the references in it are resolved.

    The value's own code is not run: types are told by the class, choices compared among plain text, numbers,
    booleans and null. A tuple is a list, True and False are no numbers, a whole number is a float, an array
    is no list. Null fits where the type says so, and where the value need not be there at all.

    Args:
        parameter: What the command declares.
        value: What it is called with.

    Raises:
        PluginCallError: It does not fit. All problems are listed, the first 20; no value is shown.
    """
    problems = list(dict.fromkeys(_Check().parameter(parameter, value, ())))
    if not problems:
        return
    more = ["and more; put these right first"] if len(problems) >= MAX_CALL_PROBLEMS else []
    lines = [_line(problem) for problem in problems[:MAX_CALL_PROBLEMS]]
    raise PluginCallError(
        f"the parameter is not what the command takes: {'; '.join([*lines, *more])}",
        parameter=place_text(problems[0].path),
        fix="Call it again with all of that put right.",
    )


class _Check:
    def __init__(self) -> None:
        # By the identity of type and value: an object that is there many times is looked at once.
        self._known: dict[tuple[int, int], list[Problem]] = {}

    def parameter(self, parameter: Parameter, value: object, path: KeyPath) -> list[Problem]:
        options = alternatives(parameter.type)
        if value is None and (not parameter.is_required or _NULL in options):
            return []
        problems = self._value(options, value, path)
        if problems and problems[0].path == path and parameter.accepts_references:
            return [Problem(path, f"{problems[0].text}; a reference to the right value would do, too")]
        return problems or _choice_problems(parameter.choices, value, path)

    def _value(self, options: list[PlainType], value: object, path: KeyPath) -> list[Problem]:
        results = []
        for option in options:
            problems = self._plain(option, value, path)
            if not problems:
                return []
            results.append(problems)
        # Of several types, the one meant is the one that a dict or list has at least the outside of.
        meant = declared_fields(options, value) if is_dict(value) else None
        if meant is not None:
            return self._plain(meant, value, path)
        inside = [problems for problems in results if problems[0].path != path]
        if inside or len(results) == 1:
            return (inside or results)[0]
        return [_mismatch(" | ".join(map(str, options)), value, path)]

    def _plain(self, option: PlainType, value: object, path: KeyPath) -> list[Problem]:
        match option:
            case AnyType():
                return []
            case ScalarType() | ClassType():
                return [] if option.holds(value) else [_mismatch(str(option), value, path)]
        if not (is_list(value) if isinstance(option, ListType) else is_dict(value)):
            return [_mismatch(str(option), value, path)]
        if len(path) > MAX_PARAMETER_DEPTH:
            return [Problem(path, f"nests deeper than {MAX_PARAMETER_DEPTH} levels")]
        key = (id(option), id(value))
        if key not in self._known:
            self._known[key] = []  # while it is being looked at, it is no problem of its own
            self._known[key] = self._inside(option, value, path)
        return self._known[key]

    def _inside(self, option: ListType | MapType | FieldsType, value: Any, path: KeyPath) -> list[Problem]:
        match option:
            case ListType(element):
                return self._all(element, list(enumerate(elements(value))), path)
            case MapType(element):
                return self._map(element, value, path)
            case FieldsType():
                return self._fields(option, value, path)

    def _all(
        self, element: ParameterType, items: list[tuple[int | str, Any]], path: KeyPath
    ) -> list[Problem]:
        options = alternatives(element)
        problems: list[Problem] = []
        for step, item in items if AnyType() not in options else ():
            problems += self._value(options, item, (*path, step))
            if len(problems) >= MAX_CALL_PROBLEMS:
                break
        return problems

    def _map(self, element: ParameterType, value: dict[Any, Any], path: KeyPath) -> list[Problem]:
        if isinstance(element, AnyType):
            return []
        items = [(key, item) for key, item in dict.items(value) if isinstance(key, str)]
        problems = self._all(element, list(items), path)
        if len(items) < len(value):
            problems.append(Problem((*path, "?"), "is a key that is not text"))
        return problems

    def _fields(self, option: FieldsType, value: dict[Any, Any], path: KeyPath) -> list[Problem]:
        problems: list[Problem] = []
        for each in option.fields:
            place = (*path, each.name)
            if dict.__contains__(value, each.name):
                problems += self.parameter(each, dict.__getitem__(value, each.name), place)
            elif each.is_required:
                problems.append(Problem(place, f"is missing; write a value of type {each.type}"))
        for key in dict.keys(value):
            if len(problems) >= MAX_CALL_PROBLEMS:
                break
            if key not in option.names:
                problems.append(Problem((*path, key if isinstance(key, str) else "?"), _unknown(key, option)))
        return problems


def _line(problem: Problem) -> str:
    text = f"{place_text(problem.path)}: {problem.text}"
    return text if len(text) <= _MAX_LINE_LENGTH else f"{text[:_MAX_LINE_LENGTH]}…"


def _mismatch(expected: str, value: object, path: KeyPath) -> Problem:
    return Problem(path, f"expected {expected}, got {python_type_text(value)}")


def _unknown(key: object, option: FieldsType) -> str:
    match = closest(key, option.names) if isinstance(key, str) else None
    return f"unknown field ({f'did you mean {match!r}?' if match else f'known are {listed(option.names)}'})"


def _choice_problems(choices: tuple[Scalar, ...], value: object, path: KeyPath) -> list[Problem]:
    if not choices:
        return []
    if is_list(value):
        found: list[Problem] = []
        for index, item in enumerate(elements(value)):
            found += _choice_problems(choices, item, (*path, index))
            if len(found) >= MAX_CALL_PROBLEMS:
                break
        return found
    plain = _plain_scalar(value)
    if any(_same(plain, choice) for choice in choices):
        return []
    texts = [json.dumps(choice, ensure_ascii=False) for choice in choices]
    match = (
        closest(plain, [choice for choice in choices if isinstance(choice, str)])
        if isinstance(plain, str)
        else None
    )
    suggestion = f" (did you mean {json.dumps(match, ensure_ascii=False)}?)" if match else ""
    return [Problem(path, f"is none of the choices{suggestion}; write one of {listed(texts)}")]


def _plain_scalar(value: Any) -> object:
    # As the base class has it: a subclass may compare as it likes.
    kind = type(value)
    if issubclass(kind, str):
        return str.__str__(value)
    if issubclass(kind, int) and not issubclass(kind, bool):
        return int.__int__(value)
    return float.__float__(value) if issubclass(kind, float) else value


def _same(value: object, choice: Scalar) -> bool:
    if type(value) not in {str, int, float, bool, type(None)}:
        return False
    return isinstance(value, bool) == isinstance(choice, bool) and value == choice
