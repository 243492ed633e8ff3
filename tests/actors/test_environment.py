"""A `.env` file adds to the environment, and no error shows what is in it."""

import os
from pathlib import Path

import pytest

from openmas_assets.actors.environment import load_environment
from openmas_assets.messages.errors import AssetConfigurationError
from secrets_found import appearances


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("TEST_ONE", "TEST_TWO"):
        monkeypatch.setenv(variable, "")
        monkeypatch.delenv(variable)


def test_variables_are_set_for_the_process(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("\ufeff# tokens\nexport TEST_ONE='one two'\n\nTEST_TWO=two # said\n", "utf-8")

    load_environment(path)

    assert (os.environ["TEST_ONE"], os.environ["TEST_TWO"]) == ("one two", "two")


def test_what_is_set_wins_even_if_it_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_ONE", "")
    path = tmp_path / ".env"
    path.write_text("TEST_ONE=one")

    load_environment(path)

    assert os.environ["TEST_ONE"] == ""


def test_no_file_and_a_folder_of_that_name_are_no_error(tmp_path: Path) -> None:
    load_environment(tmp_path / ".env")
    (tmp_path / ".env").mkdir()
    load_environment(tmp_path / ".env")


@pytest.mark.parametrize(
    "content",
    [
        b"TEST_ONE=hunter2 \xff",
        b"TEST_ONE='hunter2",
        b"hunter2 is the password",
        b"TEST_ONE=hunter2\0",
        b"'hunter2=b'=1",
    ],
    ids=["not UTF-8", "an open quote", "no assignment", "NUL", "an impossible key"],
)
def test_a_broken_file_is_an_error_that_shows_nothing_of_it(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / ".env"
    path.write_bytes(content)

    with pytest.raises(AssetConfigurationError) as caught:
        load_environment(path)

    assert str(path) in str(caught.value)
    assert caught.value.path == path
    assert appearances("hunter2", caught.value, ()) == []
    assert "hunter2" not in caplog.text


def test_each_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("TEST_ONE=1\nno assignment\nTEST_TWO=2\nnor this\n")

    with pytest.raises(AssetConfigurationError) as caught:
        load_environment(path)

    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["line 2", "line 4"]
    assert "TEST_ONE" not in os.environ


def test_values_may_name_variables_above_them_and_those_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_TWO", "set")
    path = tmp_path / ".env"
    path.write_bytes(
        b"TEST_ZERO=a\r\nTEST_TWO=b\r\nTEST_ONE=${TEST_ZERO} ${TEST_TWO} ${TEST_NONE:-c}${TEST_NONE}\r\n"
    )
    monkeypatch.setenv("TEST_ZERO", "")
    monkeypatch.delenv("TEST_ZERO")

    load_environment(path)

    assert os.environ["TEST_ONE"] == "a set c"


def test_a_bomb_of_variables_is_refused(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(
        "TEST_0=x\n" + "".join(f"TEST_{i}=${{TEST_{i - 1}}}${{TEST_{i - 1}}}\n" for i in range(1, 60))
    )

    with pytest.raises(AssetConfigurationError, match=r"longer than 1,048,576 characters"):
        load_environment(path)

    assert "TEST_0" not in os.environ


def test_a_file_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"#" * (2**20 + 1))

    with pytest.raises(AssetConfigurationError, match="larger than 1 MiB"):
        load_environment(path)


def test_a_file_that_cannot_be_looked_at_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AssetConfigurationError, match=r"cannot be read \(File name too long\)"):
        load_environment(tmp_path / ("x" * 300))
