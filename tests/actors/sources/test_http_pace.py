"""Whether one connection is judged to wait for the network."""

import time

import pytest

from openmas_assets.actors.sources import http_pace
from openmas_assets.actors.sources.http_pace import Pace

MUCH = 1 << 40


def verdicts(pace: Pace, windows: int = 4) -> list[bool]:
    """What it says at the end of each window, for somebody who always finds something to read."""
    said: list[bool] = []
    while len(said) < windows:
        began = time.monotonic()
        while not pace.is_waiting(1, MUCH) and time.monotonic() - began < pace.window_seconds:
            pass
        said.append(pace.is_waiting(1, MUCH))
    return said


@pytest.mark.skipif(http_pace._THREAD is None, reason="only Linux tells how often a thread waits")
def test_a_reader_that_never_waits_is_not_helped_by_another_connection() -> None:
    assert not any(verdicts(Pace(0.0)))
