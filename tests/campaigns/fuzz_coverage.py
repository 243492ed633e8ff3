"""Which lines of ours an input has reached for the first time."""

import sys
import threading
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import openmas_assets.actors
import openmas_assets.cli
import openmas_assets.messages

_ROOMS = tuple(
    str(Path(room.__path__[0]))
    for room in (openmas_assets.actors, openmas_assets.cli, openmas_assets.messages)
)
# A function that has shown nothing new for so many calls is watched no more, so that watching costs little.
_PATIENCE = 500


class Coverage:
    """Watches while it is entered. Reaches the threads that are started meanwhile.

    Attributes:
        lines: How many lines have been reached so far.
    """

    def __init__(self) -> None:
        self.lines = 0
        self._unseen: dict[CodeType, set[int]] = {}
        self._patience: dict[CodeType, int] = {}

    def __enter__(self) -> None:
        threading.settrace(self._on_call)
        sys.settrace(self._on_call)

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)
        threading.settrace(None)

    def _on_call(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        code = frame.f_code
        if code not in self._unseen:
            is_ours = code.co_filename.startswith(_ROOMS)
            self._unseen[code] = {line for *_, line in code.co_lines() if line} if is_ours else set()
            self._patience[code] = _PATIENCE
        if not self._unseen[code] or not self._patience[code]:
            return None
        self._patience[code] -= 1
        return self._on_line

    def _on_line(self, frame: FrameType, event: str, _argument: Any) -> Any:
        unseen = self._unseen[frame.f_code]
        if event == "line" and frame.f_lineno in unseen:
            unseen.discard(frame.f_lineno)
            self.lines += 1
            self._patience[frame.f_code] = _PATIENCE
        return self._on_line
