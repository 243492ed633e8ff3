"""A path segment stays in its folder."""

import os
from collections.abc import Callable
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from openmas_assets.messages.segment import check_file_name, check_relative_path, check_segment

REFUSED_EVERYWHERE = {
    "empty": "",
    "the folder itself": ".",
    "the folder above": "..",
    "a separator": "a/b",
    "a way out": "../b",
    "an absolute path": "/etc/passwd",
    "a backslash": "a\\b",
    "a network share": "\\\\server\\share",
    "a drive": "C:",
    "a path on a drive": "C:b",
    "NUL": "a\0b",
    "a line break": "a\nb",
    "an escape sequence": "\x1b[31m",
    "a C1 control": "a\x85b",
    "a Unicode line break": "a\u2028b",
    "a lone surrogate": "a\ud800",
    "a leading space": " a",
    "a trailing space": "a ",
    "a trailing dot": "a.",
    "a device": "CON",
    "a device in lower case": "nul",
    "a device with an extension": "Com1.tar.gz",
    "a device with a space before the extension": "lpt9 .txt",
    "201 bytes": "a" * 201,
    "201 bytes in 101 characters": "é" * 100 + "a",
}

# What somebody hostile would try, in any combination.
HOSTILE_TEXT = st.one_of(
    st.text(max_size=30),
    st.lists(st.sampled_from(["..", ".", "/", "\\", ":", "C", "\0", " ", "CON", "a", "~"])).map("".join),
)


@pytest.mark.parametrize("check", [check_segment, check_file_name], ids=["segment", "file name"])
@pytest.mark.parametrize("value", REFUSED_EVERYWHERE.values(), ids=REFUSED_EVERYWHERE)
def test_a_name_that_could_leave_its_folder_or_is_no_file_everywhere_is_refused(
    check: Callable[[str], str], value: str
) -> None:
    with pytest.raises(ValueError, match=r"^(is|holds|starts|ends) .+; (write|remove) "):
        check(value)


@pytest.mark.parametrize(
    "value", ["1.0", "llama3-8b", "..a", ".hidden", "a b", "console", "COM10", "日本語", "é" * 100, "~"]
)
def test_an_ordinary_name_is_accepted_as_it_is(value: str) -> None:
    assert check_segment(value) == value
    assert check_file_name(value) == value


def test_a_colon_is_refused_in_a_name_and_allowed_in_a_file_name() -> None:
    with pytest.raises(ValueError, match="colon"):
        check_segment("sha256:abc")

    assert check_file_name("sha256:abc") == "sha256:abc"


@pytest.mark.parametrize("value", [".asset_info.json", ".ASSET_info.JSON"])
def test_a_file_cannot_take_the_name_of_the_metadata(value: str) -> None:
    with pytest.raises(ValueError, match=r"\.asset_info\.json, which the cache needs"):
        check_file_name(value)


def test_a_relative_path_has_each_of_its_segments_checked() -> None:
    assert check_relative_path("onnx/model.onnx") == "onnx/model.onnx"
    for path in ["/onnx", "a/../b", "a//b", "a/", "a/./b", "a/CON/b", ".asset_info.json/a"]:
        with pytest.raises(ValueError, match="; write"):
            check_relative_path(path)


@given(HOSTILE_TEXT)
def test_no_accepted_segment_leads_out_of_its_folder_on_any_platform(value: str) -> None:
    try:
        check_segment(value)
    except ValueError:
        reject()
    folder = Path("/cache/model")

    assert Path(os.path.normpath(folder / value)).parent == folder
    assert PureWindowsPath("C:/cache", value).parent == PureWindowsPath("C:/cache")


@given(HOSTILE_TEXT)
def test_no_accepted_relative_path_leads_out_of_its_folder_on_any_platform(value: str) -> None:
    try:
        check_relative_path(value)
    except ValueError:
        reject()
    folder = Path("/cache/model")

    assert folder in Path(os.path.normpath(folder / value)).parents
    assert ".." not in PureWindowsPath("C:/cache", value).parts
    assert PureWindowsPath("C:/cache") in PureWindowsPath("C:/cache", value).parents
