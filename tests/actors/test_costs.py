"""What an asset costs, counted: looks at the disk, files opened. Times are for `make bench`."""

import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chores import await_chores
from fetching import Fetching
from loopback import Fault, LoopbackServer
from openmas_assets.actors import AssetManager
from openmas_assets.actors.cache.inspection import inspect
from openmas_assets.actors.cache.owner import Owner
from openmas_assets.messages.manager import GetAssetPath
from projects import asset, project

DATA = bytes(10_000)

_notebooks: list[list[str]] = []
_call_notebooks: list[list[tuple[str, str]]] = []
_CALLS = (
    "open",
    "os.listdir",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.scandir",
    "shutil.rmtree",
)


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open":
        for notebook in _notebooks:
            notebook.append(str(arguments[0]))
    if event in _CALLS:
        for calls in _call_notebooks:
            calls.append((event, str(arguments[0])))


sys.addaudithook(_note)  # there is no way to take it back; it only notes while a test asks for it


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """The name of each file that is opened, in any thread."""
    notebook: list[str] = []
    _notebooks.append(notebook)
    yield notebook
    _notebooks.remove(notebook)


@pytest.fixture
def calls() -> Iterator[list[tuple[str, str]]]:
    """What is asked of the disk, in any thread, and of which file or folder."""
    notebook: list[tuple[str, str]] = []
    _call_notebooks.append(notebook)
    yield notebook
    _call_notebooks.remove(notebook)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The name of each thread that is started, but for the server's."""
    names: list[str] = []
    start = threading.Thread.start

    def noted(thread: threading.Thread) -> None:
        if not thread.name.startswith("loopback"):
            names.append(thread.name.partition("-")[0] if "Actor" in thread.name else thread.name)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", noted)
    return names


def test_a_warm_hit_costs_two_looks_and_opens_nothing(
    open_manager: Callable[..., AssetManager],
    server: LoopbackServer,
    monkeypatch: pytest.MonkeyPatch,
    opened: list[str],
) -> None:
    manager = open_manager(project(asset("a", server.put("/a.bin", DATA))), pool_size=1)
    path = manager.ask(GetAssetPath(name="a")).get(timeout=30).path
    await_chores(manager, "a")
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
    stalled = asset("b", server.put("/b.bin", DATA, faults=[Fault(hang_before_headers=True)]))
    manager = open_manager(project(asset("a", server.put("/a.bin", DATA)), stalled), pool_size=1)
    reply = manager.ask(GetAssetPath(name="a"))
    manager.ask(GetAssetPath(name="b"))  # keeps the downloader from syncing the first one
    cache = reply.get(timeout=30).path.parents[3]
    names = [name for name in opened if name.startswith(f"{cache}/") and "/model/a/" in name]
    counts = Counter(Path(name).name for name in names)
    # Nobody reads what is not there, and no folder need be looked through: written once, each.
    assert counts == {"latest.lock": 1, "data": 1, ".asset_info.json": 1}


def test_a_small_asset_asks_little_of_the_disk(
    tmp_path: Path, server: LoopbackServer, calls: list[tuple[str, str]]
) -> None:
    fetching = Fetching(tmp_path)
    fetching.hit(asset("a", server.put("/a.bin", DATA)))
    calls.clear()
    fetching.hit(asset("b", server.put("/b.bin", DATA)))
    counts = Counter(name for name, path in calls if path.startswith(str(fetching.layout.root)))
    # It is written with 3 files, each opened once (the lock, the bytes, the metadata), and read not at all; 3
    # renames, one of them too early; the lock file goes again; and folders that come and go, as nothing else
    # is in those of parts and locks.
    expected = {"open": 3, "os.listdir": 1, "os.mkdir": 16, "os.rename": 3, "os.rmdir": 8, "os.remove": 1}
    assert counts == expected


def test_small_assets_cost_one_request_each_and_threads_for_what_runs_at_once_only(
    open_manager: Callable[..., AssetManager], server: LoopbackServer, threads: list[str]
) -> None:
    names = [f"a{number}" for number in range(30)]
    manager = open_manager(
        project(*(asset(name, server.put(f"/{name}", DATA)) for name in names)), pool_size=3
    )
    threads.clear()
    replies = [manager.ask(GetAssetPath(name=name)) for name in names]
    assert [reply.get(timeout=30).path.read_bytes() for reply in replies] == [DATA] * len(names)
    assert sorted(request.path for request in server.requests) == sorted(f"/{name}" for name in names)
    assert sum(server.bytes_sent(f"/{name}") for name in names) == len(names) * len(DATA)
    counts = Counter(threads)
    assert counts.keys() == {"DownloaderActor", "openmas-http"}  # nobody inspects what is not there
    assert max(counts.values()) <= 3


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
