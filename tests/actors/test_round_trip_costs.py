"""What a round trip to an actor costs, counted. Times are for `make bench`."""

import os
import sys
import threading

import pytest

from openmas_assets.actors.reply import Reply


@pytest.mark.skipif(sys.platform != "linux", reason="eventfd")
def test_threads_that_wait_in_turn_share_a_gate_and_each_is_woken_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[int] = []
    opened: list[int] = []
    waits = threading.Event()
    make, write, read = os.eventfd, os.eventfd_write, os.read

    def noted_make(value: int) -> int:
        made.append(make(value))
        return made[-1]

    def noted_write(event: int, value: int) -> None:
        opened.append(event)
        write(event, value)

    def noted_read(event: int, size: int) -> bytes:
        waits.set()
        return read(event, size)

    with monkeypatch.context() as patch:
        patch.setattr(os, "eventfd", noted_make)
        patch.setattr(os, "eventfd_write", noted_write)
        patch.setattr(os, "read", noted_read)
        for _ in range(10):
            reply: Reply[int] = Reply()
            thread = threading.Thread(target=reply.get)
            thread.start()
            assert waits.wait(30)
            waits.clear()
            reply.set(1)
            thread.join()
    assert len(made) <= 1
    assert len(opened) == 10
    assert len(set(opened)) == 1
