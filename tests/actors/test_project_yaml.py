"""What is not YAML, or too much of it, is told with its line and the fix."""

import threading
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openmas_assets.actors import project_yaml
from openmas_assets.actors.project import load_project
from openmas_assets.messages.errors import AssetConfigurationError
from project_problems import problems_in
from secrets_found import appearances

ONE_PROBLEM = {
    "an open quote": ("name: a\nversion: 'x\n", "line", "not YAML"),
    "a missing space after a colon": (
        "name: a\nversion:1\nagents: {}\n",
        "line 3: not YAML: a colon and a space",
        "key: value",
    ),
    "a bad indentation": ("name: a\n  version: b\n", "line 2: not YAML (", "check colons"),
    "a tab": ("settings:\n\tassets: {}\n", "line 2: not YAML: the line is indented with a tab", "spaces"),
    "a reserved character": (
        "name: a\nversion: @b\n",
        "line 2: not YAML: a value begins with a character",
        "quotes",
    ),
    "an alias of nothing": (
        "name: *hunter2\n",
        "line 1: not YAML: an alias (*) names no anchor",
        "in quotes",
    ),
    "a second document": ("name: a\n---\nname: b\n", "line 2: not YAML: a second document", "leave one"),
    "an empty file": ("", "line 1: the file is empty", "begin it with name"),
    "a file of comments": ("# a\n", "line 1: the file is empty", "begin it with name"),
    "a list": ("- a\n", "line 1: the file is not a mapping", "begin it with name"),
    "invalid UTF-8": (b"name: a\nversion: \xff\n", "line 2: the file is not UTF-8", "save it as UTF-8"),
    "UTF-16": ("name: a".encode("utf-16"), "line 1: the file is not UTF-8", "save it as UTF-8"),
    "NUL": ("name: a\nversion: \0\n", "line 2: the unprintable character U+0000", "remove it"),
    "a file too large": ("#" * (10 * 2**20 + 1), "it is larger than 10 MiB", "is it a project file?"),
    "too many values": (
        "a: [" + "1," * 250_000 + "]",
        "line 1: more than 100,000 values",
        "is it a project file?",
    ),
}


@pytest.mark.parametrize(("content", "start", "fix"), ONE_PROBLEM.values(), ids=ONE_PROBLEM)
def test_what_is_wrong_is_told_with_its_place_and_the_fix(
    tmp_path: Path, content: str | bytes, start: str, fix: str
) -> None:
    (problem,) = problems_in(tmp_path, content)

    assert problem.startswith(start)
    assert fix in problem.removeprefix(start)


def test_what_is_not_utf_8_is_an_error_that_holds_nothing_of_it(tmp_path: Path) -> None:
    path = tmp_path / "openmas_project.yml"
    path.write_bytes(b"assets:\n- source: {url: 'https://user:hunter2@e.com'}\n\xff")

    with pytest.raises(AssetConfigurationError, match="line 3: the file is not UTF-8") as caught:
        load_project(path)

    assert appearances("hunter2", caught.value, ()) == []


BOMBS = {
    "an alias bomb": "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
    + "".join(
        f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "a bomb of merges": "a: &a {x: 1}\n"
    + "".join(
        f"{b}: &{b} {{<<: *{a}, {','.join(f'k{i}: *{a}' for i in range(10))}}}\n"
        for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "a chain of aliases": "x:\n- &a0 [1]\n" + "".join(f"- &a{i} [*a{i - 1}]\n" for i in range(1, 2000)),
    "100,000 brackets": "[" * 100_000,
    "100,000 braces": "{a: " * 100_000,
    "100,000 dashes": "- " * 100_000,
    "100,000 question marks": "? " * 100_000,
    "a number in base 60": "a: 1" + ":1" * 500_000,
    "100,000 unknown keys": "assets:\n- {" + ", ".join(f"retriez{i}: 1" for i in range(40_000)) + "}\n",
    "100,000 required assets": "assets: ["
    + ", ".join(f"{{name: n{i}, source: {{type: local, path: x}}}}" for i in range(2000))
    + "]\nagents: {r: {required_assets: ["
    + ", ".join(f"m{i}" for i in range(40_000))
    + "]}}\n",
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("content", BOMBS.values(), ids=BOMBS)
def test_a_bomb_ends_early_with_a_bounded_error(tmp_path: Path, content: str) -> None:
    problems = problems_in(tmp_path, content)

    assert len(problems) <= 101
    assert sum(len(problem) for problem in problems) < 100_000


def test_a_bomb_of_depth_does_not_need_the_stack_of_the_main_thread(tmp_path: Path) -> None:
    problems: list[str] = []
    thread = threading.Thread(target=lambda: problems.extend(problems_in(tmp_path, "[" * 100_000)))
    thread.start()
    thread.join()

    assert problems == ["line 1: values are nested more than 100 deep; nest them less"]


# fmt: off
YAML_PIECES = st.sampled_from([
    "assets:", "\n", "- ", "  ", "name: a", "source:", "{", "}", "[", "]", "type: http",
    "url: https://u:p@h/x", ": ", "&a ", "*a", "<<: *a", "!!int ", "!!python/name:os ", "'", '"', "#",
    "|", ">", "---", "...", "? ", "\t", "%YAML", "agents:", "required_assets: [a]", "settings:", "1",
    "-1", "null", "2023-01-01", ".inf", "0x", "1:60", ",", "é", "unpack: true", "checksum: x",
    "authentication:", "http:", "!!binary ", "=", "~", "\ufeff", "\\ud800", "\0",
])
KEYS = st.sampled_from([
    "assets", "name", "source", "type", "url", "path", "repo_id", "filename", "authentication", "http", "hf",
    "agents", "required_assets", "settings", "cache_dir", "unpack", "checksum", "progress_report", "x",
])
# fmt: on

# Well-formed YAML with our keys and any values.
DATA = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.dates()
    | st.just("http"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.integers() | st.none(), inner, max_size=4)
    ),
    max_leaves=20,
)
ASSETS = st.fixed_dictionaries({"assets": st.lists(DATA, max_size=3), "agents": DATA, "settings": DATA})

CONTENT = st.one_of(
    st.binary(max_size=60),
    st.lists(YAML_PIECES, max_size=40).map(lambda pieces: "".join(pieces).encode("utf-8")),
    (DATA | ASSETS).map(lambda data: yaml.safe_dump(data, allow_unicode=True).encode("utf-8", "replace")),
)


@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(content=CONTENT)
def test_whatever_a_file_holds_nothing_but_a_configuration_error_is_raised(
    tmp_path: Path, loader: type, content: bytes
) -> None:
    path = tmp_path / "openmas_project.yml"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(project_yaml, "_Loader", loader)
        try:
            load_project(path)
        except AssetConfigurationError as error:
            assert error.problems  # noqa: PT017
            assert "u:p@" not in str(error)  # noqa: PT017
