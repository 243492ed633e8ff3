"""How transfers are told of: to whoever opened the manager, in a thread of its own."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from loopback import Fault, LoopbackServer
from openmas_assets.actors import AssetManager
from openmas_assets.actors.base import AssetActor
from openmas_assets.messages.downloader import DownloadProgress
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.manager import GetAssetPath, GetAssetStatus, VerifyAsset
from progress_probe import ProgressProbe
from projects import asset, project

OpenManager = Callable[..., AssetManager]

DATA = bytes(range(256)) * 1000


@pytest.fixture
def probe() -> ProgressProbe:
    return ProgressProbe()


def ask(manager: AssetManager, name: str = "a") -> Path:
    path: Path = manager.ask(GetAssetPath(name=name)).get(timeout=10).path
    return path


def test_a_transfer_is_told_of_from_its_first_bytes_to_its_end_in_a_thread_of_its_own(
    open_manager: OpenManager, server: LoopbackServer, probe: ProgressProbe
) -> None:
    ask(open_manager(project(asset("a", server.put("/a", DATA))), on_progress=probe))
    probe.wait_for("a", "finished")
    assert probe.phases("a") == ["downloading", "finished"]
    *_, last, _ = probe.told("a")
    assert (last.bytes_done, last.bytes_total) == (len(DATA), len(DATA))
    assert [name.rpartition("-")[0] for name in probe.threads] == ["ProgressActor"]


def test_the_phases_of_an_eventful_transfer_are_told_in_their_order(
    open_manager: OpenManager, server: LoopbackServer, probe: ProgressProbe
) -> None:
    faults = [Fault(cut_after=100_000, times=1), Fault(status=503, times=1)]
    url = server.put("/a", DATA, etag='"v1"', faults=faults)
    ask(open_manager(project(asset("a", url, retries=2, retry_delay_seconds=0)), on_progress=probe))
    probe.wait_for("a", "finished")
    resumed = ["verifying", "downloading", "finished"]
    assert probe.phases("a") == ["downloading", "retrying", "verifying", "retrying", *resumed]
    assert [news.detail[:18] for news in probe.told("a") if news.phase == "retrying"] == [
        "in 0 s, 1 of 3 fai",
        "in 0 s, 2 of 3 fai",
    ]


def test_a_failure_is_the_last_word(
    open_manager: OpenManager, server: LoopbackServer, probe: ProgressProbe
) -> None:
    manager = open_manager(
        project(asset("a", server.put("/a", faults=[Fault(status=404)]))), on_progress=probe
    )
    with pytest.raises(AssetError):
        ask(manager)
    assert "404 Not Found" in probe.wait_for("a", "failed").detail
    assert probe.phases("a") == ["failed"]


def test_a_hit_is_not_worth_telling(
    open_manager: OpenManager, server: LoopbackServer, probe: ProgressProbe
) -> None:
    config = asset("a", server.put("/a", DATA))
    ask(open_manager(project(config)))
    manager = open_manager(project(config), on_progress=probe)
    ask(manager)
    ask(manager)
    manager.close()
    assert probe.told("a") == []


def test_a_verification_is_told_of_and_has_a_last_word(
    open_manager: OpenManager, server: LoopbackServer, probe: ProgressProbe
) -> None:
    manager = open_manager(project(asset("a", server.put("/a", DATA))), on_progress=probe)
    path = ask(manager)
    manager.ask(VerifyAsset(name="a")).get(timeout=10)
    path.write_bytes(DATA[::-1])
    manager.ask(VerifyAsset(name="a")).get(timeout=10)
    manager.close()
    first = ["downloading", "finished"]
    assert probe.phases("a") == [*first, "verifying", "finished", "verifying", "failed"]
    assert probe.told("a")[-1].detail == "a has other bytes"


def test_progress_report_false_is_silent(
    open_manager: OpenManager, server: LoopbackServer, probe: ProgressProbe
) -> None:
    faults = [Fault(status=503, times=1)]
    config = asset(
        "a",
        server.put("/a", DATA, faults=faults),
        progress_report=False,
        retries=1,
        retry_delay_seconds=0,
    )
    manager = open_manager(project(config), on_progress=probe)
    ask(manager)
    manager.ask(VerifyAsset(name="a")).get(timeout=10)
    manager.close()
    assert probe.told("a") == []


@pytest.mark.parametrize("error", [RuntimeError, SystemExit])
def test_a_listener_that_raises_is_logged_once_and_harms_nothing(
    open_manager: OpenManager,
    server: LoopbackServer,
    caplog: pytest.LogCaptureFixture,
    error: type[BaseException],
) -> None:
    told: list[DownloadProgress] = []

    def listen(progress: DownloadProgress) -> None:
        told.append(progress)
        message = "a bug of the listener"
        raise error(message)

    configs = [asset(name, server.put(f"/{name}", DATA)) for name in ("a", "b")]
    manager = open_manager(project(*configs), on_progress=listen)
    for config in configs:
        assert ask(manager, config.name).read_bytes() == DATA
    manager.close()
    assert len(told) == 1
    assert caplog.text.count("showing the progress of transfers failed") == 1
    assert caplog.text.count("a bug of the listener") == 1


def test_a_listener_that_takes_its_time_holds_nobody_up(
    open_manager: OpenManager, server: LoopbackServer
) -> None:
    gate = threading.Event()
    configs = [asset(name, server.put(f"/{name}", DATA)) for name in ("a", "b")]
    manager = open_manager(project(*configs), on_progress=lambda _: gate.wait(30))
    for config in configs:
        assert ask(manager, config.name).read_bytes() == DATA
    manager.ask(GetAssetStatus(name="a")).get(timeout=10)
    gate.set()


def test_an_actor_can_be_told_directly(open_manager: OpenManager, server: LoopbackServer) -> None:
    probe = ProgressProbe()

    class Screen(AssetActor):
        def _receive(self, message: DownloadProgress) -> None:
            probe(message)

    ask(open_manager(project(asset("a", server.put("/a", DATA))), on_progress=Screen.start().tell))
    probe.wait_for("a", "finished")
