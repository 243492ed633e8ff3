"""Whatever dies, everybody who waits gets an answer. Workers are crashed by real bugs, not by mocks."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pykka
import pytest
from pykka.messages import ProxyCall

from loopback import Fault, LoopbackServer
from openmas_assets.actors import AssetManager, Reply
from openmas_assets.actors.base import WorkerActor
from openmas_assets.actors.downloader import DownloaderActor
from openmas_assets.actors.inspector import InspectorActor
from openmas_assets.actors.manager_actor import AssetManagerActor
from openmas_assets.actors.restarts import RestartBudget
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.errors import AssetError, UnknownAssetError
from openmas_assets.messages.inspector import AssetInspected
from openmas_assets.messages.manager import (
    AssetPath,
    CloseAssetManager,
    GetAssetPath,
    GetAssetStatus,
    ListAssets,
    VerifyAsset,
)
from programs import Program
from progress_probe import ProgressProbe
from projects import asset, project
from special_assets import GATE, Buggy, BuggyOnce, Gated, GatedBuggy, Homeless, Unreadable, special

OpenManager = Callable[..., AssetManager]

DATA = bytes(range(256)) * 1000
# As `RestartBudget` promises.
ALLOWED_CRASHES = 10


def get(manager: AssetManager, name: str = "a", *, force_download: bool = False) -> Reply[AssetPath]:
    return manager.ask(GetAssetPath(name=name, force_download=force_download))


def workers(actor: type[WorkerActor]) -> list[pykka.ActorRef[Any]]:
    return pykka.ActorRegistry.get_by_class(actor)


def connection_of(server: LoopbackServer) -> threading.Thread:
    """The server's side of the connection that brought the first request: it serves until ours is closed."""
    name = f"loopback-{server.requests[0].client_port}"
    return next(thread for thread in threading.enumerate() if thread.name == name)


def crash(ref: pykka.ActorRef[Any]) -> None:
    """Have an actor run into a bug."""
    with suppress(pykka.ActorDeadError):
        ref.tell(ProxyCall(attr_path=("no_such_method",), args=(), kwargs={}))


# Downloaders


def test_a_downloader_that_crashes_is_replaced_and_who_waited_for_it_is_told_why(
    open_manager: OpenManager, server: LoopbackServer, caplog: pytest.LogCaptureFixture
) -> None:
    good = [asset(name, server.put(f"/{name}", DATA)) for name in ("b", "c")]
    bad = special(Buggy, asset("a", server.put("/a", DATA)), DownloaderActor)
    manager = open_manager(project(bad, *good), pool_size=1)
    replies = [get(manager, name) for name in ("a", "a", "b", "c")]
    for reply in replies[:2]:
        with pytest.raises(AssetError) as raised:
            reply.get(timeout=10)
        assert str(raised.value).startswith(
            "asset 'a': a downloader crashed: ZeroDivisionError: a bug in the key. This is a bug in"
        )
    for reply in replies[2:]:
        assert reply.get(timeout=10).path.read_bytes() == DATA
    assert "Unhandled exception in DownloaderActor" in caplog.text


def test_a_crash_spoils_only_the_job_in_which_it_happens(
    open_manager: OpenManager, server: LoopbackServer
) -> None:
    gate = threading.Event()
    slow = asset("slow", server.put("/slow", DATA, faults=[Fault(stall_after=0, gate=gate)]))
    bad = special(Buggy, asset("a", server.put("/a", DATA)), DownloaderActor)
    manager = open_manager(project(bad, slow), pool_size=2)
    running = get(manager, "slow")
    server.wait_for(lambda server: server.count("GET", "/slow") == 1)
    with pytest.raises(AssetError, match="a downloader crashed"):
        get(manager).get(timeout=10)
    gate.set()
    assert running.get(timeout=10).path.read_bytes() == DATA


def test_a_downloader_that_is_stopped_from_outside_has_its_job_done_by_the_next_one(
    open_manager: OpenManager, server: LoopbackServer
) -> None:
    probe = ProgressProbe()
    url = server.put("/a", DATA, etag='"v1"', faults=[Fault(stall_after=100_000, times=1)])
    manager = open_manager(project(asset("a", url)), on_progress=probe)
    reply = get(manager)
    probe.wait_for("a", "downloading")
    [downloader] = workers(DownloaderActor)
    assert downloader.stop(timeout=10)
    assert reply.get(timeout=10).path.read_bytes() == DATA
    assert len(server.requests) == 2
    assert str(server.requests[1].range).startswith("bytes=")


def test_a_downloader_that_is_stopped_from_outside_leaves_the_others_their_connections(
    open_manager: OpenManager, server: LoopbackServer
) -> None:
    gate = threading.Event()
    slow = asset("slow", server.put("/slow", DATA, faults=[Fault(stall_after=0, gate=gate)]))
    manager = open_manager(project(slow, asset("a", server.put("/a", DATA))), pool_size=2)
    running = get(manager, "slow")
    server.wait_for(lambda server: server.count("GET", "/slow") == 1)
    get(manager).get(timeout=10)
    _, idle = workers(DownloaderActor)
    assert idle.stop(timeout=10)
    get(manager, force_download=True).get(timeout=10)
    _, before, after = server.requests
    assert before.client_port == after.client_port
    gate.set()
    assert running.get(timeout=10).path.read_bytes() == DATA


def test_an_idle_downloader_may_be_stopped_or_crash(
    open_manager: OpenManager, server: LoopbackServer
) -> None:
    manager = open_manager(project(asset("a", server.put("/a", DATA))), pool_size=1)
    for end in (lambda ref: ref.stop(), crash):
        get(manager, force_download=True).get(timeout=10)
        [downloader] = workers(DownloaderActor)
        end(downloader)
        assert downloader.actor_stopped.wait(10)
        assert get(manager, force_download=True).get(timeout=10).path.read_bytes() == DATA


def test_a_verification_whose_downloader_is_stopped_is_done_by_the_next_one(
    open_manager: OpenManager, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(DATA)
    plain = asset("a", tmp_path / "a")
    get(open_manager(project(plain))).get(timeout=10)
    pykka.ActorRegistry.stop_all()
    manager = open_manager(project(special(Gated, plain, DownloaderActor)))
    reply = manager.ask(VerifyAsset(name="a"))
    GATE.wait_until_entered()
    [downloader] = workers(DownloaderActor)
    downloader.stop(block=False)
    GATE.open()
    assert reply.get(timeout=10).outcome == "verified"
    assert downloader not in workers(DownloaderActor)


def test_a_verification_that_crashes_tells_who_waits(open_manager: OpenManager, tmp_path: Path) -> None:
    probe = ProgressProbe()
    config = special(Buggy, asset("a", tmp_path / "a"), DownloaderActor)
    manager = open_manager(project(config), on_progress=probe)
    with pytest.raises(AssetError, match="asset 'a': a downloader crashed: ZeroDivisionError"):
        manager.ask(VerifyAsset(name="a")).get(timeout=10)
    assert probe.wait_for("a", "failed").detail == "a downloader crashed: ZeroDivisionError: a bug in the key"


def test_an_expected_failure_of_a_verification_tells_who_waits_and_is_no_crash(
    open_manager: OpenManager, tmp_path: Path
) -> None:
    manager = open_manager(project(special(Homeless, asset("a", tmp_path / "a"), DownloaderActor)))
    with pytest.raises(AssetError, match="asset 'a': there is no place for it"):
        manager.ask(VerifyAsset(name="a")).get(timeout=10)
    assert len(workers(DownloaderActor)) == 1


def test_a_disk_that_fails_where_a_copy_is_looked_for_fails_the_request_and_is_no_crash(
    open_manager: OpenManager, server: LoopbackServer
) -> None:
    bad = special(Unreadable, asset("a", server.put("/a", DATA)), DownloaderActor)
    manager = open_manager(project(bad))
    with pytest.raises(AssetError, match="asset 'a': the disk failed: Input/output error"):
        get(manager).get(timeout=10)
    assert len(workers(DownloaderActor)) == 1


def test_a_bug_that_crashes_every_downloader_ends_in_an_error_that_names_it(
    open_manager: OpenManager, server: LoopbackServer
) -> None:
    warm = asset("warm", server.put("/warm", DATA))
    cold = asset("cold", server.put("/cold", DATA))
    bad = special(Buggy, asset("a", server.put("/a", DATA)), DownloaderActor)
    manager = open_manager(project(bad, warm, cold), pool_size=3)
    get(manager, "warm").get(timeout=10)
    for _ in range(ALLOWED_CRASHES + 3):
        with pytest.raises(AssetError, match="a bug in the key"):
            get(manager).get(timeout=10)
    with pytest.raises(AssetError, match=r"asset 'cold': a downloader crashed: .* a bug in the key"):
        get(manager, "cold").get(timeout=10)
    assert workers(DownloaderActor) == []
    assert get(manager, "warm").get(timeout=10).path.read_bytes() == DATA


def test_when_the_last_downloader_crashes_as_it_is_stopped_no_connection_stays_open(
    open_manager: OpenManager, server: LoopbackServer
) -> None:
    plain = asset("a", server.put("/a", DATA))
    crashing = special(GatedBuggy, asset("b", server.url("/a")), DownloaderActor)
    manager = open_manager(project(plain, crashing), pool_size=1)
    get(manager).get(timeout=10)
    connection = connection_of(server)
    verified = manager.ask(VerifyAsset(name="b"))
    GATE.wait_until_entered()
    manager.ask(CloseAssetManager())
    with pytest.raises(AssetError):
        verified.get(timeout=10)  # the pool is stopped
    assert connection.is_alive()
    GATE.open()
    connection.join(10)
    assert not connection.is_alive()


def test_the_budget_allows_ten_crashes_and_then_names_the_last_one() -> None:
    budget = RestartBudget("a worker")
    for number in range(ALLOWED_CRASHES + 1):
        assert budget.start(lambda: "started") == "started"
        assert f"crash {number}" in str(budget.record(f"crash {number}"))
    with pytest.raises(AssetError, match="a worker crashed: crash 10"):
        budget.start(lambda: "started")


def test_crashes_of_long_ago_are_forgiven(monkeypatch: pytest.MonkeyPatch) -> None:
    budget = RestartBudget("a worker")
    for number in range(ALLOWED_CRASHES + 1):
        budget.record(f"crash {number}")
    monkeypatch.setattr("openmas_assets.actors.restarts._WINDOW_SECONDS", 0.0)
    assert budget.start(lambda: "started") == "started"


# The inspector, which is asked for a path only where a copy may be


def store(open_manager: OpenManager, *configs: AssetConfig) -> None:
    """Have the cache hold assets of which the next manager knows nothing."""
    with open_manager(project(*configs)) as manager:
        for config in configs:
            get(manager, config.name).get(timeout=10)


def stored(open_manager: OpenManager, folder: Path, names: str) -> list[AssetConfig]:
    """Assets that are stored so: each is a file that holds its name, of one letter."""
    for name in names:
        (folder / name).write_text(name)
    configs = [asset(name, folder / name) for name in names]
    store(open_manager, *configs)
    return configs


def test_an_inspector_that_crashes_is_replaced_and_only_what_it_crashed_on_fails(
    open_manager: OpenManager, tmp_path: Path
) -> None:
    a, b, c = stored(open_manager, tmp_path, "abc")
    bad = special(Buggy, b, InspectorActor)
    first = special(Gated, a, InspectorActor)
    manager = open_manager(project(first, bad, c))
    replies = {name: get(manager, name) for name in ("a", "b", "c")}
    status = manager.ask(GetAssetStatus(name="c"))
    listed = manager.ask(ListAssets())
    GATE.open()
    message = "asset 'b': the inspector of the cache crashed: ZeroDivisionError: a bug in the key"
    with pytest.raises(AssetError, match=message):
        replies["b"].get(timeout=10)
    with pytest.raises(AssetError, match=message):
        listed.get(timeout=10)
    assert replies["a"].get(timeout=10).path.read_text() == "a"
    assert replies["c"].get(timeout=10).path.read_text() == "c"
    assert status.get(timeout=10).name == "c"


def test_an_inspector_that_is_stopped_from_outside_has_its_looks_taken_by_the_next_one(
    open_manager: OpenManager, tmp_path: Path
) -> None:
    a, b = stored(open_manager, tmp_path, "ab")
    manager = open_manager(project(special(Gated, a, InspectorActor), b))
    status = manager.ask(GetAssetStatus(name="a"))
    GATE.wait_until_entered()
    [inspector] = workers(InspectorActor)
    inspector.stop(block=False)
    replies = [get(manager, name) for name in ("a", "b", "b")]
    GATE.open()
    assert status.get(timeout=10).status == "cached"
    assert [reply.get(timeout=10).path.read_text() for reply in replies] == ["a", "b", "b"]


def test_an_inspector_that_crashes_for_who_has_given_up_disturbs_nobody_who_asks_anew(
    open_manager: OpenManager, tmp_path: Path
) -> None:
    a, b = stored(open_manager, tmp_path, "ab")
    first = special(Gated, a, InspectorActor)
    bad = special(BuggyOnce, b, InspectorActor, good_for=0)
    manager = open_manager(project(first, bad))
    held = get(manager, "a")
    GATE.wait_until_entered()
    given_up = get(manager, "b")
    with pytest.raises(UnknownAssetError):
        get(manager, "c").get(timeout=10)  # what was told before has been handled
    given_up.cancel()
    again = get(manager, "b")
    GATE.open()
    assert held.get(timeout=10).path.read_text() == "a"
    assert again.get(timeout=10).path.read_text() == "b"


def test_an_idle_inspector_may_crash(open_manager: OpenManager, tmp_path: Path) -> None:
    manager = open_manager(project(asset("a", tmp_path / "a")))
    for _ in range(2):
        assert manager.ask(GetAssetStatus(name="a")).get(timeout=10).status == "not_cached"
        [inspector] = workers(InspectorActor)
        crash(inspector)
        assert inspector.actor_stopped.wait(10)


def test_an_expected_failure_of_a_look_leaves_it_to_the_transfer_to_say_why(
    open_manager: OpenManager, tmp_path: Path
) -> None:
    [a] = stored(open_manager, tmp_path, "a")
    manager = open_manager(project(special(Homeless, a, InspectorActor)))
    assert get(manager).get(timeout=10).path.read_text() == "a"
    assert manager.ask(GetAssetStatus(name="a")).get(timeout=10).status == "stale"


def test_what_verify_finds_wrong_is_not_handed_out_by_a_look_that_was_taken_before(
    open_manager: OpenManager, server: LoopbackServer
) -> None:
    plain = asset("a", server.put("/a", DATA))
    path = get(open_manager(project(plain))).get(timeout=10).path
    path.write_bytes(DATA[::-1])
    pykka.ActorRegistry.stop_all()
    manager = open_manager(project(special(Gated, plain, InspectorActor)))
    reply = get(manager)
    GATE.wait_until_entered()
    assert manager.ask(VerifyAsset(name="a")).get(timeout=10).outcome == "failed"
    # What the inspector would have said if it had looked before the verification had marked the copy.
    manager.actor_ref.tell(
        AssetInspected(inspection_id=0, status="cached", size_bytes=1, path=path, witnesses=None, commit=None)
    )
    assert reply.get(timeout=10).path.read_bytes() == DATA


def test_a_bug_that_crashes_every_inspector_ends_in_an_error_that_names_it(
    open_manager: OpenManager, tmp_path: Path
) -> None:
    (tmp_path / "b").write_text("b")
    store(open_manager, asset("b", tmp_path / "b"))
    bad = special(Buggy, asset("a", tmp_path / "a"), InspectorActor)
    manager = open_manager(project(bad, asset("b", tmp_path / "b")))
    for _ in range(ALLOWED_CRASHES + 1):
        with pytest.raises(AssetError, match="a bug in the key"):
            manager.ask(GetAssetStatus(name="a")).get(timeout=10)
    with pytest.raises(AssetError, match="asset 'b': the inspector of the cache crashed"):
        manager.ask(GetAssetStatus(name="b")).get(timeout=10)
    with pytest.raises(AssetError, match="asset 'b': the inspector of the cache crashed"):
        get(manager, "b").get(timeout=10)


def test_a_look_that_crashes_does_not_disturb_the_forced_transfer_beside_it(
    open_manager: OpenManager, server: LoopbackServer
) -> None:
    gate = threading.Event()
    store(open_manager, asset("a", server.put("/a", DATA)))
    url = server.put("/a", DATA, faults=[Fault(stall_after=0, gate=gate)])
    manager = open_manager(project(special(Buggy, asset("a", url), InspectorActor)))
    forced = get(manager, force_download=True)
    server.wait_for(lambda server: server.count("GET", "/a") == 2)
    other = get(manager)
    with pytest.raises(AssetError):
        manager.ask(GetAssetStatus(name="a")).get(timeout=10)
    gate.set()
    assert forced.get(timeout=10) == other.get(timeout=10)


# The manager


def test_a_manager_that_crashes_tells_everybody_who_waits(
    open_manager: OpenManager, server: LoopbackServer, tmp_path: Path
) -> None:
    stalled = asset("stalled", server.put("/stalled", DATA, faults=[Fault(stall_after=10)]))
    queued = asset("queued", server.put("/queued", DATA))
    looked_at = special(Gated, asset("looked-at", tmp_path / "x"), InspectorActor)
    manager = open_manager(project(stalled, queued, looked_at), pool_size=1)
    replies: list[Reply[Any]] = [get(manager, "stalled"), get(manager, "stalled"), get(manager, "queued")]
    server.wait_for(lambda server: server.count("GET", "/stalled") == 1)
    replies.append(manager.ask(GetAssetStatus(name="looked-at")))
    GATE.wait_until_entered()
    replies.append(get(manager, "looked-at"))
    replies.append(manager.ask(VerifyAsset(name="queued")))
    crash(manager.actor_ref)
    for reply in replies:
        with pytest.raises(AssetError, match=r"the asset manager crashed: AttributeError: .*no_such_method"):
            reply.get(timeout=10)
    with pytest.raises(AssetError, match="closed"):
        get(manager, "queued").get(timeout=10)
    server.wait_for(lambda server: server.requests[0].is_finished)
    GATE.open()
    manager.close()


@pytest.mark.parametrize("end", [pykka.ActorRef.stop, crash], ids=["stopped", "crashed"])
def test_when_a_manager_ends_without_being_closed_no_connection_stays_open(
    open_manager: OpenManager, server: LoopbackServer, end: Callable[[pykka.ActorRef[Any]], object]
) -> None:
    manager = open_manager(project(asset("a", server.put("/a", DATA))))
    get(manager).get(timeout=10)
    connection = connection_of(server)
    assert connection.is_alive()
    end(manager.actor_ref)
    connection.join(10)
    assert not connection.is_alive()


@pytest.mark.parametrize("good_for", range(7))
def test_a_bug_in_the_midst_of_a_request_fails_it_and_nothing_else(
    open_manager: OpenManager, server: LoopbackServer, good_for: int
) -> None:
    plain = asset("a", server.put("/a", DATA))
    bad = special(BuggyOnce, plain, AssetManagerActor, good_for=good_for)
    manager = open_manager(project(bad, asset("b", server.put("/b", DATA))), pool_size=1)
    with pytest.raises((ZeroDivisionError, AssetError), match="a bug in the key"):
        get(manager).get(timeout=10)
    for name in ("a", "b", "a"):
        assert get(manager, name).get(timeout=10).path.read_bytes() == DATA


def test_a_request_behind_the_crash_in_the_inbox_is_told_too(
    open_manager: OpenManager, tmp_path: Path
) -> None:
    def ask(manager: AssetManager) -> list[Reply[AssetPath]]:
        return [get(manager) for _ in range(200)]

    for _ in range(20):
        manager = open_manager(project(asset("a", tmp_path / "a")))
        with ThreadPoolExecutor(2) as threads:
            asked = threads.submit(ask, manager)
            threads.submit(crash, manager.actor_ref)
        for reply in asked.result():
            with pytest.raises(AssetError):
                reply.get(timeout=10)


def test_without_a_thread_left_a_request_fails_and_the_next_one_is_served(
    open_manager: OpenManager, tmp_path: Path
) -> None:
    (tmp_path / "a").write_text("a")
    manager = open_manager(project(asset("a", tmp_path / "a")))
    threading.stack_size(1 << 46)  # more than there is: no thread can be started
    try:
        with pytest.raises(
            AssetError, match=r"asset 'a': the inspector .* could not be started: can't start"
        ):
            manager.ask(GetAssetStatus(name="a")).get(timeout=10)
        for is_forced in (False, True):
            with pytest.raises(AssetError, match="asset 'a': a downloader could not be started: can't start"):
                get(manager, force_download=is_forced).get(timeout=10)
    finally:
        threading.stack_size(0)
    assert get(manager).get(timeout=10).path.read_text() == "a"


def test_without_a_file_left_for_a_worker_a_request_fails_and_the_next_one_is_served(
    cache_path: Path, tmp_path: Path
) -> None:
    # In a program of its own, where no downloader was ever started: the first one imports what it needs.
    code = """
        import resource, sys
        from pathlib import Path
        from openmas_assets.actors import AssetManager
        from openmas_assets.messages import AssetConfig, AssetError, GetAssetPath, ListAssets, ProjectConfig

        source = {"type": "local", "path": sys.argv[1]}
        config = AssetConfig.model_validate({"name": "a", "source": source})
        with AssetManager(ProjectConfig(assets=(config,)), cache_dir=sys.argv[2]) as manager:
            manager.ask(ListAssets()).get(timeout=30)
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
            for _ in range(2):
                try:
                    manager.ask(GetAssetPath(name="a")).get(timeout=30)
                except AssetError as error:
                    print(error)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            print(manager.ask(GetAssetPath(name="a")).get(timeout=30).path.read_text())
    """
    (tmp_path / "a").write_text("a")
    with Program(code, tmp_path / "a", cache_path) as program:
        done = program.wait()
    assert done.stderr == ""
    [first, second, path] = done.stdout.splitlines()
    assert first.startswith("asset 'a': a downloader could not be started: OSError: [Errno 24] Too many open")
    assert second == first
    assert path == "a"


# All together


@pytest.mark.parametrize("seed", range(4))
def test_whoever_dies_at_random_everybody_is_answered(
    open_manager: OpenManager, server: LoopbackServer, seed: int
) -> None:
    chance = random.Random(seed)
    configs = [
        asset(f"a{n}", server.put(f"/{n}", DATA, etag='"v1"', bytes_per_second=pace))
        for n, pace in enumerate(chance.choices([None, 5_000_000], k=30))
    ]
    manager = open_manager(project(*configs), pool_size=4)
    replies = [
        get(manager, chance.choice(configs).name, force_download=chance.random() < 0.2) for _ in range(600)
    ]
    # Seeds below 2 stay within the restart budget, so that the work is done in the end.
    crashes = 5 if seed < 2 else 40
    for _ in range(60):
        for ref in workers(WorkerActor):
            if chance.random() < 0.3:
                ref.stop(block=False)
            elif crashes and chance.random() < 0.2:
                crashes -= 1
                crash(ref)
        for reply in chance.sample(replies, 5):
            reply.cancel()
        with suppress(AssetError):
            manager.ask(GetAssetStatus(name="a0")).get(timeout=10)  # what was told before has been handled
    paths = []
    for reply in replies:
        if not reply.is_cancelled:
            try:
                paths.append(reply.get(timeout=30).path)
            except AssetError as error:
                assert "crashed" in str(error)  # noqa: PT017
    assert {path.read_bytes() for path in paths} <= {DATA}
    if seed < 2:
        assert get(manager, "a0").get(timeout=30).path.read_bytes() == DATA
