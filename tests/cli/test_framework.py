import json
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner

from openmas_assets.cli.main import openmas
from programs import Program
from project_folder import ProjectFolder, script


def install_framework(folder_path: Path, code: str) -> dict[str, str]:
    """Put a framework where Python finds it; return the environment in which it does."""
    package_path = folder_path / "openmas" / "cli"
    package_path.mkdir(parents=True)
    (folder_path / "openmas" / "__init__.py").touch()
    (package_path / "__init__.py").touch()
    (package_path / "main.py").write_text(dedent(code))
    return {"PYTHONPATH": str(folder_path)}


FRAMEWORK = """
    import json, sys
    print("imported", file=sys.stderr)
    def main():
        print(json.dumps(sys.argv))
        return 3
"""


@pytest.mark.parametrize(
    "arguments", [["init", "demo", "--template", "x"], ["run", "--help"], ["run", "--", "-x", "assets"]]
)
def test_every_other_subcommand_goes_to_the_framework_as_it_stands(
    project: ProjectFolder, tmp_path: Path, arguments: list[str]
) -> None:
    env = install_framework(tmp_path / "site", FRAMEWORK)
    with project.program(*arguments, name="openmas", env=env) as program:
        done = program.wait()
    assert done.returncode == 3
    assert json.loads(done.stdout)[1:] == arguments
    assert Path(json.loads(done.stdout)[0]).name == "openmas"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["assets", "list"], ["assets", "lst"]])
def test_what_is_ours_does_not_import_the_framework(
    project: ProjectFolder, tmp_path: Path, arguments: list[str]
) -> None:
    env = install_framework(tmp_path / "site", FRAMEWORK)
    with project.program(*arguments, name="openmas", env=env) as program:
        assert "imported" not in program.wait().stderr


def test_the_help_says_that_other_subcommands_are_handed_over() -> None:
    text = " ".join(CliRunner().invoke(openmas, ["--help"]).stdout.split())
    assert "handed over to the OpenMAS framework, if it is installed (pip install openmas)" in text


def test_without_the_framework_its_subcommands_are_explained(project: ProjectFolder) -> None:
    with project.program("asets", "list", name="openmas") as program:
        done = program.wait()
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such command 'asets' here. Did you mean 'assets'?" in done.stderr
    assert "belong to the OpenMAS framework, which is not installed: pip install openmas" in done.stderr


@pytest.mark.parametrize(
    "code", ["import a_library_that_is_missing", "from click import a_library_that_is_missing"]
)
def test_a_framework_that_cannot_be_imported_is_named(
    project: ProjectFolder, tmp_path: Path, code: str
) -> None:
    env = install_framework(tmp_path / "site", code)
    with project.program("init", name="openmas", env=env) as program:
        done = program.wait()
    assert done.returncode == 1
    assert done.stderr.startswith("Error: the OpenMAS framework is installed, but")
    assert "a_library_that_is_missing" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bug_of_the_framework_is_not_called_ours(project: ProjectFolder, tmp_path: Path) -> None:
    env = install_framework(tmp_path / "site", "def main(): raise RuntimeError('theirs')")
    with Program(script("openmas"), "init", env=env, folder_path=project.path) as program:
        done = program.wait()
    assert "RuntimeError: theirs" in done.stderr
    assert "openmas-assets" not in done.stderr.splitlines()[-1]
