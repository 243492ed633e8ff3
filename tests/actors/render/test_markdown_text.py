"""References in running Markdown, and as targets of images."""

import pytest

from openmas_assets.actors.render.markdown_text import markdown_slots
from rendering import rendered

PIXEL = b"GIF89a and so on"
URL = "data:image/gif;base64,R0lGODlhIGFuZCBzbyBvbg=="


@pytest.mark.parametrize(
    "text",
    [
        "![a](@)",
        "![](@)",
        '![a](@ "title")',
        "![a](@ 'a title' )",
        "![a](@ (title))",
        '![a](@\n"title")',
        '![a](@ "a \\" title")',
        "![a]( @ )",
        "![a](\n@\n)",
        "before ![a](@) after",
        "![a [b] c](@)",
        "![a \\] c](@)",
        "![`]` c](@)",
        "[![a](@)](https://example.org)",
        "\\\\![a](@)",
        "- ![a](@)",
        "> ![a\n> b](@)",
        "| ![a](@) | b |",
        "![a](@)![b](@)",
        "# ![a](@)",
    ],
)
def test_an_image_in_image_syntax_becomes_its_url(text: str) -> None:
    result = rendered(text.replace("@", "<|asset://x/y|>"), **{"x/y": PIXEL})
    assert result.text == text.replace("@", URL)
    assert result.problems == ()


def test_the_examples_of_the_guide_become_images() -> None:
    json_form = (
        '![image_alt](<|{"asset_id":"the_asset_id","field_path":["path", "to", "the", "image", "object"]}|>)'
    )
    url_form = "![image_alt](<|asset://the_asset_id/path/to/the/image/object|>)"
    for text in (json_form, url_form):
        result = rendered(text, **{"the_asset_id/path/to/the/image/object": PIXEL})
        assert result.text == f"![image_alt]({URL})"


@pytest.mark.parametrize(
    "text",
    [
        "@",
        "see @ there",
        "[a](@)",
        "\\![a](@)",
        "!\\[a](@)",
        "![a\\](@)",
        "![a] (@)",
        "![a](@",
        "![a](x@)",
        "![a](@x)",
        '![a](@ "title)',
        '![a](@"title")',
        "![a]\n\n(@)",
        "![a\n\nb](@)",
        "![a] b](@)",
        "![@](https://example.org/a.png)",
        "`![a`](@)",
        '<img src="@">',
    ],
)
def test_an_image_elsewhere_stays_in_place_and_is_told_how_to_write(text: str) -> None:
    text = text.replace("@", "<|asset://x|>")
    result = rendered(text, x=PIXEL)
    assert result.text == text
    assert len(result.problems) == 1
    assert "![what it shows](<|" in result.problems[0]


def test_text_may_be_the_target_and_the_description_of_an_image() -> None:
    result = rendered("![<|asset://alt|>](<|asset://url|>)", alt="a cat", url="https://example.org/a.png")
    assert result.text == "![a cat](https://example.org/a.png)"


def test_text_stands_in_markdown_as_it_is() -> None:
    assert rendered("A <|asset://x|>!", x="*b* <c> `d`").text == "A *b* <c> `d`!"


def test_brackets_in_references_and_code_are_no_brackets() -> None:
    text = '![a <|{"asset_id":"x","field_path":["y"]}|> `[`](<|asset://z|>)'
    targets = [slot.place.is_image_target for slot in markdown_slots(text)]
    assert targets == [False, True]


def test_a_reference_that_reaches_over_a_blank_line_does_not_confuse_the_next_one() -> None:
    text = '<|{"asset_id":\n\n"x`y`z"}|> ![a](<|asset://z|>)'
    assert [slot.place.is_image_target for slot in markdown_slots(text)] == [False, True]
