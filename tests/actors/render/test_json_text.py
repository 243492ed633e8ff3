"""A JSON document stays valid, in string literals and outside of them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openmas_assets.actors.render.json_text import json_slots
from rendering import Rendering, rendered

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def in_json(text: str, **values: object) -> str:
    result = rendered(text, "application/json", **values)
    assert result.problems == ()
    return result.text


@given(VALUES)
def test_a_value_outside_of_strings_becomes_json(value: object) -> None:
    text = in_json('{"a": <|asset://x|>, "b": [<|{"asset_id":"x"}|>]}', x=value)
    assert json.loads(text) == {"a": value, "b": [value]}


@given(st.text(), st.text(), st.text())
def test_a_text_in_a_string_is_escaped(before: str, value: str, after: str) -> None:
    before, after = before.replace("<|", ""), after.replace("|>", "")
    document = json.dumps({"a": f"{before}<|asset://x|>{after}"})
    assert json.loads(in_json(document, x=value)) == {"a": f"{before}{value}{after}"}


def test_data_in_a_string_is_its_json_escaped() -> None:
    text = in_json('"see <|asset://x|>"', x={"a": [1, "é"]})
    assert text == r'"see {\"a\": [1, \"é\"]}"'


@pytest.mark.parametrize(
    "embedded",
    [
        r"<|{\"asset_id\":\"x\"}|>",
        r"<|{\"asset_id\": \"x\", \"field_path\": []}|>",
        r"\u003c|asset:\/\/x|\u003e",
        r"<|asset://\u0078|>",
        "<|asset://x|>",
        '<|{"asset_id":"x"}|>',  # whose quotes somebody forgot to escape
    ],
)
def test_a_reference_in_a_string_is_read_as_json_reads_it(embedded: str) -> None:
    assert (
        in_json(f'{{"a": "\\" {embedded} \\\\", "b": "{embedded}"}}', x="X")
        == '{"a": "\\" X \\\\", "b": "X"}'
    )


def test_an_escaped_character_beyond_the_basic_plane_is_one_character() -> None:
    values = {"\N{GRINNING FACE}": "X"}
    assert in_json(r'["\ud83d\ude00 <|asset://\ud83d\ude00|>"]', **values) == r'["\ud83d\ude00 X"]'


def test_other_text_keeps_its_spelling() -> None:
    text = '{ "a" : "\\u0041\\/" ,\n\t"b":<|asset://x|>,"c" : 1.0e+2 }\n'
    assert in_json(text, x=1) == '{ "a" : "\\u0041\\/" ,\n\t"b":1,"c" : 1.0e+2 }\n'


def test_two_strings_that_together_look_like_a_reference_are_none() -> None:
    text = '["<|asset://x","y|>"]'
    assert in_json(text, x="X") == text


def test_a_reference_in_code_is_replaced_where_the_text_is_json() -> None:
    assert in_json('"`<|asset://x|>`"', x="X") == '"`X`"'


def test_what_json_cannot_hold_stays_in_place() -> None:
    for value in ({1}, b"\xff\xd8\xff", float("nan"), object()):
        for text in ("<|asset://x|>", '["<|asset://x|>", {"a": <|asset://x|>}]'):
            result = rendered(text, "application/json", x=[value])
            assert result.text == text
            assert result.problems


def test_a_renderer_that_returns_no_json_is_refused_where_a_value_stands() -> None:
    for returned in ("not JSON", "", "NaN", "[" * 100_000, "1, 2"):
        rendering = Rendering({"x": returned})
        rendering.registry.register("application/json", str, lambda value, _place: str(value))
        result = rendering.render('[<|asset://x|>, "<|asset://x|>"]', "application/json")
        assert result.text.startswith("[<|asset://x|>, ")
        assert json.loads(result.text.removeprefix("[<|asset://x|>, ").removesuffix("]")) == returned
        assert "is no JSON" in result.problems[0]


def test_a_lone_surrogate_is_escaped_so_that_the_document_can_be_encoded() -> None:
    text = in_json('["<|asset://x|>", <|asset://x|>]', x="\ud800")
    assert text.encode() == rb'["\ud800", "\ud800"]'


def test_an_unclosed_string_is_read_to_its_end() -> None:
    assert in_json('"<|asset://x|> \\', x="X") == '"X \\'


@pytest.mark.parametrize("text", ['"' * 100_001, '"' + "\\u003c|" * 50_000, '"<|{' * 50_000, "\\" * 100_001])
def test_a_hostile_document_is_read_to_its_end(text: str) -> None:
    assert list(json_slots(text)) == []
