"""Which values are a reference, asked without touching them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openmas_assets.messages.asset_ref import AssetRef
from openmas_assets.messages.errors import AssetRefError
from openmas_assets.messages.reference_form import MAX_REFERENCE_LENGTH, MAX_STEPS, check_parts, read_form

ANY_TEXT = st.text(st.characters(exclude_categories=()))
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT | st.just("asset_id"), inner),
)

NO_REFERENCES: dict[str, Any] = {
    "None": None,
    "a number": 7,
    "bytes": b"asset://a",
    "a list": ["asset://a"],
    "an empty text": "",
    "an ordinary text": "the asset",
    "an ordinary URL": "https://example.com/asset://a",
    "a URL with a space before it": " asset://a",
    "a URL with a line break after it": "asset://a\n",
    "a URL in a sentence": "see asset://a",
    "a URL without an id": "asset://",
    "JSON by itself": '{"asset_id": "a"}',
    "an empty embedding": "<||>",
    "half of an embedding": "<|>",
    "the opening of one": "<|asset://a",
    "the closing of one": "asset://a b|>",
    "a token of a chat template": "<|im_start|>",
    "an embedding with spaces": "<| asset://a |>",
    "embedded JSON with a space before it": '<| {"asset_id": "a"}|>',
    "embedded JSON with a space after it": '<|{"asset_id": "a"} |>',
    "two embeddings": "<|asset://a|><|asset://b|>",
    "an embedding that ends twice": "<|asset://a|>b|>",
    "an embedding that begins twice": "<|asset://a<|asset://b|>",
    "broken JSON": '<|{"asset_id": "a"|>',
    "JSON with the same key twice": '<|{"asset_id": "a", "asset_id": "b"}|>',
    "JSON with a line break in a text": '<|{"asset_id": "a\n"}|>',
    "JSON with NaN": '<|{"asset_id": "a", "field_path": [NaN]}|>',
    "a list in JSON": '<|["a"]|>',
    "an empty dict": {},
    "a dict without an id": {"field_path": ["a"]},
    "a dict with another key": {"asset_id": "a", "asset_type": "b"},
    "a dict with a key too many": {"asset_id": "a", "field_path": [], "content": 1},
    "an asset": {"asset_id": "a", "content_type": "text/plain", "content": "x"},
    "an empty id": {"asset_id": ""},
    "an id that is no text": {"asset_id": 7},
    "an id that is None": {"asset_id": None},
    "a path that is a text": {"asset_id": "a", "field_path": "content"},
    "a path that is a dict": {"asset_id": "a", "field_path": {"content": 1}},
    "a path that is a set": {"asset_id": "a", "field_path": {"content"}},
    "a boolean step": {"asset_id": "a", "field_path": [True]},
    "a step that is None": {"asset_id": "a", "field_path": [None]},
    "a float step": {"asset_id": "a", "field_path": [1.0]},
    "a nested path": {"asset_id": "a", "field_path": [["b"]]},
}


def _refusal(form: object) -> str:
    try:
        read_form(form)
    except AssetRefError as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize("form", NO_REFERENCES.values(), ids=NO_REFERENCES)
def test_what_is_no_reference_is_refused_with_the_forms_there_are(form: object) -> None:
    with pytest.raises(AssetRefError, match=r"^this is no reference: .+\. [A-Z]"):
        read_form(form)


@pytest.mark.parametrize(
    "form",
    [
        {"asset_id": "a", "field_path": ["b", 1]},
        {"field_path": ("b", 1), "asset_id": "a"},
        '<|{"asset_id": "a", "field_path": ["b", 1]}|>',
        '<|{\n  "field_path" : ["b",1],\t"asset_id":"\\u0061" }|>',
    ],
)
def test_a_dict_and_its_json_are_read_with_their_spelling(form: object) -> None:
    assert read_form(form) == ("a", ("b", 1))


@pytest.mark.parametrize(
    "form",
    [{"asset_id": "a"}, {"asset_id": "a", "field_path": None}, '<|{"asset_id": "a", "field_path": null}|>'],
)
def test_no_path_is_the_whole_asset(form: object) -> None:
    assert read_form(form) == ("a", ())


@given(ANY_TEXT.filter(bool), st.lists(ANY_TEXT | st.integers()), st.booleans())
def test_any_id_and_any_steps_come_back_from_embedded_json(
    asset_id: str, steps: list[str | int], ascii_only: bool
) -> None:
    text = json.dumps({"asset_id": asset_id, "field_path": steps}, ensure_ascii=ascii_only)
    expected = json.loads(text)  # JSON joins the two halves of an escaped surrogate pair

    assert read_form(f"<|{text}|>") == (expected["asset_id"], tuple(expected["field_path"]))


@given(ANY_JSON)
def test_anything_else_is_refused_as_no_reference_and_as_nothing_else(form: object) -> None:
    for each in (form, f"<|{form}|>", f"<|{json.dumps(form)}|>", f"asset://{form}"):
        assert len(_refusal(each)) < 400


def test_the_text_is_not_repeated_in_the_error() -> None:
    for form in (
        "secret",
        "<|{secret}|>",
        "<|secret|>",
        {"secret": 1},
        {"asset_id": "a", "field_path": "secret"},
    ):
        with pytest.raises(AssetRefError) as refused:
            read_form(form)
        assert "secret" not in str(refused.value)


class _Trap:
    """Fails at whatever is done to it."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("eq")

    def __hash__(self) -> int:
        return hash("asset_id")

    def __len__(self) -> int:
        raise RuntimeError("len")

    def __str__(self) -> str:
        raise RuntimeError("str")


class _TrapMeta(type):
    def __getattribute__(cls, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(cls) -> str:
        raise RuntimeError("repr")

    def __hash__(cls) -> int:
        raise RuntimeError("hash")


class _TrapOfTrap(metaclass=_TrapMeta):
    pass


class _TrapDict(_Trap, dict[str, Any]):
    __hash__ = None  # type: ignore[assignment]
    __iter__ = _Trap.__str__  # type: ignore[assignment]
    get = _Trap.__str__  # type: ignore[assignment]


class _TrapList(_Trap, list[Any]):
    __hash__ = None  # type: ignore[assignment]
    __iter__ = _Trap.__str__  # type: ignore[assignment]


class _TrapText(_Trap, str):
    __slots__ = ()
    __hash__ = str.__hash__
    startswith = endswith = __iter__ = _Trap.__str__  # type: ignore[assignment]


class _TrapNumber(_Trap, int):
    __index__ = __int__ = _Trap.__str__  # type: ignore[assignment]


TRAPS: list[object] = [
    _Trap(),
    _TrapOfTrap(),
    {_Trap(): "a"},
    _TrapDict(b=1),
    {"asset_id": _Trap()},
    {"asset_id": "a", "field_path": [_Trap()]},
]


# Not as parameters: pytest itself would run their code.
def test_a_live_object_is_refused_without_running_its_code() -> None:
    for form in TRAPS:
        with pytest.raises(AssetRefError):
            read_form(form)
        assert not AssetRef.is_ref(form)


def test_what_derives_from_a_plain_type_is_read_as_that_type_without_running_its_code() -> None:
    asset_id, steps = read_form(
        _TrapDict(asset_id=_TrapText("a"), field_path=_TrapList([_TrapText("b"), _TrapNumber(1)]))
    )

    assert (asset_id, steps) == ("a", ("b", 1))
    assert [type(part) for part in (asset_id, *steps)] == [str, str, int]
    assert read_form(_TrapText("asset://a")) == ("a", ())


def test_a_reference_has_at_most_256_steps() -> None:
    assert len(check_parts("a", ["b"] * MAX_STEPS)[1]) == 256
    assert len(read_form("asset://a" + "/b" * MAX_STEPS)[1]) == 256
    for form in ({"asset_id": "a", "field_path": ["b"] * 257}, "asset://a" + "/b" * 257):
        with pytest.raises(AssetRefError, match="more than 256 steps"):
            read_form(form)


def test_a_reference_has_at_most_65_536_characters() -> None:
    longest = "asset://" + "a" * (MAX_REFERENCE_LENGTH - len("asset://"))

    assert read_form(longest) == read_form(f"<|{longest}|>") == (longest.removeprefix("asset://"), ())
    for form in (
        longest + "a",
        f"<|{longest}a|>",
        {"asset_id": longest},
        {"asset_id": "\U0001f600" * 10_000},
    ):
        with pytest.raises(AssetRefError, match="longer than 65,536 characters"):
            read_form(form)


@pytest.mark.parametrize(
    "form",
    [
        '<|{"asset_id": "a", "field_path": ' + "[" * 30_000 + "]" * 30_000 + "}|>",
        '<|{"asset_id": "a", "field_path": [' + "9" * 10_000 + "]}|>",
        {"asset_id": "a", "field_path": [10**10_000]},
    ],
    ids=["too deep", "too large a number in JSON", "too large a number"],
)
def test_what_python_cannot_read_or_print_is_refused(form: object) -> None:
    with pytest.raises(AssetRefError):
        read_form(form)


@pytest.mark.parametrize("filler", [" ", "<|", "<|{", "|>", "%", "/", '"', '{"'])
def test_a_long_text_of_whatever_costs_nothing(filler: str) -> None:
    for text in (
        filler * 100_000,
        f"asset://{filler * 10_000}\n",
        f"<|asset://{filler * 10_000}|>",
        f"<|{{{filler * 10_000}}}|>",
    ):
        assert len(_refusal(text)) < 400
