"""A parameter's specification: how a plugin config describes a parameter or response, and how it is read."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from openmas_assets.messages.parameter_type import (
    AnyType,
    ClassType,
    FieldsType,
    ListType,
    NamedType,
    Parameter,
    ParameterType,
    Scalar,
    ScalarType,
    alternatives,
)
from openmas_assets.messages.problem import KeyPath, Problem, is_harmless
from openmas_assets.messages.suggestion import closest, listed
from openmas_assets.messages.type_name import TYPE_NAMES, is_built_in, is_class_name, read_type_name

MAX_SPEC_DEPTH = 32
"""How deep descriptions may nest in each other."""

MAX_SPECS = 10_000
"""How many descriptions a plugin config may hold; YAML's aliases can make billions out of a few lines."""

TYPE_REF_KEY = "_type_ref"
"""The key that names a type for reuse."""

_SPEC_KEYS = (
    "type", "description", "required", "optional", "asset_ref_acceptable", "enum", "example", TYPE_REF_KEY,
)  # fmt: skip
_ANYTHING = Parameter(AnyType())


class SpecReader:
    """Reads all the descriptions of one plugin config, which may name each other's types.

    Attributes:
        problems: What is wrong, in the order found.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._definitions: dict[str, ParameterType] = {}
        self._defined_at: dict[str, KeyPath] = {}
        self._used_names: list[tuple[KeyPath, str]] = []
        self._with_choices: list[tuple[KeyPath, Parameter]] = []
        self._spec_count = 0

    def read(self, data: object, path: KeyPath, name: str = "") -> Parameter:
        """Read a description.

        Args:
            data: What the config holds.
            path: Where.
            name: The key of the field that it describes; empty for a whole parameter or response.

        Returns:
            The parameter; where problems were found, one that takes anything.
        """
        self._spec_count += 1
        if self._spec_count > MAX_SPECS or len(path) > 2 * MAX_SPEC_DEPTH:
            self._report_too_large(path)
            return _ANYTHING
        if not isinstance(data, Mapping):
            self._report(path, "is no description; write a mapping such as {type: string}")
            return _ANYTHING
        spec = _with_type(data)
        self._check_keys(spec, path)
        # Without a type key it is the mapping itself that holds the fields.
        type_path = (*path, "type") if "type" in data else path
        declared = self._type(spec["type"], type_path) if "type" in spec else AnyType()
        self._define(spec.get(TYPE_REF_KEY), declared, (*path, TYPE_REF_KEY))
        parameter = Parameter(
            type=declared,
            name=name,
            description=self.text(spec.get("description"), (*path, "description")),
            is_required=self._is_required(spec, path),
            accepts_references=self._flag(spec, "asset_ref_acceptable", path, default=False),
            choices=self._choices(spec.get("enum"), (*path, "enum")),
            example=spec.get("example"),
        )
        if parameter.choices:
            self._with_choices.append(((*path, "enum"), parameter))
        return parameter

    def finish(self) -> None:
        """Check what can only be known when all has been read: the names of types, and enums."""
        for path, name in self._used_names:
            if name not in self._definitions:
                self._define_class(name, path)
        for name, path in self._defined_at.items():
            if not alternatives(self._definitions[name]):
                self._report(path, f"'{_shown(name)}' stands for nothing but itself; say what type it is")
        for path, parameter in self._with_choices:
            self._check_choices(parameter, path)

    def text(self, value: object, path: KeyPath) -> str | None:
        """Read a text that need not be there.

        Args:
            value: What the config holds.
            path: Where.

        Returns:
            The text; None where there is none, or where it is none, which is a problem then.
        """
        if value is None or isinstance(value, str):
            return value
        self._report(path, "is not text; write plain text, in quotes if need be")
        return None

    def _report(self, path: KeyPath, text: str) -> None:
        self.problems.append(Problem(path, text))

    def _report_too_large(self, path: KeyPath) -> None:
        limits = f"{MAX_SPECS} descriptions, or nests them deeper than {MAX_SPEC_DEPTH}"
        text = f"the config holds more than {limits}; does an alias contain itself?"
        if all(problem.text != text for problem in self.problems):
            self._report(path[:4], text)

    def _check_keys(self, spec: Mapping[Any, Any], path: KeyPath) -> None:
        for key in spec:
            if key not in _SPEC_KEYS:
                self._report((*path, key if isinstance(key, str) else "?"), unknown_key(key, _SPEC_KEYS))

    def _flag(self, spec: Mapping[Any, Any], key: str, path: KeyPath, *, default: bool) -> bool:
        value = spec.get(key)
        if isinstance(value, bool):
            return value
        if value is not None:
            self._report((*path, key), "is neither true nor false; write one of the two")
        return default

    def _is_required(self, spec: Mapping[Any, Any], path: KeyPath) -> bool:
        is_required = self._flag(spec, "required", path, default=True)
        is_optional = self._flag(spec, "optional", path, default=not is_required)
        if spec.get("required") is not None and is_optional is is_required:
            self._report((*path, "optional"), "contradicts required; keep one of the two")
        return not is_optional

    def _type(self, value: object, path: KeyPath) -> ParameterType:
        if isinstance(value, str):
            return self._named_type(value, path)
        if isinstance(value, Mapping):
            fields = [(key, spec, (*path, str(key))) for key, spec in value.items() if key != TYPE_REF_KEY]
            return self._define(value.get(TYPE_REF_KEY), self._fields(fields), (*path, TYPE_REF_KEY))
        if isinstance(value, list | tuple) and value:
            return self._list_type(value, path)
        if value is None or isinstance(value, list | tuple):
            self._report(path, "is empty; write a type, for null with quotes: 'null'")
        else:
            self._report(
                path, "is no type; write a name such as string, a mapping of fields, or a list of them"
            )
        return AnyType()

    def _named_type(self, text: str, path: KeyPath) -> ParameterType:
        try:
            return read_type_name(text, lambda name: self._use(name, path))
        except ValueError as error:
            self._report(path, str(error))
            return AnyType()

    def _use(self, name: str, path: KeyPath) -> NamedType:
        self._used_names.append((path, name))
        return NamedType(name, self._definitions)

    def _define(self, name: object, declared: ParameterType, path: KeyPath) -> ParameterType:
        if name is None:
            return declared
        if not isinstance(name, str) or not name.strip() or any(sign in name for sign in "[],|"):
            self._report(path, "is no name for a type; write one word")
        elif is_built_in(name):
            self._report(path, f"'{name}' is the name of a built-in type; write another name")
        elif name in self._definitions:
            first = Problem(self._defined_at[name], "")
            self._report(path, f"is the name of another type too ({str(first)[:-2]}); give each its own")
        else:
            self._definitions[name] = declared
            self._defined_at[name] = path
            return NamedType(name, self._definitions)
        return declared

    def _define_class(self, name: str, path: KeyPath) -> None:
        self._definitions[name] = ClassType(name) if is_class_name(name) else AnyType()
        if not is_class_name(name):
            known = [*TYPE_NAMES, *self._defined_at]
            match = closest(name, known) or closest(name.lower(), known)
            fix = f"did you mean '{match}'?" if match else f"known are {listed(known)}"
            hint = "a class is written with its module, such as numpy.ndarray"
            self._report(path, f"'{_shown(name)}' is the name of no type; {fix}; {hint}")

    def _fields(self, entries: list[tuple[object, object, KeyPath]]) -> FieldsType:
        fields: dict[str, Parameter] = {}
        for key, spec, path in entries:
            if not isinstance(key, str):
                self._report(path, "is a key that is not text; write it in quotes")
            elif key in fields:
                self._report(path, f"'{_shown(key)}' is described twice; remove one")
            else:
                fields[key] = self.read(spec, path, key)
        return FieldsType(tuple(fields.values()))

    def _list_type(self, entries: list[Any] | tuple[Any, ...], path: KeyPath) -> ParameterType:
        name, name_path = None, path
        fields: list[tuple[object, object, KeyPath]] = []
        for index, entry in enumerate(entries):
            place = (*path, index)
            match entry:
                case {"name": str(key), **spec}:
                    fields.append((key, spec, place))
                case Mapping() if list(entry) == [TYPE_REF_KEY]:
                    name, name_path = entry[TYPE_REF_KEY], (*place, TYPE_REF_KEY)
                case Mapping() if len(entry) == 1 and isinstance(next(iter(entry.values())), Mapping):
                    fields += [(key, spec, (*place, str(key))) for key, spec in entry.items()]
                case _:
                    self._report(place, "describes no element field; write such as {name: x, type: int}")
        return self._define(name, ListType(self._fields(fields)), name_path)

    def _choices(self, values: object, path: KeyPath) -> tuple[Scalar, ...]:
        if values is None:
            return ()
        if not isinstance(values, list | tuple) or not values:
            self._report(path, "is no list of values; write each value on a line of its own, after a dash")
            return ()
        good = [value for value in values if _is_choice(value)]
        if len(good) < len(values):
            self._report(path, "holds more than text, finite numbers, true, false and null; write only these")
        return tuple(good)

    def _check_choices(self, parameter: Parameter, path: KeyPath) -> None:
        options = list(_scalar_types(parameter.type))
        if AnyType() in options:
            return
        for index, value in enumerate(parameter.choices):
            if not any(isinstance(option, ScalarType) and option.holds(value) for option in options):
                fix = (
                    "write it in quotes" if ScalarType("string") in options else "write a value of that type"
                )
                text = f"does not fit the type {parameter.type}"
                self._report((*path, index), f"{text}; {fix}")


def unknown_key(key: object, known: tuple[str, ...]) -> str:
    """Say of a key that it is unknown, and what may have been meant.

    Args:
        key: The key.
        known: What it could have been.

    Returns:
        The text of a problem.
    """
    if not isinstance(key, str):
        return "is a key that is not text; write it in quotes"
    match = closest(key, known)
    return f"unknown key; did you mean {match}?" if match else f"unknown key; known are {listed(known)}"


def _with_type(data: Mapping[Any, Any]) -> Mapping[Any, Any]:
    # A description without a type, but with descriptions in it, is a mapping of fields.
    fields = {key: value for key, value in data.items() if isinstance(value, Mapping) and key != "example"}
    if "type" in data or not fields:
        return data
    rest = {key: value for key, value in data.items() if key not in fields}
    return {**rest, "type": fields}


def _is_choice(value: object) -> bool:
    return isinstance(value, str | int | None) or (isinstance(value, float) and math.isfinite(value))


def _scalar_types(declared: ParameterType) -> Iterator[ParameterType]:
    # An enum on a list is about its elements. A list that contains itself has no scalar there.
    waiting, seen = [declared], set()
    while waiting:
        for option in alternatives(waiting.pop()):
            if not isinstance(option, ListType):
                yield option
            elif id(option) not in seen:
                seen.add(id(option))
                waiting.append(option.element)


def _shown(name: str) -> str:
    return name if is_harmless(name.strip("<>")) else "?"
