"""The bridge: what a project declares is read by the same references as what the store keeps."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from loopback import Fault, LoopbackServer
from openmas_assets.actors import AssetManager, AssetStore, Reply
from openmas_assets.messages import (
    AssetDownloadError,
    AssetError,
    AssetRef,
    AssetRefError,
    GetAssetMeta,
    GetAssetStatus,
    RenderText,
    ResolveAssetRef,
)
from progress_probe import ProgressProbe
from projects import asset, project

OpenManager = Callable[..., AssetManager]
OpenStore = Callable[[AssetManager], AssetStore]

NAME = "llama3-8b"
DATA = bytes(range(256)) * 1000
PATH = ResolveAssetRef(ref=AssetRef(NAME, ["path"]))


@pytest.fixture
def open_store() -> Iterator[OpenStore]:
    with ExitStack() as stack:
        yield lambda manager: stack.enter_context(AssetStore(asset_manager=manager))


@pytest.fixture
def manager(open_manager: OpenManager, server: LoopbackServer) -> AssetManager:
    model = asset(NAME, server.put("/a", DATA), version="2.0", description="A model.")
    return open_manager(project(model, asset("lost", server.put("/lost", status=404))))


@pytest.fixture
def store(manager: AssetManager, open_store: OpenStore) -> AssetStore:
    return open_store(manager)


@pytest.fixture
def gate() -> threading.Event:
    return threading.Event()


def test_its_path_is_fetched_once_however_many_ask(
    open_manager: OpenManager, open_store: OpenStore, server: LoopbackServer, gate: threading.Event
) -> None:
    url = server.put("/a", DATA, faults=[Fault(stall_after=0, gate=gate)])
    store = open_store(open_manager(project(asset(NAME, url))))
    replies = [store.ask(PATH) for _ in range(100)]
    texts = [store.ask(RenderText(text=f"<|asset://{NAME}/path|>")) for _ in range(10)]
    metas = [store.ask(GetAssetMeta(ref=PATH.ref)) for _ in range(10)]
    gate.set()
    [path] = {reply.get(timeout=30).value for reply in replies}
    assert isinstance(path, Path)
    assert path.read_bytes() == DATA
    assert {text.get(timeout=30).text for text in texts} == {str(path)}
    assert {meta.get(timeout=30).meta for meta in metas} == {str(path)}
    assert store.resolve(f"asset://{NAME}/path") == path
    assert server.count("GET", "/a") == 1


def test_its_metadata_is_what_the_list_shows_and_fetches_nothing(
    store: AssetStore, manager: AssetManager, server: LoopbackServer
) -> None:
    status = manager.ask(GetAssetStatus(name=NAME)).get(timeout=10)
    for field, value in status.model_dump().items():
        if field != "path":
            assert store.resolve(AssetRef(NAME, [field])) == value
    assert store.resolve(f"asset://{NAME}/version") == "2.0"
    assert store.resolve(f"asset://{NAME}/status") == "not_cached"
    assert store.resolve(f"asset://{NAME}/description") == "A model."
    assert store.resolve(f"asset://{NAME}") == {**status.model_dump(), "description": "A model."}
    assert server.requests == []


def test_its_metadata_is_as_it_stands_at_the_moment(store: AssetStore) -> None:
    path = store.resolve(f"asset://{NAME}/path")
    assert store.resolve(f"asset://{NAME}/status") == "cached"
    assert store.resolve(f"asset://{NAME}/size_bytes") == len(DATA)
    whole = store.resolve(f"asset://{NAME}")
    assert isinstance(whole, dict)
    assert whole["path"] == path


def test_its_meta_can_be_held_by_json(store: AssetStore) -> None:
    store.resolve(f"asset://{NAME}/path")
    meta = store.meta(NAME)
    assert json.loads(json.dumps(meta)) == meta
    assert (meta["name"], meta["version"], meta["status"]) == (NAME, "2.0", "cached")
    assert Path(meta["path"]).read_bytes() == DATA
    entries = store.flatten(NAME)
    assert json.loads(json.dumps(entries)) == meta == entries
    assert store.meta(f"asset://{NAME}/version") == "2.0"
    assert store.flatten(f"asset://{NAME}/version") == {"version": "2.0"}


@pytest.mark.parametrize("step", ["size", "content", "__class__", "0"])
def test_a_step_that_leads_nowhere_says_what_there_is(
    store: AssetStore, server: LoopbackServer, step: str
) -> None:
    with pytest.raises(AssetRefError, match=f"asset://{NAME} is a .* without the key {step}") as raised:
        store.resolve(AssetRef(NAME, [step]))
    assert raised.value.reached == f"asset://{NAME}"
    assert raised.value.step == step
    assert {"name", "version", "status", "path", "description"} <= set(raised.value.available)
    assert server.requests == []


def test_a_path_has_no_parts_and_nothing_is_fetched_to_find_that_out(
    store: AssetStore, server: LoopbackServer
) -> None:
    with pytest.raises(AssetRefError, match=f"asset://{NAME}/path is"):
        store.resolve(f"asset://{NAME}/path/parts")
    assert server.requests == []
    store.resolve(f"asset://{NAME}/path")
    with pytest.raises(AssetRefError, match=f"asset://{NAME}/path is a .*Path"):
        store.resolve(f"asset://{NAME}/path/_raw_paths")


def test_an_id_in_the_store_goes_first_and_the_clash_is_logged(
    store: AssetStore, server: LoopbackServer, caplog: pytest.LogCaptureFixture
) -> None:
    store.put("another", asset_id="another")
    assert not caplog.records
    ref = store.put({"a": 1}, asset_id=NAME)
    assert f"the asset '{NAME}' in the store hides the declared one" in caplog.text
    assert store.resolve(f"asset://{NAME}/content/a") == 1
    assert store.render(f"<|asset://{NAME}/content/a|>") == "1"
    with pytest.raises(AssetRefError, match="an asset without the field path"):
        ref.child("path").resolve()
    assert store.meta(NAME)["content"] == {"a": 1}
    store.delete(NAME)
    assert store.resolve(f"asset://{NAME}/version") == "2.0"
    assert server.requests == []


def test_it_is_no_asset_of_the_stores_own(store: AssetStore) -> None:
    assert len(store) == 0
    assert NAME not in store
    assert store.metas() == []
    for ask in (store.get, store.delete):
        with pytest.raises(AssetRefError, match=f"there is no asset of the id '{NAME}'"):
            ask(NAME)


def test_an_unknown_id_is_answered_with_the_declared_names_too(store: AssetStore) -> None:
    store.put(1, asset_id="report")
    with pytest.raises(AssetRefError) as raised:
        store.resolve("asset://lama3-8b/path")
    assert str(raised.value) == (
        f"there is no asset of the id 'lama3-8b'. Did you mean '{NAME}'? The ids: report, {NAME}, lost."
    )


async def test_a_failed_download_arrives_as_its_error(
    store: AssetStore, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(AssetDownloadError, match="asset 'lost': the server answered 404") as raised:
        store.resolve("asset://lost/path")
    assert raised.value.status_code == 404
    with pytest.raises(AssetDownloadError, match="asset 'lost': the server answered 404"):
        await store.ask(ResolveAssetRef(ref=AssetRef("lost", ["path"])))
    with pytest.raises(AssetDownloadError):
        store.meta("asset://lost/path")
    assert store.resolve("asset://lost/status") == "not_cached"
    caplog.clear()
    assert store.render("<|asset://lost/path|>") == "<|asset://lost/path|>"
    assert "the server answered 404" in caplog.text


def test_giving_up_stops_the_transfer(
    open_manager: OpenManager, open_store: OpenStore, server: LoopbackServer
) -> None:
    probe = ProgressProbe()
    url = server.put("/a", DATA, etag='"v1"', faults=[Fault(stall_after=100_000, times=1)])
    store = open_store(open_manager(project(asset(NAME, url)), on_progress=probe))
    replies: list[Reply[Any]] = [store.ask(PATH), store.ask(GetAssetMeta(ref=PATH.ref))]
    probe.wait_for(NAME, "downloading")
    for reply in replies:
        assert not server.requests[0].is_finished
        assert reply.cancel()
    probe.wait_for(NAME, "stopped")
    server.wait_for(lambda server: server.requests[0].is_finished)
    assert store.resolve(f"asset://{NAME}/status") == "partial"
    path = store.resolve(f"asset://{NAME}/path")
    assert isinstance(path, Path)
    assert path.read_bytes() == DATA


async def test_a_cancelled_await_disturbs_nobody_else(
    open_manager: OpenManager, open_store: OpenStore, server: LoopbackServer, gate: threading.Event
) -> None:
    url = server.put("/a", DATA, faults=[Fault(stall_after=0, gate=gate)])
    store = open_store(open_manager(project(asset(NAME, url))))
    tasks = [asyncio.ensure_future(store.ask(PATH)) for _ in range(3)]
    await asyncio.to_thread(server.wait_for, lambda server: server.count("GET", "/a") == 1)
    tasks[0].cancel()
    await asyncio.wait(tasks[:1])
    gate.set()
    first, second = await asyncio.gather(*tasks[1:])
    assert first.value == second.value
    assert server.count("GET", "/a") == 1


def test_a_transfer_holds_up_nobody_who_reads_something_else(
    open_manager: OpenManager, open_store: OpenStore, server: LoopbackServer, gate: threading.Event
) -> None:
    url = server.put("/a", DATA, faults=[Fault(stall_after=0, gate=gate)])
    store = open_store(open_manager(project(asset(NAME, url))))
    replies: list[Reply[Any]] = [store.ask(PATH) for _ in range(200)]
    metas: list[Reply[Any]] = [store.ask(GetAssetMeta(ref=PATH.ref)) for _ in range(200)]
    ref = store.put({"a": 1})
    assert ref.child("content", "a").resolve() == 1
    assert store.meta(ref)["content"] == {"a": 1}
    assert store.render(f"{ref.child('content', 'a').embedding} <|asset://{NAME}/status|>") == "1 not_cached"
    assert not any(reply.is_done for reply in [*replies, *metas])
    gate.set()
    assert len({reply.get(timeout=30).value for reply in replies}) == 1


def test_whoever_waits_when_the_manager_closes_is_told_so(
    open_manager: OpenManager, open_store: OpenStore, server: LoopbackServer
) -> None:
    url = server.put("/a", DATA, faults=[Fault(stall_after=0)])
    manager = open_manager(project(asset(NAME, url)))
    store = open_store(manager)
    waiting: list[Reply[Any]] = [store.ask(PATH), store.ask(RenderText(text=PATH.ref.embedding))]
    server.wait_for(lambda server: server.count("GET", "/a") == 1)
    manager.close()
    with pytest.raises(AssetError, match="closed"):
        waiting[0].get(timeout=10)
    assert "closed" in waiting[1].get(timeout=10).problems[0]
    for form in (PATH.ref, f"asset://{NAME}", f"asset://{NAME}/version"):
        with pytest.raises(AssetError, match="the asset manager is closed"):
            store.resolve(form)
    assert store.put([1]).child("content", 0).resolve() == 1


def test_without_a_manager_nothing_is_declared() -> None:
    with AssetStore() as store, pytest.raises(AssetRefError, match="there is no asset of the id"):
        store.resolve(f"asset://{NAME}/path")
