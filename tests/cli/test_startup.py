import json
from pathlib import Path

import pytest

from programs import Program
from project_folder import ProjectFolder, http

CODE = """
    import atexit, json, sys
    atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))
    from openmas_assets.cli.main import openmas
    openmas(sys.argv[1:])
"""
HEAVY = {"requests", "urllib3", "huggingface_hub", "tqdm", "dotenv", "asyncio", "filelock"}


def imported(folder_path: Path, *arguments: str) -> set[str]:
    """Return what a command imports."""
    with Program(CODE, *arguments, folder_path=folder_path) as program:
        done = program.wait()
    assert done.returncode == 0, done.stderr
    modules: list[str] = json.loads(done.stderr.splitlines()[-1])
    return set(modules)


def test_list_and_a_warm_hit_import_nothing_that_only_a_transfer_needs(project: ProjectFolder) -> None:
    project.declare(project.local("a"), http("b", "https://example.com/b.bin"))
    assert project.invoke("download", "a").exit_code == 0
    assert imported(project.path, "assets", "list") & HEAVY == set()
    assert imported(project.path, "assets", "download", "a") & HEAVY == set()


def test_a_dotenv_file_is_what_imports_dotenv(project: ProjectFolder) -> None:
    (project.path / ".env").write_text("A=1\n")
    assert imported(project.path, "assets", "list") & HEAVY == {"dotenv"}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["assets", "--help"], ["assets", "download", "--help"], ["--version"]]
)
def test_help_and_version_do_without_pydantic_and_actors(
    project: ProjectFolder, arguments: list[str]
) -> None:
    assert imported(project.path, *arguments) & (HEAVY | {"pydantic", "pykka", "yaml"}) == set()
