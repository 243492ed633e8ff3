import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from loopback import Fault, LoopbackServer
from loopback_answer import Answer
from openmas_assets.actors.abort import AbortSignal
from openmas_assets.actors.monitor import Monitor
from openmas_assets.actors.sources.http_connection import Piecework, RangeConnection, RangeRefusedError
from openmas_assets.actors.sources.http_gaps import LEAST_PIECE_BYTES, Gaps
from openmas_assets.actors.sources.http_network import HttpNetwork
from openmas_assets.actors.sources.http_request import HttpRequest
from openmas_assets.actors.sources.http_session import HttpSession
from openmas_assets.messages.source import HttpSource
from projects import asset

DATA = bytes(range(256)) * (2 * LEAST_PIECE_BYTES // 256)
TIMEOUT_SECONDS = 30.0
Connect = Callable[..., RangeConnection]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.write_bytes(bytes(len(DATA)))
    return path


@pytest.fixture
def gaps() -> Gaps:
    return Gaps([(0, len(DATA))], len(DATA), is_proven=True)


@pytest.fixture
def connect(server: LoopbackServer, path: Path, gaps: Gaps) -> Iterator[Connect]:
    """Makes a connection that fetches what the server has, options being those of its resource."""
    network = HttpNetwork()

    def connect(pause: Callable[[int], float] = lambda _: 0.0, **options: Any) -> RangeConnection:
        config = asset("a", server.put("/a", DATA, etag='"v1"', **options))
        assert isinstance(config.source, HttpSource)
        session = HttpSession(2 * TIMEOUT_SECONDS, network)
        monitor = Monitor(1, "a", AbortSignal(), None)
        work = Piecework(
            HttpRequest(config, config.source, session, TIMEOUT_SECONDS, monitor),
            gaps,
            range_headers=lambda start, end: {"Range": f"bytes={start}-{end - 1}"},
            is_expected=lambda response, _: response.status_code == 206,
            path=path,
            most_bytes=LEAST_PIECE_BYTES // 4,
            pause=pause,
        )
        return RangeConnection(work, should_yield=lambda: False, on_end=lambda _: None)

    yield connect
    network.close()


def wait_until_over(connection: RangeConnection) -> None:
    [thread] = [each for each in threading.enumerate() if each.name == "openmas-http-range"]
    thread.join(TIMEOUT_SECONDS)
    assert connection.is_over


def test_it_fetches_until_there_is_nothing_left(connect: Connect, path: Path, gaps: Gaps) -> None:
    connection = connect()
    connection.start()
    wait_until_over(connection)
    assert connection.failure is None
    assert gaps.is_complete
    assert path.read_bytes() == DATA


def test_it_pauses_for_what_it_has_read_as_long_as_it_is_told_to(
    connect: Connect, path: Path, gaps: Gaps
) -> None:
    read_bytes: list[int] = []
    is_read = threading.Event()

    def pause(count: int) -> float:
        read_bytes.append(count)
        is_read.set()
        return threading.TIMEOUT_MAX

    connection = connect(pause)
    connection.start()
    assert is_read.wait(TIMEOUT_SECONDS)
    connection.cancel()  # ends the pause as well
    wait_until_over(connection)
    assert len(read_bytes) == 1
    assert gaps.bytes_done == sum(read_bytes)
    assert path.read_bytes()[: gaps.front] == DATA[: gaps.front]


def test_one_that_is_cancelled_before_its_answer_comes_ends_with_that_and_gives_its_piece_back(
    connect: Connect, server: LoopbackServer, path: Path, gaps: Gaps
) -> None:
    gate = threading.Event()

    def head_only(answer: Answer) -> Iterator[bytes | float]:
        assert gate.wait(TIMEOUT_SECONDS)
        yield answer.head()
        yield threading.TIMEOUT_MAX

    connection = connect(faults=[Fault(script=head_only)])
    connection.start()
    server.wait_for(lambda server: server.count("GET", "/a") == 1)
    connection.cancel()
    connection.wait()  # for nothing: it does not write
    assert not connection.is_over
    gate.set()
    wait_until_over(connection)
    assert connection.failure is None
    assert path.read_bytes() == bytes(len(DATA))
    gaps.join()
    assert (piece := gaps.take()) is not None
    assert piece.start == 0


def test_one_whose_answer_comes_when_all_is_over_does_not_write_it(
    connect: Connect, server: LoopbackServer, path: Path, gaps: Gaps
) -> None:
    gate = threading.Event()
    connection = connect(faults=[Fault(hang_before_headers=True, gate=gate)])
    connection.start()
    server.wait_for(lambda server: server.count("GET", "/a") == 1)
    gaps.close()
    gate.set()
    wait_until_over(connection)
    assert isinstance(connection.failure, RangeRefusedError)
    assert path.read_bytes() == bytes(len(DATA))
