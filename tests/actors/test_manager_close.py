"""The end of a manager: closed, forgotten, interrupted, or stopped behind its back."""

import asyncio
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pykka
import pytest

from loopback import Fault, LoopbackServer
from openmas_assets.actors import AssetManager, Reply
from openmas_assets.actors.downloader import DownloaderActor
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.manager import (
    AssetManagerClosed,
    AssetManagerCommand,
    AssetPath,
    ClearAllAssets,
    CloseAssetManager,
    GetAssetPath,
    GetAssetStatus,
    ListAssets,
    VerifyAsset,
)
from programs import Program
from progress_probe import ProgressProbe
from projects import asset, project
from special_assets import GATE, Gated, special

OpenManager = Callable[..., AssetManager]

DATA = bytes(range(256)) * 1000


class Stalled:
    """A manager with a transfer that has begun and will not go on by itself.

    Attributes:
        replies: Of those who wait: two for the transfer, one for an asset behind it in the queue, one for an
            asset that pauses before its next attempt.
    """

    def __init__(self, open_manager: OpenManager, server: LoopbackServer) -> None:
        self.server, self.probe = server, ProgressProbe()
        url = server.put("/a", DATA, etag='"v1"', faults=[Fault(stall_after=100_000)])
        paused = asset(
            "paused", server.put("/paused", faults=[Fault(status=503)]), retries=1, retry_delay_seconds=3600
        )
        self.project = project(asset("a", url), asset("b", server.put("/b", DATA)), paused)
        self.manager = open_manager(self.project, pool_size=1, on_progress=self.probe)
        self.replies = [self.manager.ask(GetAssetPath(name="paused"))]
        self.probe.wait_for("paused", "retrying")
        self.replies += [self.manager.ask(GetAssetPath(name=name)) for name in ("a", "a", "b")]
        self.probe.wait_for("a", "downloading")

    def assert_all_are_told(self) -> None:
        for reply in self.replies:
            with pytest.raises(AssetError, match="closed"):
                reply.get(timeout=10)

    def assert_the_transfer_has_ended_and_its_part_is_kept(self, cache_path: Path) -> None:
        self.server.wait_for(lambda server: all(request.is_finished for request in server.requests))
        for thread in threading.enumerate():
            if thread.name.startswith("DownloaderActor"):
                thread.join(30)  # it lets go of the part after it has hung up
        [part] = (cache_path / ".staging").rglob("data")
        assert part.stat().st_size > 0
        assert ".free" in part.parent.name


@pytest.fixture
def stalled(open_manager: OpenManager, server: LoopbackServer) -> Stalled:
    return Stalled(open_manager, server)


def test_close_tells_everybody_who_waits_and_keeps_the_part(stalled: Stalled, cache_path: Path) -> None:
    stalled.manager.close()
    # It did not run out of patience: the last downloader is gone.
    assert pykka.ActorRegistry.get_by_class(DownloaderActor) == []
    stalled.assert_all_are_told()
    stalled.assert_the_transfer_has_ended_and_its_part_is_kept(cache_path)
    assert stalled.server.count("GET", "/b") == 0


def test_the_errors_name_the_asset_that_was_waited_for(stalled: Stalled) -> None:
    replies: list[Reply[Any]] = [*stalled.replies]
    replies += [stalled.manager.ask(VerifyAsset(name=name)) for name in ("b", "a")]
    stalled.manager.close()
    names = []
    for reply in replies:
        with pytest.raises(AssetError) as raised:
            reply.get(timeout=10)
        names.append((raised.value.asset_name, str(raised.value).partition(":")[0]))
    assert names == [(name, f"asset '{name}'") for name in ("paused", "a", "a", "b", "b", "a")]


def test_the_next_manager_goes_on_with_the_part(
    stalled: Stalled, open_manager: OpenManager, cache_path: Path
) -> None:
    stalled.manager.close()
    [part] = (cache_path / ".staging").rglob("data")
    size_bytes = part.stat().st_size
    stalled.server.put("/a", DATA, etag='"v1"')
    path = open_manager(stalled.project).ask(GetAssetPath(name="a")).get(timeout=10).path
    assert path.read_bytes() == DATA
    assert stalled.server.requests[-1].range == f"bytes={size_bytes}-"


def test_progress_gets_its_last_word_for_whatever_was_running(stalled: Stalled) -> None:
    stalled.manager.close()
    assert stalled.probe.phases("a") == ["downloading", "stopped"]
    assert stalled.probe.phases("paused") == ["retrying", "stopped"]


def test_close_leaves_no_thread(open_manager: OpenManager, server: LoopbackServer) -> None:
    before = set(threading.enumerate())
    stalled = Stalled(open_manager, server)
    stalled.manager.ask(GetAssetStatus(name="a")).get(timeout=10)  # the inspector's work
    ours = ("AssetManagerActor", "DownloaderActor", "InspectorActor", "ProgressActor", "Alarm")
    started = [thread for thread in set(threading.enumerate()) - before if thread.name.startswith(ours)]
    assert len(started) == len(ours)
    stalled.manager.close()
    for thread in started:
        thread.join(10)
        assert not thread.is_alive(), thread


def test_close_can_be_repeated_and_every_caller_finds_it_closed(stalled: Stalled) -> None:
    def close() -> int:
        stalled.manager.close()
        return len(pykka.ActorRegistry.get_by_class(DownloaderActor))

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda _: close(), range(8))) == [0] * 8
    stalled.manager.close()
    stalled.assert_all_are_told()


def test_a_manager_that_did_nothing_closes(open_manager: OpenManager) -> None:
    open_manager(project()).close()


@pytest.mark.parametrize(
    "command",
    [
        GetAssetPath(name="a"),
        GetAssetPath(name="no such asset"),
        GetAssetStatus(name="a"),
        ListAssets(),
        VerifyAsset(name="a"),
        ClearAllAssets(),
    ],
)
def test_a_closed_manager_answers_that_it_is_closed(
    open_manager: OpenManager, command: AssetManagerCommand
) -> None:
    manager = open_manager(project(asset("a", "/x")))
    manager.close()
    with pytest.raises(AssetError, match="closed"):
        manager.ask(command).get(timeout=10)


def test_a_manager_that_is_closing_takes_no_new_work_and_says_when_it_is_done(
    open_manager: OpenManager, server: LoopbackServer
) -> None:
    manager = open_manager(project(special(Gated, asset("a", server.put("/a", DATA)), DownloaderActor)))
    waiting = manager.ask(GetAssetPath(name="a"))
    GATE.wait_until_entered()
    closed = [manager.ask(CloseAssetManager()) for _ in range(2)]
    with pytest.raises(AssetError, match="closed"):
        waiting.get(timeout=10)
    for name in ("a", "no such asset"):
        with pytest.raises(AssetError, match="closed"):
            manager.ask(GetAssetPath(name=name)).get(timeout=10)
    assert not any(reply.is_done for reply in closed)
    GATE.open()
    assert [reply.get(timeout=10) for reply in closed] == [AssetManagerClosed()] * 2
    assert server.requests == []


def test_a_manager_that_is_stopped_while_it_closes_leaves_nobody_waiting_for_that(
    open_manager: OpenManager, server: LoopbackServer
) -> None:
    manager = open_manager(project(special(Gated, asset("a", server.put("/a", DATA)), DownloaderActor)))
    manager.ask(GetAssetPath(name="a"))
    GATE.wait_until_entered()
    closed = manager.ask(CloseAssetManager())
    manager.actor_ref.stop()
    assert closed.get(timeout=10) == AssetManagerClosed()


def test_a_server_that_does_not_even_answer_holds_up_no_close(
    open_manager: OpenManager, server: LoopbackServer
) -> None:
    url = server.put("/a", DATA, faults=[Fault(hang_before_headers=True)])
    manager = open_manager(project(asset("a", url)))
    reply = manager.ask(GetAssetPath(name="a"))
    server.wait_for(lambda server: len(server.requests) == 1)
    manager.close()
    assert pykka.ActorRegistry.get_by_class(DownloaderActor) == []
    with pytest.raises(AssetError, match="closed"):
        reply.get(timeout=10)


def test_with_closes_it_also_after_an_error(cache_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), AssetManager(project(), cache_dir=cache_path) as manager:
        1 / 0  # noqa: B018
    with pytest.raises(AssetError, match="closed"):
        manager.ask(ListAssets()).get(timeout=10)


async def test_async_with_closes_it_without_blocking_the_loop(stalled: Stalled) -> None:
    """Also if every thread of `asyncio.to_thread` waits for an answer that only `close` gives."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    blocked = asyncio.create_task(asyncio.to_thread(stalled.replies[0].get))
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticker = asyncio.create_task(tick())
    async with stalled.manager:
        await asyncio.sleep(0)
        before = ticks
    ticker.cancel()
    assert ticks > before
    with pytest.raises(AssetError, match="closed"):
        await blocked
    with pytest.raises(AssetError, match="closed"):
        await stalled.manager.get_asset_path("a")


def test_requests_that_race_with_close_are_all_answered(open_manager: OpenManager, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    for _ in range(20):
        manager = open_manager(project(asset("a", tmp_path / "a")))
        started = threading.Barrier(5)

        def ask(
            manager: AssetManager = manager, started: threading.Barrier = started
        ) -> list[Reply[AssetPath]]:
            started.wait()
            return [manager.ask(GetAssetPath(name="a")) for _ in range(100)]

        with ThreadPoolExecutor(4) as threads:
            futures = [threads.submit(ask) for _ in range(4)]
            started.wait()
            manager.close()
            for reply in (reply for future in futures for reply in future.result()):
                try:
                    reply.get(timeout=10)
                except AssetError as error:
                    assert "closed" in str(error)  # noqa: PT017


# Behind its back


def test_stopping_the_actor_tells_everybody_who_waits(stalled: Stalled, cache_path: Path) -> None:
    assert stalled.manager.actor_ref.stop(timeout=10)
    stalled.assert_all_are_told()
    stalled.assert_the_transfer_has_ended_and_its_part_is_kept(cache_path)
    with pytest.raises(AssetError, match="closed"):
        stalled.manager.ask(ListAssets()).get(timeout=10)
    stalled.manager.close()


@pytest.mark.parametrize("block", [True, False])
def test_stop_all_ends_everything_and_tells_everybody_who_waits(
    stalled: Stalled, cache_path: Path, block: bool
) -> None:
    """pykka stops the youngest first: a downloader, which does not look into its inbox now."""
    pykka.ActorRegistry.stop_all(block=block)
    stalled.assert_all_are_told()
    stalled.assert_the_transfer_has_ended_and_its_part_is_kept(cache_path)


def test_stop_all_while_it_closes_leaves_nobody_waiting(stalled: Stalled) -> None:
    closing = threading.Thread(target=stalled.manager.close)
    closing.start()
    pykka.ActorRegistry.stop_all()
    closing.join(10)
    assert not closing.is_alive()
    stalled.assert_all_are_told()


# Forgotten

_PROGRAM = """
    import signal, sys, threading
    from openmas_assets.actors import AssetManager
    from openmas_assets.messages import AssetConfig, AssetError, GetAssetPath, ProjectConfig

    signal.signal(signal.SIGINT, signal.default_int_handler)
    url, cache = sys.argv[1:]
    started = threading.Event()

    def on_progress(progress):
        if progress.phase == "downloading":
            started.set()

    project = ProjectConfig(assets=(AssetConfig(name="a", source={"type": "http", "url": url}),))
    manager = AssetManager(project, cache_dir=cache, on_progress=on_progress)
    reply = manager.ask(GetAssetPath(name="a"))

    def wait():
        try:
            print("a path", reply.get().path.name, flush=True)
        except AssetError as error:
            print("told:", error, flush=True)
"""


def test_a_program_that_forgets_to_close_ends_in_peace(server: LoopbackServer, cache_path: Path) -> None:
    code = _PROGRAM + "    wait()"
    with Program(code, server.put("/a", DATA), cache_path) as program:
        done = program.wait()
    assert (done.returncode, done.stdout, done.stderr) == (0, "a path a\n", "")


@pytest.mark.parametrize("daemon_waiter", ["", "threading.Thread(target=wait, daemon=True).start()"])
def test_a_program_that_forgets_a_running_transfer_ends_in_peace_and_keeps_the_part(
    server: LoopbackServer, cache_path: Path, daemon_waiter: str
) -> None:
    url = server.put("/a", DATA, etag='"v1"', faults=[Fault(stall_after=100_000)])
    code = f"{_PROGRAM}\n    {daemon_waiter}\n    started.wait()"
    with Program(code, url, cache_path) as program:
        done = program.wait()
    assert (done.returncode, done.stderr) == (0, "")
    [part] = (cache_path / ".staging").rglob("data")
    assert ".free" in part.parent.name


def test_a_program_whose_main_thread_is_done_lets_its_other_threads_finish(
    server: LoopbackServer, cache_path: Path
) -> None:
    gate = threading.Event()
    url = server.put("/a", DATA, faults=[Fault(stall_after=100_000, gate=gate)])
    code = f"{_PROGRAM}\n    threading.Thread(target=wait).start()\n    started.wait()\n    print('done')"
    with Program(code, url, cache_path) as program:
        assert next(program.lines()) == "done"
        gate.set()
        done = program.wait()
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\na path a\n", "")


def test_a_keyboard_interrupt_ends_the_program_at_once_and_keeps_the_part(
    server: LoopbackServer, cache_path: Path
) -> None:
    url = server.put("/a", DATA, etag='"v1"', faults=[Fault(stall_after=100_000)])
    # It looks up now and then: Python sees a signal that comes in the instant before a thread blocks only
    # when that thread wakes.
    code = f"""{_PROGRAM}
    import pykka
    started.wait()
    print("waiting")
    while True:
        try:
            reply.get(timeout=0.05)
        except pykka.Timeout:
            pass
    """
    with Program(code, url, cache_path) as program:
        assert next(program.lines()) == "waiting"
        program.interrupt()
        done = program.wait()
    assert done.returncode == -signal.SIGINT
    assert done.stderr.strip().endswith("KeyboardInterrupt")
    assert done.stderr.count("Traceback") == 1
    [part] = (cache_path / ".staging").rglob("data")
    assert ".free" in part.parent.name


def test_a_keyboard_interrupt_of_an_event_loop_does_so_too(server: LoopbackServer, cache_path: Path) -> None:
    url = server.put("/a", DATA, etag='"v1"', faults=[Fault(stall_after=100_000)])
    code = f"""{_PROGRAM}
    import asyncio
    async def look_up():
        while True:
            await asyncio.sleep(0.05)
    async def main():
        async with manager:
            looking_up = asyncio.create_task(look_up())
            started.wait()
            print("waiting")
            await manager.get_asset_path("a")
    asyncio.run(main())
    """
    with Program(code, url, cache_path) as program:
        assert next(program.lines()) == "waiting"
        program.interrupt()
        done = program.wait()
    assert done.returncode == -signal.SIGINT
    assert done.stderr.strip().endswith("KeyboardInterrupt")
    [part] = (cache_path / ".staging").rglob("data")
    assert ".free" in part.parent.name
