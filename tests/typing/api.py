"""How people use the public names. Type-checked by `make lint`, never run."""

from pathlib import Path
from typing import assert_type

import pykka

from openmas_assets.actors import AssetManager, AssetSystem, Reply
from openmas_assets.messages import (
    AssetConfig,
    AssetList,
    AssetPath,
    AssetsCleared,
    AssetStatus,
    AssetVerified,
    ClearAllAssets,
    DownloadProgress,
    GetAssetPath,
    GetAssetStatus,
    HttpSource,
    ListAssets,
    ProjectConfig,
    VerifyAsset,
)


def a_project_can_be_made_in_code() -> AssetManager:
    source = HttpSource(url="https://example.com/a.bin")
    project = ProjectConfig(assets=(AssetConfig(name="a", source=source),))
    return AssetManager(project, project_root=Path(), cache_dir="cache", pool_size=2, on_progress=show)


def show(progress: DownloadProgress) -> None:
    assert_type(progress.bytes_done, int)
    assert_type(progress.bytes_total, int | None)


async def an_agent_awaits(asset_manager: AssetManager) -> None:
    assert_type(await asset_manager.get_asset_path("a", force_download=True), Path)
    assert_type(await asset_manager.prepare("agent"), dict[str, Path])
    assert_type(await asset_manager.status("a"), AssetStatus)
    assert_type(await asset_manager.list(), tuple[AssetStatus, ...])
    assert_type(await asset_manager.verify("a"), AssetVerified)
    assert_type(await asset_manager.clear("a"), AssetsCleared)
    assert_type(await asset_manager.clear_all(), AssetsCleared)
    assert_type(await asset_manager.ask(GetAssetPath(name="a")), AssetPath)


def a_thread_asks(asset_manager: AssetManager, agent_ref: pykka.ActorRef[pykka.ThreadingActor]) -> None:
    reply = asset_manager.ask(GetAssetPath(name="a"))
    assert_type(reply, Reply[AssetPath])
    assert_type(reply.get(timeout=1).path, Path)
    reply.pipe_to(agent_ref)
    assert_type(asset_manager.ask(GetAssetStatus(name="a")), Reply[AssetStatus])
    assert_type(asset_manager.ask(ListAssets()), Reply[AssetList])
    assert_type(asset_manager.ask(VerifyAsset(name="a")), Reply[AssetVerified])
    assert_type(asset_manager.ask(ClearAllAssets()), Reply[AssetsCleared])


def everything_closes() -> None:
    with AssetSystem.from_project() as system:
        assert_type(system, AssetSystem)
        assert_type(system.asset_manager, AssetManager)
    with AssetManager.from_project("project") as asset_manager:
        assert_type(asset_manager, AssetManager)
