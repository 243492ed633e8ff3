"""What a round trip to an actor costs, counted. Times are for `make bench`."""

import os
import sys
import threading
from collections.abc import Callable

import pytest

from chores import await_chores
from loopback import LoopbackServer
from openmas_assets.actors import AssetManager
from openmas_assets.actors.reply import Reply
from openmas_assets.messages.manager import GetAssetPath
from projects import asset, project

DATA = bytes(10_000)


class HeldLook:
    """Notes what is looked at on the disk. The second look does not come back until it is let go."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.is_held = threading.Event()
        self.may_go_on = threading.Event()
        self._lstat = os.lstat

    def __call__(self, name: str) -> os.stat_result:
        status = self._lstat(name)
        self.names.append(name)
        if len(self.names) == 2:
            self.is_held.set()
            self.may_go_on.wait(30)
        return status


def test_a_look_serves_all_who_had_asked_before_it_and_nobody_who_came_later(
    open_manager: Callable[..., AssetManager], server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = open_manager(project(asset("a", server.put("/a.bin", DATA))), pool_size=1)
    path = manager.ask(GetAssetPath(name="a")).get(timeout=30).path
    await_chores(manager, "a")
    look = HeldLook()
    with monkeypatch.context() as patch:
        patch.setattr(os, "lstat", look)
        first = manager.ask(GetAssetPath(name="a"))
        assert look.is_held.wait(30)
        others = [manager.ask(GetAssetPath(name="a")) for _ in range(1_000)]
        look.may_go_on.set()
        assert {reply.get(timeout=30).path for reply in [first, *others]} == {path}
        assert len(look.names) == 4  # two of the first one's, two of all the others'
        manager.ask(GetAssetPath(name="a")).get(timeout=30)
    assert len(look.names) == 6


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
