"""A project's actors, opened and closed together."""

from pathlib import Path

import pytest

from openmas_assets.actors import AssetSystem
from openmas_assets.messages.asset_ref import AssetRef
from openmas_assets.messages.errors import AssetConfigurationError, AssetError
from openmas_assets.messages.manager import GetAssetPath
from openmas_assets.messages.store import ResolveAssetRef


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


def test_one_syntax_of_references_leads_to_files_and_to_objects(folder: Path) -> None:
    with AssetSystem.from_project(folder) as system:
        picture = [[0, 255]]
        ref = system.asset_store.put({"pixels": picture}, asset_id="picture")
        assert system.asset_store.resolve(ref.child("content", "pixels")) is picture
        path = system.asset_store.resolve("asset://prompt/path")
        assert isinstance(path, Path)
        assert path.read_text() == "Be kind."
        assert system.asset_store.render("See <|asset://prompt/path|>.") == f"See {path}."


def test_its_plugins_resolve_both_kinds_of_reference(folder: Path) -> None:
    config = {
        "name": "reader",
        "info": {"title": "reader", "description": "Reads."},
        "commands": [
            {
                "command_name": "read",
                "description": "Reads both.",
                "parameter": {
                    "type": {
                        "file": {"type": "any", "asset_ref_acceptable": True},
                        "object": {"type": "any", "asset_ref_acceptable": True},
                    }
                },
            }
        ],
    }
    with AssetSystem.from_project(folder) as system:
        seen: list[object] = []
        system.plugins.register(config, {"read": lambda param: seen.extend([param["file"], param["object"]])})
        live = object()
        system.asset_store.put({"live": live}, asset_id="a")
        answer = system.plugins.call(
            {
                "receiver": {"role": "plugin", "name": "reader"},
                "content_type": "command",
                "content": {
                    "command": "read",
                    "param": {"file": "asset://prompt/path", "object": "asset://a/content/live"},
                },
            }
        )
    assert answer["content"] == {"command": "read", "response": None}
    assert seen == [folder / "cache/model/prompt/latest/prompt.txt", live]


PARTS = ["plugins", "asset_store", "asset_manager"]


def _closings(system: AssetSystem, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Write down in which order the parts close; they do close."""
    order: list[str] = []

    def watch(name: str) -> None:
        close = getattr(system, name).close

        def closing() -> None:
            order.append(name)
            close()

        monkeypatch.setattr(getattr(system, name), "close", closing)

    for name in PARTS:
        watch(name)
    return order


def test_its_parts_close_in_the_reverse_order_of_opening(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with AssetSystem.from_project(folder) as system:
        order = _closings(system, monkeypatch)
    assert order == PARTS
    for name in PARTS:
        assert getattr(system, name).actor_ref.actor_stopped.wait(10)


async def test_async_with_closes_its_parts_in_that_order_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AssetSystem.from_project(folder) as system:
        order = _closings(system, monkeypatch)
    assert order == PARTS
    for name in PARTS:
        assert getattr(system, name).actor_ref.actor_stopped.wait(10)


def test_a_part_that_fails_to_close_keeps_no_other_open(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    system = AssetSystem.from_project(folder)
    with monkeypatch.context() as patch:
        patch.setattr(system.plugins, "close", fail)
        with pytest.raises(ZeroDivisionError):
            system.close()
    assert system.asset_store.actor_ref.actor_stopped.wait(10)
    assert system.asset_manager.actor_ref.actor_stopped.wait(10)


async def test_every_part_of_a_closed_system_says_that_it_is_closed(folder: Path) -> None:
    async with AssetSystem.from_project(folder) as system:
        ref = system.asset_store.put(1)
    for resolve in (ref.resolve, lambda: system.asset_store.resolve("asset://prompt/path")):
        with pytest.raises(AssetError, match="the asset store is closed"):
            resolve()
    with pytest.raises(AssetError, match="the asset store is closed"):
        await system.asset_store.ask(ResolveAssetRef(ref=AssetRef("prompt", ["path"])))
    with pytest.raises(AssetError, match="closed"):
        system.plugins.call({}, raise_errors=True)
