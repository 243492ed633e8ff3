"""The AssetStore actor: for other actors, for the awkward, and when it ends."""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, get_args

import pykka
import pytest
from pykka.messages import ProxyCall

from openmas_assets.actors import ActorClosedError, AssetStore, Reply
from openmas_assets.actors.base import AssetActor
from openmas_assets.messages import (
    Asset,
    AssetDeleted,
    AssetError,
    AssetFailed,
    AssetFlattened,
    AssetIds,
    AssetMetaFound,
    AssetMetaList,
    AssetRef,
    AssetRefError,
    AssetRefResolved,
    AssetStoreCommand,
    AssetStored,
    DeleteAsset,
    FlattenAsset,
    GetAsset,
    GetAssetMeta,
    ListAssetIds,
    ListAssetMetas,
    PutAsset,
    RenderText,
    ResolveAssetRef,
    TextRendered,
)
from openmas_assets.messages.store import ReadOver

MAX_READERS = 64

COMMANDS: list[tuple[AssetStoreCommand, type]] = [
    (PutAsset(asset=Asset(asset_id="b", content=2)), AssetStored),
    (GetAsset(asset_id="a"), Asset),
    (ResolveAssetRef(ref=AssetRef("a", ["content"])), AssetRefResolved),
    (GetAssetMeta(ref=AssetRef("a")), AssetMetaFound),
    (ListAssetMetas(), AssetMetaList),
    (FlattenAsset(ref=AssetRef("a")), AssetFlattened),
    (RenderText(text="<|asset://a/content|>"), TextRendered),
    (ListAssetIds(), AssetIds),
    (DeleteAsset(asset_id="a"), AssetDeleted),
]


class Slow:
    """Its property waits at a gate."""

    def __init__(self) -> None:
        self.gate, self.came = threading.Event(), threading.Semaphore(0)

    @property
    def value(self) -> int:
        self.came.release()
        assert self.gate.wait(30)
        return 7

    def wait_for(self, count: int) -> None:
        for _ in range(count):
            assert self.came.acquire(timeout=10)


class Agent(AssetActor):
    """Keeps what it is told."""

    def __init__(self, told: "queue.Queue[Any]") -> None:
        super().__init__()
        self._told = told

    def _receive(self, message: Any) -> Any:
        self._told.put(message)


@pytest.fixture
def slow() -> Iterator[Slow]:
    slow = Slow()
    yield slow
    slow.gate.set()


@pytest.fixture
def store(slow: Slow) -> Iterator[AssetStore]:
    with AssetStore() as store:
        store.allow_properties(Slow, "value")
        store.put(1, asset_id="a")
        store.put(slow, asset_id="slow")
        yield store


def crash(store: AssetStore) -> None:
    """Have the store run into a bug."""
    with suppress(pykka.ActorDeadError):
        store.actor_ref.tell(ProxyCall(attr_path=("no_such_method",), args=(), kwargs={}))


def read_slowly(store: AssetStore, count: int = 1) -> list[Reply[Any]]:
    return [store.ask(ResolveAssetRef(ref=AssetRef("slow", ["content", "value"]))) for _ in range(count)]


def test_it_answers_every_command_of_its_protocol(store: AssetStore) -> None:
    assert {type(command) for command, _ in COMMANDS} == set(get_args(AssetStoreCommand))
    for command, answer in COMMANDS:
        assert type(store.actor_ref.ask(command, timeout=10)) is answer


def test_it_says_what_it_does_not_understand(store: AssetStore, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(AssetError, match="AssetStoreActor does not understand a message of type str"):
        store.actor_ref.ask("a", timeout=10)
    assert "AssetStoreActor does not understand a str" in caplog.text
    assert store.get("a").content == 1


@pytest.mark.parametrize(
    "command",
    [
        PutAsset(asset=Asset(asset_id="a", content=2)),
        GetAsset(asset_id="x"),
        DeleteAsset(asset_id="x"),
        ResolveAssetRef(ref=AssetRef("a", ["size"])),
        GetAssetMeta(ref=AssetRef("x")),
        FlattenAsset(ref=AssetRef("a"), sep=""),
        ListAssetMetas(flattened=True, sep=""),
        RenderText(text="", content_type="text/unknown"),
        ReadOver(read_id=99),
        "a",
    ],
    ids=lambda command: type(command).__name__,
)
def test_a_wrong_message_that_was_told_rather_than_asked_stops_nobody(
    store: AssetStore, command: Any
) -> None:
    store.actor_ref.tell(command)
    assert store.get("a").content == 1


def test_an_actor_has_answers_piped_to_it(store: AssetStore, slow: Slow) -> None:
    told: queue.Queue[Any] = queue.Queue()
    agent = Agent.start(told)
    store.ask(ResolveAssetRef(ref=AssetRef("slow", ["content"]))).pipe_to(agent)
    assert told.get(timeout=10).value is slow
    store.ask(ResolveAssetRef(ref=AssetRef("slow", ["content", "value"]))).pipe_to(agent)
    slow.gate.set()
    assert told.get(timeout=10).value == 7
    store.ask(GetAsset(asset_id="x")).pipe_to(agent)
    failed = told.get(timeout=10)
    assert isinstance(failed, AssetFailed)
    assert isinstance(failed.error, AssetRefError)


def test_an_actor_tells_it_what_to_keep(store: AssetStore) -> None:
    content: list[int] = []
    store.actor_ref.tell(PutAsset(asset=Asset(asset_id="told", content=content)))
    assert store.get("told").content is content
    store.actor_ref.tell(DeleteAsset(asset_id="told"))
    assert "told" not in store


# Slow reads


def test_a_slow_property_holds_up_nobody_else(store: AssetStore, slow: Slow) -> None:
    [reply] = read_slowly(store)
    slow.wait_for(1)
    assert store.resolve("asset://a/content") == 1
    assert store.meta("a")["content"] == 1
    assert store.flatten("a")["content"] == 1
    assert [meta["asset_id"] for meta in store.metas()] == ["a", "slow"]
    assert store.render("<|asset://a/content|>") == "1"
    assert not reply.is_done
    slow.gate.set()
    assert reply.get(timeout=10).value == 7


def test_while_all_readers_are_busy_what_runs_no_code_is_answered(store: AssetStore, slow: Slow) -> None:
    replies = read_slowly(store, MAX_READERS + 10)
    slow.wait_for(MAX_READERS)
    assert store.put(2, asset_id="b").resolve().content == 2  # type: ignore[attr-defined]
    assert store.resolve("asset://slow/content") is slow
    store.delete("b")
    assert list(store) == ["a", "slow"]
    assert not any(reply.is_done for reply in replies)
    slow.gate.set()
    assert {reply.get(timeout=10).value for reply in replies} == {7}


def test_of_hundreds_of_slow_reads_all_are_answered(store: AssetStore, slow: Slow) -> None:
    replies = read_slowly(store, 300)
    slow.gate.set()
    assert [reply.get(timeout=30).value for reply in replies] == [7] * 300


def test_more_texts_than_there_are_readers_wait_for_no_reader(store: AssetStore, slow: Slow) -> None:
    """Each of them reads a property, which would need another reader if it were asked for."""
    all_render = threading.Barrier(MAX_READERS)

    def render(*_: Any) -> str:
        all_render.wait(30)
        return "slow"

    store.add_renderer("text/plain", Slow, render)
    slow.gate.set()
    text = "<|asset://slow/content|> <|asset://slow/content/value|>"
    replies = [store.ask(RenderText(text=text, content_type="text/plain")) for _ in range(2 * MAX_READERS)]
    assert {reply.get(timeout=30).text for reply in replies} == {"slow 7"}


async def test_a_read_that_nobody_awaits_any_more_is_not_begun(store: AssetStore, slow: Slow) -> None:
    class Counted:
        count = 0

        @property
        def value(self) -> int:
            type(self).count += 1
            return type(self).count

    store.allow_properties(Counted, "value")
    ref = store.put(Counted()).child("content", "value")
    busy = read_slowly(store, MAX_READERS)
    await asyncio.to_thread(slow.wait_for, MAX_READERS)
    task = asyncio.ensure_future(store.ask(ResolveAssetRef(ref=ref)))
    last = store.ask(ResolveAssetRef(ref=ref))
    await asyncio.sleep(0)
    await store.ask(ListAssetIds())  # it has come to the request by then
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    slow.gate.set()
    assert {(await reply).value for reply in busy} == {7}
    assert (await last).value == 1
    assert Counted.count == 1


async def test_one_who_gives_up_a_running_read_disturbs_nobody(store: AssetStore, slow: Slow) -> None:
    [reply] = read_slowly(store)
    tasks = [asyncio.ensure_future(reply) for _ in range(2)]
    [other] = read_slowly(store)
    await asyncio.to_thread(slow.wait_for, 2)
    tasks[0].cancel()
    await asyncio.wait(tasks[:1])
    slow.gate.set()
    assert (await tasks[1]).value == 7
    assert (await other).value == 7
    assert (await store.ask(GetAsset(asset_id="a"))).content == 1


# The end


def test_closing_answers_who_is_read_for_and_who_is_in_line(store: AssetStore, slow: Slow) -> None:
    replies = read_slowly(store, MAX_READERS + 10)
    replies += [store.ask(command) for command in (GetAssetMeta(ref=AssetRef("a")), ListAssetMetas())]
    slow.wait_for(MAX_READERS)
    store.close()
    for reply in replies:
        with pytest.raises(ActorClosedError, match="the asset store is closed"):
            reply.get(timeout=0)


@pytest.mark.parametrize(
    "command", [command for command, _ in COMMANDS], ids=lambda each: type(each).__name__
)
async def test_a_closed_store_answers_that_it_is_closed(store: AssetStore, command: Any) -> None:
    store.close()
    reply = store.ask(command)
    with pytest.raises(AssetError, match="the asset store is closed"):
        reply.get(timeout=10)
    with pytest.raises(AssetError, match="the asset store is closed"):
        await store.ask(command)
    with pytest.raises(AssetError, match="the asset store is closed"):
        store.actor_ref.ask(command, timeout=10)


def test_a_crash_answers_everybody(store: AssetStore, slow: Slow, caplog: pytest.LogCaptureFixture) -> None:
    replies = read_slowly(store, MAX_READERS + 10)
    slow.wait_for(MAX_READERS)
    crash(store)
    late = [store.ask(ListAssetIds()) for _ in range(10)]
    for reply in replies:
        with pytest.raises(AssetError, match=r"the asset store crashed: AttributeError.*please report it"):
            reply.get(timeout=10)
    for each in late:
        with pytest.raises(AssetError, match="the asset store is closed"):
            each.get(timeout=10)
    assert "Unhandled exception in AssetStoreActor" in caplog.text
    store.close()


def test_a_reader_that_outlives_the_store_ends_in_peace(
    store: AssetStore, slow: Slow, caplog: pytest.LogCaptureFixture
) -> None:
    read_slowly(store)
    slow.wait_for(1)
    store.close()
    slow.gate.set()
    for thread in threading.enumerate():
        if thread.name == "AssetStore-reader":
            thread.join(10)
            assert not thread.is_alive()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_requests_that_race_with_a_crash_are_all_answered() -> None:
    for _ in range(20):
        store = AssetStore()
        racing: list[Reply[Any]] = []
        asked = threading.Thread(
            target=lambda store=store, racing=racing: racing.extend(
                store.ask(GetAssetMeta(ref=AssetRef("x"))) for _ in range(200)
            )
        )
        asked.start()
        crash(store)
        asked.join()
        for reply in racing:
            with pytest.raises(AssetError):
                reply.get(timeout=10)


def test_without_a_thread_left_a_read_fails_and_the_next_one_is_served(store: AssetStore) -> None:
    asks: list[Callable[[], Any]] = [lambda: store.meta("a"), store.metas, lambda: store.render("")]
    threading.stack_size(1 << 46)  # more than there is: no thread can be started
    try:
        for ask in asks:
            with pytest.raises(AssetError, match="there is no thread to read it with"):
                ask()
        assert store.resolve("asset://a/content") == 1
    finally:
        threading.stack_size(0)
    for ask in asks:
        ask()


def test_it_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    with AssetStore() as store:
        store.put(1, asset_id="a")
        store.meta("a")
    left = set(threading.enumerate()) - before
    for thread in left:
        thread.join(10)
    assert not any(thread.is_alive() for thread in left)
