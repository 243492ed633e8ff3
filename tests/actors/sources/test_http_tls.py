from collections.abc import Iterator

import pytest

from fetching import BackgroundFetch, Fetching
from loopback import Fault, LoopbackServer
from openmas_assets.actors.abort import JobAbortedError
from openmas_assets.actors.sources.fetched import TransferError
from projects import asset
from tls_front import CERTIFICATE_PATH, tls_front

DATA = bytes(range(256)) * 2000
CUT = 100_000


@pytest.fixture
def origin(server: LoopbackServer) -> Iterator[str]:
    with tls_front(server.origin) as origin:
        yield origin


def test_a_certificate_of_an_authority_that_nobody_knows_is_refused(
    fetching: Fetching, server: LoopbackServer, origin: str
) -> None:
    with pytest.raises(TransferError, match="the server's certificate is not trusted") as caught:
        fetching.hit(asset("a", f"{origin}/a"))
    assert "REQUESTS_CA_BUNDLE" in str(caught.value)
    assert not caught.value.is_retryable
    assert server.requests == []


@pytest.fixture
def _trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE_PATH))


@pytest.mark.usefixtures("_trusted")
def test_the_usual_variable_names_an_authority(
    fetching: Fetching, server: LoopbackServer, origin: str
) -> None:
    server.put("/a", DATA)
    assert fetching.path(asset("a", f"{origin}/a")).read_bytes() == DATA


@pytest.mark.usefixtures("_trusted")
def test_a_stalled_encrypted_transfer_ends_at_once_and_its_part_is_gone_on_with(
    fetching: Fetching, server: LoopbackServer, origin: str
) -> None:
    server.put("/a", DATA, etag='"v1"', faults=[Fault(stall_after=CUT, times=1)])
    config = asset("a", f"{origin}/a")
    stalled = BackgroundFetch(fetching, config)
    stalled.wait_for("downloading")
    assert isinstance(stalled.abort(), JobAbortedError)
    arrived = fetching.part().stat().st_size
    assert 0 < arrived <= CUT
    assert fetching.path(config).read_bytes() == DATA
    assert server.requests[1].range == f"bytes={arrived}-"


@pytest.mark.usefixtures("_trusted")
def test_an_encrypted_server_that_is_silent_before_its_headers_does_not_hold_an_abort_up(
    fetching: Fetching, server: LoopbackServer, origin: str
) -> None:
    server.put("/a", DATA, faults=[Fault(hang_before_headers=True, times=1)])
    config = asset("a", f"{origin}/a")
    silent = BackgroundFetch(fetching, config)
    server.wait_for(lambda server: server.count("GET", "/a") == 1)
    assert isinstance(silent.abort(), JobAbortedError)
    assert fetching.staged() == []
    assert fetching.path(config).read_bytes() == DATA


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_an_encrypted_transfer_that_is_cut_is_noticed(
    fetching: Fetching, server: LoopbackServer, origin: str, framing: str
) -> None:
    server.put("/a", DATA, framing=framing, faults=[Fault(cut_after=CUT)])
    with pytest.raises(TransferError) as caught:
        fetching.hit(asset("a", f"{origin}/a"))
    assert caught.value.is_retryable
