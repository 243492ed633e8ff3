"""Code in Markdown is left alone: fences and inline code as CommonMark has them."""

import pytest

from rendering import rendered

REF = "<|asset://x|>"


def is_replaced(text: str) -> bool:
    """Whether the reference in a Markdown text is replaced; `@` stands for it."""
    result = rendered(text.replace("@", REF), x="X")
    assert result.problems == ()
    assert result.text in {text.replace("@", "X"), text.replace("@", REF)}
    return result.text == text.replace("@", "X")


@pytest.mark.parametrize(
    "text",
    [
        "`@`",
        "a `b @ c` d",
        "`` ` @ ``",
        "` `` @ `",
        "```@```",
        "`a\n@\nb`",
        "`a \\` and `@`",  # a backslash ends no code: the second code is the one with the reference
        "\\\\`@`",
        "\\``@`",
        "> `a\n> @`",
        "- `a\n  @`",
        "`<|asset://y|> @`",
        "# `@`",
        "`a\n2. @`",  # neither a second item nor an empty one begins in the middle of a paragraph
        "`a\n*\n@`",
        "    `a\n    @`",
    ],
)
def test_inline_code_is_left_alone(text: str) -> None:
    assert not is_replaced(text)


@pytest.mark.parametrize(
    "text",
    [
        "` @",
        "`a @",
        "``a` @",
        "`a`` @",
        "`a` @ `b`",
        "`a`@`b`",
        "\\`@`",
        "\\`@\\`",
        "\\\\\\`@`",
        "`a\n\n@`",  # a blank line ends the paragraph
        "`a\n# @`",
        "# a `\n@ `",
        "`a\n---\n@`",
        "`a\n***\n@`",
        "`a\n> @`",
        "- `a\n- @`",
        "`a\n```\nb\n```\n@`",
        '<|{"asset_id":"no`code"}|> @`',  # a backtick in a reference begins no code
    ],
)
def test_what_only_looks_like_inline_code_is_replaced(text: str) -> None:
    result = rendered(text.replace("@", REF), x="X", **{"no`code": "<|no`code|>"})
    assert "X" in result.text
    assert REF not in result.text


@pytest.mark.parametrize(
    "text",
    [
        "```\n@\n```",
        "```python\n@\n```\n",
        "~~~\n@\n~~~",
        "~~~ `info`\n@\n~~~",
        "   ```\n@\n   ```",
        "````\n```\n@\n```\n````",
        "```\n~~~\n@\n```",
        "~~~\n```\n@\n~~~",
        "```\na\n\n@\n\n```",
        "```\n@",  # an unclosed fence runs to the end
        "```\n``` x\n@\n```",  # a closing fence has no info
        "```\n    ```\n@\n```",  # a closing fence is indented by three spaces at most
        "````\n```\n@",
        "```@\n```",
        "a\n```\n@\n```",
        "```\r\n@\r\n```\r\n",
        "> ```\n> @\n> ```",
        "- ```\n  @\n  ```",
        "- a\n\n  ```\n  @\n  ```",
        "1. a\n\n   - b\n\n     ```\n     @\n     ```",
        "10. a\n    ```\n    @\n    ```",
        "-\ta\n\n\t```\n\t@\n\n\t```",
        "> - ```\n>   @",
        "***\n2. ```\n   @",
    ],
)
def test_fenced_code_is_left_alone(text: str) -> None:
    assert not is_replaced(text)


@pytest.mark.parametrize(
    "text",
    [
        "```\na\n```\n@",
        "```\na\n`````\n@",
        "~~~\na\n~~~   \n@",
        "```\na\n  ```\n@",
        "``\n@\n```",
        "~~\n@\n~~",
        "    ```\n\n@",  # four spaces make no fence
        "a\n    ~~~\n@",
        "``` `a`\n@",  # no backtick in the info of a fence of backticks
        "> ```\n@",  # a fence ends with the block quote it is in
        "> ```\n> a\n\n@",
        "- ```\n  a\n\n@",
        "- a\n```\nb\n```\n@",
        "-\n\n  ```\na\n  ```\n@",  # a list item that begins with two blank lines is over
        "* * *\n@",
    ],
)
def test_text_around_fences_is_replaced(text: str) -> None:
    assert is_replaced(text)


def test_indented_text_is_no_code() -> None:
    assert is_replaced("a\n\n    @\n")


@pytest.mark.parametrize(
    "text",
    [
        "a " + "`" * 100_000,
        "` `` " * 33_000,
        "> " * 50_000 + "\n" * 50_000,
        "+ " * 50_000 + "\n" * 50_000,
        "![" * 50_000,
    ],
)
def test_a_hostile_text_is_read_to_its_end(text: str) -> None:
    assert is_replaced(f"{text}\n\n@")
