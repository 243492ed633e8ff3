"""What an ordinary user may do, for tests that may run as root, whom no permission holds back."""

import ctypes
import os
import sys
from collections.abc import Callable
from threading import Thread
from typing import Any, TypeVar

_CAPABILITY_VERSION_3 = 0x20080522  # capget(2)
_Result = TypeVar("_Result")


def unprivileged(action: Callable[[], _Result]) -> _Result:
    """Run `action` in a thread that has no capabilities, so that permissions hold for root's files too."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            _drop_capabilities()
            outcome.extend([action(), None])
        except BaseException as error:  # noqa: BLE001, it is raised in the test's thread
            outcome.extend([None, error])

    thread = Thread(target=run)
    thread.start()
    thread.join()
    result, error = outcome
    if error is not None:
        raise error
    return result  # type: ignore[no-any-return]


def _drop_capabilities() -> None:
    # On Linux capabilities belong to a thread, and the threads it starts inherit them.
    if sys.platform != "linux" or os.geteuid() != 0:
        return
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None, use_errno=True).capset(header, nothing) != 0:
        raise OSError(ctypes.get_errno(), "capset")
