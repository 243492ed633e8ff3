import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from fetching import Fetching
from loopback import Fault, LoopbackServer
from openmas_assets.actors.sources.fetched import TransferError
from projects import asset
from secrets_found import appearances

DATA = bytes(range(256)) * 1000
# Each stands where a URL may have a secret: user, password, query.
USER, PASSWORD, QUERY = "us3r", "passw0rd", "t0ken"


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[Fetching]:
    """A fetcher that waits for a moment only."""
    impatient = Fetching(tmp_path, timeout_seconds=0.2)
    yield impatient
    impatient.network.close()


def failure(fetching: Fetching, url: str) -> TransferError:
    with pytest.raises(TransferError) as caught:
        fetching.hit(asset("llama", url))
    return caught.value


def secret_url(url: str) -> str:
    return url.replace("//", f"//{USER}:{PASSWORD}@") + f"?token={QUERY}#{QUERY}"


LEAKY_FAULTS = {
    "none": Fault(),
    "404": Fault(status=404),
    "403": Fault(status=403),
    "503": Fault(status=503, headers={"Retry-After": "1"}),
    "to a file": Fault(status=302, headers={"Location": f"file:///x?{QUERY}"}),
    "to nobody": Fault(status=302, headers={"Location": f"http://{USER}:{PASSWORD}@nobody.invalid/?{QUERY}"}),
    "to no port": Fault(status=302, headers={"Location": f"http://127.0.0.1:99999/?{QUERY}"}),
    "in circles": Fault(status=302, headers={"Location": f"/a?again={QUERY}"}),
    "silent": Fault(hang_before_headers=True),
    "silent in the body": Fault(stall_after=500),
    "cut": Fault(cut_after=500),
    "reset": Fault(cut_after=500, is_reset=True),
    "no HTTP": Fault(garbage=b"no HTTP " + QUERY.encode() + b"\r\n"),
    "broken headers": Fault(garbage=b"HTTP/1.1 200 OK\r\n" + QUERY.encode() + b" broken\r\nA\r\n\r\n"),
    "broken chunks": Fault(garbage=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + QUERY.encode()),
}


@pytest.mark.parametrize("fault", LEAKY_FAULTS.values(), ids=LEAKY_FAULTS)
def test_no_error_and_no_log_of_any_level_shows_the_userinfo_or_the_query(
    impatient: Fetching, server: LoopbackServer, caplog: pytest.LogCaptureFixture, fault: Fault
) -> None:
    caplog.set_level(1)
    url = secret_url(server.put("/a", DATA, faults=[fault]))
    error: BaseException | None = None
    try:
        impatient.hit(asset("llama", url))
    except TransferError as caught:
        error = caught
    for secret in (USER, PASSWORD, QUERY):
        assert appearances(secret, error, caplog.records) == []


def test_what_urllib3_logs_is_kept_as_far_as_it_is_harmless(
    fetching: Fetching, server: LoopbackServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    fetching.hit(asset("llama", secret_url(server.put("/a", DATA))))
    assert f'{server.origin} "GET /a HTTP/1.1" 200 {len(DATA)}' in caplog.text


@pytest.mark.parametrize("url", ["https://127.0.0.1:9/a", "http://nobody.invalid/a", "http://127.0.0.1:1/a"])
def test_a_connection_that_fails_shows_no_secret_either(
    impatient: Fetching, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    caplog.set_level(1)
    error = failure(impatient, secret_url(url))
    for secret in (USER, PASSWORD, QUERY):
        assert appearances(secret, error, caplog.records) == []


def test_a_proxy_that_is_not_there_keeps_its_password(
    impatient: Fetching, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.close()
    monkeypatch.setenv("http_proxy", server.origin.replace("//", f"//{USER}:{PASSWORD}@"))
    error = failure(impatient, "http://models.invalid/a")
    assert appearances(USER, error, []) + appearances(PASSWORD, error, []) == []


def test_the_metadata_shows_no_secret(fetching: Fetching, server: LoopbackServer) -> None:
    config = asset("llama", secret_url(server.put("/a", DATA)))
    fetching.hit(config)
    [info_path] = fetching.layout.root.rglob(".asset_info.json")
    assert not any(secret in info_path.read_text() for secret in (USER, PASSWORD, QUERY))


def test_the_logs_of_other_requests_in_the_process_stay_as_they_are(
    fetching: Fetching, server: LoopbackServer, caplog: pytest.LogCaptureFixture
) -> None:
    url = server.put("/a", DATA)
    fetching.hit(asset("llama", url))
    caplog.set_level(logging.DEBUG, logger="urllib3")
    requests.get(f"{url}?page=2", timeout=10)
    assert "/a?page=2" in caplog.text
