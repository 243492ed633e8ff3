from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from openmas_assets.cli.main import openmas
from project_folder import ProjectFolder


def completed(project_path: Path, *arguments: str, incomplete: str = "") -> list[str]:
    """Return what `openmas assets -C … ARGUMENTS INCOMPLETE` completes to."""
    completer = ShellComplete(openmas, {}, "openmas", "_OPENMAS_COMPLETE")
    items = completer.get_completions(["assets", "-C", str(project_path), *arguments], incomplete)
    return [item.value for item in items]


@pytest.fixture
def declared(project: ProjectFolder) -> ProjectFolder:
    project.declare(
        project.local("llama"), project.local("lexicon"), project.local("index"), agents={"rag": []}
    )
    return project


@pytest.mark.parametrize("arguments", [["download"], ["verify"], ["clear-cache", "--asset"]])
def test_asset_names_complete(declared: ProjectFolder, arguments: list[str]) -> None:
    assert completed(declared.path, *arguments, incomplete="l") == ["llama", "lexicon"]


def test_what_is_named_already_is_not_offered_again(declared: ProjectFolder) -> None:
    assert completed(declared.path, "download", "llama") == ["lexicon", "index"]


def test_agents_commands_and_options_complete(declared: ProjectFolder) -> None:
    assert completed(declared.path, "download", "--agent") == ["rag"]
    assert completed(declared.path, incomplete="cl") == ["clear-cache"]
    assert completed(declared.path, "download", incomplete="--f") == ["--force"]


def test_a_project_after_the_command_counts_too(declared: ProjectFolder, tmp_path: Path) -> None:
    arguments = ["download", "-C", str(declared.path)]
    assert completed(tmp_path / "nowhere", *arguments, incomplete="i") == ["index"]


def test_without_a_good_project_nothing_completes_and_nothing_is_said(
    declared: ProjectFolder, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert completed(tmp_path / "nowhere", "download") == []
    (declared.path / "openmas_project.yml").write_text("assets: {")
    assert completed(declared.path, "download") == []
    assert completed(declared.path, "download", "--agent") == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(project: ProjectFolder, shell: str) -> None:
    env = {"_OPENMAS_ASSETS_COMPLETE": f"{shell}_source"}
    with project.program(env=env) as program:
        done = program.wait()
    assert done.returncode == 0
    assert f"_OPENMAS_ASSETS_COMPLETE={shell}_complete" in done.stdout
