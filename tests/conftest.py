"""What the tests of several rooms share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from fetching import Fetching
from loopback import LoopbackServer

# How fast examples are made, and how many are of use, says nothing of our code.
_CHECKS_OF_SPEED = [HealthCheck.too_slow, HealthCheck.filter_too_much]
settings.register_profile("no time", deadline=None, suppress_health_check=_CHECKS_OF_SPEED)
settings.load_profile("no time")


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
    fetching.network.close()
