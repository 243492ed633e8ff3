"""A source says where bytes come from, what the file is called, and never shows a secret."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from openmas_assets.messages.source import HttpSource, HubSource, LocalSource, Source

SOURCE = TypeAdapter[Source](Source)


@pytest.mark.parametrize(
    ("url", "file_name"),
    [
        ("https://example.com/a/model.bin", "model.bin"),
        ("https://example.com/a/model.bin?token=a/b#part", "model.bin"),
        ("https://example.com/my%20model%2Ev1.bin", "my model.v1.bin"),
        ("https://example.com/a+b", "a+b"),
        ("https://example.com/model:v1", "model:v1"),
        ("https://example.com/models/", "asset"),
        ("https://example.com", "asset"),
        ("https://example.com?file=x.bin", "asset"),
    ],
)
def test_an_http_file_is_called_what_its_url_calls_it(url: str, file_name: str) -> None:
    assert HttpSource(url=url).file_name == file_name


def test_an_http_file_is_called_what_the_configuration_calls_it() -> None:
    assert HttpSource(url="https://example.com/..", filename="b.bin").file_name == "b.bin"


@pytest.mark.parametrize(
    "segment", ["..", "%2e%2e", "..%2F..%2Fetc", "a%5Cb", "a%00", "CON", ".asset_info.json", "C%3A"]
)
def test_a_url_that_names_no_file_of_ours_needs_a_filename(segment: str) -> None:
    url = f"https://example.com/{segment}"
    with pytest.raises(ValidationError, match="or add a filename to the source"):
        HttpSource(url=url)

    assert HttpSource(url=url, filename="b.bin").file_name == "b.bin"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/a",
        "ftp://example.com/a",
        "file:///etc/passwd",
        "https:///a",
        "https://:443/a",
        "https://user@/a",
        "https://example.com:port/a",
        "https://[::1/a",
        "https://exa mple.com/a",
        " https://example.com/a",
        "https://example.com/a\r\nX-Evil: 1",
        "https://good.example\\@evil.example/a",
    ],
)
def test_what_is_no_http_url_with_a_host_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        HttpSource(url=url)


def test_neither_userinfo_nor_query_is_ever_shown() -> None:
    source = HttpSource(url="https://user:hunter2@example.com:8443/a/b.bin?token=hunter3#hunter4")

    assert source.shown == "https://example.com:8443/a/b.bin"
    assert "hunter" not in f"{source!r} {source} {source!s} {[source]}"
    assert source.url.endswith("hunter4")


def test_a_refused_url_is_not_shown_either() -> None:
    with pytest.raises(ValidationError) as caught:
        HttpSource(url="https://user:hunter2@example.com:x/a")
    assert "hunter" not in str(caught.value)


def test_a_hub_source_is_a_file_or_a_snapshot() -> None:
    file = HubSource(repo_id="org/model", filename="onnx/model.onnx", revision="v1")
    snapshot = HubSource.model_validate({"repo_id": "gpt2", "allow_patterns": "*.json"})

    assert (file.file_name, file.shown) == ("onnx/model.onnx", "hf://org/model/onnx/model.onnx@v1")
    assert (snapshot.file_name, snapshot.shown) == (None, "hf://gpt2@main")
    assert snapshot.allow_patterns == ("*.json",)


@pytest.mark.parametrize(
    "fields",
    [
        {"repo_id": "https://huggingface.co/org/model"},
        {"repo_id": "../model"},
        {"repo_id": "a/b/c"},
        {"repo_id": "org/-model"},
        {"repo_id": "org/a--b"},
        {"repo_id": ""},
        {"repo_id": "org/" + "a" * 93},
        {"repo_id": "org/model", "filename": "../model.bin"},
        {"repo_id": "org/model", "filename": "/model.bin"},
        {"repo_id": "org/model", "revision": "../../main"},
        {"repo_id": "org/model", "revision": ""},
        {"repo_id": "org/model", "filename": "a.bin", "allow_patterns": ["*"]},
    ],
)
def test_a_malformed_hub_source_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HubSource.model_validate(fields)


def test_a_revision_may_be_a_reference_with_slashes() -> None:
    assert HubSource(repo_id="org/model", revision="refs/pr/1").revision == "refs/pr/1"


def test_a_local_source_is_called_what_its_path_calls_it_and_stays_as_it_was_written() -> None:
    source = LocalSource(path=Path("../shared/index.bin"))

    assert (source.file_name, source.shown) == ("index.bin", "../shared/index.bin")
    assert LocalSource(path=Path(".."), filename="x").file_name == "x"


@pytest.mark.parametrize("path", ["", " ", "a\0b", ".", "..", "/", "a/.."])
def test_a_local_path_that_names_nothing_is_refused(path: str) -> None:
    with pytest.raises(ValidationError):
        LocalSource.model_validate({"path": path})


def test_the_type_chooses_the_source() -> None:
    assert isinstance(SOURCE.validate_python({"type": "local", "path": "a"}), LocalSource)
    assert isinstance(SOURCE.validate_python({"type": "hf", "repo_id": "a/b"}), HubSource)
    with pytest.raises(ValidationError):
        SOURCE.validate_python({"type": "s3", "url": "https://example.com/a"})


def test_keys_of_other_types_may_stand_there_without_a_value() -> None:
    nothing = dict.fromkeys(["repo_id", "filename", "revision", "path"])

    assert SOURCE.validate_python({"type": "http", "url": "https://e.com/a"} | nothing).file_name == "a"
    with pytest.raises(ValidationError):
        SOURCE.validate_python({"type": "http", "url": "https://e.com/a", "revison": None})


@given(st.text(max_size=20), st.sampled_from(["", "/../", "/%2e%2e%2f", "/a/..%5c"]))
def test_no_accepted_url_gives_a_file_name_that_leaves_its_folder(tail: str, middle: str) -> None:
    try:
        source = HttpSource(url=f"https://example.com{middle}{tail}")
    except ValidationError:
        reject()
    folder = Path("/cache/model")

    assert Path(os.path.normpath(folder / source.file_name)).parent == folder
