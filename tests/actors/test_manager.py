"""Asking the manager for paths: joining, hits, force, fairness, giving up, trying again."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from loopback import Fault, LoopbackServer
from openmas_assets.actors import AssetManager, Reply
from openmas_assets.actors.cache.file_record import FileRecord
from openmas_assets.actors.cache.info import AssetInfo
from openmas_assets.actors.cache.layout import INFO_NAME
from openmas_assets.actors.downloader import DownloaderActor
from openmas_assets.messages.errors import (
    AssetConfigurationError,
    AssetDownloadError,
    AssetError,
    UnknownAssetError,
)
from openmas_assets.messages.manager import AssetPath, ClearAsset, GetAssetPath, GetAssetStatus, VerifyAsset
from openmas_assets.messages.project import AgentConfig
from openmas_assets.messages.supervision import WaiterGone
from programs import Program
from progress_probe import ProgressProbe
from projects import asset, project
from special_assets import GATE, Gated, special

OpenManager = Callable[..., AssetManager]

DATA = bytes(range(256)) * 1000


@pytest.fixture
def gate() -> threading.Event:
    return threading.Event()


def gets(server: LoopbackServer) -> int:
    """GETs for `/a`, where most tests have their asset."""
    return server.count("GET", "/a")


def get(manager: AssetManager, name: str = "a", *, force_download: bool = False) -> Reply[AssetPath]:
    return manager.ask(GetAssetPath(name=name, force_download=force_download))


def settle(manager: AssetManager) -> None:
    """Have the manager work off everything that it was told before."""
    manager.ask(GetAssetStatus(name="a")).get(timeout=10)


def gated(server: LoopbackServer, gate: threading.Event, path: str = "/a", **options: object) -> str:
    """Serve DATA, held after the headers until the gate opens; resumable."""
    return server.put(path, DATA, etag='"v1"', faults=[Fault(stall_after=0, gate=gate)], **options)


# One transfer, however many ask


async def test_a_thousand_coroutines_share_one_transfer(
    open_manager: OpenManager, server: LoopbackServer, gate: threading.Event
) -> None:
    manager = open_manager(project(asset("a", gated(server, gate))))
    tasks = [asyncio.create_task(manager.get_asset_path("a")) for _ in range(1000)]
    await asyncio.sleep(0)
    await manager.status("a")  # they have all joined before this is answered
    gate.set()
    paths = await asyncio.gather(*tasks)
    assert len(set(paths)) == 1
    assert paths[0].read_bytes() == DATA
    assert gets(server) == 1


def test_several_event_loops_and_threads_share_one_transfer(
    open_manager: OpenManager, server: LoopbackServer, gate: threading.Event
) -> None:
    manager = open_manager(project(asset("a", gated(server, gate))))
    paths: list[Path] = []
    ready = threading.Barrier(9)

    async def gather() -> None:
        tasks = [asyncio.create_task(manager.get_asset_path("a")) for _ in range(100)]
        await asyncio.sleep(0)
        await asyncio.to_thread(ready.wait)
        paths.extend(await asyncio.gather(*tasks))

    def wait() -> None:
        reply = get(manager)
        ready.wait()
        paths.append(reply.get(timeout=30).path)

    threads = [threading.Thread(target=asyncio.run, args=[gather()]) for _ in range(4)]
    threads += [threading.Thread(target=wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    ready.wait()
    settle(manager)
    gate.set()
    for thread in threads:
        thread.join()
    assert len(paths) == 404
    assert len(set(paths)) == 1
    assert gets(server) == 1


def test_a_failure_is_told_to_everybody_who_waits_each_with_an_error_of_its_own(
    open_manager: OpenManager, server: LoopbackServer, gate: threading.Event
) -> None:
    url = server.put("/a", faults=[Fault(hang_before_headers=True, gate=gate, status=404)])
    manager = open_manager(project(asset("a", url)))
    replies = [get(manager) for _ in range(10)]
    settle(manager)
    gate.set()
    errors = []
    for reply in replies:
        with pytest.raises(AssetDownloadError, match="asset 'a': the server answered 404") as raised:
            reply.get(timeout=10)
        errors.append(raised.value)
    assert len({id(error) for error in errors}) == 10
    assert gets(server) == 1


def test_an_asset_that_failed_is_tried_again_at_the_next_request(
    open_manager: OpenManager, server: LoopbackServer
) -> None:
    manager = open_manager(project(asset("a", server.put("/a", DATA, faults=[Fault(status=404, times=1)]))))
    with pytest.raises(AssetDownloadError):
        get(manager).get(timeout=10)
    assert get(manager).get(timeout=10).path.read_bytes() == DATA


# Hits


def test_a_warm_hit_is_answered_although_all_downloaders_are_busy(
    open_manager: OpenManager, server: LoopbackServer, gate: threading.Event
) -> None:
    warm = asset("warm", server.put("/warm", DATA))
    busy = [asset(f"busy{n}", gated(server, gate, f"/busy{n}")) for n in range(2)]
    with open_manager(project(warm)) as earlier:
        path = get(earlier, "warm").get(timeout=10).path
    manager = open_manager(project(warm, *busy), pool_size=2)
    for config in busy:
        get(manager, config.name)
    server.wait_for(lambda server: len(server.requests) == 3)
    for _ in ("first in this manager", "known to it"):
        assert get(manager, "warm").get(timeout=10).path == path
    assert len(server.requests) == 3


def test_a_hit_reads_no_byte_of_the_asset_and_asks_no_server(
    server: LoopbackServer, cache_path: Path
) -> None:
    code = """
        import sys
        from openmas_assets.actors import AssetManager
        from openmas_assets.messages import AssetConfig, GetAssetPath, ProjectConfig

        url, cache = sys.argv[1:]
        project = ProjectConfig(assets=(AssetConfig(name="a", source={"type": "http", "url": url}),))
        seen = []

        def listen(event, arguments):
            if event == "socket.connect" or (event == "open" and cache in str(arguments[0])):
                seen.append((event, str(arguments[0]).rpartition("/")[2]))

        def ask(manager):
            seen.clear()
            manager.ask(GetAssetPath(name="a")).get(timeout=10)
            print(seen)

        with AssetManager(project, cache_dir=cache) as manager:
            manager.ask(GetAssetPath(name="a")).get(timeout=10)
        sys.addaudithook(listen)
        with AssetManager(project, cache_dir=cache) as manager:
            ask(manager)
            ask(manager)
            print("requests" in sys.modules)
    """
    with Program(code, server.put("/a", DATA), cache_path) as program:
        done = program.wait()
    assert done.stdout == "[('open', '.asset_info.json')]\n[]\nTrue\n", done.stderr
    assert gets(server) == 1


def test_a_warm_start_imports_no_http_library(server: LoopbackServer, cache_path: Path) -> None:
    code = """
        import sys
        from openmas_assets.actors import AssetManager
        from openmas_assets.messages import AssetConfig, GetAssetPath, ProjectConfig

        url, cache = sys.argv[1:]
        project = ProjectConfig(assets=(AssetConfig(name="a", source={"type": "http", "url": url}),))
        with AssetManager(project, cache_dir=cache) as manager:
            manager.ask(GetAssetPath(name="a")).get(timeout=10)
        print(sorted({"requests", "urllib3", "tqdm", "huggingface_hub", "dotenv"} & set(sys.modules)))
    """
    for expected in ("['requests', 'urllib3']\n", "[]\n"):
        with Program(code, server.put("/a", DATA), cache_path) as program:
            assert program.wait().stdout == expected


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"!")


def _overwrite(path: Path) -> None:
    path.write_bytes(DATA[::-1])


def _remove(path: Path) -> None:
    path.unlink()


def _remove_metadata(path: Path) -> None:
    path.with_name(".asset_info.json").unlink()


@pytest.mark.parametrize("damage", [_append, _overwrite, _remove, _remove_metadata])
def test_a_copy_that_was_changed_is_healed_by_the_next_request(
    open_manager: OpenManager, server: LoopbackServer, damage: Callable[[Path], None]
) -> None:
    manager = open_manager(project(asset("a", server.put("/a", DATA))))
    path = get(manager).get(timeout=10).path
    damage(path)
    assert get(manager).get(timeout=10).path == path
    assert path.read_bytes() == DATA
    assert gets(server) == 2


def test_what_verify_finds_wrong_is_not_handed_out_again(
    open_manager: OpenManager, server: LoopbackServer
) -> None:
    manager = open_manager(project(asset("a", server.put("/a", DATA))))
    path = get(manager).get(timeout=10).path
    _overwrite(path)
    assert manager.ask(VerifyAsset(name="a")).get(timeout=10).outcome == "failed"
    assert get(manager).get(timeout=10).path.read_bytes() == DATA
    assert manager.ask(VerifyAsset(name="a")).get(timeout=10).outcome == "verified"
    get(manager).get(timeout=10)
    assert gets(server) == 2


def rot(path: Path) -> Callable[[], None]:
    """Change a byte as a failing disk does: no size or time shows it.

    Returns:
        What undoes the mark that `verify` sets, as if it could not have been written.
    """
    path.write_bytes(b"!" + path.read_bytes()[1:])
    info = AssetInfo.read(path.parent)
    assert info is not None
    record = FileRecord.of(path, info.files[path.name].sha256)
    unmarked = info.model_copy(update={"files": {path.name: record}}).model_dump_json()

    def unmark() -> None:
        path.with_name(INFO_NAME).write_text(unmarked)

    unmark()
    return unmark


def test_what_verify_finds_wrong_is_not_handed_out_again_even_if_that_cannot_be_noted_on_disk(
    open_manager: OpenManager, server: LoopbackServer
) -> None:
    manager = open_manager(project(asset("a", server.put("/a", DATA))))
    path = get(manager).get(timeout=10).path
    unmark = rot(path)
    assert get(manager).get(timeout=10).path.read_bytes() != DATA  # as promised, a hit costs no hashing
    assert manager.ask(VerifyAsset(name="a")).get(timeout=10).outcome == "failed"
    unmark()
    assert get(manager).get(timeout=10).path.read_bytes() == DATA
    assert gets(server) == 2


def test_a_cleared_asset_is_fetched_anew(open_manager: OpenManager, server: LoopbackServer) -> None:
    manager = open_manager(project(asset("a", server.put("/a", DATA))))
    get(manager).get(timeout=10)
    assert manager.ask(ClearAsset(name="a")).get(timeout=10).removed == ("model/a/latest",)
    assert get(manager).get(timeout=10).path.read_bytes() == DATA
    assert gets(server) == 2


def test_an_asset_that_is_being_transferred_cannot_be_cleared(
    open_manager: OpenManager, server: LoopbackServer, gate: threading.Event
) -> None:
    manager = open_manager(project(asset("a", gated(server, gate))))
    reply = get(manager)
    server.wait_for(lambda _: gets(server) == 1)
    with pytest.raises(AssetError, match="asset 'a': it is being transferred"):
        manager.ask(ClearAsset(name="a")).get(timeout=10)
    gate.set()
    assert reply.get(timeout=10).path.read_bytes() == DATA


# Force


def test_force_transfers_anew_and_everybody_after_that_gets_the_new_bytes(
    open_manager: OpenManager, server: LoopbackServer
) -> None:
    manager = open_manager(project(asset("a", server.put("/a", DATA))))
    get(manager).get(timeout=10)
    server.put("/a", b"new")
    assert get(manager).get(timeout=10).path.read_bytes() == DATA
    assert get(manager, force_download=True).get(timeout=10).path.read_bytes() == b"new"
    assert get(manager).get(timeout=10).path.read_bytes() == b"new"
    assert gets(server) == 2


def test_a_forced_request_joins_a_transfer_that_is_under_way(
    open_manager: OpenManager, server: LoopbackServer, gate: threading.Event
) -> None:
    manager = open_manager(project(asset("a", gated(server, gate))))
    replies = [get(manager)]
    server.wait_for(lambda _: gets(server) == 1)
    replies.append(get(manager, force_download=True))
    settle(manager)
    gate.set()
    for reply in replies:
        assert reply.get(timeout=10).path.read_bytes() == DATA
    assert gets(server) == 1


@pytest.mark.parametrize("is_known", [True, False])
def test_while_a_forced_transfer_runs_others_get_the_old_copy_at_once(
    open_manager: OpenManager, server: LoopbackServer, gate: threading.Event, is_known: bool
) -> None:
    config = asset("a", server.put("/a", b"old"))
    with open_manager(project(config)) as earlier:
        get(earlier).get(timeout=10)
    gated(server, gate)
    manager = open_manager(project(config))
    if is_known:
        get(manager).get(timeout=10)
    forced = get(manager, force_download=True)
    server.wait_for(lambda _: gets(server) == 1)
    for _ in range(2):
        assert get(manager).get(timeout=10).path.read_bytes() == b"old"
    assert not forced.is_done
    gate.set()
    assert forced.get(timeout=10).path.read_bytes() == DATA


def test_a_forced_request_that_comes_while_the_cache_is_looked_at_keeps_nobody_waiting(
    open_manager: OpenManager, server: LoopbackServer, gate: threading.Event
) -> None:
    config = asset("a", server.put("/a", b"old"))
    with open_manager(project(config)) as earlier:
        get(earlier).get(timeout=10)
    gated(server, gate)
    manager = open_manager(project(config))
    replies = [get(manager), get(manager, force_download=True), get(manager)]
    assert replies[0].get(timeout=10).path.read_bytes() == b"old"
    assert replies[2].get(timeout=10).path.read_bytes() == b"old"
    gate.set()
    assert replies[1].get(timeout=10).path.read_bytes() == DATA


def test_without_a_copy_others_wait_for_the_forced_transfer(
    open_manager: OpenManager, server: LoopbackServer, gate: threading.Event
) -> None:
    manager = open_manager(project(asset("a", gated(server, gate))))
    replies = [get(manager, force_download=is_forced) for is_forced in (True, False, False)]
    server.wait_for(lambda _: gets(server) == 1)
    settle(manager)
    gate.set()
    assert {reply.get(timeout=10).path.read_bytes() for reply in replies} == {DATA}
    assert gets(server) == 1


def test_a_forced_request_is_not_content_with_what_another_process_has_brought(
    open_manager: OpenManager, server: LoopbackServer, gate: threading.Event
) -> None:
    # Two managers on one cache folder lock each other out as two processes do.
    config, probe = asset("a", gated(server, gate)), ProgressProbe()
    other, manager = open_manager(project(config)), open_manager(project(config), on_progress=probe)
    theirs = get(other)
    server.wait_for(lambda _: gets(server) == 1)
    forced = get(manager, force_download=True)
    assert "process" in probe.wait_for("a", "waiting").detail
    gate.set()
    theirs.get(timeout=10)
    forced.get(timeout=10)
    assert gets(server) == 2


def test_a_request_is_content_with_what_another_process_has_brought(
    open_manager: OpenManager, server: LoopbackServer, gate: threading.Event
) -> None:
    config, probe = asset("a", gated(server, gate)), ProgressProbe()
    other, manager = open_manager(project(config)), open_manager(project(config), on_progress=probe)
    theirs = get(other)
    server.wait_for(lambda _: gets(server) == 1)
    ours = get(manager)
    probe.wait_for("a", "waiting")
    gate.set()
    assert ours.get(timeout=10) == theirs.get(timeout=10)
    probe.wait_for("a", "finished")
    assert gets(server) == 1


def test_a_forced_request_that_joins_is_not_content_with_it_either(
    open_manager: OpenManager, server: LoopbackServer
) -> None:
    plain = asset("a", server.put("/a", DATA))
    manager = open_manager(project(special(Gated, plain, DownloaderActor)))
    ours = get(manager)
    GATE.wait_until_entered()
    theirs = get(open_manager(project(plain))).get(timeout=10)
    forced = get(manager, force_download=True)
    settle(manager)
    GATE.open()
    assert ours.get(timeout=10) == theirs
    assert forced.get(timeout=10) == theirs
    assert gets(server) == 2


# Fairness


def test_a_burst_for_one_asset_does_not_delay_another(
    open_manager: OpenManager, server: LoopbackServer, gate: threading.Event
) -> None:
    configs = [asset("a", gated(server, gate)), asset("b", server.put("/b", DATA))]
    manager = open_manager(project(*configs), pool_size=2)
    burst = [get(manager) for _ in range(5000)]
    assert get(manager, "b").get(timeout=30).path.read_bytes() == DATA
    assert not any(reply.is_done for reply in burst)
    gate.set()
    assert len({reply.get(timeout=30).path for reply in burst}) == 1
    assert gets(server) == 1


def test_assets_are_fetched_in_the_order_in_which_they_were_asked_for(
    open_manager: OpenManager, server: LoopbackServer, gate: threading.Event
) -> None:
    names = ["a", "b", "c", "d", "e"]
    configs = [asset("a", gated(server, gate))]
    configs += [asset(name, server.put(f"/{name}", DATA)) for name in names[1:]]
    manager = open_manager(project(*configs), pool_size=1)
    replies = [get(manager, name) for name in names]
    server.wait_for(lambda _: gets(server) == 1)
    gate.set()
    for reply in replies:
        reply.get(timeout=10)
    assert [request.path for request in server.requests] == [f"/{name}" for name in names]


# Giving up


async def test_one_of_many_who_gives_up_changes_nothing_for_the_others(
    open_manager: OpenManager, server: LoopbackServer, gate: threading.Event
) -> None:
    manager = open_manager(project(asset("a", gated(server, gate))))
    tasks = [asyncio.create_task(manager.get_asset_path("a")) for _ in range(3)]
    await asyncio.to_thread(server.wait_for, lambda _: gets(server) == 1)
    tasks[1].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[1]
    await manager.status("a")
    gate.set()
    assert await tasks[0] == await tasks[2]
    assert gets(server) == 1


def test_when_the_last_one_gives_up_the_transfer_stops_and_goes_on_where_it_was(
    open_manager: OpenManager, server: LoopbackServer, cache_path: Path
) -> None:
    probe = ProgressProbe()
    url = server.put("/a", DATA, etag='"v1"', faults=[Fault(stall_after=100_000, times=1)])
    manager = open_manager(project(asset("a", url)), on_progress=probe)
    replies = [get(manager), get(manager, force_download=True)]
    probe.wait_for("a", "downloading")
    for reply in replies:
        assert not server.requests[0].is_finished
        assert reply.cancel()
    probe.wait_for("a", "stopped")
    server.wait_for(lambda server: server.requests[0].is_finished)
    [part] = (cache_path / ".staging").rglob("data")
    size_bytes = part.stat().st_size
    assert 0 < size_bytes <= 100_000
    assert manager.ask(GetAssetStatus(name="a")).get(timeout=10).status == "partial"
    assert get(manager).get(timeout=10).path.read_bytes() == DATA
    assert [request.range for request in server.requests] == [None, f"bytes={size_bytes}-"]


def test_whoever_joins_while_the_stop_is_under_way_gets_the_path(
    open_manager: OpenManager, server: LoopbackServer
) -> None:
    config = special(Gated, asset("a", server.put("/a", DATA)), DownloaderActor)
    manager = open_manager(project(config))
    first = get(manager)
    GATE.wait_until_entered()
    first.cancel()
    settle(manager)
    second = get(manager)
    settle(manager)
    GATE.open()
    assert second.get(timeout=10).path.read_bytes() == DATA
    assert gets(server) == 1


def test_nobody_waits_for_another_process_once_all_have_given_up(
    open_manager: OpenManager, server: LoopbackServer, gate: threading.Event
) -> None:
    plain, probe = asset("a", gated(server, gate)), ProgressProbe()
    theirs = get(open_manager(project(plain)))
    server.wait_for(lambda _: gets(server) == 1)
    manager = open_manager(project(special(Gated, plain, DownloaderActor)), on_progress=probe)
    ours = get(manager)
    GATE.wait_until_entered()
    ours.cancel()
    settle(manager)
    GATE.open()  # what the downloader comes to now is their lock
    probe.wait_for("a", "stopped")
    assert probe.phases("a") == ["stopped"]
    gate.set()
    assert get(manager).get(timeout=10) == theirs.get(timeout=10)


def test_a_late_farewell_does_not_take_somebody_elses_place(
    open_manager: OpenManager, server: LoopbackServer, gate: threading.Event
) -> None:
    manager = open_manager(project(asset("a", server.put("/a", faults=[Fault(status=404)]))))
    for _ in range(3):
        with pytest.raises(AssetDownloadError):
            get(manager).get(timeout=10)
    gated(server, gate)
    reply = get(manager)
    manager.actor_ref.tell(WaiterGone(key="model/a/latest"))
    settle(manager)
    gate.set()
    assert reply.get(timeout=10).path.read_bytes() == DATA


def test_what_nobody_wants_any_more_is_never_asked_for(
    open_manager: OpenManager, server: LoopbackServer, gate: threading.Event
) -> None:
    configs = [asset("a", gated(server, gate)), asset("b", server.put("/b", DATA))]
    manager = open_manager(project(*configs), pool_size=1)
    running, queued = get(manager), get(manager, "b")
    server.wait_for(lambda _: gets(server) == 1)
    queued.cancel()
    settle(manager)
    gate.set()
    running.get(timeout=10)
    settle(manager)
    assert server.count("GET", "/b") == 0


async def test_wait_for_gives_up_and_the_transfer_ends(
    open_manager: OpenManager, server: LoopbackServer, gate: threading.Event
) -> None:
    probe = ProgressProbe()
    manager = open_manager(project(asset("a", gated(server, gate))), on_progress=probe)
    task = asyncio.create_task(manager.get_asset_path("a"))
    await asyncio.to_thread(server.wait_for, lambda _: gets(server) == 1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(task, 0)
    await asyncio.to_thread(probe.wait_for, "a", "stopped")


# Trying again


def test_it_is_tried_as_often_as_declared_and_no_more(
    open_manager: OpenManager, server: LoopbackServer
) -> None:
    url = server.put("/a", DATA, faults=[Fault(status=503)])
    manager = open_manager(project(asset("a", url, retries=2, retry_delay_seconds=0)))
    with pytest.raises(AssetDownloadError) as raised:
        get(manager).get(timeout=10)
    assert gets(server) == 3
    assert len(raised.value.attempts) == 3
    assert all("503 Service Unavailable" in attempt for attempt in raised.value.attempts)
    assert str(raised.value).splitlines()[1].startswith("  attempt 1: the server answered 503")
    with pytest.raises(AssetDownloadError):
        get(manager).get(timeout=10)
    assert gets(server) == 6


def test_an_attempt_that_succeeds_ends_it(open_manager: OpenManager, server: LoopbackServer) -> None:
    url = server.put("/a", DATA, faults=[Fault(status=503, times=1), Fault(cut_after=10, times=1)])
    manager = open_manager(project(asset("a", url, retries=5, retry_delay_seconds=0)))
    assert get(manager).get(timeout=10).path.read_bytes() == DATA
    assert gets(server) == 3


def test_the_attempts_of_an_error_say_what_went_wrong_each_time(
    open_manager: OpenManager, server: LoopbackServer
) -> None:
    faults = [Fault(status=503, times=1), Fault(cut_after=10, times=1), Fault(status=404)]
    manager = open_manager(
        project(asset("a", server.put("/a", DATA, faults=faults), retries=5, retry_delay_seconds=0))
    )
    with pytest.raises(AssetDownloadError) as raised:
        get(manager).get(timeout=10)
    first, second, third = raised.value.attempts
    assert "503" in first
    assert "cut" in second or "ended after" in second
    assert "404" in third


@pytest.mark.parametrize(("retries", "status"), [(0, 503), (5, 404)])
def test_without_retries_or_sense_there_is_one_attempt(
    open_manager: OpenManager, server: LoopbackServer, retries: int, status: int
) -> None:
    url = server.put("/a", faults=[Fault(status=status)])
    manager = open_manager(project(asset("a", url, retries=retries, retry_delay_seconds=0)))
    with pytest.raises(AssetDownloadError) as raised:
        get(manager).get(timeout=10)
    assert raised.value.attempts == ()
    assert gets(server) == 1


def test_a_pause_keeps_no_downloader_busy(open_manager: OpenManager, server: LoopbackServer) -> None:
    probe = ProgressProbe()
    a = asset("a", server.put("/a", faults=[Fault(status=503)]), retries=1, retry_delay_seconds=3600)
    b = asset("b", server.put("/b", DATA))
    manager = open_manager(project(a, b), pool_size=1, on_progress=probe)
    waiting = get(manager)
    assert probe.wait_for("a", "retrying").detail.startswith("in 3600 s, 1 of 2 failed: the server answered")
    assert get(manager, "b").get(timeout=10).path.read_bytes() == DATA
    assert not waiting.is_done


def test_giving_up_during_a_pause_ends_it_and_the_next_request_starts_afresh(
    open_manager: OpenManager, server: LoopbackServer
) -> None:
    probe = ProgressProbe()
    url = server.put("/a", DATA, faults=[Fault(status=503, times=1)])
    config = asset("a", url, retries=1, retry_delay_seconds=1e10)
    manager = open_manager(project(config), on_progress=probe)
    reply = get(manager)
    probe.wait_for("a", "retrying")
    reply.cancel()
    probe.wait_for("a", "stopped")
    assert get(manager).get(timeout=10).path.read_bytes() == DATA


def test_the_last_of_several_pauses_is_over_in_its_time_too(
    open_manager: OpenManager, server: LoopbackServer
) -> None:
    configs = [
        asset(
            f"a{n}",
            server.put(f"/{n}", DATA, faults=[Fault(status=503, times=2)]),
            retries=2,
            retry_delay_seconds=delay,
        )
        for n, delay in enumerate([0.05, 0.02, 0.04, 0])
    ]
    manager = open_manager(project(*configs), pool_size=2)
    replies = [get(manager, config.name) for config in configs]
    assert all(reply.get(timeout=10).path.read_bytes() == DATA for reply in replies)


def test_many_pauses_cost_one_thread(open_manager: OpenManager, server: LoopbackServer) -> None:
    probe = ProgressProbe()
    url = server.put("/a", faults=[Fault(status=503)])
    configs = [asset(f"a{n}", url, retries=1, retry_delay_seconds=3600) for n in range(20)]
    before = set(threading.enumerate())
    manager = open_manager(project(*configs), pool_size=1, on_progress=probe)
    for config in configs:
        get(manager, config.name)
    for config in configs:
        probe.wait_for(config.name, "retrying")
    names = [thread.name for thread in set(threading.enumerate()) - before]
    assert names.count("Alarm") == 1
    assert not [name for name in names if name.startswith("Timer")]


# What an agent needs


async def test_prepare_fetches_everything_at_once(
    open_manager: OpenManager, server: LoopbackServer, gate: threading.Event
) -> None:
    configs = [asset(name, gated(server, gate, f"/{name}")) for name in ("a", "b", "c")]
    agents = {"scholar": AgentConfig(required_assets=("c", "a", "b", "a"))}
    manager = open_manager(project(*configs, agents=agents))
    task = asyncio.create_task(manager.prepare("scholar"))
    await asyncio.to_thread(server.wait_for, lambda server: len(server.requests) == 3)
    gate.set()
    paths = await task
    assert {name: path.name for name, path in paths.items()} == {"a": "a", "b": "b", "c": "c"}
    assert list(paths) == ["c", "a", "b"]


async def test_prepare_raises_the_first_error_at_once_and_waits_for_nothing_more(
    open_manager: OpenManager, server: LoopbackServer, gate: threading.Event
) -> None:
    probe = ProgressProbe()
    configs = [
        asset("a", gated(server, threading.Event())),
        asset("b", server.put("/b", faults=[Fault(hang_before_headers=True, gate=gate, status=404)])),
    ]
    agents = {"scholar": AgentConfig(required_assets=("a", "b"))}
    manager = open_manager(project(*configs, agents=agents), on_progress=probe)
    task = asyncio.create_task(manager.prepare("scholar"))
    await asyncio.to_thread(server.wait_for, lambda server: len(server.requests) == 2)
    gate.set()
    with pytest.raises(AssetDownloadError, match="asset 'b'"):
        await task
    await asyncio.to_thread(probe.wait_for, "a", "stopped")


async def test_prepare_that_is_cancelled_takes_its_requests_back(
    open_manager: OpenManager, server: LoopbackServer, gate: threading.Event
) -> None:
    probe = ProgressProbe()
    configs = [asset(name, gated(server, gate, f"/{name}")) for name in ("a", "b")]
    agents = {"scholar": AgentConfig(required_assets=("a", "b"))}
    manager = open_manager(project(*configs, agents=agents), on_progress=probe)
    task = asyncio.create_task(manager.prepare("scholar"))
    await asyncio.to_thread(server.wait_for, lambda server: len(server.requests) == 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for name in ("a", "b"):
        await asyncio.to_thread(probe.wait_for, name, "stopped")


async def test_prepare_of_an_agent_without_needs_is_empty_and_of_an_unknown_one_an_error(
    open_manager: OpenManager,
) -> None:
    manager = open_manager(project(agents={"scholar": AgentConfig()}))
    assert await manager.prepare("scholar") == {}
    with pytest.raises(AssetConfigurationError, match=r"no agent 'scolar'.*Did you mean 'scholar'"):
        await manager.prepare("scolar")


# The facade


async def test_an_unknown_asset_is_an_error_that_lists_the_known_ones(
    open_manager: OpenManager, tmp_path: Path
) -> None:
    manager = open_manager(project(asset("llama", tmp_path / "x")))
    with pytest.raises(UnknownAssetError, match="Did you mean 'llama'"):
        await manager.get_asset_path("lama")
    assert (await manager.status("llama")).status == "not_cached"


async def test_list_is_in_the_order_of_the_project_and_may_be_empty(
    open_manager: OpenManager, tmp_path: Path
) -> None:
    names = [f"a{n}" for n in range(50)]
    manager = open_manager(project(*[asset(name, tmp_path / name) for name in names]))
    (tmp_path / "a7").write_text("7")
    await manager.get_asset_path("a7")
    statuses = await manager.list()
    assert [status.name for status in statuses] == names
    assert [status.name for status in statuses if status.status == "cached"] == ["a7"]
    assert await open_manager(project()).list() == ()


async def test_clear_all_and_verify_answer_with_what_they_did(
    open_manager: OpenManager, tmp_path: Path
) -> None:
    (tmp_path / "a").write_text("abc")
    manager = open_manager(project(asset("a", tmp_path / "a")))
    assert (await manager.verify("a")).outcome == "not_cached"
    await manager.get_asset_path("a")
    verified = await manager.verify("a")
    assert (verified.outcome, verified.has_checksum) == ("verified", False)
    assert (await manager.clear("a")).bytes_freed == 3
    await manager.get_asset_path("a")
    assert (await manager.clear_all()).removed == ("model/a/latest",)


@pytest.mark.parametrize("pool_size", [0, -1])
def test_a_pool_of_nobody_is_refused(open_manager: OpenManager, pool_size: int) -> None:
    with pytest.raises(AssetConfigurationError, match=f"pool_size is {pool_size}; it must be 1 or more"):
        open_manager(project(), pool_size=pool_size)


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "inf", "1e300"])
def test_a_timeout_that_is_none_is_refused_and_no_thread_is_left(
    open_manager: OpenManager, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("OPENMAS_ASSETS_TIMEOUT", text)
    before = threading.active_count()
    with pytest.raises(AssetConfigurationError, match=f"OPENMAS_ASSETS_TIMEOUT is '{text}'"):
        open_manager(project())
    assert threading.active_count() == before


def test_the_timeout_of_the_environment_is_used(
    open_manager: OpenManager, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENMAS_ASSETS_TIMEOUT", " 0.1 ")
    url = server.put("/a", DATA, faults=[Fault(stall_after=10)])
    with pytest.raises(AssetDownloadError, match=r"sent nothing for 0\.1 s"):
        get(open_manager(project(asset("a", url)))).get(timeout=10)
