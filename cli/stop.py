"""The stop: what Ctrl-C and SIGTERM do to a command."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

_WORDS = {signal.SIGINT: "Interrupted.", signal.SIGTERM: "Terminated."}


class Stopped(BaseException):
    """Somebody has stopped the command. Like `KeyboardInterrupt`, it must pass every `except Exception`.

    Notes that are added on its way (`add_note`) are shown to the user.

    Args:
        signal_number: The signal that said so.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number

    @property
    def exit_code(self) -> int:
        """What a shell reports for a program that this signal has ended: 130 for Ctrl-C."""
        return 128 + self.signal_number

    def __str__(self) -> str:
        word = _WORDS.get(signal.Signals(self.signal_number), "Stopped.")
        return " ".join([word, *getattr(self, "__notes__", ())])


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Have Ctrl-C and SIGTERM raise `Stopped` in the main thread, and a second one exit at once.

    The first one leaves room for an orderly end. Whoever has no patience for that loses nothing: what is on
    disk is in order at every moment.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.getsignal(number) for number in _WORDS}
    for number, handler in previous.items():
        # What the parent wants ignored (a shell does so for background jobs) stays ignored.
        if handler is not signal.SIG_IGN:
            signal.signal(number, _stop)
    try:
        yield
    except Stopped:
        # The process is about to exit; until it has, one more Ctrl-C must not show a traceback.
        raise
    except BaseException:
        _restore(previous)
        raise
    else:
        _restore(previous)


def _restore(previous: Mapping[signal.Signals, Any]) -> None:
    for number, handler in previous.items():
        signal.signal(number, handler)


def _stop(signal_number: int, _: FrameType | None) -> None:
    for number in _WORDS:
        signal.signal(number, _exit_at_once)
    raise Stopped(signal_number)


def _exit_at_once(signal_number: int, _: FrameType | None) -> None:  # pragma: no cover - ends unnoted
    os._exit(128 + signal_number)
