"""Only references are replaced, each is resolved once, and what stays in place is told."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openmas_assets.actors.render.problems import MAX_PROBLEMS
from openmas_assets.actors.render.registry import RendererRegistry
from openmas_assets.messages.embedding import find_embeddings
from openmas_assets.messages.errors import AssetConfigurationError, AssetError
from rendering import Rendering, rendered

CONTENT_TYPES = ["text/plain", "text/markdown", "application/json"]
ESCAPED = r"<|{\"asset_id\":\"x\"}|>"
PIECES = ["<|asset://x|>", '<|{"asset_id":"x"}|>', "<|asset://gone|>", ESCAPED]
PIECES += [
    "`",
    "``",
    "```\n",
    "\n",
    "\n\n",
    '"',
    "\\",
    "![",
    "](",
    ")",
    "<|",
    "|>",
    "> ",
    "- ",
    "    ",
    "\ud800",
]
ANY_TEXT = st.text(st.characters(exclude_characters="\x00\x01"), max_size=3)
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), ANY_TEXT), max_size=25).map("".join)


def without_references(text: str) -> str:
    """The other text: what is left without the embeddings, escaped ones too."""
    text = text.replace(ESCAPED, "")
    for each in reversed(find_embeddings(text)):
        text = text[: each.start] + text[each.end :]
    return text


@given(TEXTS, st.sampled_from(CONTENT_TYPES))
def test_a_text_without_answers_stays_byte_for_byte(text: str, content_type: str) -> None:
    assert rendered(text, content_type).text == text


@given(TEXTS, st.sampled_from(CONTENT_TYPES))
def test_a_text_whose_references_bring_themselves_stays_byte_for_byte(text: str, content_type: str) -> None:
    """So nothing between the references is lost, doubled or moved."""
    registry = RendererRegistry()
    registry.register(content_type, str, lambda value, _: f"\x00{value}\x01")
    after = Rendering({"x": "y"}, registry).render(text, content_type).text
    marks = re.compile("\x00y\x01|\\\\u0000y\\\\u0001")
    assert without_references(marks.sub("", after)) == without_references(text)


def test_the_url_form_and_the_dict_form_are_replaced() -> None:
    text = 'a <|asset://x|> b <|{"asset_id":"x"}|> c <|{"asset_id": "x", "field_path": null}|>'
    assert rendered(text, "text/plain", x="X").text == "a X b X c X"


def test_what_does_not_resolve_stays_in_place_and_is_told() -> None:
    result = rendered("one\ntwo <|asset://x|> <|asset://gone/content|>\n", x=1)
    assert result.text == "one\ntwo 1 <|asset://gone/content|>\n"
    assert result.problems == (
        "line 2: asset://gone/content: asset 'gone': there is no such asset. Take one that exists.",
    )


def test_what_cannot_be_shown_stays_in_place_and_is_told() -> None:
    result = rendered("<|asset://x|>", x={1, 2})
    assert result.text == "<|asset://x|>"
    assert len(result.problems) == 1
    assert result.problems[0].startswith("line 1: asset://x: JSON cannot hold <class 'set'>. ")


def test_what_a_reference_brings_is_never_searched_for_references() -> None:
    for content_type in CONTENT_TYPES:
        text = '"<|asset://x|>"'
        result = rendered(text, content_type, x="<|asset://y|>", y="never")
        assert result.text == '"<|asset://y|>"'
        assert result.problems == ()


def test_two_references_that_only_together_look_like_a_third_bring_no_third() -> None:
    assert rendered("<|asset://a|><|asset://b|>", a="<|asset://", b="y|>", y="never").text == "<|asset://y|>"


def test_a_reference_that_stands_there_often_is_resolved_once() -> None:
    rendering = Rendering({"x": "X"})
    result = rendering.render("<|asset://x|> " * 5 + '<|{"asset_id":"x"}|> <|asset://gone|> <|asset://gone|>')
    assert result.text == "X " * 6 + "<|asset://gone|> <|asset://gone|>"
    assert len(rendering.resolved) == 2
    assert len(result.problems) == 2


def test_equal_references_that_are_spelled_otherwise_are_each_resolved() -> None:
    rendering = Rendering({"x/1": "one"})
    rendering.render('<|asset://x/1|> <|{"asset_id":"x","field_path":[1]}|>')
    assert [ref.field_path for ref in rendering.resolved] == [("1",), (1,)]


def test_half_an_embedding_is_none() -> None:
    text = "<|asset://x <|im_start|> <| asset://x|> asset://x|>"
    assert rendered(text, "text/plain", x="X").text == text


@pytest.mark.parametrize(
    "content_type", ["TEXT/Markdown", "text/markdown; charset=utf-8", " text/markdown ;a=b"]
)
def test_letter_case_and_parameters_of_a_content_type_do_not_matter(content_type: str) -> None:
    assert rendered("`<|asset://x|>` <|asset://x|>", content_type, x="X").text == "`<|asset://x|>` X"


@pytest.mark.parametrize("content_type", ["text/html", "image/png"])
def test_an_unknown_content_type_is_refused_with_the_known_ones(content_type: str) -> None:
    with pytest.raises(AssetError, match="application/json, text/markdown, text/plain"):
        rendered("", content_type)


@pytest.mark.parametrize("content_type", ["", "markdown", "/", "text/", "a b/c"])
def test_what_is_no_content_type_is_refused(content_type: str) -> None:
    with pytest.raises(AssetConfigurationError, match="is no content type"):
        rendered("", content_type)


def test_problems_beyond_the_hundredth_are_counted() -> None:
    result = rendered("<|asset://gone|>\n" * (MAX_PROBLEMS + 1_234))
    assert len(result.problems) == MAX_PROBLEMS + 1
    assert result.problems[MAX_PROBLEMS - 1].startswith(f"line {MAX_PROBLEMS}: ")
    assert result.problems[-1] == "and 1,234 more references stay in place"


def test_each_problem_is_one_short_line() -> None:
    gone = f"<|asset://{'é' * 10_000}/a%0Ab|>"
    (problem,) = rendered(gone).problems
    assert "\n" not in problem
    assert len(problem) < 3_000


def test_a_text_that_would_become_too_long_keeps_the_reference() -> None:
    result = Rendering({"x": "X" * 40}).render("<|asset://x|> <|asset://x|>", max_characters=60)
    assert result.text == "X" * 40 + " <|asset://x|>"
    assert "too long" in result.problems[0]


def test_a_bug_of_the_store_is_not_taken_for_a_problem_of_the_text() -> None:
    class Broken(Rendering):
        def resolve(self, ref: object) -> object:
            raise ZeroDivisionError(str(ref))

    with pytest.raises(ZeroDivisionError):
        Broken({}).render("<|asset://x|>")


@pytest.mark.parametrize("failure", [ValueError("secret"), SystemExit("secret"), KeyboardInterrupt()])
def test_a_renderer_that_fails_leaves_its_reference_and_no_other_one(failure: BaseException) -> None:
    def fail(*_: object) -> str:
        raise failure

    rendering = Rendering({"x": 1 + 2j, "y": "Y"})
    rendering.registry.register("text/markdown", complex, fail)
    result = rendering.render("<|asset://x|> <|asset://y|>")
    assert result.text == "<|asset://x|> Y"
    [problem] = result.problems
    assert type(failure).__name__ in problem
    assert "secret" not in problem
