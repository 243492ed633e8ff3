import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from openmas_assets.cli.main import openmas_assets
from project_folder import ProjectFolder, http


def test_list_shows_every_asset_in_the_order_of_the_file(project: ProjectFolder) -> None:
    project.declare(project.local("zulu"), http("alfa", "https://me:secret@example.com/a.bin?token=secret"))
    project.invoke("download", "zulu")
    result = project.invoke("list")
    assert (result.exit_code, result.stderr) == (0, "")
    heading, zulu, alfa = result.stdout.splitlines()
    assert heading.startswith("NAME  VERSION")
    assert zulu.split()[0] == "zulu"
    assert zulu.endswith(str(project.asset_path("zulu")))
    assert alfa.split()[0] == "alfa"
    assert "https://example.com/a.bin " in alfa
    assert "secret" not in result.output


def test_the_json_of_list_has_every_key(project: ProjectFolder) -> None:
    project.declare(project.local("a"))
    (status,) = json.loads(project.invoke("list", "--json").stdout)
    assert status == {
        "name": "a",
        "version": "latest",
        "asset_type": "model",
        "source": "a.bin",
        "checksum": None,
        "status": "not_cached",
        "size_bytes": None,
        "path": None,
        "commit": None,
    }


def test_a_project_without_assets_says_so_beside_its_output(project: ProjectFolder) -> None:
    assert project.invoke("list").stdout == ""
    assert "declares no assets" in project.invoke("list").stderr
    assert json.loads(project.invoke("list", "--json").stdout) == []


def test_the_project_option_stands_before_or_after_the_command_and_the_latter_wins(
    project: ProjectFolder, tmp_path: Path
) -> None:
    project.declare(project.local("a"))
    other = ProjectFolder(tmp_path / "other")
    other.declare(other.local("b"))
    for arguments, name in (
        (["-C", str(project.path), "list"], "a"),
        (["list", "-C", str(project.path)], "a"),
        (["list", "--project", str(project.path / "openmas_project.yml")], "a"),
        (["-C", str(project.path), "list", "-C", str(other.path)], "b"),
    ):
        result = CliRunner().invoke(openmas_assets, arguments)
        assert result.stdout.splitlines()[1].split()[0] == name


def test_without_the_option_the_project_is_found_upwards(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.declare(project.local("a"))
    (project.path / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(project.path / "deep" / "down")
    assert CliRunner().invoke(openmas_assets, ["list"]).stdout.splitlines()[1].startswith("a ")


def test_a_missing_or_broken_project_is_one_readable_error(project: ProjectFolder, tmp_path: Path) -> None:
    result = CliRunner().invoke(openmas_assets, ["-C", str(tmp_path / "nowhere"), "list"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: there is no file or folder {tmp_path}/nowhere. Name the project file or its folder.\n"
    )
    project.declare(project.local("a", unpack_fromat="zip"))
    result = project.invoke("list")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert "unpack_format" in result.stderr
