"""A real pseudo-terminal with a Python program in it."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Condition, Thread
from typing import Self


class Terminal:
    """A Python program whose standard streams are one terminal; leaving the `with` block kills it.

    Args:
        script: The program.
        arguments: Its `sys.argv[1:]`.
        columns: How wide the terminal is.
        env: Variables over those of this process; None removes one.
        folder_path: Its working folder.
    """

    def __init__(
        self,
        script: Path,
        *arguments: str,
        columns: int = 80,
        env: Mapping[str, str | None] | None = None,
        folder_path: Path | None = None,
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        variables = {**os.environ, "TERM": "xterm", "NO_COLOR": None, "COLUMNS": None, **(env or {})}
        self._process = subprocess.Popen(
            [sys.executable, str(script), *arguments],
            env={name: text for name, text in variables.items() if text is not None},
            cwd=folder_path,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self._changed = Condition()
        self._output = b""
        self._is_closed = False
        self._reader = Thread(target=self._read, name="terminal-output", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        os.close(self._master)

    @property
    def text(self) -> str:
        """What was written so far, with the terminal's line ends as plain ones."""
        with self._changed:
            return self._output.decode(errors="replace").replace("\r\n", "\n")

    @property
    def screen(self) -> list[str]:
        """How it looks: its lines without trailing blanks, the cursor's the last one. Nothing may be wrapped.

        Of all that commands a terminal it knows the returns and the cursor-up of progress bars.
        """
        lines, row, column = [""], 0, 0
        for piece in re.findall(r"\r|\n|\x1b\[A|[^\r\n\x1b]+", self.text.replace("\n", "\r\n")):
            if piece == "\r":
                column = 0
            elif piece == "\n":
                row += 1
                lines += [""] * (row == len(lines))
            elif piece == "\x1b[A":
                row -= 1
            else:
                line = lines[row].ljust(column)
                lines[row] = line[:column] + piece + line[column + len(piece) :]
                column += len(piece)
        return [line.rstrip() for line in lines[:row]] + [lines[row][:column] + lines[row][column:].rstrip()]

    def wait_for(self, text: str, timeout_seconds: float = 30) -> None:
        """Block until `text` has been written.

        Raises:
            TimeoutError: It has not; the message has what was.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: text in self.text or self._is_closed, timeout_seconds):
                raise TimeoutError(f"no {text!r}, but: {self.text!r}")
        if text not in self.text:
            raise TimeoutError(f"the program has ended without {text!r}, but: {self.text!r}")

    def type(self, text: str) -> None:
        """Type on the keyboard."""
        os.write(self._master, text.encode())

    def signal(self, number: int) -> None:
        """Send a signal to the program."""
        self._process.send_signal(number)

    @property
    def is_running(self) -> bool:
        """Whether the program has not ended yet."""
        return self._process.poll() is None

    def wait(self, timeout_seconds: float = 30) -> int:
        """Block until the program ends, and return its exit status."""
        returncode = self._process.wait(timeout_seconds)
        self._reader.join(timeout_seconds)
        return returncode

    def _read(self) -> None:
        # The end of a terminal is an error on Linux and an empty read elsewhere.
        with suppress(OSError):
            while piece := os.read(self._master, 65536):
                with self._changed:
                    self._output += piece
                    self._changed.notify_all()
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
