import logging
from importlib.metadata import version

import click
import pytest
from click.testing import CliRunner

from openmas_assets.cli.main import openmas, openmas_assets
from openmas_assets.cli.program import Program as ProgramGroup
from programs import Program
from project_folder import ProjectFolder


@pytest.mark.parametrize("name", ["openmas", "openmas-assets"])
def test_both_scripts_are_installed_and_have_our_version(project: ProjectFolder, name: str) -> None:
    with project.program("--version", name=name) as program:
        done = program.wait()
    assert (done.returncode, done.stdout) == (0, f"openmas-assets {version('openmas-assets')}\n")
    arguments = ["assets", "list"] if name == "openmas" else ["list"]
    with project.program(*arguments, name=name) as program:
        done = program.wait()
    assert (done.returncode, done.stderr) == (0, "The project declares no assets.\n")


@pytest.mark.parametrize(
    "arguments",
    [["lst"], ["list", "--jsn"], ["download", "--agent"], ["clear-cache"], ["list", "extra"], ["--nonsense"]],
)
def test_wrong_usage_exits_with_2_and_says_so_on_standard_error(
    project: ProjectFolder, arguments: list[str]
) -> None:
    result = project.invoke(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Error: " in result.stderr


@pytest.mark.parametrize("command", ["list", "download", "verify", "clear-cache"])
def test_each_help_has_examples_written_as_it_was_called(command: str) -> None:
    result = CliRunner().invoke(openmas, ["assets", command, "--help"])
    assert result.exit_code == 0
    assert f"  Examples:\n    openmas assets {command}" in result.stdout
    assert "-C, --project" in result.stdout
    result = CliRunner().invoke(openmas_assets, [command, "--help"], prog_name="openmas-assets")
    assert f"  Examples:\n    openmas-assets {command}" in result.stdout
    assert "openmas assets" not in result.stdout
    assert all(len(line) <= 80 for line in result.stdout.splitlines())


def test_the_help_of_the_group_shows_how_to_switch_completion_on() -> None:
    text = CliRunner().invoke(openmas, ["assets", "--help"]).stdout
    for shell in ("bash", "zsh", "fish"):
        assert f"_OPENMAS_COMPLETE={shell}_source openmas" in text
    text = CliRunner().invoke(openmas_assets, ["--help"], prog_name="openmas-assets").stdout
    assert 'eval "$(_OPENMAS_ASSETS_COMPLETE=bash_source openmas-assets)"' in text
    assert "/openmas-assets.fish" in text


@click.group(cls=ProgramGroup)
def buggy() -> None:
    """A program of ours with a bug."""


@buggy.command()
def crash() -> None:
    raise RuntimeError("token=secret")


def test_a_bug_is_one_line_without_its_text_and_a_traceback_on_demand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = CliRunner().invoke(buggy, ["crash"])
    assert (result.exit_code, result.stdout) == (70, "")
    assert result.stderr == (
        "Error: a bug in openmas-assets (RuntimeError); OPENMAS_ASSETS_DEBUG=1 shows the traceback\n"
    )
    monkeypatch.setenv("OPENMAS_ASSETS_DEBUG", "1")
    result = CliRunner().invoke(buggy, ["crash"])
    assert result.exit_code == 70
    assert "Traceback (most recent call last)" in result.stderr


@pytest.mark.parametrize(("debug", "has_traceback"), [(None, False), ("1", True)])
def test_a_crashed_actor_is_one_line_and_a_traceback_on_demand(
    project: ProjectFolder, debug: str | None, *, has_traceback: bool
) -> None:
    project.declare(project.local("a"))
    code = """
        from openmas_assets.actors.inspector import InspectorActor
        from openmas_assets.cli.main import openmas_assets

        def crash(self, message):
            raise RuntimeError("oops")

        InspectorActor._receive = crash
        openmas_assets(["list"])
    """
    with Program(code, folder_path=project.path, env={"OPENMAS_ASSETS_DEBUG": debug}) as program:
        done = program.wait()
    assert (done.returncode, done.stdout) == (1, "")
    assert "crashed: RuntimeError: oops" in done.stderr
    assert ("Traceback" in done.stderr) == has_traceback
    assert ("OPENMAS_ASSETS_DEBUG=1 shows the traceback" in done.stderr) != has_traceback


def test_output_that_cannot_be_written_is_an_error(project: ProjectFolder) -> None:
    project.declare(project.local("a"))
    code = """
        import sys
        sys.stdout = open("/dev/full", "w")
        from openmas_assets.cli.main import openmas_assets
        openmas_assets(["list"])
    """
    with Program(code, folder_path=project.path) as program:
        done = program.wait()
    assert done.stderr.startswith("Error: the output cannot be written: No space left on device\n")
    assert "Traceback" not in done.stderr


def test_in_process_the_loggers_are_put_back(project: ProjectFolder) -> None:
    def state() -> list[object]:
        loggers = [logging.getLogger(name) for name in ("openmas_assets", "pykka")]
        return [(logger.level, logger.propagate, list(logger.handlers)) for logger in loggers]

    before = state()
    project.invoke("list")
    project.invoke("download", "unknown")
    assert state() == before
