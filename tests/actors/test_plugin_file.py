"""A plugin's config may be a YAML file; whatever is wrong with it, the error names the file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from openmas_assets.actors import AssetStore, PluginDispatcher
from openmas_assets.messages.errors import AssetConfigurationError
from plugins import message, response_of

GOOD = """
info: {title: lab, description: Tries things.}
commands:
  - command_name: go
    description: Goes.
    parameter:
      type:
        image: {type: numpy.ndarray, asset_ref_acceptable: true, required: false}
        size: {type: int}
"""


@pytest.fixture
def plugins() -> Iterator[PluginDispatcher]:
    with AssetStore() as store, PluginDispatcher(store) as plugins:
        yield plugins


@pytest.mark.parametrize("as_given", [Path, str])
def test_a_file_is_given_by_its_path(
    plugins: PluginDispatcher, tmp_path: Path, as_given: type[Path] | type[str]
) -> None:
    path = tmp_path / "lab.yml"
    path.write_text(GOOD)
    assert plugins.register(as_given(path), lambda _command, param: param) == "lab"
    assert response_of(plugins.call(message(param={"size": 1}))) == {"size": 1}


BAD: dict[str, tuple[str | None, str]] = {
    "missing": (None, "it cannot be read (No such file or directory)"),
    "empty": ("", "line 1: the file is empty; begin it with info: {title: my_plugin}"),
    "a list": ("- a\n", "line 1: the file is not a mapping; begin it with info: {title: my_plugin}"),
    "too large": ("#" * (10 * 2**20 + 1), "is it a plugin file?"),
    "broken": ("info: {title: lab\ncommands: []\n", "line 2: not YAML"),
    "a tab": ("info:\n\ttitle: lab\n", "line 2: not YAML: the line is indented with a tab"),
    "a key twice": (GOOD + "commands: []\n", "line 10: commands: the key is there twice, first on line 3"),
    "a tag": ("info: !!python/name:os.system {title: lab}\n", "line 1: info: has a YAML tag"),
    "a config that is none": ("name: lab\n", "commands: is no list with a command or more"),
    "a misspelt key": (GOOD.replace("parameter:", "parametr:"), "commands[0].parametr"),
}


@pytest.mark.parametrize(("text", "problem"), BAD.values(), ids=BAD)
def test_an_error_names_the_file_and_what_is_wrong_in_it(
    plugins: PluginDispatcher, tmp_path: Path, text: str | None, problem: str
) -> None:
    path = tmp_path / "lab.yml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(AssetConfigurationError) as raised:
        plugins.register(path, lambda _command, _param: None)
    assert raised.value.path == path
    shown = str(raised.value)
    assert f"the plugin file {path}" in shown
    assert any(problem in each for each in raised.value.problems), shown
    assert "project" not in shown.replace(str(path), "")


def test_a_text_that_is_no_path_is_no_file(plugins: PluginDispatcher) -> None:
    for text in ("lab\0.yml", "\ud800"):
        with pytest.raises(AssetConfigurationError, match="cannot be the path of a file; name one") as raised:
            plugins.register(text, lambda _command, _param: None)
        str(raised.value).encode()


def test_a_folder_is_no_file(plugins: PluginDispatcher, tmp_path: Path) -> None:
    with pytest.raises(AssetConfigurationError, match="it is a folder; name a file"):
        plugins.register(tmp_path, lambda _command, _param: None)
