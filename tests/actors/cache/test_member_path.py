"""The quick way for plain names and the rules agree on every name."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openmas_assets.actors.cache import member_path as rules
from openmas_assets.messages.errors import AssetUnpackError

PARTS = st.text("aZ9_.-+ :\\\n\0é~", max_size=4) | st.sampled_from(
    ["a" * 255, "a" * 254, ".asset_info.json", "con"]
)
NEVER = re.compile(r"(?!)")


def path_or_refusal(name: str) -> tuple[str, ...] | str:
    try:
        return rules.member_path(name)
    except AssetUnpackError as error:
        return error.problem


@given(st.lists(PARTS, max_size=6).map("/".join) | st.integers(100, 140).map(lambda n: "/".join("d" * n)))
def test_a_plain_name_is_what_the_rules_make_of_it(name: str) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rules, "_PLAIN_NAME", NEVER)
        by_the_rules = path_or_refusal(name)
    assert path_or_refusal(name) == by_the_rules


def test_most_names_are_plain() -> None:
    for name in ("README", "a/b.txt", "model-00001-of-2.safetensors", "src/__init__.py"):
        assert rules._PLAIN_NAME.fullmatch(name)
    for name in ("/a", "a/", "a//b", "./a", "a/../b", ".hidden", "c:a", "a\\b", "a\n", "x" * 256, "a b"):
        assert not rules._PLAIN_NAME.fullmatch(name)
