"""The arrows between the rooms, read from the imports of every module."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("messages", "actors", "cli")
NAMESPACE = "openmas_assets"


class Import(NamedTuple):
    """An imported module, and what is taken from it; empty for a plain `import`."""

    module: str
    names: tuple[str, ...]

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]

    @property
    def room(self) -> str | None:
        """The room of ours that it is in."""
        parts = [*self.module.split("."), *self.names]
        return parts[1] if parts[0] == NAMESPACE and len(parts) > 1 else None


def imports(path: Path) -> Iterator[Import]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (Import(alias.name, ()) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                assert level == 0, f"{path} has a relative import: one name for one module"
                assert module is not None
                yield Import(module, tuple(alias.name for alias in names))


def modules(room: str) -> list[Path]:
    paths = sorted((ROOT / room).rglob("*.py"))
    assert paths
    return paths


def short(path: object) -> str:
    return str(Path(str(path)).relative_to(ROOT))


ALL_MODULES = [path for room in ROOMS for path in modules(room)]


@pytest.mark.parametrize("path", modules("messages"), ids=short)
def test_messages_import_the_standard_library_and_pydantic_only(path: Path) -> None:
    for each in imports(path):
        allowed = {*sys.stdlib_module_names, "pydantic", "pydantic_core"}  # the second is a part of the first
        assert each.top in allowed or each.room == "messages", each


@pytest.mark.parametrize("path", modules("messages"), ids=short)
def test_messages_do_no_input_and_output_and_have_no_threads(path: Path) -> None:
    busy = {"asyncio", "concurrent", "http", "multiprocessing", "os", "queue", "shutil", "socket"}
    busy |= {"subprocess", "tempfile", "threading", "logging", "sys", "io", "time"}
    assert not [each for each in imports(path) if each.top in busy]


@pytest.mark.parametrize("path", modules("actors"), ids=short)
def test_actors_do_not_import_the_terminal(path: Path) -> None:
    assert not [each for each in imports(path) if each.room == "cli" or each.top == "click"]


@pytest.mark.parametrize("path", modules("cli"), ids=short)
def test_the_terminal_uses_public_names_only(path: Path) -> None:
    for each in imports(path):
        if each.room in {"messages", "actors"}:
            assert not [name for name in (*each.module.split("."), *each.names) if name.startswith("_")], each


@pytest.mark.parametrize("path", ALL_MODULES, ids=short)
def test_no_module_takes_a_private_name_of_another_of_ours(path: Path) -> None:
    for each in imports(path):
        if each.room is not None:
            assert not [name for name in (*each.module.split("."), *each.names) if name.startswith("_")], each


@pytest.mark.parametrize("path", ALL_MODULES, ids=short)
def test_one_import_name_is_used_everywhere(path: Path) -> None:
    """Under a second name a message class would exist twice, and `match` would silently miss."""
    assert not [each for each in imports(path) if each.top in ROOMS]


def test_the_tests_and_everything_else_use_that_name_too() -> None:
    folders = [ROOT / name for name in ("tests", "examples", "benchmarks")]
    for path in (path for folder in folders for path in folder.rglob("*.py")):
        assert not [each for each in imports(path) if each.top in ROOMS], path
