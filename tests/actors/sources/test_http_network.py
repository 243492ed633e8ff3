import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fetching import Fetching
from loopback import Fault, LoopbackServer, Resource
from openmas_assets.actors import AssetManager
from openmas_assets.actors.abort import AbortSignal, JobAbortedError
from openmas_assets.actors.cache.layout import CacheLayout
from openmas_assets.actors.cache.unpack_limits import UnpackLimits
from openmas_assets.actors.fetch import AssetFetcher
from openmas_assets.actors.monitor import Monitor, silent_monitor
from openmas_assets.actors.sources.fetched import TransferError
from openmas_assets.actors.sources.http_bandwidth import Bandwidth
from openmas_assets.actors.sources.http_line import Line
from openmas_assets.actors.sources.http_network import HttpNetwork
from openmas_assets.actors.sources.http_slots import MOST_PER_HOST, ConnectionSlots
from openmas_assets.actors.transfer_settings import TransferSettings
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.manager import GetAssetPath
from openmas_assets.messages.project import AssetSettings, ProjectConfig, Settings
from projects import asset

DATA = bytes(range(256)) * 2000
MIB = 1 << 20


@pytest.fixture
def network() -> Iterator[HttpNetwork]:
    network = HttpNetwork()
    yield network
    network.close()


def fetch(network: HttpNetwork, folder: Path, config: AssetConfig) -> Path:
    """Fetch as another downloader of the same manager."""
    settings = TransferSettings(CacheLayout(folder / "cache"), folder, UnpackLimits(), 30, network)
    return AssetFetcher(settings).fetch(config, silent_monitor(), force_download=False).path


def test_downloaders_share_the_connections_that_are_kept_alive(
    network: HttpNetwork, server: LoopbackServer, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        assert fetch(network, tmp_path, asset(name, server.put(f"/{name}", DATA))).read_bytes() == DATA
    assert len({request.client_port for request in server.requests}) == 1


def test_a_connection_that_is_of_no_use_after_an_abort_is_kept_for_others(
    network: HttpNetwork, server: LoopbackServer
) -> None:
    url = server.put("/a", DATA)
    assert network.session().get(url).content == DATA
    line = Line()
    line.cut()
    with line, pytest.raises(JobAbortedError):
        network.session().get(url)
    assert network.session().get(url).content == DATA
    assert len({request.client_port for request in server.requests}) == 1


def test_a_closed_network_leaves_no_connection_open_whatever_still_refers_to_it(
    network: HttpNetwork, server: LoopbackServer
) -> None:
    answers = [network.session().get(server.put(f"/{name}", DATA), stream=True) for name in ("idle", "busy")]
    assert answers[0].content == DATA
    ports = {request.client_port for request in server.requests}
    threads = [each for each in threading.enumerate() if each.name in {f"loopback-{port}" for port in ports}]
    assert len(threads) == 2
    network.close()
    assert answers[1].content == DATA
    for thread in threads:
        thread.join(timeout=10)
        assert not thread.is_alive()


@pytest.mark.parametrize(
    "fault",
    [Fault(garbage=b""), Fault(script=lambda _: [], is_reset=True), Fault(garbage=b"\xffstray\r\n")],
    ids=["closed", "reset", "something unasked"],
)
def test_what_an_idle_connection_does_not_serve_is_asked_again_over_a_new_one(
    network: HttpNetwork, server: LoopbackServer, tmp_path: Path, fault: Fault
) -> None:
    fetch(network, tmp_path, asset("a", server.put("/a", DATA)))
    first = Resource(data=DATA, faults=[fault])
    url = server.put_sequence("/b", [first, Resource(data=DATA)])
    assert fetch(network, tmp_path, asset("b", url)).read_bytes() == DATA
    ports = [request.client_port for request in server.requests]
    assert ports[0] == ports[1] != ports[2]


def test_what_a_new_connection_does_not_serve_is_not_asked_again(
    network: HttpNetwork, server: LoopbackServer, tmp_path: Path
) -> None:
    config = asset("a", server.put("/a", DATA, faults=[Fault(garbage=b"")]))
    with pytest.raises(TransferError, match="without an answer"):
        fetch(network, tmp_path, config)
    assert len(server.requests) == 1


def test_a_shared_connection_carries_no_credential_and_no_cookie_of_another_asset(
    network: HttpNetwork, server: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "secret")
    url = server.put("/a", DATA, headers={"Set-Cookie": "session=1; Path=/"})
    fetch(network, tmp_path, asset("a", url, authentication={"http": {"token_env_var": "TOKEN"}}))
    fetch(network, tmp_path, asset("b", server.put("/b", DATA)))
    first, second = server.requests
    assert first.client_port == second.client_port
    assert first.headers["Authorization"] == "Bearer secret"
    assert (second.headers["Authorization"], second.headers["Cookie"]) == (None, None)


def test_a_file_costs_one_request_and_a_connection_one_thread(
    fetching: Fetching, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    start = threading.Thread.start

    def count(thread: threading.Thread) -> None:
        started.append(thread.name)
        start(thread)

    configs = [asset(name, server.put(f"/{name}", DATA, etag='"v1"')) for name in "abc"]
    monkeypatch.setattr(threading.Thread, "start", count)
    for config in configs:
        fetching.hit(config)
    assert [name for name in started if not name.startswith("loopback")] == ["openmas-http"]
    assert len(server.requests) == 3


def test_no_more_connections_than_are_allowed_are_open_at_once(
    server: LoopbackServer, tmp_path: Path
) -> None:
    gate = threading.Event()
    stall = [Fault(stall_after=1000, gate=gate)]
    assets = [asset(name, server.put(f"/{name}", DATA, faults=stall)) for name in "abcd"]
    settings = Settings(assets=AssetSettings(max_connections=2))
    project = ProjectConfig(assets=tuple(assets), settings=settings)
    with AssetManager(project, cache_dir=tmp_path / "cache", pool_size=4) as manager:
        replies = [manager.ask(GetAssetPath(name=config.name)) for config in assets]
        server.wait_for(lambda server: sum(each.bytes_sent > 0 for each in server.requests) == 2)
        assert len(server.requests) == 2
        gate.set()
        for reply in replies:
            assert reply.get(timeout=30).path.read_bytes() == DATA
    assert len({request.client_port for request in server.requests}) == 2


def test_closing_does_not_wait_for_who_waits_for_a_connection(server: LoopbackServer, tmp_path: Path) -> None:
    assets = [asset(name, server.put(f"/{name}", DATA, faults=[Fault(stall_after=9)])) for name in "ab"]
    settings = Settings(assets=AssetSettings(max_connections=1))
    project = ProjectConfig(assets=tuple(assets), settings=settings)
    with AssetManager(project, cache_dir=tmp_path / "cache", pool_size=2) as manager:
        for config in assets:
            manager.ask(GetAssetPath(name=config.name))
        server.wait_for(lambda server: sum(each.bytes_sent > 0 for each in server.requests) == 1)
    assert len(server.requests) == 1


def test_an_abort_frees_who_waits_for_a_connection() -> None:
    slots, signal = ConnectionSlots(1), AbortSignal()
    signal.abort(1)
    with slots.first("a", silent_monitor()):
        with pytest.raises(JobAbortedError), slots.first("a", Monitor(1, "", signal, None)):
            pass
        assert not slots.should_yield("a")
    assert slots.try_further("a")


def test_to_one_host_there_are_not_all_connections() -> None:
    slots = ConnectionSlots(1000)
    assert [slots.try_further("a") for _ in range(MOST_PER_HOST + 1)].count(True) == MOST_PER_HOST
    assert slots.try_further("b")


@pytest.mark.parametrize(("most", "waits_for"), [(2, "b"), (1000, "a")])
def test_a_further_connection_makes_room_for_a_first_one_and_no_more_than_one_does(
    most: int, waits_for: str
) -> None:
    slots = ConnectionSlots(most)
    while slots.try_further("a"):
        pass
    assert not slots.should_yield("a")
    has_slot = threading.Event()

    def work() -> None:
        with slots.first(waits_for, silent_monitor()):
            has_slot.set()

    waiting = threading.Thread(target=work, daemon=True)
    waiting.start()
    while not slots.should_yield("a"):  # until it waits
        assert not has_slot.is_set()
    assert not slots.should_yield("a")
    assert not slots.try_further("a")
    slots.give_back("a", was_asked=True)
    assert has_slot.wait(30)
    waiting.join()


def test_a_slow_large_file_yields_to_other_assets(server: LoopbackServer, tmp_path: Path) -> None:
    slow = asset("slow", server.put("/slow", bytes(24 * MIB), etag='"v1"', bytes_per_second=4 * MIB))
    quick = [asset(f"q{number}", server.put(f"/q{number}", DATA)) for number in range(20)]
    settings = Settings(assets=AssetSettings(max_connections=2))
    project = ProjectConfig(assets=(slow, *quick), settings=settings)
    with AssetManager(project, cache_dir=tmp_path / "cache", pool_size=2) as manager:
        large = manager.ask(GetAssetPath(name="slow"))
        server.wait_for(lambda server: server.count("GET", "/slow") >= 2)
        for config in quick:
            assert manager.ask(GetAssetPath(name=config.name)).get(timeout=30).path.read_bytes() == DATA
        assert not all(request.is_finished for request in server.requests if request.is_for("/slow"))
        assert large.get(timeout=60).path.read_bytes() == bytes(24 * MIB)


def test_without_a_limit_of_bytes_nobody_pauses() -> None:
    bandwidth = Bandwidth(None)
    assert (bandwidth.spend(1 << 60), bandwidth.share_bytes) == (0.0, None)


def test_with_a_limit_everybody_together_pauses_for_what_was_read() -> None:
    bandwidth = Bandwidth(1000)
    assert bandwidth.share_bytes == 100
    pauses = [bandwidth.spend(1_000_000) for _ in range(3)]
    for pause, most in zip(pauses, (1000, 2000, 3000), strict=True):
        assert most - 100 < pause <= most + 1e-6  # sums of floats


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_limited_transfer_reads_no_more_than_a_share_at_once(
    server: LoopbackServer, tmp_path: Path, framing: str
) -> None:
    network = HttpNetwork(bytes_per_second=4 * MIB)
    spent: list[int] = []
    spend = network.bandwidth.spend

    def note(count: int) -> float:
        spent.append(count)
        return spend(count)

    network.bandwidth.spend = note  # type: ignore[method-assign]
    config = asset("a", server.put("/a", DATA, framing=framing))
    assert fetch(network, tmp_path, config).read_bytes() == DATA
    assert sum(spent) == len(DATA)
    assert max(spent) <= 4 * MIB / 10
    network.close()
