"""What the tests of several rooms share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fetching import Fetching
from loopback import LoopbackServer


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own proxies and certificates are none of the tests' business."""
    for name in (
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    """A real HTTP server."""
    with LoopbackServer() as server:
        yield server


@pytest.fixture
def fetching(tmp_path: Path) -> Iterator[Fetching]:
    """A fetcher with an empty cache."""
    fetching = Fetching(tmp_path)
    yield fetching
    fetching.fetcher.close()
