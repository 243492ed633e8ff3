"""Copies that are synced while nobody waits, in a manager that runs."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from chores import await_chores
from loopback import LoopbackServer
from openmas_assets.actors import AssetManager
from openmas_assets.actors.cache.info import AssetInfo
from openmas_assets.actors.errands import failing
from openmas_assets.actors.reply import Reply
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.manager import GetAssetPath
from projects import asset, project

DATA = bytes(10_000)


def _is_synced(path: Path) -> bool:
    info = AssetInfo.read(path.parent)
    assert info is not None
    return info.unsynced_boot is None


def _path(manager: AssetManager, name: str) -> Path:
    return manager.ask(GetAssetPath(name=name)).get(timeout=30).path


def test_a_new_copy_is_synced_after_the_answer_and_stays_a_warm_hit(
    open_manager: Callable[..., AssetManager], server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = open_manager(project(asset("a", server.put("/a.bin", DATA))), pool_size=1)
    path = _path(manager, "a")
    await_chores(manager, "a")
    assert _is_synced(path)
    looks: list[object] = []
    look = AssetInfo.read

    def noted(folder: Path) -> AssetInfo | None:
        looks.append(folder)
        return look(folder)

    monkeypatch.setattr(AssetInfo, "read", noted)
    assert _path(manager, "a") == path
    assert looks == []  # what the sync has changed, the metadata, is known


def test_a_disk_that_refuses_to_sync_spoils_nothing(
    open_manager: Callable[..., AssetManager], server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", refuse)
    manager = open_manager(project(asset("a", server.put("/a.bin", DATA))), pool_size=1)
    path = _path(manager, "a")
    await_chores(manager, "a")
    assert not _is_synced(path)
    assert path.read_bytes() == DATA


def test_an_error_that_is_of_no_asset_stays_so() -> None:
    reply: Reply[object] = Reply()
    failing(reply)(AssetError("the disk is gone"))
    with pytest.raises(AssetError, match="the disk is gone") as raised:
        reply.get(timeout=0)
    assert raised.value.asset_name is None
