"""References are found in a text, and nothing else is."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from openmas_assets.messages.asset_ref import AssetRef
from openmas_assets.messages.embedding import Embedding, find_embeddings, references

ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    ["", "|>", "<|", '"', '\\"', "\\", "{", "}", "<|asset://x|>", '{"a":1}']
)
ANY_REF = st.builds(AssetRef, ANY_TEXT.filter(bool), st.lists(ANY_TEXT | st.integers(), max_size=4))
FRAGMENTS = st.lists(
    st.sampled_from(
        [
            "<|",
            "|>",
            "<",
            "|",
            ">",
            "{",
            "}",
            '"',
            "\\",
            " ",
            "\n",
            "a",
            ":",
            ",",
            "[",
            "]",
            "asset://",
            "asset://b",
            '"asset_id":',
            '"field_path":',
            '"asset_id":"c"',
            '{"asset_id":"d"}',
            '{"asset_id":"|>","field_path":["<|"]}',
        ]
    )
).map("".join)


def _as_json(ref: AssetRef) -> str:
    return f"<|{json.dumps(ref.to_dict(), ensure_ascii=False)}|>"


@given(st.lists(st.tuples(st.text(), ANY_REF, st.booleans())), st.text())
def test_every_embedding_is_found_where_it_stands(
    pieces: list[tuple[str, AssetRef, bool]], last: str
) -> None:
    text, expected = "", []
    for before, ref, is_json in pieces:
        text += before.replace("<|", "")
        start = len(text)
        text += _as_json(ref) if is_json else ref.embedding
        expected.append(Embedding(start, len(text), ref))

    assert find_embeddings(text + last.replace("<|", "")) == tuple(expected)


@given(FRAGMENTS)
def test_what_is_found_is_what_parse_takes_in_order_without_overlap(text: str) -> None:
    end = 0
    for found in find_embeddings(text):
        assert end <= found.start < found.end
        end = found.end
        assert text[found.start : found.end].startswith("<|")
        assert text[found.start : found.end].endswith("|>")
        assert AssetRef.parse(text[found.start : found.end]) == found.ref


@given(FRAGMENTS)
@example("asset://<")
def test_nothing_that_parse_takes_is_missed(inner: str) -> None:
    text = f"<|{inner}|>"

    assert ([found.end - found.start for found in find_embeddings(text)] == [len(text)]) is AssetRef.is_ref(
        text
    )


def test_the_guides_images_are_found() -> None:
    ref = AssetRef("the_asset_id", ["path", "to", "the", "image", "object"])

    for embedding in (
        '<|{"asset_id":"the_asset_id","field_path":["path", "to", "the", "image", "object"]}|>',
        "<|asset://the_asset_id/path/to/the/image/object|>",
    ):
        text = f"![image_alt]({embedding})\n"
        assert find_embeddings(text) == (Embedding(13, len(text) - 2, ref),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "asset://a",
        "<asset://a>",
        "|asset://a|",
        "<|im_start|>user<|im_end|>",
        "<| asset://a|>",
        "<|asset://a |>",
        "<|asset://a\n|>",
        "<|asset://a",
        "asset://a|>",
        "<|asset://|>",
        "<|asset://a<|>",
        "<|https://a|>",
        '<| {"asset_id": "a"}|>',
        '<|{"asset_id": "a"} |>',
        '<|{"asset_id": "a"}|',
        '<|{"asset_id": "a"|>',
        '<|{"asset_id": "a}|>',
        '<|{"asset_id": "a", "asset_id": "a"}|>',
        '<|{"asset_id": "a", "field_path": [NaN]}|>',
        '<|{"asset_id": "a", "content": 1}|>',
        '<|{"asset_id": {"asset_id": "a"}}|>',
        '<|["a"]|>',
        "<||>",
        "<|>",
    ],
)
def test_what_only_looks_like_an_embedding_is_none(text: str) -> None:
    assert find_embeddings(text) == ()
    assert references(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "<|asset://broken <|asset://a|>",
        "<|asset://broken<|asset://a|>",
        "<|<|asset://a|>|>",
        "<<|asset://a|>>",
        "<|asset://broken |> <|asset://a|>",
        '<|{"asset_id": "broken <|asset://a|>',
        '<|{"asset_id": "broken", "content": "<|asset://a|>"}|>',
        '<|{<|{"asset_id": "a"}|>',
        '<|{"<|{"asset_id": "a"}|>',
        "<|im_start|><|asset://a|><|im_end|>",
    ],
)
def test_a_broken_embedding_hides_no_good_one(text: str) -> None:
    assert references(text) == (AssetRef("a"),)


def test_a_text_in_json_may_hold_the_closing_and_the_opening() -> None:
    text = '<|{"asset_id": "a|>", "field_path": ["<|asset://b|>", "\\"|>", "\\\\"]}|>|>'

    assert find_embeddings(text) == (
        Embedding(0, len(text) - 2, AssetRef("a|>", ["<|asset://b|>", '"|>', "\\"])),
    )


def test_references_are_listed_in_order_without_repetition_also_those_in_code() -> None:
    text = (
        "<|asset://b|> and `<|asset://a/1|>`\n```\n<|asset://c|>\n```\n"
        '<|{"asset_id": "a", "field_path": [1]}|> <|ASSET://b|>'
    )

    assert references(text) == (AssetRef("b"), AssetRef("a", ["1"]), AssetRef("c"))


@pytest.mark.parametrize(
    "filler",
    [
        " ",
        "<|",
        "|>",
        "<",
        "<|asset://",
        "<|asset://a b|>",
        "<|{",
        '<|{"',
        '<|{"a":"',
        '<|{":',
        '<|{"\\',
        '"<|{":',
        '\\"',
        "\n<|{}|>",
    ],
)
@pytest.mark.parametrize("beginning", ["", "<|asset://", '<|{"', '<|{"asset_id":["'])
def test_a_long_text_of_halves_is_read_through_and_what_stands_behind_is_found(
    beginning: str, filler: str
) -> None:
    # Were each half looked through to the text's end, this would take minutes.
    assert references(f"{beginning}{filler * 100_000}\n<|asset://a|>") == (AssetRef("a"),)


def test_deep_json_is_none() -> None:
    assert references('<|{"asset_id":' + "[" * 30_000 + "]" * 30_000 + "}|><|asset://a|>") == (AssetRef("a"),)
