import gzip
import select
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from loopback import Fault, LoopbackServer, Resource
from loopback_answer import Answer

DATA = bytes(range(256)) * 40
DATE = "Wed, 01 Jan 2025 00:00:00 GMT"


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as server:
        yield server


@pytest.fixture
def client() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def connect(server: LoopbackServer) -> socket.socket:
    url = urlsplit(server.origin)
    assert url.hostname is not None
    assert url.port is not None
    return socket.create_connection((url.hostname, url.port), timeout=10)


def read_to_the_end(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


def ask(server: LoopbackServer, request: str) -> bytes:
    with connect(server) as connection:
        connection.sendall(request.encode())
        return read_to_the_end(connection)


def test_a_get_brings_the_bytes_with_length_validators_and_headers(
    server: LoopbackServer, client: requests.Session
) -> None:
    url = server.put("/a.bin", DATA, etag='"v1"', last_modified=DATE, headers={"Content-Type": "x/y"})
    answer = client.get(url)
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["Content-Length"] == str(len(DATA))
    assert (answer.headers["ETag"], answer.headers["Last-Modified"]) == ('"v1"', DATE)
    assert (answer.headers["Accept-Ranges"], answer.headers["Content-Type"]) == ("bytes", "x/y")


def test_a_path_where_nothing_was_put_is_404(server: LoopbackServer, client: requests.Session) -> None:
    assert client.get(server.url("/nothing")).status_code == 404
    assert client.post(server.url("/nothing")).status_code == 405


def test_a_head_tells_the_headers_and_sends_no_body(server: LoopbackServer, client: requests.Session) -> None:
    url = server.put_sequence("/a", [Resource(data=b"old", etag='"1"'), Resource(data=b"newer", etag='"2"')])
    for _ in range(2):
        answer = client.head(url, headers={"Range": "bytes=1-"})
        assert (answer.status_code, answer.headers["Content-Length"]) == (200, "3")
    assert client.get(url).content == b"old"
    assert client.head(url).headers["ETag"] == '"2"'
    assert (server.count("HEAD", "/a"), server.count("GET", "/a"), server.bytes_sent("/a")) == (3, 1, 3)


@pytest.mark.parametrize(
    ("asked", "first", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("Bytes=100-", 100, len(DATA)),
        ("bytes=-7", len(DATA) - 7, len(DATA)),
        ("bytes=-999999", 0, len(DATA)),
        ("bytes=10-999999", 10, len(DATA)),
    ],
)
def test_a_range_is_answered_with_206_and_its_bytes(
    server: LoopbackServer, client: requests.Session, asked: str, first: int, stop: int
) -> None:
    url = server.put("/a", DATA)
    answer = client.get(url, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, DATA[first:stop])
    assert answer.headers["Content-Range"] == f"bytes {first}-{stop - 1}/{len(DATA)}"
    assert (server.requests[0].range, server.bytes_sent("/a")) == (asked, stop - first)


@pytest.mark.parametrize("asked", [f"bytes={len(DATA)}-", "bytes=-0", "bytes=999999-1000000"])
def test_a_range_behind_the_end_is_416_with_the_size(
    server: LoopbackServer, client: requests.Session, asked: str
) -> None:
    answer = client.get(server.put("/a", DATA), headers={"Range": asked})
    assert (answer.status_code, answer.content) == (416, b"")
    assert answer.headers["Content-Range"] == f"bytes */{len(DATA)}"


@pytest.mark.parametrize(
    "asked", ["bytes=", "bytes=-", "bytes=5-4", "bytes=a-b", "lines=0-1", "bytes=0-1,4-5"]
)
def test_a_malformed_or_multiple_range_gets_everything(
    server: LoopbackServer, client: requests.Session, asked: str
) -> None:
    answer = client.get(server.put("/a", DATA), headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, DATA)


def test_a_resource_without_ranges_ignores_them_and_does_not_offer_them(
    server: LoopbackServer, client: requests.Session
) -> None:
    answer = client.get(server.put("/a", DATA, ranges=False), headers={"Range": "bytes=5-"})
    assert (answer.status_code, answer.content) == (200, DATA)
    assert "Accept-Ranges" not in answer.headers


@pytest.mark.parametrize(
    ("etag", "validator", "status"),
    [
        ('"v1"', '"v1"', 206),
        ('"v1"', '"v2"', 200),
        ('W/"v1"', 'W/"v1"', 200),
        ('W/"v1"', '"v1"', 200),
        ('"v1"', 'W/"v1"', 200),
        (None, '"v1"', 200),
        ('"v1"', DATE, 206),
        ('"v1"', "Thu, 02 Jan 2025 00:00:00 GMT", 200),
    ],
)
def test_if_range_gives_the_part_only_for_the_same_strong_validator(
    server: LoopbackServer, client: requests.Session, etag: str | None, validator: str, status: int
) -> None:
    url = server.put("/a", DATA, etag=etag, last_modified=DATE)
    answer = client.get(url, headers={"Range": "bytes=5-", "If-Range": validator})
    assert (answer.status_code, answer.content) == (status, DATA[5:] if status == 206 else DATA)


def test_a_chunked_body_has_no_length_and_keeps_the_connection(
    server: LoopbackServer, client: requests.Session
) -> None:
    url = server.put("/a", DATA, framing="chunked")
    answer = client.get(url)
    assert (answer.content, answer.headers["Transfer-Encoding"]) == (DATA, "chunked")
    assert "Content-Length" not in answer.headers
    assert client.get(url, headers={"Range": "bytes=3-4"}).content == DATA[3:5]
    assert server.bytes_sent("/a") == len(DATA) + 2
    assert server.requests[0].client_port == server.requests[1].client_port


def test_a_body_without_length_ends_with_the_connection(server: LoopbackServer) -> None:
    server.put("/a", DATA, framing="close")
    head, _, body = ask(server, "GET /a HTTP/1.1\r\n\r\n").partition(b"\r\n\r\n")
    assert body == DATA
    assert b"Content-Length" not in head
    assert b"Connection: close" in head


def test_gzip_compresses_whatever_is_accepted_and_ranges_count_its_bytes(
    server: LoopbackServer, client: requests.Session
) -> None:
    url = server.put("/a", DATA, content_encoding="gzip")
    assert client.get(url, headers={"Accept-Encoding": "identity"}).content == DATA
    size = server.bytes_sent("/a")
    assert size < len(DATA)
    parts = [client.get(url, headers={"Range": asked}, stream=True) for asked in ("bytes=0-9", "bytes=10-")]
    assert gzip.decompress(b"".join(part.raw.read(decode_content=False) for part in parts)) == DATA
    assert server.bytes_sent("/a") == 2 * size


def test_a_redirect_leads_to_a_path_or_to_another_origin(
    server: LoopbackServer, client: requests.Session
) -> None:
    with LoopbackServer() as other:
        target = other.put("/real", DATA)
        server.put("/there", redirect=target, status=307)
        answer = client.get(server.put("/here", redirect="/there"))
        assert (answer.content, answer.url) == (DATA, target)
        assert [step.status_code for step in answer.history] == [302, 307]
        assert (server.count("GET", "/here"), other.count("GET", "/real")) == (1, 1)


def test_a_file_is_streamed_from_disk(
    server: LoopbackServer, client: requests.Session, tmp_path: Path
) -> None:
    (tmp_path / "a.bin").write_bytes(DATA * 100)
    url = server.put("/a", tmp_path / "a.bin")
    assert client.get(url).content == DATA * 100
    assert client.get(url, headers={"Range": "bytes=300001-"}).content == (DATA * 100)[300001:]


def test_the_query_is_recorded_and_a_path_stands_for_every_query(
    server: LoopbackServer, client: requests.Session
) -> None:
    url = server.put("/a", b"any")
    server.put("/a?v=2", b"second")
    assert [client.get(url + query).content for query in ("", "?v=1", "?v=2")] == [b"any", b"any", b"second"]
    assert [request.path for request in server.requests] == ["/a", "/a?v=1", "/a?v=2"]
    assert (server.count("GET", "/a"), server.count("GET", "/a?v=2")) == (3, 1)


def test_a_request_to_a_proxy_is_answered_by_its_path(
    server: LoopbackServer, client: requests.Session
) -> None:
    server.put("/a", DATA)
    answer = client.get("http://models.example/a?b=1", proxies={"http": server.origin})
    assert answer.content == DATA
    assert (server.requests[0].path, server.requests[0].headers["HOST"]) == ("/a?b=1", "models.example")


def test_faults_have_their_turns_and_then_all_goes_well(
    server: LoopbackServer, client: requests.Session
) -> None:
    busy = Fault(status=503, headers={"Retry-After": "1"}, times=2)
    url = server.put("/a", DATA, faults=[busy, Fault(status=500, times=1)])
    answers = [client.get(url) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [503, 503, 500, 200]
    assert (answers[0].headers["Retry-After"], answers[3].content) == ("1", DATA)
    assert server.bytes_sent("/a") == len(DATA)


def test_a_sequence_gives_each_get_its_own_and_the_last_one_stays(
    server: LoopbackServer, client: requests.Session
) -> None:
    last = Resource(data=b"c", faults=[Fault(status=500, times=1)])
    url = server.put_sequence("/a", [Resource(data=b"a"), Resource(data=b"b"), last])
    assert [client.get(url).content for _ in range(5)] == [b"a", b"b", b"", b"c", b"c"]


def test_a_cut_ends_the_body_where_it_was_told_to(server: LoopbackServer, client: requests.Session) -> None:
    url = server.put("/a", DATA, faults=[Fault(cut_after=1000, times=1)])
    head, _, body = ask(server, "GET /a HTTP/1.1\r\n\r\n").partition(b"\r\n\r\n")
    assert body == DATA[:1000]
    assert f"Content-Length: {len(DATA)}".encode() in head
    assert client.get(url).content == DATA
    assert [request.bytes_sent for request in server.requests] == [1000, len(DATA)]


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_client_notices_a_cut(server: LoopbackServer, client: requests.Session, framing: str) -> None:
    url = server.put("/a", DATA, framing=framing, faults=[Fault(cut_after=1000)])
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        client.get(url)


def test_a_reset_is_seen_as_a_reset(server: LoopbackServer) -> None:
    server.put("/a", DATA, faults=[Fault(cut_after=1000, is_reset=True)])
    with pytest.raises(ConnectionResetError):
        ask(server, "GET /a HTTP/1.1\r\n\r\n")


def test_a_wrong_length_is_announced_and_the_body_is_whole(server: LoopbackServer) -> None:
    server.put("/a", DATA, faults=[Fault(wrong_length=5)])
    head, _, body = ask(server, "GET /a HTTP/1.1\r\n\r\n").partition(b"\r\n\r\n")
    assert b"Content-Length: 5\r\n" in head
    assert body == DATA


def test_a_wrong_range_answers_with_other_bytes_than_asked_for(
    server: LoopbackServer, client: requests.Session
) -> None:
    answer = client.get(
        server.put("/a", DATA, faults=[Fault(wrong_range=(2, 9))]), headers={"Range": "bytes=500-"}
    )
    assert (answer.status_code, answer.content) == (206, DATA[2:10])
    assert answer.headers["Content-Range"] == f"bytes 2-9/{len(DATA)}"


def test_a_script_makes_something_else_of_the_right_answer(
    server: LoopbackServer, client: requests.Session
) -> None:
    def shorter(answer: Answer) -> list[bytes | float]:
        answer.headers["Content-Length"] = "3"
        return [answer.head(), 0.01, answer.body()[:3]]

    url = server.put("/a", DATA, faults=[Fault(script=shorter, is_kept=True, times=1)])
    assert client.get(url).content == DATA[:3]
    assert client.get(url).content == DATA
    assert len({request.client_port for request in server.requests}) == 1


def test_a_pause_of_a_script_ends_when_the_client_leaves(server: LoopbackServer) -> None:
    server.put("/a", DATA, faults=[Fault(script=lambda answer: [answer.head(), 100.0, b"never"])])
    with connect(server) as connection:
        connection.sendall(b"GET /a HTTP/1.1\r\n\r\n")
        connection.recv(1)
    server.wait_for(lambda server: server.requests[0].is_finished, 60)


@pytest.mark.parametrize("is_reset", [False, True])
def test_a_script_may_end_the_connection(server: LoopbackServer, is_reset: bool) -> None:
    server.put("/a", DATA, faults=[Fault(script=lambda _: [b"half"], is_reset=is_reset)])
    with connect(server) as connection:
        connection.sendall(b"GET /a HTTP/1.1\r\n\r\n")
        if is_reset:
            with pytest.raises(ConnectionResetError):
                read_to_the_end(connection)
        else:
            assert read_to_the_end(connection) == b"half"


def test_a_server_may_pass_over_if_range(server: LoopbackServer, client: requests.Session) -> None:
    url = server.put("/a", DATA, etag='"v2"', faults=[Fault(ignores_if_range=True, times=1)])
    headers = {"Range": "bytes=5-", "If-Range": '"v1"'}
    assert [client.get(url, headers=headers).status_code for _ in range(2)] == [206, 200]


def test_garbage_is_no_http(server: LoopbackServer, client: requests.Session) -> None:
    url = server.put("/a", DATA, faults=[Fault(garbage=b"\x00\x01 hello\r\n\r\n", times=1)])
    assert ask(server, "GET /a HTTP/1.1\r\n\r\n") == b"\x00\x01 hello\r\n\r\n"
    assert server.requests[0].status is None
    assert client.get(url).content == DATA


def test_a_gate_holds_the_transfer_in_the_middle(server: LoopbackServer) -> None:
    gate = threading.Event()
    server.put("/a", DATA, faults=[Fault(stall_after=700, gate=gate)])
    with connect(server) as connection:
        connection.sendall(b"GET /a HTTP/1.1\r\nConnection: close\r\n\r\n")
        server.wait_for(lambda server: server.bytes_sent("/a") == 700)
        seen = b""
        while len(seen.partition(b"\r\n\r\n")[2]) < 700:
            seen += connection.recv(1)
        assert (server.bytes_sent("/a"), server.requests[0].is_finished) == (700, False)
        gate.set()
        assert (seen + read_to_the_end(connection)).partition(b"\r\n\r\n")[2] == DATA
    server.wait_for(lambda server: server.requests[0].is_finished)


def test_a_stall_ends_when_the_client_leaves(server: LoopbackServer) -> None:
    server.put("/a", DATA, faults=[Fault(stall_after=0)])
    with connect(server) as connection:
        connection.sendall(b"GET /a HTTP/1.1\r\n\r\n")
        assert connection.recv(9) == b"HTTP/1.1 "
        assert not server.requests[0].is_finished
    server.wait_for(lambda server: server.requests[0].is_finished)
    assert server.bytes_sent("/a") == 0


def test_an_answer_that_hangs_before_its_headers_sends_nothing_until_the_gate_is_set(
    server: LoopbackServer,
) -> None:
    gate = threading.Event()
    server.put("/a", DATA, faults=[Fault(hang_before_headers=True, gate=gate)])
    with connect(server) as connection:
        connection.sendall(b"GET /a HTTP/1.1\r\nConnection: close\r\n\r\n")
        server.wait_for(lambda server: server.count("GET", "/a") == 1)
        assert select.select([connection], [], [], 0)[0] == []
        assert server.requests[0].status is None
        gate.set()
        assert read_to_the_end(connection).endswith(DATA)


def test_a_throttled_body_comes_in_many_pieces_and_in_order(
    server: LoopbackServer, client: requests.Session
) -> None:
    url = server.put("/a", DATA, bytes_per_second=100_000)
    counted = set()

    def is_done(server: LoopbackServer) -> bool:
        counted.add(server.bytes_sent("/a"))
        return server.bytes_sent("/a") == len(DATA)

    with ThreadPoolExecutor(1) as pool:
        body = pool.submit(lambda: client.get(url).content)
        server.wait_for(is_done)
        assert body.result() == DATA
    assert {2000, 4000, 6000, 8000, 10_000} <= counted


def test_requests_on_one_connection_share_its_port_and_other_connections_do_not(
    server: LoopbackServer, client: requests.Session
) -> None:
    url = server.put("/a", DATA)
    for _ in range(3):
        client.get(url)
    ask(server, "GET /a HTTP/1.0\r\n\r\n")
    ports = [request.client_port for request in server.requests]
    assert ports[0] == ports[1] == ports[2] != ports[3]


def test_what_a_client_has_received_is_already_counted(server: LoopbackServer) -> None:
    server.put("/a", DATA)
    with connect(server) as connection:
        for turn in range(1, 200):
            connection.sendall(b"GET /a HTTP/1.1\r\n\r\n")
            seen = b""
            while not seen.endswith(DATA):
                seen += connection.recv(65536)
            assert (server.count("GET", "/a"), server.bytes_sent("/a")) == (turn, turn * len(DATA))


def test_many_clients_at_once_are_counted_exactly(server: LoopbackServer) -> None:
    server.put("/a", DATA)
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: ask(server, "GET /a HTTP/1.0\r\n\r\n"), range(500)))
    assert all(answer.endswith(b"\r\n\r\n" + DATA) for answer in answers)
    assert (server.count("GET", "/a"), server.bytes_sent("/a")) == (500, 500 * len(DATA))


def test_a_thousand_connections_wait_until_they_are_accepted(server: LoopbackServer) -> None:
    server.put("/a", b"x")
    connections = [connect(server) for _ in range(1000)]
    for connection in connections:
        connection.sendall(b"GET /a HTTP/1.0\r\n\r\n")
    for connection in connections:
        with connection:
            assert read_to_the_end(connection).endswith(b"x")
    assert server.count("GET", "/a") == 1000


def test_bytes_that_a_client_never_took_are_not_counted(server: LoopbackServer) -> None:
    # The buffers on both sides together hold less than the piece that is counted at once.
    server._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    url = urlsplit(server.put("/a", bytes(256 * 1024)))
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((url.hostname, url.port))
        connection.sendall(b"GET /a HTTP/1.1\r\n\r\n")
        connection.recv(1000, socket.MSG_WAITALL)
    server.wait_for(lambda server: server.requests[0].is_finished)
    assert 0 < server.bytes_sent("/a") < 256 * 1024


@pytest.mark.parametrize(
    "request_", ["", "GET /a HTTP/1.1", "GET /a HTTP/1.1\r\nHost: x\r\n", "nonsense\r\n\r\n"]
)
def test_half_a_request_is_not_counted(server: LoopbackServer, request_: str) -> None:
    with connect(server) as connection:
        connection.sendall(request_.encode())
        connection.shutdown(socket.SHUT_WR)
        assert read_to_the_end(connection) == b""
    assert server.requests == []


def test_waiting_in_vain_says_what_was_asked_so_far(server: LoopbackServer, client: requests.Session) -> None:
    client.get(server.put("/a", DATA))
    with pytest.raises(TimeoutError, match=f"GET /a range=None status=200 bytes_sent={len(DATA)}"):
        server.wait_for(lambda server: server.count("GET", "/b") == 1, timeout_seconds=0)


@pytest.mark.parametrize("fault", [Fault(stall_after=10), Fault(hang_before_headers=True), Fault()])
def test_close_ends_stalled_unread_throttled_and_idle_connections(fault: Fault) -> None:
    server = LoopbackServer()
    server.put("/a", bytes(64 * 1024 * 1024), faults=[fault])
    server.put("/slow", DATA, bytes_per_second=1)
    with connect(server) as stalled, connect(server) as throttled, connect(server) as idle:
        stalled.sendall(b"GET /a HTTP/1.1\r\n\r\n")
        throttled.sendall(b"GET /slow HTTP/1.1\r\n\r\n")
        server.wait_for(lambda server: server.count("GET", "/a") == 1 and server.bytes_sent("/slow") == 1)
        server.close()
        server.close()
        assert len(read_to_the_end(stalled)) < 64 * 1024 * 1024
        assert len(read_to_the_end(throttled).partition(b"\r\n\r\n")[2]) < len(DATA)
        with pytest.raises(ConnectionRefusedError):
            connect(server)
        assert idle.fileno() > 0
    assert all(request.is_finished for request in server.requests)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("loopback-")]


def test_what_stands_nearest_is_served_and_below_it_what_is_put_for_everything(
    server: LoopbackServer, client: requests.Session
) -> None:
    server.put("/*", b"all")
    server.put("/a/b/*", b"below b")
    server.put("/a/b/c", b"c")
    asked = ["/a/b/c?q=1", "/a/b/d/e?q=/x/y", "/a/b", "/z"]
    assert [client.get(server.url(path)).content for path in asked] == [b"c", b"below b", b"all", b"all"]


def test_an_answer_can_depend_on_the_requests_headers(
    server: LoopbackServer, client: requests.Session
) -> None:
    refusal = Resource(status=401)
    url = server.put(
        "/a.bin",
        DATA,
        faults=[Fault(status=503)],
        instead=lambda headers: None if headers.get("X-Key") == "right" else refusal,
    )
    assert client.get(url).status_code == 401
    assert client.get(url, headers={"x-key": "right"}).status_code == 503


def test_a_large_file_arrives_whole(server: LoopbackServer, tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as sparse:
        sparse.truncate(256 * 1024 * 1024)
    server.put("/big", tmp_path / "big")
    with connect(server) as connection:
        connection.sendall(b"GET /big HTTP/1.0\r\n\r\n")
        buffer, received = bytearray(1024 * 1024), 0
        while count := connection.recv_into(buffer):
            received += count
    assert server.bytes_sent("/big") == 256 * 1024 * 1024 < received
