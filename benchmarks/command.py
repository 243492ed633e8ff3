"""A command: a program of others' that ours is compared with, run and measured from outside."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# Proxies are for the way to the internet, and the loopback must not go through them. Installed packages are
# compiled when they are installed, ours (an editable install) at their first import, unless this forbids it.
_KEPT_FROM_COMMANDS = frozenset(
    {"http_proxy", "https_proxy", "all_proxy", "no_proxy", "pythondontwritebytecode"}
)


@dataclass(frozen=True)
class Usage:
    """What a piece of work took.

    Attributes:
        wall_seconds: From its start to its end.
        cpu_seconds: User and system time, of its ended children as well.
    """

    wall_seconds: float
    cpu_seconds: float

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(self.wall_seconds + other.wall_seconds, self.cpu_seconds + other.cpu_seconds)


def run(
    *command: str | Path, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> Usage:
    """Run a command to its end. Its output is dropped.

    Args:
        command: The program and its arguments.
        folder: Its working folder; None: that of this process.
        environment: Variables over those of `clean_environment`.

    Raises:
        RuntimeError: It failed; the error has what it said.
    """
    started = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - the tools of the table, with our own arguments
        [*map(str, command)],
        cwd=folder,
        env={**clean_environment(), **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    said = process.stderr.read() if process.stderr is not None else b""
    cpu_seconds = reap(process)
    usage = Usage(time.perf_counter() - started, cpu_seconds)
    if process.stderr is not None:
        process.stderr.close()
    check(process, command, said)
    return usage


def reap(process: "subprocess.Popen[bytes]") -> float:
    """Wait for a child and say how many seconds of CPU it took, with those of its own children.

    Args:
        process: The child; its `returncode` is set.
    """
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def check(process: "subprocess.Popen[bytes]", command: Sequence[object], said: bytes) -> None:
    """Refuse to measure what went wrong.

    Args:
        process: An ended child.
        command: What it was started with.
        said: What it wrote to stderr.

    Raises:
        RuntimeError: It failed.
    """
    if process.returncode:
        shown = " ".join(map(str, command))
        raise RuntimeError(f"{shown} ended with {process.returncode}: {said.decode(errors='replace')}")


def clean_environment() -> dict[str, str]:
    """The environment without proxies, and with Python's files of bytecode."""
    return {name: value for name, value in os.environ.items() if name.lower() not in _KEPT_FROM_COMMANDS}
