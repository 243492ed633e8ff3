"""A type's name: what it means, and which are refused."""

import pytest

from openmas_assets.messages.parameter_type import (
    AnyType,
    ClassType,
    ListType,
    MapType,
    NamedType,
    ParameterType,
    ScalarType,
    UnionType,
)
from openmas_assets.messages.type_name import read_type_name

INT, TEXT, NULL = ScalarType("int"), ScalarType("string"), ScalarType("null")


def named(name: str) -> NamedType:
    return NamedType(name, {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((name, TEXT) for name in ("string", "str", "String", "STR", "<class 'str'>")),
        *((name, INT) for name in ("int", "integer", " int ")),
        *((name, ScalarType("float")) for name in ("float", "number")),
        *((name, ScalarType("bool")) for name in ("bool", "boolean")),
        *((name, NULL) for name in ("None", "null")),
        *((name, AnyType()) for name in ("any", "Any", "typing.Any")),
        *((name, ListType(AnyType())) for name in ("list", "List", "array", "List[Any]")),
        *((name, MapType(AnyType())) for name in ("dict", "Dict", "Mapping", "object")),
        ("bytes", ScalarType("bytes")),
        ("List[int]", ListType(INT)),
        ("typing.List[ int ]", ListType(INT)),
        ("Dict[str, List[Dict[str,int]]]", MapType(ListType(MapType(INT)))),
        ("Optional[int]", UnionType((INT, NULL))),
        ("int | None", UnionType((INT, NULL))),
        ("List[int|str]", ListType(UnionType((INT, TEXT)))),
        ("List[Object]", ListType(MapType(AnyType()))),
        ("numpy.ndarray", named("numpy.ndarray")),
        ("<class 'numpy.ndarray'>", ClassType("numpy.ndarray")),
        ("List[point]", ListType(named("point"))),
        ("<type_ref_name>", named("<type_ref_name>")),
    ],
)
def test_a_type_is_read_as_annotations_write_it(text: str, expected: ParameterType) -> None:
    assert read_type_name(text, named) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is no type"),
        ("int |", "is no type"),
        ("List[]", "is no type"),
        ("[int]", "is no type"),
        ("List[int]x", "is no type"),
        ("List[int", "brackets that do not pair"),
        ("List]int[", "brackets that do not pair"),
        ("List[int][str]", "brackets that do not pair"),
        ("List[int, str]", "wrong number"),
        ("Dict[int]", "wrong number"),
        ("int[str]", "wrong number"),
        ("Optional", "wrong number"),
        ("Dict[int, str]", "keys that are not text"),
        ("point[int]", "takes none"),
        ("List[" * 30 + "int" + "]" * 30, "nests deeper"),
        ("x" * 2000, "is longer than"),
    ],
)
def test_a_name_that_is_no_type_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_type_name(text, named)
