"""What an asset costs, counted: looks at the disk, files opened. Times are for `make bench`."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fetching import Fetching
from loopback import LoopbackServer
from openmas_assets.actors import AssetManager
from openmas_assets.actors.cache.inspection import inspect
from openmas_assets.actors.cache.owner import Owner
from openmas_assets.messages.manager import GetAssetPath
from projects import asset, project

DATA = bytes(10_000)

_notebooks: list[list[str]] = []


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open":
        for notebook in _notebooks:
            notebook.append(str(arguments[0]))


sys.addaudithook(_note)  # there is no way to take it back; it only notes while a test asks for it


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """The name of each file that is opened, in any thread."""
    notebook: list[str] = []
    _notebooks.append(notebook)
    yield notebook
    _notebooks.remove(notebook)


def test_a_warm_hit_costs_two_looks_and_opens_nothing(
    open_manager: Callable[..., AssetManager],
    server: LoopbackServer,
    monkeypatch: pytest.MonkeyPatch,
    opened: list[str],
) -> None:
    manager = open_manager(project(asset("a", server.put("/a.bin", DATA))))
    path = manager.ask(GetAssetPath(name="a")).get(timeout=30).path
    seen: list[str] = []
    look = os.lstat

    def noted(name: str) -> os.stat_result:
        seen.append(name)
        return look(name)

    with monkeypatch.context() as patch:
        patch.setattr(os, "lstat", noted)
        opened.clear()
        assert manager.ask(GetAssetPath(name="a")).get(timeout=30).path == path
    assert seen == [str(path.with_name(".asset_info.json")), str(path)]
    assert not [name for name in opened if name.startswith(str(path.parents[3]))]


def test_a_small_asset_opens_few_files_and_its_metadata_once(
    open_manager: Callable[..., AssetManager], server: LoopbackServer, opened: list[str]
) -> None:
    manager = open_manager(project(asset("a", server.put("/a.bin", DATA))))
    path = manager.ask(GetAssetPath(name="a")).get(timeout=30).path
    version_folder = path.parent
    cache = version_folder.parents[2]
    names = [name for name in opened if name.startswith(f"{cache}/")]
    counts = Counter(Path(name).name for name in names)
    # Nobody reads what is not there, and no folder need be looked through: written once, each.
    assert counts == {"latest.lock": 1, "data": 1, ".asset_info.json": 1}


def test_what_was_just_stored_is_not_looked_at_again_and_has_the_witnesses_of_a_look(
    tmp_path: Path, server: LoopbackServer, opened: list[str]
) -> None:
    fetching, config = Fetching(tmp_path), asset("a", server.put("/a.bin", DATA))
    hit = fetching.hit(config)
    assert len([name for name in opened if ".asset_info.json" in name]) == 1  # it is written
    assert hit.witnesses == inspect(fetching.layout, config, tmp_path).witnesses


def test_this_process_is_looked_up_once(opened: list[str]) -> None:
    first = Owner.current()
    opened.clear()
    assert [Owner.current() for _ in range(3)] == [first] * 3
    assert opened == []
