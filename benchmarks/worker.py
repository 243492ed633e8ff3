"""A worker: a child process that does a piece of our work when it is told to, and reports what that took.

It is up when the clock starts: the interpreter runs, `openmas_assets.actors` is imported, a manager is open.
What the work itself imports on its way counts. `worker_program.py` is what it runs.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Self

from command import Usage, check, clean_environment, reap

_PROGRAM = Path(__file__).with_name("worker_program.py")


class Worker:
    """A started worker; leaving the `with` block kills it if it still runs.

    Args:
        task: What it is to do; see `worker_program.py`.
        arguments: For the task; what JSON can hold.

    Attributes:
        whole_cpu_seconds: What its process took from its start to its end; there after `finish`.
    """

    def __init__(self, task: str, **arguments: Any) -> None:
        # A file: to a terminal progress would be drawn, and a pipe may fill up.
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self._command = [sys.executable, str(_PROGRAM), task]
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            self._command,
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
        )
        self.whole_cpu_seconds = 0.0
        self._write(json.dumps(arguments, default=str))  # too long for a command line

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._said):
            if pipe is not None:
                pipe.close()

    def await_ready(self) -> None:
        """Block until it is up.

        Raises:
            RuntimeError: It failed.
        """
        self._read()

    def go(self) -> None:
        """Have it work. Does not wait."""
        self._write("go")

    def await_done(self) -> "Report":
        """Block until the work is done.

        Raises:
            RuntimeError: It failed.
        """
        return Report(json.loads(self._read()))

    def finish(self) -> None:
        """Have it close its manager and end.

        Raises:
            RuntimeError: It failed.
        """
        if self._process.stdin is not None:
            self._process.stdin.close()
        self.whole_cpu_seconds = reap(self._process)
        self._said.seek(0)
        check(self._process, self._command, self._said.read())

    def _write(self, line: str) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()

    def _read(self) -> bytes:
        line = self._process.stdout.readline() if self._process.stdout is not None else b""
        if not line:
            self.finish()
            raise RuntimeError(f"{' '.join(self._command)} ended without a report")
        return line


class Report(dict[str, Any]):
    """What a worker has to say: `wall_seconds`, `cpu_seconds`, `grown_bytes` and what its task adds."""

    @property
    def usage(self) -> Usage:
        """What the work took, without the start of the process."""
        return Usage(self["wall_seconds"], self["cpu_seconds"])


def work(task: str, **arguments: Any) -> Report:
    """Start a worker, have it work, and end it.

    Args:
        task: See `Worker`.
        arguments: See `Worker`.

    Raises:
        RuntimeError: It failed.
    """
    with Worker(task, **arguments) as worker:
        worker.await_ready()
        worker.go()
        report = worker.await_done()
        worker.finish()
        report["whole_cpu_seconds"] = worker.whole_cpu_seconds
        return report
