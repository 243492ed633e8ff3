"""The workbench: the folder, the data and the server that the rows are measured with."""

import contextlib
import hashlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeVar

from nginx import Nginx

T = TypeVar("T")

_MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108 - a fresh folder is made in it
_NEEDED_BYTES = 5 << 30
_BLOCK_BYTES = 1 << 20


class Workbench:
    """A temporary folder with what the rows need; leaving the `with` block stops the server and deletes it.

    Args:
        pair_count: How many pairs of measurements a row is made of.
        is_quick: Whether sizes are small: to see that it works, not how fast.

    Attributes:
        pair_count: As given.
        is_quick: As given.
        is_in_memory: Whether the folder is memory-backed, so that no disk hides what is measured.
        folder: The folder.
    """

    def __init__(self, *, pair_count: int, is_quick: bool) -> None:
        self.pair_count = pair_count
        self.is_quick = is_quick
        self.is_in_memory = _has_room_in_memory()
        self._stack = contextlib.ExitStack()
        self.folder = Path(
            self._stack.enter_context(
                tempfile.TemporaryDirectory(
                    prefix="openmas-bench-", dir=_MEMORY_FOLDER if self.is_in_memory else None
                )
            )
        )
        self._data = self.folder / "data"
        self._data.mkdir()
        self._numbers = itertools.count()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def sized(self, full: int, quick: int) -> int:
        """One of two sizes or counts: the table's, or a small one."""
        return quick if self.is_quick else full

    @cached_property
    def nginx(self) -> Nginx:
        """The server of `data_path`; started when it is first asked for."""
        return self._stack.enter_context(Nginx(self.folder / "nginx", self._data))

    def data_path(self, name: str) -> Path:
        """Where a file is that the server serves by that name."""
        return self._data / name

    def served_file(self, name: str, size_bytes: int) -> "ServedFile":
        """Make a file of random blocks for the server.

        Args:
            name: What it is called.
            size_bytes: How large it is.
        """
        path, block = self.data_path(name), os.urandom(min(_BLOCK_BYTES, size_bytes))
        with path.open("wb") as file:
            for _ in range(size_bytes // len(block)):
                file.write(block)
        return ServedFile(path)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """A new folder for one measurement, deleted when that is over."""
        path = self.folder / f"scratch-{next(self._numbers)}"
        path.mkdir()
        try:
            yield path
        finally:
            shutil.rmtree(path)

    def pairs(self, ours: Callable[[], T], reference: Callable[[], T], times: int = 1) -> list[tuple[T, T]]:
        """Measure ours and the reference in turn, the first of a pair being the second of the next.

        Args:
            ours: Measures ours once.
            reference: Measures the reference once.
            times: How many times as many pairs as usual: for what is over soon.
        """
        measured = []
        for number in range(self.pair_count * times):
            if number % 2:
                other = reference()
                measured.append((ours(), other))
            else:
                measured.append((ours(), reference()))
        return measured


class ServedFile:
    """A file that the server serves.

    Args:
        path: The file, complete.

    Attributes:
        path: As given.
        sha256: Its digest, 64 hex digits.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()

    def asset(self, url: str, **more: Any) -> dict[str, Any]:
        """The file as an entry of `assets` in a project file.

        Args:
            url: Where it is served.
            more: Other keys of the asset.
        """
        source = {"type": "http", "url": url}
        return {"name": self.path.name, "checksum": f"sha256:{self.sha256}", "source": source, **more}


def _has_room_in_memory() -> bool:
    return _MEMORY_FOLDER.is_dir() and shutil.disk_usage(_MEMORY_FOLDER).free > _NEEDED_BYTES
