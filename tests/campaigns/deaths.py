"""How actors die, and what forks: at random, and counted."""

import contextlib
import ctypes
import os
import random
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pykka
from pykka.messages import ProxyCall

from tally import Tally

HEADS = ("AssetManagerActor", "AssetStoreActor", "PluginDispatcherActor")
WORKERS = ("DownloaderActor", "InspectorActor", "PluginActor", "ProgressActor", "Alarm")

# What strikes the thread of a head between two messages loses the next one, of which nobody else knows; a
# worker's message is known to its supervisor.
_NOT_STRUCK = HEADS
# Longer than the few lines take that no other thread may interrupt.
_UNINTERRUPTED_SECONDS = 10.0
_CHILD_SECONDS = 30


class Deaths:
    """Ends actors of this process by the names of their classes.

    Args:
        generator: Decides which, and how.
        tally: Counts.
        max_crashes: How many of a kind crash at the most; after that they are stopped.
    """

    def __init__(self, generator: random.Random, tally: Tally, max_crashes: int) -> None:
        self._generator = generator
        self._tally = tally
        self._max_crashes = max_crashes
        self._crashes: Counter[str] = Counter()

    def kill(self, role: str) -> None:
        """End an actor, if there is one.

        Args:
            role: The name of its class, or `Alarm`.
        """
        ways: list[Callable[[str], str | None]] = [self._stop]
        if self._crashes[role] < self._max_crashes:
            ways = [self._stop, self.crash] if role in _NOT_STRUCK else [self._stop, self.crash, self._strike]
        way = self._strike if role == "Alarm" else self._generator.choice(ways)
        if (how := way(role)) is not None:
            self._crashes[role] += way != self._stop or role == "PluginActor"
            self._tally.count("deaths", f"{role} {how}")

    def crash(self, role: str) -> str | None:
        """Have an actor run into a bug.

        Args:
            role: The name of its class.

        Returns:
            How it died; None if there is none.
        """
        for ref in self._some(pykka.ActorRegistry.get_by_class_name(role)):
            with contextlib.suppress(pykka.ActorDeadError):
                ref.tell(ProxyCall(attr_path=("no_such_method",), args=(), kwargs={}))
                return "crashed"
        return None

    def fork(self, work: Callable[[], None]) -> str | None:
        """Fork, have the child do something, and wait until it has.

        Args:
            work: Raises if all is not well.

        Returns:
            What is wrong; None if nothing is.
        """
        child_id = os.fork()
        if child_id == 0:
            signal.alarm(_CHILD_SECONDS)  # ends whoever hangs
            try:
                work()
            except BaseException:  # noqa: BLE001 - the parent's work is not to be done twice
                os._exit(1)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child_id, 0)[1])
        self._tally.count("deaths", "forks, which leave all actors behind")
        return None if status == 0 else f"a forked child ended with {status}"

    def _stop(self, role: str) -> str | None:
        for ref in self._some(pykka.ActorRegistry.get_by_class_name(role)):
            ref.stop(block=False)
            return "stopped"
        return None

    def _strike(self, role: str) -> str | None:
        """Raise something in an actor's thread, wherever that is."""
        threads = [each for each in threading.enumerate() if each.name.startswith((f"{role}-", role))]
        for thread in self._some(threads):
            error = self._generator.choice([ZeroDivisionError, SystemExit, KeyboardInterrupt])
            if _struck(thread, error):
                return f"struck by {error.__name__}"
        return None

    def _some(self, candidates: list[Any]) -> list[Any]:
        return self._generator.sample(candidates, min(1, len(candidates)))


def _struck(thread: threading.Thread, error: type[BaseException]) -> bool:
    interval = sys.getswitchinterval()
    # When a thread ends, another may get its number; and what is to strike one that is starting another
    # strikes that one, before Python is ready for it, and then Python waits forever.
    sys.setswitchinterval(_UNINTERRUPTED_SECONDS)
    try:
        if not thread.is_alive() or _is_starting_another(thread):
            return False
        target, what = ctypes.c_ulong(thread.ident or 0), ctypes.py_object(error)
        return bool(ctypes.pythonapi.PyThreadState_SetAsyncExc(target, what))
    finally:
        sys.setswitchinterval(interval)


def _is_starting_another(thread: threading.Thread) -> bool:
    frame = sys._current_frames().get(thread.ident or 0)
    while frame is not None:
        if frame.f_code is threading.Thread.start.__code__:
            return True
        frame = frame.f_back
    return False
