"""A parameter's type: what a plugin config declares of the values that a command takes or gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from openmas_assets.messages.suggestion import listed

Scalar = str | int | float | bool | None
"""What YAML and JSON hold without structure."""

ScalarName = Literal["string", "int", "float", "bool", "null", "bytes"]

_PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "int": (int,),
    "float": (float, int),  # JSON writes 2.0 as 2
    "bool": (bool,),
    "null": (type(None),),
    "bytes": (bytes,),
}

# Read by type's own descriptors: a metaclass can make anything of `cls.__mro__`.
_BASES, _MODULE, _NAME = (type.__dict__[name] for name in ("__mro__", "__module__", "__qualname__"))


@dataclass(frozen=True, slots=True)
class AnyType:
    """Anything at all."""

    def __str__(self) -> str:
        return "any"


@dataclass(frozen=True, slots=True)
class ScalarType:
    """A value without structure.

    Attributes:
        name: Its canonical name.
    """

    name: ScalarName

    def __str__(self) -> str:
        return self.name

    def holds(self, value: object) -> bool:
        """Whether a value is of this type. True and False are no numbers; a whole number is a float, too."""
        # issubclass, because isinstance asks the value for its `__class__`, which may be a lie.
        if issubclass(type(value), bool):
            return self.name == "bool"
        return issubclass(type(value), _PYTHON_TYPES[self.name])


@dataclass(frozen=True, slots=True)
class ClassType:
    """A live object.

    Attributes:
        name: Its class with the module, such as `numpy.ndarray`. Nothing is imported to look for it.
    """

    name: str

    def __str__(self) -> str:
        return self.name

    def holds(self, value: object) -> bool:
        """Whether the class of a value, or one of its bases, has this name.

        A class counts under the names of the packages around its module as well: `pandas.DataFrame` is
        defined in `pandas.core.frame`, and `pathlib.Path`, from Python 3.13 on, in `pathlib._local`.
        """
        return any(self._names(base) for base in _BASES.__get__(type(value)))

    def _names(self, base: type) -> bool:
        module, name = _MODULE.__get__(base), _NAME.__get__(base)
        if type(module) is not str or type(name) is not str or not self.name.endswith(f".{name}"):
            return False
        package = self.name.removesuffix(f".{name}")
        return module == package or module.startswith(f"{package}.")


@dataclass(frozen=True, slots=True)
class ListType:
    """A list or tuple.

    Attributes:
        element: The type of each element.
    """

    element: "ParameterType"

    def __str__(self) -> str:
        return "list" if isinstance(self.element, AnyType) else f"List[{self.element}]"


@dataclass(frozen=True, slots=True)
class MapType:
    """A dict with any keys; if the type of its values is declared, its keys are text.

    Attributes:
        value: The type of each value.
    """

    value: "ParameterType"

    def __str__(self) -> str:
        return "dict" if isinstance(self.value, AnyType) else f"Dict[str, {self.value}]"


@dataclass(frozen=True, slots=True)
class FieldsType:
    """A dict with declared keys.

    Attributes:
        fields: What each key holds, in the order of the config.
    """

    fields: tuple["Parameter", ...]

    def __str__(self) -> str:
        return f"dict with the fields {listed(self.names)}" if self.fields else "empty dict"

    @property
    def names(self) -> list[str]:
        """The declared keys."""
        return [each.name for each in self.fields]


@dataclass(frozen=True, slots=True)
class UnionType:
    """One of several types.

    Attributes:
        members: The types.
    """

    members: tuple["ParameterType", ...]

    def __str__(self) -> str:
        return " | ".join(str(member) for member in self.members)


@dataclass(frozen=True, slots=True)
class NamedType:
    """A type that is declared elsewhere in the same config; a type may contain itself in this way.

    Attributes:
        name: The name of a `_type_ref`, or of a class.
        definitions: What the names of the config stand for.
    """

    name: str
    definitions: Mapping[str, "ParameterType"] = field(repr=False, compare=False)

    def __str__(self) -> str:
        return self.name


PlainType = AnyType | ScalarType | ClassType | ListType | MapType | FieldsType
"""A type that says itself what it is."""

ParameterType = PlainType | UnionType | NamedType


@dataclass(frozen=True, slots=True)
class Parameter:
    """What is declared of a command's parameter, of a field of it, or of a response.

    Attributes:
        type: What values it takes.
        name: The field's key; empty for a whole parameter or response.
        description: What it is for; None where not given.
        is_required: Whether it must be there. One that need not may also be null.
        accepts_references: Whether a reference to an asset may stand in for the value; for a list or dict
            without declared fields, also for each of its elements or values.
        choices: The only values it takes, for a list each of its elements; empty where it is free.
        example: A value, as the config gives it, unchecked; None where not given.
    """

    type: ParameterType
    name: str = ""
    description: str | None = None
    is_required: bool = True
    accepts_references: bool = False
    choices: tuple[Scalar, ...] = ()
    example: object = None


def alternatives(declared: ParameterType) -> list[PlainType]:
    """The plain types that a type comes down to, with names looked up and unions opened.

    Args:
        declared: Any type.

    Returns:
        One or more, in the order declared; none for a name that stands for nothing but itself.
    """
    found: list[PlainType] = []
    seen: set[str] = set()
    waiting = [declared]
    while waiting:
        match waiting.pop():
            case UnionType(members):
                waiting.extend(reversed(members))
            case NamedType(name, definitions):
                if name not in seen:
                    seen.add(name)
                    waiting.append(definitions[name])
            case plain:
                found.append(plain)
    return found


Kind = TypeVar("Kind", ListType, MapType, FieldsType)


def of_kind(options: list[PlainType], kind: type[Kind]) -> list[Kind]:
    """The options that are of one kind.

    Args:
        options: Plain types.
        kind: The kind of type.

    Returns:
        Those of it, in order.
    """
    return [option for option in options if isinstance(option, kind)]
