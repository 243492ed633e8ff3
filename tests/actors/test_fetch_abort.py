import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from archives import file, write_archive
from fetching import BackgroundFetch, Fetching
from loopback import Fault, LoopbackServer
from openmas_assets.actors.abort import AbortSignal, JobAbortedError
from openmas_assets.actors.monitor import Monitor
from projects import asset

DATA = bytes(range(256)) * 2000
CUT = 100_000


def requests_left_behind() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "openmas-http"]


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_a_stalled_transfer_ends_at_once_and_its_part_is_gone_on_with(
    fetching: Fetching, server: LoopbackServer, framing: str
) -> None:
    stall = [Fault(stall_after=CUT, times=1)]
    config = asset("a", server.put("/a", DATA, etag='"v1"', framing=framing, faults=stall))
    stalled = BackgroundFetch(fetching, config)
    stalled.wait_for("downloading")
    assert isinstance(stalled.abort(), JobAbortedError)
    arrived = fetching.part().stat().st_size
    assert 0 < arrived <= CUT
    assert fetching.path(config).read_bytes() == DATA
    assert server.requests[1].range == f"bytes={arrived}-"
    assert fetching.staged() == []


def test_a_stalled_transfer_that_is_decoded_ends_at_once_too(
    fetching: Fetching, server: LoopbackServer
) -> None:
    stall = [Fault(stall_after=1000, times=1)]
    config = asset("a", server.put("/a", DATA, content_encoding="gzip", faults=stall))
    stalled = BackgroundFetch(fetching, config)
    server.wait_for(lambda server: server.bytes_sent("/a") == 1000)
    assert isinstance(stalled.abort(), JobAbortedError)
    assert fetching.staged() == []


def test_a_server_that_is_silent_before_its_headers_does_not_hold_an_abort_up(
    fetching: Fetching, server: LoopbackServer
) -> None:
    silence = [Fault(hang_before_headers=True, times=1)]
    config = asset("a", server.put("/a", DATA, faults=silence))
    silent = BackgroundFetch(fetching, config)
    server.wait_for(lambda server: server.count("GET", "/a") == 1)
    assert isinstance(silent.abort(), JobAbortedError)
    assert fetching.staged() == []
    assert fetching.path(config).read_bytes() == DATA
    # The thread left behind has its connection for itself.
    assert len({request.client_port for request in server.requests}) == 2
    server.close()
    for thread in requests_left_behind():
        thread.join(30)
    assert requests_left_behind() == []


def test_neither_does_one_that_it_redirects_to(fetching: Fetching, server: LoopbackServer) -> None:
    server.put("/b", DATA, faults=[Fault(hang_before_headers=True)])
    silent = BackgroundFetch(fetching, asset("a", server.put("/a", redirect="/b")))
    server.wait_for(lambda server: server.count("GET", "/b") == 1)
    assert isinstance(silent.abort(), JobAbortedError)


def test_neither_does_a_connection_that_does_not_open(fetching: Fetching) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/a"
        waiting = BackgroundFetch(fetching, asset("a", url))
        connection, _ = silent.accept()
        with connection:
            assert connection.recv(1)  # it waits for an answer to its greeting; before that, it fails at once
            assert isinstance(waiting.abort(), JobAbortedError)
            assert len(requests_left_behind()) == 1
    for thread in requests_left_behind():
        thread.join(30)
    assert requests_left_behind() == []


def test_a_part_survives_an_abort_before_the_headers(fetching: Fetching, server: LoopbackServer) -> None:
    silence = [Fault(hang_before_headers=True, times=1)]
    config = asset("a", server.put("/a", DATA, etag='"v1"', faults=silence))
    fetching.leave_part(config, DATA[:CUT], validator='"v1"', bytes_total=len(DATA))
    silent = BackgroundFetch(fetching, config)
    server.wait_for(lambda server: server.count("GET", "/a") == 1)
    assert isinstance(silent.abort(), JobAbortedError)
    assert fetching.part().stat().st_size == CUT
    assert fetching.path(config).read_bytes() == DATA
    assert server.bytes_sent("/a") == len(DATA) - CUT


def test_an_abort_while_an_earlier_part_is_hashed_keeps_it(
    fetching: Fetching, server: LoopbackServer
) -> None:
    config = asset("a", server.put("/a", DATA, etag='"v1"'))
    fetching.leave_part(config, DATA[:CUT], validator='"v1"', bytes_total=len(DATA))
    hashing = BackgroundFetch(fetching, config, pause_at="verifying")
    hashing.wait_for("verifying")
    assert isinstance(hashing.abort(), JobAbortedError)
    assert server.requests == []
    assert fetching.part().stat().st_size == CUT
    assert fetching.path(config).read_bytes() == DATA


@pytest.mark.parametrize("archive_format", ["zip", "tar.gz"])
def test_an_abort_while_an_archive_is_unpacked_keeps_the_archive(
    fetching: Fetching, server: LoopbackServer, tmp_path: Path, archive_format: str
) -> None:
    items = [file(f"{number}.txt", bytes(10_000)) for number in range(20)]
    path = write_archive(tmp_path / "archive", archive_format, items)
    fields: dict[str, Any] = {"unpack": True, "unpack_format": archive_format}
    config = asset("a", server.put("/a", path, etag='"v1"'), **fields)
    unpacking = BackgroundFetch(fetching, config, pause_at="unpacking")
    unpacking.wait_for("unpacking")
    assert isinstance(unpacking.abort(), JobAbortedError)
    assert not fetching.layout.version_folder(config).exists()
    assert sorted(path.name for path in fetching.part().parent.iterdir()) == ["data", "journal.json"]
    assert len(list(fetching.path(config).glob("*.txt"))) == 20
    assert server.bytes_sent("/a") == path.stat().st_size + 1  # the last byte once more
    assert fetching.staged() == []


@pytest.mark.parametrize("is_folder", [False, True])
def test_an_abort_while_a_local_source_is_copied_leaves_nothing(
    fetching: Fetching, tmp_path: Path, is_folder: bool
) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("a", "b"):
        (tmp_path / "folder" / name).write_bytes(DATA)
    config = asset("a", tmp_path / "folder" if is_folder else tmp_path / "folder/a")
    copying = BackgroundFetch(fetching, config, pause_at="downloading")
    copying.wait_for("downloading")
    assert isinstance(copying.abort(), JobAbortedError)
    assert fetching.staged() == []
    assert not fetching.layout.version_folder(config).exists()


def test_an_abort_while_a_touched_copy_is_read_again_leaves_it(
    fetching: Fetching, server: LoopbackServer
) -> None:
    config = asset("a", server.put("/a", DATA * 5))  # several chunks of 1 MiB
    fetching.path(config).touch()
    reading = BackgroundFetch(fetching, config, pause_at="verifying")
    reading.wait_for("verifying")
    assert isinstance(reading.abort(), JobAbortedError)
    assert not fetching.hit(config).was_transferred
    assert len(server.requests) == 1


def test_the_lock_is_free_after_an_abort(fetching: Fetching, server: LoopbackServer, tmp_path: Path) -> None:
    config = asset("a", server.put("/a", DATA, faults=[Fault(stall_after=CUT, times=1)]))
    stalled = BackgroundFetch(fetching, config)
    stalled.wait_for("downloading")
    stalled.abort()
    assert Fetching(tmp_path).path(config).read_bytes() == DATA


def test_a_stop_sign_for_an_earlier_job_does_not_stop_this_one() -> None:
    signal = AbortSignal()
    signal.abort(1)
    Monitor(2, "a", signal, None).check()
    with pytest.raises(JobAbortedError):
        Monitor(1, "a", signal, None).check()


def test_an_abort_unblocks_what_is_being_waited_for_and_nothing_after_it() -> None:
    signal, calls = AbortSignal(), list[str]()
    with signal.unblocking(1, lambda: calls.append("first")):
        signal.abort(1)
    with signal.unblocking(1, lambda: calls.append("already aborted")):
        pass
    with signal.unblocking(2, lambda: calls.append("other job")):
        pass
    signal.abort(2)
    assert calls == ["first", "already aborted"]
