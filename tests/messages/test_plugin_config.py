"""A plugin's config: how it is read, and that all that is wrong with it is said at once."""

from textwrap import dedent
from typing import Any

import pytest
import yaml

from openmas_assets.messages.errors import AssetConfigurationError, PluginCallError
from openmas_assets.messages.parameter_type import (
    AnyType,
    ClassType,
    FieldsType,
    ListType,
    MapType,
    Parameter,
    ScalarType,
    UnionType,
    alternatives,
)
from openmas_assets.messages.plugin_config import UNDECLARED, PluginConfig, parse_plugin_config

# The shape of the format's own documentation, placeholders included.
GUIDE = """
id: <id>
name: <name>
info:
  title: <title>
  description: <description>
  description_for_human: <description_for_human>
  description_for_model: <description_for_model>
  prompt: <optional_prompt>
  prompt_file_name: <optional_prompt_file_name>
commands:
  -
    command_name: <command_name_1>
    description: <command_description_1>
    parameter:
      type:
        <param_name_1>:
          type: string
          description: <description_1>
          enum:
            - <enum_1>
            - <enum_2>
          required: true
          asset_ref_acceptable: false
          example: <example>
        <param_name_2>: {type: List, description: <d>, required: true, example: <example>}
        <param_name_3>:
          type:
            -
              name: <element_field_name1>
              type: int
              description: <element_field_description_1>
              required: true
            -
              name: <element_field_name2>
              type: string
        <param_name_4>: {type: Dict}
        <param_name_5>:
          type:
            _type_ref: <type_ref_name>
            <key_name_1>: {type: int, example: <example>}
            <key_name_2>: {type: string}
        <param_name_6>:
          type: <type_ref_name>
          required: false
      description: <description_1>
      required: true
      asset_ref_acceptable: false
    response:
      type:
        <response_field_name_1>: {type: string, description: <d>, optional: false, example: <e>}
        <response_field_name_2>: {type: string, optional: true}
  -
    command_name: <command_name_2>
    description: <command_description_2>
    parameter:
      type: string
    response:
config:
  id:
  name: <configured_name>
  resources: [{type: disk}]
"""


def config(parameter: object, **command: object) -> PluginConfig:
    entry = {"command_name": "go", "parameter": parameter, **command}
    return parse_plugin_config({"name": "p", "commands": [entry]})


def declared(parameter: object) -> Parameter:
    return config(parameter).commands[0].parameter


def fields(parameter: Parameter) -> dict[str, Parameter]:
    (plain,) = alternatives(parameter.type)
    assert isinstance(plain, FieldsType)
    return {each.name: each for each in plain.fields}


def problems(data: object) -> list[str]:
    with pytest.raises(AssetConfigurationError) as caught:
        parse_plugin_config(data)
    return list(caught.value.problems)


def parameter_problems(parameter: object, **command: object) -> list[str]:
    with pytest.raises(AssetConfigurationError) as caught:
        config(parameter, **command)
    return [each.removeprefix("commands[0].parameter") for each in caught.value.problems]


def test_the_format_as_it_is_documented_is_read() -> None:
    plugin = parse_plugin_config(yaml.safe_load(GUIDE))

    assert (plugin.name, plugin.id, plugin.title) == ("<configured_name>", "<id>", "<title>")
    assert (plugin.description, plugin.prompt) == ("<description_for_model>", "<optional_prompt>")
    first, second = plugin.commands
    taken = fields(first.parameter)
    assert taken["<param_name_1>"].choices == ("<enum_1>", "<enum_2>")
    assert taken["<param_name_2>"].type == ListType(AnyType())
    (elements,) = alternatives(taken["<param_name_3>"].type)
    assert isinstance(elements, ListType)
    assert isinstance(elements.element, FieldsType)
    assert elements.element.names == ["<element_field_name1>", "<element_field_name2>"]
    assert taken["<param_name_4>"].type == MapType(AnyType())
    assert fields(taken["<param_name_6>"]) == fields(taken["<param_name_5>"])
    assert not taken["<param_name_6>"].is_required
    assert [each.is_required for each in fields(first.response).values()] == [True, False]
    assert second.parameter.type == ScalarType("string")
    assert second.response is UNDECLARED


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"config": {"name": "a"}, "name": "b", "info": {"title": "c"}}, "a"),
        ({"config": {"name": None}, "name": "b", "info": {"title": "c"}}, "b"),
        ({"config": None, "info": {"title": "c"}}, "c"),
        ({"name": "", "info": {"title": "c"}}, "c"),
    ],
)
def test_the_name_is_that_of_config_else_name_else_the_title(data: dict[str, Any], name: str) -> None:
    assert parse_plugin_config({**data, "commands": [{"command_name": "x"}]}).name == name


def test_a_command_that_declares_nothing_takes_anything_but_no_reference() -> None:
    command = parse_plugin_config({"name": "p", "commands": [{"command_name": "x"}]}).command("x")

    assert command.parameter is UNDECLARED
    assert not command.parameter.accepts_references


@pytest.mark.parametrize("data", [None, [], "text", 3])
def test_what_is_no_mapping_is_no_config(data: object) -> None:
    with pytest.raises(AssetConfigurationError, match="is not a mapping"):
        parse_plugin_config(data)


def test_every_problem_is_listed_at_once_with_its_place() -> None:
    text = """
    info: {description: 3}
    commands:
      - command_name: crop
        parameter:
          type:
            image: {type: 'numpy.ndaray[3]', asset_ref_aceptable: true}
            size: {type: intt, required: "yes"}
            mode: {type: string, enum: [on, fast]}
      - {command_name: crop, paramter: {type: string}}
      - description: nameless
      - oops
    """

    found = problems(yaml.safe_load(dedent(text)))

    assert [each.partition(": ")[0] for each in found] == [
        "info.description",
        "info.title",
        "commands[0].parameter.type.image.type",
        "commands[0].parameter.type.image.asset_ref_aceptable",
        "commands[0].parameter.type.size.type",
        "commands[0].parameter.type.size.required",
        "commands[0].parameter.type.mode.enum[0]",
        "commands[1].command_name",
        "commands[1].paramter",
        "commands[2].command_name",
        "commands[3]",
    ]
    assert "did you mean asset_ref_acceptable?" in "\n".join(found)
    assert "did you mean parameter?" in "\n".join(found)
    assert "did you mean 'int'?" in "\n".join(found)
    assert "is the name of commands[0] too" in "\n".join(found)
    assert "in quotes" in found[6]


def test_the_list_of_problems_is_bounded() -> None:
    many = {f"x{number}": {"type": f"strange{number}"} for number in range(150)}

    found = parameter_problems({"type": many})

    assert len(found) == 101
    assert found[-1] == "and more; put these right first"


@pytest.mark.parametrize("commands", [None, [], {}, "crop"])
def test_a_config_without_commands_is_refused(commands: object) -> None:
    assert [each.partition(":")[0] for each in problems({"name": "p", "commands": commands})] == ["commands"]


def test_a_misspelt_commands_key_gets_a_suggestion() -> None:
    (problem,) = problems({"name": "p", "command": [{"command_name": "x"}]})

    assert "did you write command for it?" in problem


def test_a_name_that_is_no_text_is_refused() -> None:
    assert problems({"name": 3, "commands": [{"command_name": True}]}) == [
        "name: is not text; write plain text, in quotes if need be",
        "commands[0].command_name: is not text; write plain text, in quotes if need be",
    ]


def test_extra_keys_at_the_top_in_info_and_in_config_are_passed_over() -> None:
    extra = {
        "group_id": "g",
        "setup": {"pip": ["x"]},
        "info": {"title": "t", "logo": "l"},
        "config": {"n": 8},
    }

    assert parse_plugin_config({**extra, "commands": [{"command_name": "x"}]}).name == "t"


def test_an_unknown_key_of_a_command_or_a_description_is_refused() -> None:
    assert parameter_problems({"type": "string", "requird": False}) == [
        ".requird: unknown key; did you mean required?"
    ]
    assert problems({"name": "p", "commands": [{"command_name": "x", 3: 4}]}) == [
        "commands[0].?: is a key that is not text; write it in quotes"
    ]


def test_a_parameter_without_a_type_that_holds_descriptions_is_a_mapping_of_fields() -> None:
    parameter = declared({"description": "d", "image": {"type": "string"}, "name": {"type": "int"}})

    assert parameter.description == "d"
    assert list(fields(parameter)) == ["image", "name"]
    assert parameter == declared(
        {"description": "d", "type": {"image": {"type": "string"}, "name": {"type": "int"}}}
    )


def test_a_parameter_without_any_type_takes_anything() -> None:
    assert declared({"description": "d", "asset_ref_acceptable": True}).type == AnyType()


def test_fields_may_be_called_like_the_keys_of_a_description() -> None:
    spec = {"type": {name: {"type": "int"} for name in ("type", "description", "enum", "required", "name")}}

    assert list(fields(declared(spec))) == ["type", "description", "enum", "required", "name"]


def test_list_entries_are_named_or_single_keys_and_may_name_the_type() -> None:
    plugin = config(
        {
            "type": {
                "a": {
                    "type": [{"_type_ref": "points"}, {"name": "x", "type": "int"}, {"y": {"type": "int"}}]
                },
                "b": {"type": "points"},
            }
        }
    )

    taken = fields(plugin.commands[0].parameter)
    (points,) = alternatives(taken["b"].type)
    assert alternatives(taken["a"].type) == [points]
    assert points == ListType(
        FieldsType((Parameter(ScalarType("int"), "x"), Parameter(ScalarType("int"), "y")))
    )


def test_a_type_is_used_before_it_is_defined_and_across_commands_and_responses() -> None:
    plugin = parse_plugin_config(
        {
            "name": "p",
            "commands": [
                {"command_name": "a", "parameter": {"type": "List[point]"}},
                {"command_name": "b", "response": {"type": {"_type_ref": "point", "x": {"type": "int"}}}},
            ],
        }
    )

    (points,) = alternatives(plugin.commands[0].parameter.type)
    assert isinstance(points, ListType)
    assert alternatives(points.element) == alternatives(plugin.commands[1].response.type)


def test_a_type_may_contain_itself() -> None:
    tree = declared(
        {"type": {"_type_ref": "tree", "value": {"type": "int"}, "children": {"type": "List[tree]"}}}
    )

    (children,) = alternatives(fields(tree)["children"].type)
    assert isinstance(children, ListType)
    assert alternatives(children.element) == alternatives(tree.type)
    assert "tree" in repr(tree)


def test_any_type_can_be_named_beside_it() -> None:
    parameter = declared({"a": {"type": "List[int]", "_type_ref": "ints"}, "b": {"type": "ints"}})

    assert alternatives(fields(parameter)["b"].type) == [ListType(ScalarType("int"))]


@pytest.mark.parametrize(
    ("parameter", "text"),
    [
        ({"type": "loop", "_type_ref": "loop"}, "stands for nothing but itself"),
        ({"type": {"_type_ref": "int", "x": {"type": "int"}}}, "is the name of a built-in type"),
        ({"type": {"_type_ref": 3, "x": {"type": "int"}}}, "is no name for a type"),
        (
            {"a": {"type": {"_type_ref": "t"}}, "b": {"type": {"_type_ref": "t"}}},
            "is the name of another type",
        ),
    ],
)
def test_a_name_for_a_type_that_cannot_be_one_is_refused(parameter: object, text: str) -> None:
    (problem,) = parameter_problems(parameter)

    assert text in problem


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "is empty"),
        ([], "is empty"),
        (3, "is no type"),
        ({"x": "int"}, "is no description"),
        ({"x": None}, "is no description"),
        ({3: {"type": "int"}}, "is a key that is not text"),
        (["x"], "describes no element field"),
        ([{"type": "int"}], "describes no element field"),
        ([{"name": "x"}, {"name": "x"}], "is described twice"),
    ],
)
def test_a_type_that_is_none_is_refused(value: object, text: str) -> None:
    (problem,) = parameter_problems({"type": value})

    assert text in problem


@pytest.mark.parametrize("key", ["required", "optional", "asset_ref_acceptable"])
def test_a_flag_that_is_neither_true_nor_false_is_refused(key: str) -> None:
    assert parameter_problems({"type": "int", key: "yes"}) == [
        f".{key}: is neither true nor false; write one of the two"
    ]


def test_required_and_optional_say_the_same_and_must_not_contradict() -> None:
    assert not declared({"type": "int", "optional": True}).is_required
    assert not declared({"type": "int", "optional": True, "required": False}).is_required
    assert (
        "contradicts required" in parameter_problems({"type": "int", "optional": True, "required": True})[0]
    )


@pytest.mark.parametrize(
    ("type_name", "values"),
    [
        ("string", ["a", "b"]),
        ("List[int]", [0, 1]),
        ("List[List[string]]", ["a"]),
        ("Optional[string]", ["a", None]),
        ("any", [1, "a", True]),
        ("float", [1, 2.5]),
    ],
)
def test_an_enum_fits_the_type_or_its_elements(type_name: str, values: list[Any]) -> None:
    assert declared({"type": type_name, "enum": values}).choices == tuple(values)


@pytest.mark.parametrize(
    ("type_name", "values", "text"),
    [
        ("string", [True], "write it in quotes"),
        ("int", ["1"], "write a value of that type"),
        ("int", [True], "write a value of that type"),
        ("dict", ["a"], "write a value of that type"),
        ("numpy.ndarray", ["a"], "write a value of that type"),
        ("float", [float("nan")], "finite numbers"),
        ("any", [[1]], "write only these"),
        ("any", [], "is no list of values"),
        ("any", "abc", "is no list of values"),
    ],
)
def test_an_enum_that_does_not_fit_is_refused(type_name: str, values: object, text: str) -> None:
    (problem,) = parameter_problems({"type": type_name, "enum": values})

    assert text in problem
    assert problem.startswith(".enum")


def test_a_config_that_contains_itself_or_explodes_is_refused_soon() -> None:
    loop: dict[str, Any] = {"type": {}}
    loop["type"]["again"] = loop
    bomb: dict[str, Any] = {"type": "int"}
    for _ in range(25):
        bomb = {"type": {"a": bomb, "b": bomb, "c": bomb}}

    for parameter in (loop, bomb):
        assert "does an alias contain itself?" in "\n".join(parameter_problems(parameter))


def test_an_unknown_command_is_answered_with_a_suggestion_and_the_commands() -> None:
    with pytest.raises(PluginCallError) as caught:
        config({"type": "int"}).command("goo")

    assert caught.value.plugin == "p"
    assert "Did you mean 'go'? Its commands are: go." in str(caught.value)


def test_a_name_that_may_be_a_secret_is_not_shown() -> None:
    with pytest.raises(PluginCallError) as caught:
        config({"type": "int"}).command("https://user:secret@host")

    assert "secret" not in str(caught.value)


def test_a_union_of_live_objects_is_read() -> None:
    parameter = declared({"type": "Union[numpy.ndarray, PIL.Image.Image]"})

    assert alternatives(parameter.type) == [ClassType("numpy.ndarray"), ClassType("PIL.Image.Image")]
    assert isinstance(parameter.type, UnionType)


@pytest.mark.parametrize("section", ["info", "config"])
def test_a_section_that_is_no_mapping_is_refused(section: str) -> None:
    with pytest.raises(AssetConfigurationError, match=f"{section}: is not a mapping"):
        parse_plugin_config({"name": "p", "commands": [{"command_name": "go"}], section: ["title"]})


def test_an_enum_on_a_list_that_holds_itself_has_no_scalar_to_be_about() -> None:
    parameter = {"x": {"type": "List[loop]", "_type_ref": "loop", "enum": [1]}}

    (problem,) = parameter_problems(parameter)
    assert "write a value of that type" in problem
