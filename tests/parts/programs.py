"""Real Python processes for tests: started, listened to, interrupted, killed, and always cleaned up."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from textwrap import dedent
from threading import Condition, Thread
from typing import IO, Self


class Program:
    """A Python child process, running once it is made; leaving the `with` block kills it and its children.

    Args:
        code: Source text, which may be indented, or the path of a file to run.
        arguments: Its `sys.argv[1:]`.
        env: Variables over those of this process; None removes one.
        folder_path: Its working folder; None: that of this process.
    """

    def __init__(
        self,
        code: str | Path,
        *arguments: str | Path,
        env: Mapping[str, str | None] | None = None,
        folder_path: Path | None = None,
    ) -> None:
        # -P: the working folder stays off sys.path, or a test in the repo's root would find its rooms there.
        source = [str(code)] if isinstance(code, Path) else ["-P", "-c", dedent(code)]
        variables = {**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})}
        self._process = subprocess.Popen(
            [sys.executable, *source, *map(str, arguments)],
            env={name: text for name, text in variables.items() if text is not None},
            cwd=folder_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            # A group of its own, so that its children can be killed with it.
            start_new_session=True,
        )
        self._stdout = _Output(self._process.stdout)
        self._stderr = _Output(self._process.stderr)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # The group outlives its first process as long as a child, which holds the pipes open, is in it.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._stdout.join()
        self._stderr.join()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def wait(self, timeout_seconds: float = 30) -> subprocess.CompletedProcess[str]:
        """Block until it ends; return its exit status (minus the signal's number if killed) and its output.

        Raises:
            TimeoutError: It is still running; the message has its output so far.
        """
        try:
            returncode = self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            said = f"stdout:\n{self._stdout.text()}\nstderr:\n{self._stderr.text()}"
            raise TimeoutError(f"the program still runs after {timeout_seconds} s; {said}") from None
        self._stdout.join(timeout_seconds)
        self._stderr.join(timeout_seconds)
        return subprocess.CompletedProcess(
            self._process.args, returncode, self._stdout.text(), self._stderr.text()
        )

    def lines(self, timeout_seconds: float = 30) -> Iterator[str]:
        """Yield the lines of stdout from the first on, without their ends, as they come, until it is closed.

        Raises:
            TimeoutError: A line did not come within `timeout_seconds`; the message has stderr so far.
        """
        for index in itertools.count():
            try:
                line = self._stdout.line(index, timeout_seconds)
            except TimeoutError as error:
                raise TimeoutError(f"{error}; stderr:\n{self._stderr.text()}") from None
            if line is None:
                return
            yield line

    def interrupt(self) -> None:
        """Send what Ctrl-C sends; nothing if it has ended."""
        self._process.send_signal(signal.SIGINT)

    def kill9(self) -> None:
        """Kill it at once, without a chance to clean up, and wait until it is gone; its children stay."""
        self._process.kill()
        self._process.wait()


class _Output:
    """A pipe of the child, read by a thread of its own so that the child never blocks on it."""

    def __init__(self, pipe: IO[str] | None) -> None:
        assert pipe is not None
        self._pipe = pipe
        self._lines: list[str] = []
        self._changed = Condition()
        self._is_closed = False
        self._reader = Thread(target=self._read, name="program-output", daemon=True)
        self._reader.start()

    def line(self, index: int, timeout_seconds: float) -> str | None:
        """Return a line as soon as it is there, or None behind the last one."""
        with self._changed:
            if not self._changed.wait_for(
                lambda: index < len(self._lines) or self._is_closed, timeout_seconds
            ):
                raise TimeoutError(f"no line within {timeout_seconds} s")
            return self._lines[index].rstrip("\n") if index < len(self._lines) else None

    def text(self) -> str:
        with self._changed:
            return "".join(self._lines)

    def join(self, timeout_seconds: float | None = None) -> None:
        self._reader.join(timeout_seconds)

    def _read(self) -> None:
        with self._pipe:
            for line in self._pipe:
                with self._changed:
                    self._lines.append(line)
                    self._changed.notify_all()
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
