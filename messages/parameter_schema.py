"""A parameter's schema: its declaration as JSON Schema, for a language model to fill."""

import json
import re
from collections.abc import Mapping
from typing import Any

from openmas_assets.messages.parameter_type import (
    AnyType,
    ClassType,
    FieldsType,
    ListType,
    MapType,
    NamedType,
    Parameter,
    ParameterType,
    PlainType,
    Scalar,
    ScalarName,
    ScalarType,
    UnionType,
    alternatives,
)

_JSON_NAMES: Mapping[ScalarName, str] = {
    "string": "string", "int": "integer", "float": "number", "bool": "boolean", "null": "null",
}  # fmt: skip

_REFERENCE_HINT = "May be given as a reference to an asset: an asset:// URL, or asset_id and field_path."

_ASSET_ID = {"type": "string", "description": "The id of the asset."}
_FIELD_PATH = {
    "type": "array",
    "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
    "description": "Keys and indices from the asset's root, such as content; left out for the whole asset.",
}

REFERENCE_SCHEMAS: tuple[Mapping[str, Any], ...] = (
    {
        "type": "string",
        "pattern": "^[Aa][Ss][Ss][Ee][Tt]://",
        "description": "A reference as a URL: asset://asset_id/steps/of/the/path",
    },
    {
        "type": "object",
        "properties": {"asset_id": _ASSET_ID, "field_path": _FIELD_PATH},
        "required": ["asset_id"],
        "additionalProperties": False,
        "description": "A reference as an object.",
    },
)
"""The two forms of a reference that a model is told of."""


class ParameterSchema:
    """Describes one command's parameter.

    Attributes:
        definitions: What named types stand for, by the names that the schema's `$ref`s use.
    """

    def __init__(self) -> None:
        self.definitions: dict[str, Any] = {}
        self._names: dict[tuple[int, bool], str] = {}

    def of(self, parameter: Parameter) -> dict[str, Any]:
        """Describe a parameter or field.

        What no JSON can hold, a live object or bytes, is left out where a reference can be given for it.

        Args:
            parameter: The declaration.

        Returns:
            Its schema.
        """
        schemas = self._alternatives(parameter.type, parameter.choices, accepts=parameter.accepts_references)
        schema: dict[str, Any] = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        hint = _REFERENCE_HINT if parameter.accepts_references else ""
        texts = [(parameter.description or "").strip(), str(schema.get("description", "")), hint]
        described = " ".join(text for text in texts if text)
        return {**schema, **({"description": described} if described else {}), **_examples(parameter.example)}

    def of_root(self, parameter: Parameter, declared: FieldsType | MapType) -> dict[str, Any]:
        """Describe a whole parameter that is a dict, without a choice at the root.

        Args:
            parameter: The declaration.
            declared: Its type.

        Returns:
            Its schema, an object.
        """
        schema = self._container(declared, (), accepts=parameter.accepts_references)
        if parameter.accepts_references:
            reference = {"asset_id": _ASSET_ID, "field_path": _FIELD_PATH}
            schema = {**schema, "properties": {**reference, **schema["properties"]}, "required": []}
        described = {"description": parameter.description} if parameter.description else {}
        return {**schema, **described, **_examples(parameter.example)}

    def _alternatives(
        self, declared: ParameterType, choices: tuple[Scalar, ...], *, accepts: bool
    ) -> list[dict[str, Any]]:
        members = declared.members if isinstance(declared, UnionType) else (declared,)
        if accepts and all(AnyType() not in alternatives(member) for member in members):
            # A choice with something that takes anything would say nothing.
            members = tuple(member for member in members if not _is_beyond_json(member))
            return [*self._each(members, choices, accepts=True), *map(dict, REFERENCE_SCHEMAS)]
        return self._each(members, choices, accepts=accepts)

    def _each(
        self, members: tuple[ParameterType, ...], choices: tuple[Scalar, ...], *, accepts: bool
    ) -> list[dict[str, Any]]:
        schemas: list[dict[str, Any]] = []
        for member in members:
            match member:
                case UnionType(inner):
                    schemas += self._each(inner, choices, accepts=accepts)
                case NamedType():
                    schemas.append(self._named(member, choices, accepts=accepts))
                case plain:
                    schemas.append(self._plain(plain, choices, accepts=accepts))
        return schemas

    def _named(self, declared: NamedType, choices: tuple[Scalar, ...], *, accepts: bool) -> dict[str, Any]:
        options = alternatives(declared)
        if len(options) == 1 and not isinstance(options[0], ListType | MapType | FieldsType):
            return self._plain(options[0], choices, accepts=accepts)
        # The flag goes into lists and dicts, so that one name can have two meanings.
        target = declared.definitions[declared.name]
        accepts = accepts and not isinstance(target, FieldsType)
        key = (id(target), accepts)
        if key not in self._names:
            self._names[key] = self._free_name(declared.name)
            self.definitions[self._names[key]] = {}
            schemas = self._each((target,), (), accepts=accepts)
            definition = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
            self.definitions[self._names[key]] = definition
        return {"$ref": f"#/$defs/{self._names[key]}"}

    def _free_name(self, name: str) -> str:
        base = re.sub(r"[^a-zA-Z0-9_-]", "_", name)
        number = 1
        while (free := base if number == 1 else f"{base}_{number}") in self.definitions:
            number += 1
        return free

    def _plain(self, declared: PlainType, choices: tuple[Scalar, ...], *, accepts: bool) -> dict[str, Any]:
        match declared:
            case AnyType():
                return {"enum": list(choices)} if choices else {}
            case ClassType(name):
                return {"description": f"A live object of the Python class {name}, which JSON cannot hold."}
            case ScalarType("bytes"):
                return {"description": "Python bytes, which JSON cannot hold."}
            case ScalarType(name):
                fitting = [choice for choice in choices if declared.holds(choice)]
                return {"type": _JSON_NAMES[name], **({"enum": fitting} if fitting else {})}
            case container:
                return self._container(container, choices, accepts=accepts)

    def _container(
        self, declared: ListType | MapType | FieldsType, choices: tuple[Scalar, ...], *, accepts: bool
    ) -> dict[str, Any]:
        match declared:
            case ListType(element):
                return {"type": "array", "items": self._inside(element, choices, accepts=accepts)}
            case MapType(value):
                inside = self._inside(value, (), accepts=accepts)
                return {"type": "object", "properties": {}, "additionalProperties": inside}
            case FieldsType(fields):
                return {
                    "type": "object",
                    "properties": {each.name: self.of(each) for each in fields},
                    "required": [each.name for each in fields if each.is_required],
                    "additionalProperties": False,
                }

    def _inside(
        self, declared: ParameterType, choices: tuple[Scalar, ...], *, accepts: bool
    ) -> dict[str, Any]:
        schemas = self._alternatives(declared, choices, accepts=accepts)
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _is_beyond_json(declared: ParameterType) -> bool:
    options = alternatives(declared)
    return all(isinstance(option, ClassType) or option == ScalarType("bytes") for option in options)


def _examples(example: object) -> dict[str, Any]:
    # YAML knows dates and the like, which a tool definition cannot hold.
    try:
        text = json.dumps(example, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return {}
    return {"examples": [json.loads(text)]} if example is not None else {}
