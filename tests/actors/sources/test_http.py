import gzip
import hashlib
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
import requests

from fetching import Fetching
from loopback import LoopbackServer
from openmas_assets.actors.sources import origin_adapter
from openmas_assets.actors.sources.fetched import TransferError
from openmas_assets.messages.errors import AssetDownloadError
from projects import asset

DATA = bytes(range(256)) * 4096
MIB = 1 << 20


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def peak_bytes(action: Callable[[], object]) -> int:
    """How much memory Python took for an action at the most."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def failure(fetching: Fetching, url: str) -> TransferError:
    with pytest.raises(TransferError) as caught:
        fetching.hit(asset("a", url))
    assert isinstance(caught.value.error, AssetDownloadError)
    return caught.value


@pytest.fixture
def large_file(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(64 * MIB)
    return path


def test_the_bytes_arrive_are_hashed_on_the_way_and_nothing_else_stays(
    fetching: Fetching, server: LoopbackServer
) -> None:
    config = asset("a", server.put("/model.bin", DATA))
    hit = fetching.hit(config)
    assert hit.path == fetching.layout.root / "model/a/latest/model.bin"
    assert (hit.path.read_bytes(), hit.was_transferred) == (DATA, True)
    assert fetching.info(config).sha256 == sha256(DATA)
    assert {progress.phase for progress in fetching.progress} == {"downloading"}
    assert (fetching.progress[-1].bytes_done, fetching.progress[-1].bytes_total) == (len(DATA), len(DATA))
    assert fetching.staged() == []
    assert (server.count("GET", "/model.bin"), server.bytes_sent("/model.bin")) == (1, len(DATA))


def test_an_empty_file_is_a_file(fetching: Fetching, server: LoopbackServer) -> None:
    config = asset("a", server.put("/empty"))
    assert fetching.path(config).read_bytes() == b""
    assert fetching.info(config).sha256 == sha256(b"")


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_a_large_file_takes_little_memory(
    fetching: Fetching, server: LoopbackServer, large_file: Path, framing: str
) -> None:
    config = asset("a", server.put("/large", large_file, framing=framing))
    assert peak_bytes(lambda: fetching.hit(config)) < 8 * MIB
    assert fetching.path(config).stat().st_size == 64 * MIB


def test_a_compressed_answer_that_becomes_large_takes_little_memory(
    fetching: Fetching, server: LoopbackServer
) -> None:
    url = server.put("/bomb", gzip.compress(bytes(64 * MIB)), headers={"Content-Encoding": "gzip"})
    config = asset("a", url)
    assert peak_bytes(lambda: fetching.hit(config)) < 8 * MIB
    assert fetching.path(config).stat().st_size == 64 * MIB


def test_the_body_of_a_redirect_is_not_read(
    fetching: Fetching, server: LoopbackServer, large_file: Path
) -> None:
    url = server.put("/moved", large_file, redirect=server.put("/here", b"here"))
    config = asset("a", url)
    assert peak_bytes(lambda: fetching.hit(config)) < 8 * MIB
    assert fetching.path(config).read_bytes() == b"here"
    server.wait_for(lambda server: server.requests[0].is_finished)
    assert server.bytes_sent("/moved") < 64 * MIB


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_a_body_without_a_length_arrives_whole(
    fetching: Fetching, server: LoopbackServer, framing: Literal["chunked", "close"]
) -> None:
    config = asset("a", server.put("/a", DATA, framing=framing), checksum=f"sha256:{sha256(DATA)}")
    assert fetching.path(config).read_bytes() == DATA
    assert fetching.progress[-1].bytes_total is None


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_a_gzip_content_encoding_is_decoded_and_the_checksum_is_that_of_the_decoded_bytes(
    fetching: Fetching, server: LoopbackServer, framing: str
) -> None:
    url = server.put("/a", DATA, content_encoding="gzip", framing=framing, etag='"v1"')
    config = asset("a", url, checksum=f"sha256:{sha256(DATA)}")
    assert fetching.path(config).read_bytes() == DATA
    assert server.bytes_sent("/a") < len(DATA)


def test_a_compression_is_not_asked_for(fetching: Fetching, server: LoopbackServer) -> None:
    fetching.hit(asset("a", server.put("/a", DATA)))
    assert server.requests[0].headers["Accept-Encoding"] == "identity"


def test_a_gzip_file_that_is_no_content_encoding_stays_compressed(
    fetching: Fetching, server: LoopbackServer
) -> None:
    data = gzip.compress(DATA)
    config = asset("a", server.put("/a.gz", data, headers={"Content-Type": "application/gzip"}))
    assert fetching.path(config).read_bytes() == data


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, br"])
def test_another_content_encoding_is_refused(
    fetching: Fetching, server: LoopbackServer, encoding: str
) -> None:
    url = server.put("/a", zlib.compress(DATA), headers={"Content-Encoding": encoding})
    refusal = failure(fetching, url)
    assert "compresses the file in another way than gzip" in str(refusal)
    assert not refusal.is_retryable
    assert fetching.staged() == []


@pytest.mark.parametrize("encoding", ["identity", "Identity", "utf-8", "aws-chunked", "", ","])
def test_a_content_encoding_that_is_none_leaves_the_file_as_it_is(
    fetching: Fetching, server: LoopbackServer, encoding: str
) -> None:
    config = asset("a", server.put("/a", DATA, headers={"Content-Encoding": encoding}))
    assert fetching.path(config).read_bytes() == DATA


def test_an_empty_file_has_no_content_encoding_to_decode(fetching: Fetching, server: LoopbackServer) -> None:
    url = server.put("/a", headers={"Content-Encoding": "gzip"})
    assert fetching.path(asset("a", url)).read_bytes() == b""


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (gzip.compress(DATA)[:-9], "is cut short"),
        (gzip.compress(DATA)[:-8] + bytes(8), "is damaged"),
        (b"no", "is"),
    ],
)
def test_a_gzip_content_encoding_that_is_cut_or_damaged_is_noticed(
    fetching: Fetching, server: LoopbackServer, framing: str, data: bytes, problem: str
) -> None:
    url = server.put("/a", data, headers={"Content-Encoding": "gzip"}, framing=framing)
    broken = failure(fetching, url)
    assert f"did not arrive whole: its gzip {problem}" in str(broken)
    assert broken.is_retryable


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a/b/model.bin", "model.bin"),
        ("/model.bin?download=true&name=x/y.zip", "model.bin"),
        ("/with%20space%C3%BC+plus.bin", "with spaceü+plus.bin"),
        ("/folder/", "asset"),
        ("", "asset"),
        ("/?file=model.bin", "asset"),
        ("/model.bin#part", "model.bin"),
    ],
)
def test_the_file_is_called_what_its_url_calls_it(
    fetching: Fetching, server: LoopbackServer, path: str, name: str
) -> None:
    server.put(path.partition("?")[0].partition("#")[0] or "/", b"data")
    assert fetching.path(asset("a", server.url(path))).name == name


def test_the_source_may_name_the_file(fetching: Fetching, server: LoopbackServer) -> None:
    assert fetching.path(asset("a", server.put("/x?y"), filename="model.bin")).name == "model.bin"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_and_the_name_stays_that_of_the_first_url(
    fetching: Fetching, server: LoopbackServer, status: int
) -> None:
    server.put("/there/b.bin?key=1", DATA)
    url = server.put("/a.bin", status=status, redirect="there/b.bin?key=1")
    path = fetching.path(asset("a", url))
    assert (path.name, path.read_bytes()) == ("a.bin", DATA)


def test_redirects_lead_to_other_servers_too(fetching: Fetching, server: LoopbackServer) -> None:
    with LoopbackServer() as other:
        url = server.put("/a", redirect="/b")
        server.put("/b", redirect=other.put("/c", DATA))
        assert fetching.path(asset("a", url)).read_bytes() == DATA
        assert (server.count("GET", "/b"), other.count("GET", "/c")) == (1, 1)


def test_the_userinfo_of_the_url_goes_to_its_own_server_only(
    fetching: Fetching, server: LoopbackServer
) -> None:
    with LoopbackServer() as other:
        server.put("/a", redirect="/b")
        server.put("/b", redirect=other.put("/c", DATA))
        fetching.hit(asset("a", server.url("/a").replace("//", "//user:password@")))
        assert all(request.headers["Authorization"].startswith("Basic ") for request in server.requests)
        assert other.requests[0].headers["Authorization"] is None


def test_cookies_of_one_asset_are_not_sent_for_the_next_one(
    fetching: Fetching, server: LoopbackServer
) -> None:
    fetching.hit(asset("a", server.put("/a", b"a", headers={"Set-Cookie": "session=1; Path=/"})))
    fetching.hit(asset("b", server.put("/b", b"b")))
    assert server.requests[1].headers["Cookie"] is None


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_the_next_asset_of_a_server_comes_over_the_same_connection(
    fetching: Fetching, server: LoopbackServer, framing: str
) -> None:
    for name in ("a", "b", "c"):
        fetching.hit(asset(name, server.put(f"/{name}", DATA, framing=framing)))
    assert len({request.client_port for request in server.requests}) == 1


def test_a_connection_that_was_idle_for_long_is_not_trusted(
    fetching: Fetching, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetching.hit(asset("a", server.put("/a", DATA)))
    monkeypatch.setattr(origin_adapter, "_MAX_IDLE_SECONDS", -1)
    fetching.hit(asset("b", server.put("/b", DATA)))
    assert len({request.client_port for request in server.requests}) == 2


def test_a_server_that_closed_the_connection_meanwhile_is_asked_on_a_new_one(
    fetching: Fetching, server: LoopbackServer
) -> None:
    for name in ("a", "b"):
        url = server.put(f"/{name}", DATA, headers={"Connection": "close"})
        assert fetching.path(asset(name, url)).read_bytes() == DATA


def test_the_usual_variables_name_a_proxy(
    fetching: Fetching, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.origin)
    server.put("/model.bin", DATA)
    assert fetching.path(asset("a", "http://models.invalid/model.bin")).read_bytes() == DATA
    assert server.requests[0].headers["Host"] == "models.invalid"


def test_so_they_do_when_they_are_set_between_two_assets_of_a_host(
    fetching: Fetching, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetching.hit(asset("a", server.put("/a", DATA)))
    with LoopbackServer() as proxy:
        proxy.put("/b", b"by proxy")
        monkeypatch.setenv("HTTP_PROXY", proxy.origin)
        monkeypatch.setenv("NO_PROXY", "other.invalid")
        assert fetching.path(asset("b", f"{server.origin}/b")).read_bytes() == b"by proxy"
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert fetching.path(asset("c", server.put("/c", b"directly"))).read_bytes() == b"directly"
    assert [request.path for request in server.requests] == ["/a", "/c"]


def test_what_requests_computes_for_a_host_is_computed_once(
    fetching: Fetching, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    proxies = requests.sessions.get_environ_proxies

    def noted(url: str, no_proxy: str | None = None) -> Any:
        looks.append(url)
        return proxies(url, no_proxy=no_proxy)

    monkeypatch.setattr(requests.sessions, "get_environ_proxies", noted)
    for name in ("a", "b", "c"):
        fetching.hit(asset(name, server.put(f"/{name}", DATA)))
    assert looks == [server.origin]
