"""A crowd of processes, and what they say: the campaign's end of `crowd_worker.py`."""

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from programs import Program

# What the platform may do with a lock where it has none: say that it is taken, or refuse. Put in the place of
# flock(2) before anything of ours is imported.
NO_LOCKS = {
    "every lock is given to everybody": "return None",
    "ENOLCK": "raise OSError(errno.ENOLCK, 'No locks available')",
    "EOPNOTSUPP": "raise OSError(errno.EOPNOTSUPP, 'Operation not supported')",
    "ENOSYS": "raise OSError(errno.ENOSYS, 'Function not implemented')",
}
_SILENCE_SECONDS = 90


class Crowd:
    """A worker that forks processes, and what they have said.

    Args:
        folder: An empty folder for what it needs.
        flock: What `fcntl.flock` does there; None leaves it alone.
    """

    def __init__(self, folder: Path, flock: str | None = None) -> None:
        folder.mkdir()
        orders_path = folder / "orders"
        os.mkfifo(orders_path)
        (folder / "sitecustomize.py").write_text(
            f"import errno, fcntl\ndef flock(fd, operation):\n    {flock}\nfcntl.flock = flock\n"
            if flock
            else ""
        )
        self._open = contextlib.ExitStack()
        self._program = self._open.enter_context(
            Program(
                Path(__file__).with_name("crowd_worker.py"),
                orders_path,
                env={"PYTHONPATH": str(folder), "PYTHONWARNINGS": "ignore"},
            )
        )
        self._orders = self._open.enter_context(orders_path.open("w", buffering=1))
        self._lines = self._program.lines(_SILENCE_SECONDS)
        self.said: list[dict[str, Any]] = []
        self.pids: list[int] = []

    def close(self) -> None:
        """Kill all of it."""
        self._open.close()

    def start(self, order: dict[str, Any]) -> None:
        """Have processes forked, and wait until they are there."""
        self.said.clear()
        self._orders.write(json.dumps(order) + "\n")
        self.pids = self.until("started")["started"]

    def until(self, key: str, **wanted: Any) -> dict[str, Any]:
        """Wait for a line that has a key, and these values."""
        for line in self.lines():
            if key in line and wanted.items() <= line.items():
                return line
        raise AssertionError(f"the worker ended before it said {key}")

    def wait_until_done(self, pids: set[int]) -> None:
        """Wait until some of them have done all they were to do."""
        while not pids <= self.who("done"):
            next(self.lines())

    def who(self, key: str, **wanted: Any) -> set[int]:
        """Who has said a line that has a key, and these values."""
        return {line["pid"] for line in self.said if key in line and wanted.items() <= line.items()}

    def lines(self) -> Iterator[dict[str, Any]]:
        """What is said, as it is."""
        for text in self._lines:
            line = json.loads(text)
            self.said.append(line)
            yield line

    def signal(self, pid: int, number: signal.Signals) -> None:
        """Send one of the processes a signal; nothing comes of it if it has ended."""
        os.kill(pid, number)
