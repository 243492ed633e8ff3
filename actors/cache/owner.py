"""Which process something on disk belongs to, and whether that process still lives."""

import contextlib
import functools
import hashlib
import os
import platform
import sys
from pathlib import Path
from typing import NamedTuple

_UNKNOWN = "0"


class Owner(NamedTuple):
    """A process, as one file name can tell it to other processes and other machines.

    Attributes:
        host: Ten hex digits of the machine's name and, where it has one, its machine id.
        boot: Ten hex digits of this run of the machine; `0` where that is unknown.
        namespace: Ten hex digits of the pid namespace, which a container has one of its own of; `0` likewise.
        pid: The process id.
        started: When the process started, in the kernel's clock ticks since boot; 0 where that is unknown.
    """

    host: str
    boot: str
    namespace: str
    pid: int
    started: int

    def __str__(self) -> str:
        return "-".join(str(field) for field in self)

    @classmethod
    def current(cls) -> "Owner":
        """This process."""
        return _current(os.getpid())

    @classmethod
    def parse(cls, text: str) -> "Owner | None":
        """Read what `str(owner)` wrote.

        Args:
            text: The text.

        Returns:
            None if it is no owner's.
        """
        parts = text.split("-")
        if len(parts) != len(cls._fields) or not all(part.isascii() and part.isdigit() for part in parts[3:]):
            return None
        return cls(parts[0], parts[1], parts[2], int(parts[3]), int(parts[4]))

    @property
    def is_local(self) -> bool:
        """Whether this process can tell if that one lives: same machine, same run of it, same namespace."""
        return (self.host, self.boot, self.namespace) == (_host(), _boot(), _namespace())

    @property
    def is_dead(self) -> bool:
        """Whether that process is known to have ended. False where it cannot be known from here."""
        if self.host == _host() and self.boot != _boot():
            return True  # the machine has been restarted since
        if not self.is_local:
            return False
        if not _is_running(self.pid):
            return True
        process = _look(self.pid)
        if process is None:
            return False  # pragma: no cover - there is no /proc, or it hides what other users run
        return process.is_zombie or self.started not in (0, process.started)


@functools.lru_cache(maxsize=1)  # for the process id, which a fork changes
def _current(pid: int) -> Owner:
    process = _look(pid)
    return Owner(_host(), _boot(), _namespace(), pid, process.started if process else 0)


class _Process(NamedTuple):
    started: int
    is_zombie: bool


def _look(pid: int) -> _Process | None:
    """Read fields 3, 20 and 22 of /proc/PID/stat, proc_pid_stat(5): state, number of threads, start time.

    A pid that was given out anew has another start time. A process that was killed keeps its pid until its
    parent asks for it, as a zombie; but a process with other threads left lives, though its first one is one.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return _Process(started=int(fields[19]), is_zombie=fields[0] in (b"Z", b"X") and int(fields[17]) <= 1)
    except (OSError, IndexError, ValueError):  # pragma: no cover - as above
        return None


def _is_running(pid: int) -> bool:
    if sys.platform == "win32":  # pragma: no cover - os.kill(pid, 0) would end the process there
        return True
    try:
        with contextlib.suppress(PermissionError):  # it is another user's
            os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    return True


@functools.cache
def _host() -> str:
    return _digest(platform.node() + _read("/etc/machine-id"))


@functools.cache
def _boot() -> str:
    return _digest(_read("/proc/sys/kernel/random/boot_id"))


@functools.cache
def _namespace() -> str:
    try:
        return _digest(str(Path("/proc/self/ns/pid").readlink()))
    except OSError:  # pragma: no cover - not on Linux
        return _UNKNOWN


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace").strip()
    except OSError:  # pragma: no cover - a container may have no machine id
        return ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:10] if text else _UNKNOWN
