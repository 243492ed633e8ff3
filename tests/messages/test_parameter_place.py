"""Places in a parameter: where references count, where they are refused, and how they are replaced."""

import copy
import sys
from types import FrameType
from typing import Any

import pytest

from openmas_assets.messages.asset_ref import AssetRef
from openmas_assets.messages.errors import PluginCallError
from openmas_assets.messages.parameter_place import (
    MAX_PARAMETER_DEPTH,
    accepting_places,
    reference_places,
    with_replaced,
)
from openmas_assets.messages.parameter_type import Parameter
from openmas_assets.messages.plugin_config import parse_plugin_config
from openmas_assets.messages.suggestion import closest

URL = "asset://a/content/image"
DICT = {"asset_id": "a", "field_path": ["content", "image"]}
FORMS = [URL, "ASSET://a/content/image", DICT, f"<|{URL}|>", '<|{"asset_id": "a"}|>', AssetRef("a")]


def declared(parameter: object) -> Parameter:
    data = {"name": "p", "commands": [{"command_name": "go", "parameter": parameter}]}
    return parse_plugin_config(data).commands[0].parameter


def accepting(type_: object) -> dict[str, object]:
    return {"type": type_, "asset_ref_acceptable": True}


def places(parameter: object, value: object) -> list[str]:
    return [str(place) for place in reference_places(declared(parameter), value)]


def refusal(parameter: object, value: object) -> PluginCallError:
    with pytest.raises(PluginCallError) as caught:
        reference_places(declared(parameter), value)
    return caught.value


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_every_form_of_a_reference_is_found_in_a_field_that_accepts_it(form: object) -> None:
    (place,) = reference_places(declared({"image": accepting("numpy.ndarray")}), {"image": form})

    assert place.path == ("image",)
    assert place.ref == AssetRef.parse(form)


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize(
    "parameter",
    [
        {"image": {"type": "string"}},
        {"image": {"type": "any"}},
        {"image": {"type": "any"}, "other": accepting("any")},
        accepting({"image": {"type": "numpy.ndarray"}}),
        {"type": "dict"},
        {"type": "any"},
        {"type": "Dict[str, any]"},
    ],
    ids=str,
)
def test_a_reference_elsewhere_is_refused(parameter: object, form: object) -> None:
    assert refusal(parameter, {"image": form}).parameter == "image"


@pytest.mark.parametrize(
    "value",
    ["https://host/asset://a", "see <|asset://a|>", "asset", "", {"asset_id": 3}, {"asset_id": "a", "x": 1}],
    ids=str,
)
def test_an_ordinary_string_url_or_dict_is_left_alone(value: object) -> None:
    for parameter in ({"x": accepting("any")}, {"x": {"type": "any"}}):
        assert places(parameter, {"x": value}) == []


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_whole_parameter_can_be_a_reference_where_it_says_so(form: object) -> None:
    spec = accepting({"image": {"type": "numpy.ndarray"}})

    assert places(spec, form) == ["param"]
    assert refusal({"image": accepting("any")}, form).parameter == "param"


def test_a_flag_on_a_list_covers_the_list_and_its_elements_however_deep() -> None:
    spec = {"images": accepting("List[List[numpy.ndarray]]")}

    assert places(spec, {"images": URL}) == ["images"]
    assert places(spec, {"images": [URL, (URL, URL)]}) == ["images[0]", "images[1][0]", "images[1][1]"]
    assert refusal(spec, {"images": [[[URL]]]}).parameter == "images[0][0][0]"


def test_a_flag_on_a_list_opens_no_declared_field_of_its_elements() -> None:
    element = [
        {"name": "image", "type": "any", "asset_ref_acceptable": True},
        {"name": "note", "type": "string"},
    ]
    spec = {"tiles": accepting(element)}

    assert places(spec, {"tiles": [URL, {"image": URL, "note": "x"}]}) == ["tiles[0]", "tiles[1].image"]
    assert refusal(spec, {"tiles": [{"image": 1, "note": URL}]}).parameter == "tiles[0].note"
    assert refusal({"tiles": {"type": element}}, {"tiles": [URL]}).parameter == "tiles[0]"


def test_a_flag_on_a_dict_or_on_anything_covers_what_is_in_it() -> None:
    for name in ("dict", "Dict[str, numpy.ndarray]", "any", "Optional[dict]", "Dict[str, List[any]]"):
        assert places({"x": accepting(name)}, {"x": {"a": URL}}) == ["x.a"]
    assert places({"x": accepting("any")}, {"x": [{"a": [URL]}]}) == ["x[0].a[0]"]


def test_a_flag_on_what_is_no_container_covers_no_elements() -> None:
    assert refusal({"x": accepting("numpy.ndarray")}, {"x": [URL]}).parameter == "x[0]"
    assert refusal({"x": accepting("string")}, {"x": {"a": URL}}).parameter == "x.a"


def test_the_elements_of_each_type_of_a_union_count() -> None:
    spec = {"x": accepting("Union[numpy.ndarray, List[numpy.ndarray], List[List[int]]]")}

    assert places(spec, {"x": [URL, [1, URL]]}) == ["x[0]", "x[1][1]"]


def test_of_several_declared_dicts_the_one_with_the_keys_counts() -> None:
    spec = {
        "a": {
            "type": {"_type_ref": "a", "kind": {"type": "int"}, "image": {"type": "any"}},
            "required": False,
        },
        "b": {
            "type": {"_type_ref": "b", "name": {"type": "int"}, "image": accepting("any")},
            "required": False,
        },
        "x": {"type": "Union[a, b]"},
    }

    assert places(spec, {"x": {"name": 1, "image": URL}}) == ["x.image"]
    assert refusal(spec, {"x": {"kind": 1, "image": URL}}).parameter == "x.image"


def test_a_type_that_contains_itself_is_followed() -> None:
    spec = {
        "type": {
            "_type_ref": "tree",
            "image": {**accepting("numpy.ndarray"), "required": False},
            "children": {"type": "List[tree]", "required": False},
        }
    }

    value = {"children": [{"image": URL}, {"children": [{"image": URL}]}]}
    assert places(spec, value) == ["children[0].image", "children[1].children[0].image"]
    assert accepting_places(declared(spec)) == ["image"]


def test_a_dict_that_is_declared_to_look_like_a_reference_is_none() -> None:
    spec: dict[str, Any] = {"asset_id": {"type": "string"}, "force": {"type": "bool", "required": False}}

    assert places(spec, {"asset_id": "a"}) == []
    assert refusal(spec, DICT).parameter == "param"
    assert refusal(spec, {"asset_id": URL}).parameter == "asset_id"
    assert places(accepting(spec), {"asset_id": "a"}) == ["param"]


def test_a_refusal_names_every_place_and_where_references_are_accepted() -> None:
    spec = {
        "image": accepting("numpy.ndarray"),
        "tiles": accepting("List[any]"),
        "layers": accepting("Dict[str, any]"),
        "size": {"type": {"width": {"type": "int"}}},
    }

    error = refusal(spec, {"image": URL, "size": {"width": URL, "secret": 1}, "imag": URL})

    assert "no reference in size.width, imag (an unknown field; did you mean 'image'?)" in str(error)
    assert "accepted in image, tiles, tiles[], layers, layers.* only" in str(error)
    assert URL not in str(error)


def test_a_refusal_says_where_a_command_accepts_references_nowhere() -> None:
    assert "accepts references nowhere" in str(refusal({"type": "List[string]"}, [URL]))
    assert "in param[0]." in str(refusal({"type": "List[string]"}, [URL]))


def test_keys_that_may_be_secrets_and_long_paths_are_not_shown() -> None:
    deep: object = URL
    for _ in range(90):
        deep = {"k" * 80: deep}

    assert "pass" not in str(refusal({"type": "any"}, {"https://user:pass@host": URL}))
    error = refusal({"type": "any"}, deep)
    assert len(str(error)) < 1000
    assert len(error.parameter or "") < 300


def test_a_key_that_is_no_text_names_no_place() -> None:
    assert "in ?." in str(refusal(accepting("dict"), {(1, 2): URL}))


def test_a_parameter_that_is_too_deep_or_contains_itself_is_refused() -> None:
    deep: Any = 1
    for _ in range(MAX_PARAMETER_DEPTH + 2):
        deep = [deep]
    loop: list[Any] = []
    loop.append(loop)

    for value in (deep, loop):
        assert "nests deeper than 100 levels" in str(refusal({"type": "any"}, value))


def test_a_parameter_that_grows_out_of_a_few_lists_is_refused() -> None:
    bomb: Any = ["x"]
    for _ in range(30):
        bomb = [bomb, bomb]

    assert "holds more than 100,000 values" in str(refusal({"type": "any"}, bomb))


class LoudDict(dict[str, Any]):
    def items(self) -> Any:
        raise AssertionError("ran")

    keys = __iter__ = __getitem__ = __contains__ = get = items  # type: ignore[assignment]


class LoudList(list[Any]):
    def __iter__(self) -> Any:
        raise AssertionError("ran")

    __len__ = __getitem__ = __iter__  # type: ignore[assignment]


class LoudObject:
    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"ran {name}")


def test_no_code_of_the_values_is_run() -> None:
    spec = declared({"x": accepting("any"), "y": {"type": "any"}})
    value = LoudDict({"x": LoudList([LoudDict({"a": URL})]), "y": LoudObject()})

    found = reference_places(spec, value)
    new = with_replaced(value, {found[0]: "done"})

    assert [str(place) for place in found] == ["x[0].a"]
    assert new["x"] == [{"a": "done"}]


def test_replacing_copies_only_what_leads_to_a_place() -> None:
    value = {"image": URL, "list": [1, (DICT, {"k": 1})], "other": {"big": [1, 2]}}
    before = copy.deepcopy(value)
    spec = declared({"image": accepting("any"), "list": accepting("any"), "other": {"type": "any"}})
    content = object()

    found = reference_places(spec, value)
    new = with_replaced(value, dict.fromkeys(found, content))

    assert value == before
    assert new == {"image": content, "list": [1, (content, {"k": 1})], "other": {"big": [1, 2]}}
    assert new["other"] is value["other"]
    assert new["list"][1][1] is value["list"][1][1]  # type: ignore[index]


def test_replacing_the_whole_gives_the_new_value_and_replacing_nothing_the_old() -> None:
    (place,) = reference_places(declared(accepting("any")), URL)
    value = {"a": 1}

    assert with_replaced(URL, {place: value}) is value
    assert with_replaced(value, {}) is value


def test_what_a_reference_brings_may_look_like_a_reference() -> None:
    (place,) = reference_places(declared(accepting("string")), URL)

    assert with_replaced(URL, {place: URL}) == URL


def test_what_was_meant_by_an_unknown_field_is_looked_for_where_it_is_told_only() -> None:
    looks = 0

    def count(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal looks
        looks += event == "call" and frame.f_code is closest.__code__

    sys.setprofile(count)
    try:
        places({"image": accepting("str")}, {f"imag{number}": "text" for number in range(100)})
        assert looks == 0
        error = refusal({"image": accepting("str")}, {f"imag{number}": URL for number in range(100)})
    finally:
        sys.setprofile(None)
    assert looks == 20
    assert "imag19 (an unknown field; did you mean 'image'?), and 80 more" in str(error)
