"""Whether one connection is judged to wait for the network."""

import threading
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


@pytest.mark.skipif(not http_pace._SCHEDULED.exists(), reason="only Linux tells how long a thread sleeps")
def test_a_reader_that_never_waits_is_not_helped_by_another_connection() -> None:
    assert not any(verdicts(Pace(0.0)))


def bursts(pace: Pace, bytes_left: int) -> list[bool]:
    """What it says of a server that sends much at once, and then nothing until the window is over."""
    said: list[bool] = []
    for _ in range(2):
        said += [pace.is_waiting(100_000, bytes_left) for _ in range(20)]
        threading.Event().wait(pace.window_seconds)
        said.append(pace.is_waiting(100_000, bytes_left))
    return said


def test_a_reader_that_gets_all_in_bursts_waits_in_between() -> None:
    pace = Pace(0.0)
    assert bursts(pace, MUCH) == [False] * 41 + [True]
    # What the bursts brought, over all the time that they took.
    assert 0 < pace.bytes_per_second <= 21 * 100_000 / pace.window_seconds


def test_what_is_nearly_there_is_not_worth_another_connection() -> None:
    assert not any(bursts(Pace(0.0), bytes_left=2_000_000))
