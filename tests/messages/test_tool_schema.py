"""A tool's schema: what a model is told of a command, in a form that the APIs take."""

import json
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from openmas_assets.messages.parameter_schema import REFERENCE_SCHEMAS
from openmas_assets.messages.plugin_config import PluginCommand, PluginConfig, parse_plugin_config
from openmas_assets.messages.tool_schema import command_schema, tool_names, tool_param, tool_schemas

URL, OBJECT = (dict(each) for each in REFERENCE_SCHEMAS)
TREE = {
    "type": {"_type_ref": "tree", "value": {"type": "int"}, "kids": {"type": "List[tree]", "required": False}}
}
EVERYTHING = {
    "text": {"type": "string", "description": "A text.", "enum": ["a", "b"], "example": "a"},
    "number": {"type": "float", "required": False},
    "image": {"type": "numpy.ndarray", "asset_ref_acceptable": True, "description": "A picture."},
    "images": {"type": "List[numpy.ndarray]", "asset_ref_acceptable": True},
    "tiles": {"type": [{"name": "x", "type": "int"}, {"name": "part", "type": "any"}]},
    "counts": {"type": "Dict[str, int]"},
    "free": {"type": "any", "asset_ref_acceptable": True},
    "list": {"type": "list"},
    "raw": {"type": "bytes"},
    "either": {"type": "Optional[int]", "enum": [1, 2]},
    "tree": TREE,
    "trees": {"type": "List[tree]", "asset_ref_acceptable": True},
}


def plugin(parameter: object = None, name: str = "p", command: str = "go", **more: object) -> PluginConfig:
    entry = {"command_name": command, "parameter": parameter, **more}
    return parse_plugin_config({"name": name, "commands": [entry]})


def command(parameter: object) -> PluginCommand:
    return plugin(parameter).commands[0]


def schema(parameter: object) -> dict[str, Any]:
    return command_schema(command(parameter))


def field(spec: object) -> Any:
    return schema({"x": spec})["properties"]["x"]


def subschemas(node: Any) -> Iterator[dict[str, Any]]:
    yield node
    inner = [*node.get("anyOf", []), *node.get("properties", {}).values(), *node.get("$defs", {}).values()]
    for key in ("items", "additionalProperties"):
        inner += [node[key]] if isinstance(node.get(key), dict) else []
    for each in inner:
        yield from subschemas(each)


PARAMETERS = [
    None,
    EVERYTHING,
    TREE,
    {"type": "string"},
    {"type": "List[int]"},
    {"type": "any"},
    {"type": "dict"},
    {"type": "Dict[str, int]", "asset_ref_acceptable": True},
    {"type": EVERYTHING, "asset_ref_acceptable": True},
    {"type": "numpy.ndarray", "asset_ref_acceptable": True},
    {"type": "Optional[dict]"},
    {"größe": {"type": "int"}},
]


@pytest.mark.parametrize("parameter", PARAMETERS, ids=str)
def test_a_schema_keeps_to_what_the_apis_take(parameter: object) -> None:
    root = schema(parameter)

    assert root["type"] == "object"
    assert isinstance(root["properties"], dict)
    assert not {"anyOf", "oneOf", "allOf", "not", "enum", "$ref"} & set(root)
    assert all(re.fullmatch(r"[a-zA-Z0-9_.-]{1,64}", key) for key in root["properties"])
    assert json.loads(json.dumps(root, allow_nan=False)) == root
    for each in subschemas(root):
        known = {"type", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "$ref"}
        assert set(each) <= known | {"$defs", "description", "examples", "pattern"}
        assert each.get("type") != "array" or "items" in each
        assert each.get("type") != "object" or "properties" in each
        assert set(each.get("required", [])) <= set(each.get("properties", {}))
        if "$ref" in each:
            assert each["$ref"].removeprefix("#/$defs/") in root["$defs"]


def test_openai_and_anthropic_each_get_their_form() -> None:
    config = plugin({"x": {"type": "int"}}, description="Does it.")
    parameters = {
        "type": "object",
        "properties": {"x": {"type": "integer"}},
        "required": ["x"],
        "additionalProperties": False,
    }

    assert tool_schemas([config]) == [
        {
            "type": "function",
            "function": {"name": "p__go", "description": "Does it.", "parameters": parameters},
        }
    ]
    assert tool_schemas([config], "anthropic") == [
        {"name": "p__go", "description": "Does it.", "input_schema": parameters}
    ]


def test_a_field_has_its_type_description_enum_and_example() -> None:
    assert field(EVERYTHING["text"]) == {
        "type": "string",
        "enum": ["a", "b"],
        "description": "A text.",
        "examples": ["a"],
    }
    assert schema(EVERYTHING)["required"] == [name for name in EVERYTHING if name != "number"]
    assert field(EVERYTHING["counts"])["additionalProperties"] == {"type": "integer"}
    assert field({"type": "List[List[string]]", "enum": ["a"]})["items"]["items"]["enum"] == ["a"]
    assert field(EVERYTHING["either"]) == {"anyOf": [{"type": "integer", "enum": [1, 2]}, {"type": "null"}]}


def test_a_parameter_that_accepts_references_says_so_and_takes_both_forms() -> None:
    described = field({"type": "string", "description": "A text.", "asset_ref_acceptable": True})

    assert described["anyOf"] == [{"type": "string"}, URL, OBJECT]
    assert described["description"].startswith("A text. May be given as a reference to an asset")
    assert "reference" not in json.dumps(field({"type": "string", "description": "A text."}))


def test_what_json_cannot_hold_is_only_offered_as_a_reference_where_that_is_accepted() -> None:
    assert field(EVERYTHING["image"])["anyOf"] == [URL, OBJECT]
    assert field(EVERYTHING["images"])["anyOf"][0] == {"type": "array", "items": {"anyOf": [URL, OBJECT]}}
    assert field({"type": "numpy.ndarray"}) == {
        "description": "A live object of the Python class numpy.ndarray, which JSON cannot hold."
    }
    assert "bytes" in field(EVERYTHING["raw"])["description"]


def test_a_flag_goes_into_lists_but_not_into_declared_fields() -> None:
    spec = {"type": [{"name": "note", "type": "string"}], "asset_ref_acceptable": True}

    elements = field(spec)["anyOf"][0]["items"]["anyOf"]
    assert elements[0]["properties"]["note"] == {"type": "string"}
    assert elements[1:] == [URL, OBJECT]


def test_the_url_pattern_takes_the_scheme_in_any_case() -> None:
    assert re.search(URL["pattern"], "ASSET://a")
    assert not re.search(URL["pattern"], "https://asset://a")


def test_a_type_that_contains_itself_is_a_definition() -> None:
    root = schema({"a": TREE, "b": {"type": "tree"}})

    assert root["properties"] == {"a": {"$ref": "#/$defs/tree"}, "b": {"$ref": "#/$defs/tree"}}
    assert root["$defs"]["tree"]["properties"]["kids"] == {"type": "array", "items": {"$ref": "#/$defs/tree"}}


def test_a_named_list_has_a_definition_of_its_own_where_its_elements_may_be_references() -> None:
    spec = {
        "a": {"type": [{"_type_ref": "dots"}, {"x": {"type": "int"}}]},
        "b": {"type": "dots", "asset_ref_acceptable": True},
    }

    root = schema(spec)

    assert root["properties"]["a"] == {"$ref": "#/$defs/dots"}
    assert root["properties"]["b"]["anyOf"] == [{"$ref": "#/$defs/dots_2"}, URL, OBJECT]
    assert "anyOf" not in root["$defs"]["dots"]["items"]
    assert root["$defs"]["dots_2"]["items"]["anyOf"][1:] == [URL, OBJECT]


def test_names_of_types_that_look_alike_stay_apart() -> None:
    spec = {"a": {"type": {"_type_ref": "t.1", "x": {"type": "int"}}}, "b": {"type": {"_type_ref": "t/1"}}}

    assert set(schema(spec)["$defs"]) == {"t_1", "t_1_2"}


def test_a_simple_parameter_stands_under_param() -> None:
    simple = command({"type": "string", "description": "The query."})

    assert command_schema(simple) == {
        "type": "object",
        "properties": {"param": {"type": "string", "description": "The query."}},
        "required": ["param"],
        "additionalProperties": False,
    }
    assert tool_param(simple, {"param": "x"}) == "x"
    assert tool_param(simple, {}) is None
    assert command_schema(command({"type": "any", "required": False}))["required"] == []


def test_a_field_that_the_apis_refuse_as_a_key_stands_under_param() -> None:
    odd = command({"größe": {"type": "int"}})

    assert list(command_schema(odd)["properties"]["param"]["properties"]) == ["größe"]
    assert tool_param(odd, {"param": {"größe": 1}}) == {"größe": 1}


def test_the_arguments_of_an_object_are_the_parameter() -> None:
    for parameter in ({"x": {"type": "int"}}, {"type": "dict"}, None):
        assert tool_param(command(parameter), {"x": 1}) == {"x": 1}


def test_a_whole_parameter_that_may_be_a_reference_offers_the_keys_of_one() -> None:
    config = plugin({"type": {"x": {"type": "int"}}, "asset_ref_acceptable": True}, description="Does it.")

    root = command_schema(config.commands[0])
    described = tool_schemas([config], "anthropic")[0]["description"]

    assert list(root["properties"]) == ["asset_id", "field_path", "x"]
    assert root["required"] == []
    assert described.startswith(
        "Does it. In place of all the arguments, asset_id and field_path of a reference"
    )
    assert '["x"]' in described


def test_a_field_called_asset_id_keeps_its_meaning() -> None:
    root = schema({"type": {"asset_id": {"type": "int"}}, "asset_ref_acceptable": True})

    assert root["properties"]["asset_id"] == {"type": "integer"}


def test_an_example_that_json_cannot_hold_is_left_out() -> None:
    assert "examples" not in field({"type": "any", "example": date(2020, 1, 1)})
    assert "examples" not in field({"type": "any", "example": float("nan")})
    assert field({"type": "any", "example": [1, {"a": None}]})["examples"] == [[1, {"a": None}]]


def test_tool_names_are_clean_short_and_each_its_own() -> None:
    configs = [
        plugin(name="Bildbearbeitung für alle", command="zu schneiden"),
        plugin(name="Bildbearbeitung_für_alle", command="zu schneiden"),
        plugin(name="x" * 80, command="go"),
        plugin(name="x" * 80, command="gone"),
        plugin(name="a__b", command="c"),
        plugin(name="a", command="b__c"),
    ]

    names = tool_names(configs)

    assert len(names) == 6
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in names)
    assert [config for config, _ in names.values()] == configs
    assert next(iter(names)) == "Bildbearbeitung_f_r_alle__zu_schneiden"
    assert "a__b__c" in names
    assert names[tool_schemas(configs)[3]["function"]["name"]][1].name == "gone"


def test_a_name_that_stands_for_several_types_is_described_once() -> None:
    described = schema({"x": {"type": "Union[int, string]", "_type_ref": "id"}, "y": {"type": "List[id]"}})
    assert described["$defs"]["id"]["anyOf"] == [{"type": "integer"}, {"type": "string"}]
