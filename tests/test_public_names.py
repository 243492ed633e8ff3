"""The names that people import: the same to Python, to type checkers and to a star."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import openmas_assets.actors
import openmas_assets.messages

ROOMS = [openmas_assets.actors, openmas_assets.messages]


@pytest.mark.parametrize("room", ROOMS)
def test_each_public_name_comes_from_where_a_type_checker_is_told(room: ModuleType) -> None:
    told = {
        alias.name: node.module
        for node in ast.walk(ast.parse(Path(str(room.__file__)).read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(f"{room.__name__}.")
        for alias in node.names
    }
    assert sorted(told) == sorted(room.__all__)
    for name, module in told.items():
        assert room._MODULES[name] == str(module).removeprefix(f"{room.__name__}.")
        assert getattr(room, name) is getattr(importlib.import_module(str(module)), name)
    assert room._MODULES.keys() == told.keys()


@pytest.mark.parametrize("room", ROOMS)
def test_a_star_and_dir_have_every_public_name(room: ModuleType) -> None:
    taken: dict[str, object] = {}
    exec(f"from {room.__name__} import *", taken)
    assert taken.keys() - {"__builtins__"} == set(room.__all__)
    assert set(room.__all__) <= set(dir(room))


@pytest.mark.parametrize("room", ROOMS)
def test_a_misspelt_name_is_refused_as_in_any_module(room: ModuleType) -> None:
    with pytest.raises(AttributeError, match=rf"module '{room.__name__}' has no attribute 'AssetManger'"):
        _ = room.AssetManger
    assert not hasattr(room, "__path_hooks__")


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_itself_imports_nothing_but_the_standard_library(room: ModuleType) -> None:
    code = f"import sys, {room.__name__}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ours = {name for name in done.stdout.split() if name.startswith("openmas_assets.")}
    assert ours == {room.__name__}
    assert not {"pydantic", "pykka", "yaml", "click"} & set(done.stdout.split())
