"""A project's actors, opened and closed together."""

from pathlib import Path

import pytest

from openmas_assets.actors import AssetSystem
from openmas_assets.messages.errors import AssetConfigurationError, AssetError
from openmas_assets.messages.manager import GetAssetPath


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "prompt.txt").write_text("Be kind.")
    (tmp_path / "openmas_project.yml").write_text(
        """
        assets:
          - {name: prompt, source: {type: local, path: prompt.txt}}
        agents:
          scholar: {required_assets: [prompt]}
        settings: {assets: {cache_dir: cache}}
        """
    )
    return tmp_path


async def test_a_system_gives_what_its_project_declares(folder: Path) -> None:
    async with AssetSystem.from_project(folder) as system:
        paths = await system.asset_manager.prepare("scholar")
    assert paths == {"prompt": folder / "cache/model/prompt/latest/prompt.txt"}
    assert paths["prompt"].read_text() == "Be kind."


def test_it_is_found_from_the_working_folder_upwards(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "deep/down").mkdir(parents=True)
    monkeypatch.chdir(folder / "deep/down")
    with AssetSystem.from_project() as system:
        path = system.asset_manager.ask(GetAssetPath(name="prompt")).get(timeout=10).path
    assert path.read_text() == "Be kind."


def test_closing_it_closes_everything_and_can_be_repeated(folder: Path) -> None:
    system = AssetSystem.from_project(folder / "openmas_project.yml")
    system.close()
    system.close()
    with pytest.raises(AssetError, match="closed"):
        system.asset_manager.ask(GetAssetPath(name="prompt")).get(timeout=10)


async def test_async_with_closes_it_too(folder: Path) -> None:
    async with AssetSystem.from_project(folder) as system:
        pass
    with pytest.raises(AssetError, match="closed"):
        await system.asset_manager.get_asset_path("prompt")


def test_without_a_project_there_is_no_system(tmp_path: Path) -> None:
    with pytest.raises(AssetConfigurationError, match=r"no openmas_project\.yml"):
        AssetSystem.from_project(tmp_path)
