"""A reference and its URL are one."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openmas_assets.messages.errors import AssetRefError
from openmas_assets.messages.reference_url import parse_url, print_url, url_length

ANY_CHARACTER = st.characters(exclude_categories=())
ANY_TEXT = st.one_of(
    st.text(ANY_CHARACTER),
    st.lists(
        st.sampled_from(["/", "%", "+", " ", "?", "#", "|>", "<|", "%2F", "..", "Ä", "0", "\ud83d", "\ude00"])
    ).map("".join),
)
ANY_ID = ANY_TEXT.filter(bool)


@given(ANY_ID, st.lists(ANY_TEXT))
def test_any_id_and_any_keys_come_back_from_their_url(asset_id: str, keys: list[str]) -> None:
    assert parse_url(print_url(asset_id, keys)) == (asset_id, tuple(keys))


@given(ANY_ID, st.lists(ANY_TEXT))
def test_a_url_is_one_word_of_ascii_that_ends_no_markdown_and_no_embedding(
    asset_id: str, keys: list[str]
) -> None:
    url = print_url(asset_id, keys)

    assert url.isascii()
    assert url.isprintable()
    assert not set(url) & set(" ()'\"<>|`[]{}\\?#")


@given(ANY_ID, st.lists(ANY_TEXT), st.integers(min_value=0, max_value=2000))
def test_the_length_of_a_url_is_never_told_too_small(asset_id: str, keys: list[str], enough: int) -> None:
    told = url_length(asset_id, keys, enough)
    length = len(print_url(asset_id, keys))

    assert length <= told <= max(length, enough)


@pytest.mark.parametrize(
    ("url", "parts"),
    {
        "the whole asset": ("asset://photo", ("photo", ())),
        "a path": ("asset://photo/content/labels/0", ("photo", ("content", "labels", "0"))),
        "an empty key": ("asset://photo/", ("photo", ("",))),
        "empty keys": ("asset://photo//a/", ("photo", ("", "a", ""))),
        "a scheme in upper case": ("ASSET://Photo/Content", ("Photo", ("Content",))),
        "a plus": ("asset://a+b/c+d", ("a+b", ("c+d",))),
        "an encoded slash": ("asset://a%2fb/c%2Fd", ("a/b", ("c/d",))),
        "an encoded percent sign": ("asset://a/100%25", ("a", ("100%",))),
        "what was encoded twice": ("asset://a/%252F", ("a", ("%2F",))),
        "a percent sign alone": ("asset://a/100%/%zz/%2", ("a", ("100%", "%zz", "%2"))),
        "what would be a query": ("asset://a/b?c=d&e", ("a", ("b?c=d&e",))),
        "what would be a fragment": ("asset://a#b/c#d", ("a#b", ("c#d",))),
        "what would be a port and a user": ("asset://me:pw@host:80/x", ("me:pw@host:80", ("x",))),
        "raw letters of any script": ("asset://фото/写真/é", ("фото", ("写真", "é"))),
        "encoded letters": ("asset://%D1%84/%e5%86%99", ("ф", ("写",))),
        "dots": ("asset://a/../b/.", ("a", ("..", "b", "."))),
        "a slice": ("asset://a/content/0:10", ("a", ("content", "0:10"))),
    }.values(),
)
def test_a_url_is_read_as_rfc_3986_has_it(url: str, parts: tuple[str, tuple[str, ...]]) -> None:
    assert parse_url(url) == parts


def test_a_url_is_printed_as_rfc_3986_has_it() -> None:
    assert print_url("a b", ["c/d", 0, "100%", "ö", "x:y@z!$&*+,;=-._~"]) == (
        "asset://a%20b/c%2Fd/0/100%25/%C3%B6/x:y@z!$&*+,;=-._~"
    )
    assert urlsplit(print_url("?", ["#"])).path == "/%23"


@pytest.mark.parametrize(
    "url",
    ["asset:// a", "asset://a /b", "asset://a/b\n", "asset://a\0", "asset://a/\x85", "asset://a/\u2028"],
)
def test_a_raw_space_or_control_character_is_refused_and_its_code_told(url: str) -> None:
    with pytest.raises(
        AssetRefError, match=r"U\+[0-9A-F]{4}\. Percent-encode it: (%[0-9A-F]{2})+\."
    ) as refused:
        parse_url(url)

    code = str(refused.value).rpartition(": ")[2].removesuffix(".")
    assert parse_url("".join(code if c.isspace() or not c.isprintable() else c for c in url))


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("asset://%ff", "the asset's id"),
        ("asset://a/b/%C3", "step 2"),
        ("asset://a/%C0%80", "step 1"),
        ("asset://a/%F5%80%80%80", "step 1"),
    ],
)
def test_what_is_no_utf_8_is_refused_and_its_place_told(url: str, where: str) -> None:
    with pytest.raises(AssetRefError, match=f"{where}.* no UTF-8"):
        parse_url(url)


@pytest.mark.parametrize("url", ["asset://", "asset:///content", "ASSET:///"])
def test_a_url_without_an_id_is_refused(url: str) -> None:
    with pytest.raises(AssetRefError, match="names no asset"):
        parse_url(url)


@pytest.mark.parametrize(
    "url",
    ["", "asset:/a", "asset:a", " asset://a", "assets://a", "https://a/b", "a\u017fset://a", "a%73set://a"],
)
def test_another_scheme_is_refused(url: str) -> None:
    with pytest.raises(AssetRefError, match="does not begin with asset://"):
        parse_url(url)
