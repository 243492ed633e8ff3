"""Checking a parameter: what fits, what does not, and how it is said."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from openmas_assets.messages.errors import PluginCallError
from openmas_assets.messages.parameter_check import check_parameter
from openmas_assets.messages.parameter_type import Parameter
from openmas_assets.messages.plugin_config import parse_plugin_config

CROP = {
    "image": {"type": "Union[numpy.ndarray, PIL.Image.Image]", "asset_ref_acceptable": True},
    "size": {"type": {"width": {"type": "int"}, "height": {"type": "int", "required": False}}},
    "mode": {"type": "string", "enum": ["fast", "good"], "required": False},
}
IMAGE = np.zeros((2, 2))
SIZE = {"width": 1}


def declared(parameter: object) -> Parameter:
    data = {"name": "p", "commands": [{"command_name": "go", "parameter": parameter}]}
    return parse_plugin_config(data).commands[0].parameter


def refusal(parameter: object, value: object) -> PluginCallError:
    with pytest.raises(PluginCallError) as caught:
        check_parameter(declared(parameter), value)
    return caught.value


def check(parameter: object, value: object) -> None:
    check_parameter(declared(parameter), value)


def test_what_is_declared_fits() -> None:
    check(CROP, {"image": IMAGE, "size": SIZE})
    check(CROP, {"image": Image.new("L", (1, 1)), "size": {"width": 1, "height": 2}, "mode": "fast"})


def test_all_problems_are_in_one_error() -> None:
    error = refusal(
        CROP, {"image": "SECRET", "size": {"height": True, "widht": 2}, "mode": "god", "zebra": 1}
    )

    text = str(error)
    assert error.parameter == "image"
    assert (
        "image: expected numpy.ndarray | PIL.Image.Image, got <class 'str'>; a reference to the right" in text
    )
    assert "size.width: is missing; write a value of type int" in text
    assert "size.height: expected int, got <class 'bool'>" in text
    assert "size.widht: unknown field (did you mean 'width'?)" in text
    assert 'mode: is none of the choices (did you mean "good"?); write one of "fast", "good"' in text
    assert "zebra: unknown field (known are image, size, mode)" in text
    assert "SECRET" not in text


@pytest.mark.parametrize(
    ("type_name", "value"),
    [
        ("int", 1),
        ("float", 1),
        ("any", object()),
        ("any", None),
        ("null", None),
        ("Optional[int]", None),
        ("int | string", "a"),
        ("list", [1, "a", None]),
        ("list", (1, 2)),
        ("List[int]", [1, 2]),
        ("List[Optional[int]]", [1, None]),
        ("dict", {1: 2}),
        ("Dict[str, int]", {"a": 1}),
        ("Dict[str, List[float]]", {"a": [1, 2.5]}),
        ("List[numpy.ndarray]", [IMAGE]),
        ("Union[numpy.ndarray, List[numpy.ndarray], List[List[int]], List[List[List[int]]]]", [[[1]]]),
        ("Union[numpy.ndarray, List[numpy.ndarray], List[List[int]], List[List[List[int]]]]", [[1], [2]]),
    ],
)
def test_a_value_of_the_type_fits(type_name: str, value: object) -> None:
    check({"x": {"type": type_name}}, {"x": value})


@pytest.mark.parametrize(
    ("type_name", "value", "text"),
    [
        ("int", True, "x: expected int, got <class 'bool'>"),
        ("int", 1.0, "x: expected int, got <class 'float'>"),
        ("int", None, "x: expected int, got <class 'NoneType'>"),
        ("float", "1", "x: expected float, got <class 'str'>"),
        ("string", 1, "x: expected string, got <class 'int'>"),
        ("int | string", [], "x: expected int | string, got <class 'list'>"),
        ("list", IMAGE, "x: expected list, got <class 'numpy.ndarray'>"),
        ("list", "abc", "x: expected list, got <class 'str'>"),
        ("List[int]", [1, "a", 2, None], "x[1]: expected int, got <class 'str'>; x[3]: expected int"),
        ("dict", [], "x: expected dict, got <class 'list'>"),
        ("Dict[str, int]", {"a": "b"}, "x.a: expected int, got <class 'str'>"),
        ("Dict[str, int]", {1: 2}, "x.?: is a key that is not text"),
        ("Optional[List[int]]", ["a"], "x[0]: expected int, got <class 'str'>"),
        ("numpy.ndarray", [1], "x: expected numpy.ndarray, got <class 'list'>"),
        ("List[numpy.ndarray]", [IMAGE, 1], "x[1]: expected numpy.ndarray, got <class 'int'>"),
    ],
)
def test_a_value_of_another_type_does_not(type_name: str, value: object, text: str) -> None:
    assert text in str(refusal({"x": {"type": type_name}}, {"x": value}))


def test_null_fits_a_field_that_need_not_be_there() -> None:
    check({"x": {"type": "int", "required": False, "enum": [1]}}, {"x": None})
    assert "x: expected int" in str(refusal({"x": {"type": "int"}}, {"x": None}))


def test_null_fits_the_type_null_beside_an_enum() -> None:
    check({"x": {"type": "Optional[string]", "enum": ["a"]}}, {"x": None})
    assert "is none of the choices" in str(refusal({"x": {"type": "any", "enum": ["a"]}}, {"x": None}))


class Loud(str):
    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        raise AssertionError("ran")

    __hash__ = str.__hash__


class Agreeing:
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = object.__hash__


def test_choices_are_compared_as_plain_values() -> None:
    spec = {"x": {"type": "any", "enum": [1, "a", False]}}

    good: list[object] = [1, 1.0, "a", False, Loud("a"), np.float64(1.0)]
    bad: list[object] = [True, 0, "b", Loud("b"), Agreeing(), IMAGE, {}]
    for value in good:
        check(spec, {"x": value})
    for value in bad:
        assert "is none of the choices" in str(refusal(spec, {"x": value}))


def test_the_choices_of_a_list_are_for_its_elements() -> None:
    spec = {"x": {"type": "List[List[int]]", "enum": [0, 1]}}

    check(spec, {"x": [[0, 1], [1]]})
    assert "x[0][1]: is none of the choices; write one of 0, 1" in str(refusal(spec, {"x": [[0, 2]]}))


def test_a_whole_parameter_may_be_simple() -> None:
    check({"type": "string"}, "text")
    assert "param: expected string, got <class 'dict'>" in str(refusal({"type": "string"}, {}))
    assert "param[0]: expected int" in str(refusal({"type": "List[int]"}, ["a"]))


def test_a_dict_is_measured_by_the_declaration_it_is_most_like() -> None:
    spec = {
        "a": {"type": {"_type_ref": "a", "kind": {"type": "int"}}, "required": False},
        "b": {"type": {"_type_ref": "b", "name": {"type": "int"}, "x": {"type": "int"}}, "required": False},
        "u": {"type": "a | b"},
    }

    check(spec, {"u": {"kind": 1}})
    assert "u.x: is missing" in str(refusal(spec, {"u": {"name": 1}}))
    assert "u: expected dict with the fields kind | dict with the fields name, x, got <class 'int'>" in str(
        refusal(spec, {"u": 1})
    )


TREE = {
    "type": {"_type_ref": "tree", "value": {"type": "int"}, "kids": {"type": "List[tree]", "required": False}}
}


def test_a_type_that_contains_itself_is_checked_all_the_way_down() -> None:
    check(TREE, {"value": 1, "kids": [{"value": 2, "kids": []}]})
    assert "kids[0].kids[0].value: is missing" in str(
        refusal(TREE, {"value": 1, "kids": [{"value": 2, "kids": [{}]}]})
    )


def test_values_that_contain_themselves_or_are_shared_end() -> None:
    loop: dict[str, Any] = {"value": 1, "kids": []}
    loop["kids"].append(loop)
    shared: dict[str, Any] = {"value": 1, "kids": []}
    broken: dict[str, Any] = {"value": "a", "kids": []}
    for _ in range(40):
        shared = {"value": 1, "kids": [shared, shared]}
        broken = {"value": 1, "kids": [broken, broken]}

    check(TREE, loop)
    check(TREE, shared)
    assert "expected int" in str(refusal(TREE, broken))


def test_a_value_that_is_too_deep_is_refused() -> None:
    deep: dict[str, Any] = {"value": 1}
    for _ in range(200):
        deep = {"value": 1, "kids": [deep]}

    assert "nests deeper than 100 levels" in str(refusal(TREE, deep))


def test_the_text_of_an_error_is_bounded_and_shows_no_secret_key() -> None:
    many = {f"key{number}" * 10: 1 for number in range(1000)}
    names = {"x" * 300 + str(number): {"type": "int"} for number in range(50)}

    assert len(str(refusal({"a": {"type": "int", "required": False}}, many))) < 10_000
    assert len(str(refusal(names, {"a": 1}))) < 15_000
    assert "pass" not in str(refusal(CROP, {"https://user:pass@host": 1}))
    assert str(refusal({"type": "List[int]"}, ["a"] * 1000)).count("expected int") == 20


class Liar:
    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return dict


def test_an_object_that_pretends_to_be_a_dict_is_none() -> None:
    assert "Liar'>" in str(refusal(CROP, Liar()))


def test_the_problems_with_choices_in_a_list_are_bounded() -> None:
    spec = {"x": {"type": "List[int]", "enum": [0]}}

    assert str(refusal(spec, {"x": [1] * 10_000})).count("is none of the choices") < 200


def test_what_may_be_anything_is_missed_as_such() -> None:
    assert "x: is missing; write a value of type any" in str(refusal({"x": {"type": "any"}}, {}))
