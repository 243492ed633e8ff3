"""Work in progress: folders that belong to one process each, and that the next one can take over."""

import contextlib
import functools
import os
import secrets
import stat
import time
from pathlib import Path
from typing import Annotated, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from openmas_assets.actors.cache.folders import make_folder, make_private, remove_empty_folders, remove_tree
from openmas_assets.actors.cache.owner import Owner
from openmas_assets.messages.base import IS_BUILT_LATE

# Of another machine nobody can see here whether a process lives: after so long without a byte it does not.
_FOREIGN_IDLE_SECONDS = 600.0
_FREE = "free"
# The names of the parts that this process works on. Another part of its own is one that it could not remove,
# from a disk that was read-only at that moment for example, and is as free as a dead process's.
_in_use: set[str] = set()


class Journal(BaseModel):
    """What must be known to go on with a part. Stored as `journal.json` beside the bytes.

    Attributes:
        fingerprint: Of the asset's configuration that the bytes were asked for with.
        validator: The strong ETag or the Last-Modified date of the version that the bytes are of; None if
            the server named none, in which case the part cannot be resumed.
        bytes_total: How many bytes there will be, None if unknown.
        arrived: Of a part that comes over several connections: start and end, half-open, of each range that
            is there; None where that is all that the file holds.
        boot: The run of the machine in which the bytes arrived, as nobody knows what a crash of it leaves of
            them; None where there are no ranges and a checksum will tell.
        begun_at: When the transfer began, as `info.now_text` has it.
    """

    model_config = ConfigDict(frozen=True, defer_build=IS_BUILT_LATE)

    fingerprint: str
    # It is sent to the server: from a damaged file nothing gets there that cannot stand in a header.
    validator: Annotated[str, Field(pattern=r"^[!-~\x80-\xff][ -~\x80-\xff]*$")] | None = None
    bytes_total: int | None = None
    arrived: tuple[tuple[int, int], ...] | None = None
    boot: str | None = None
    begun_at: str = ""

    @model_validator(mode="after")
    def _has_ranges_in_order(self) -> Self:
        position = 0
        for start, end in self.arrived or ():
            if not position <= start < end <= (self.bytes_total or 0):
                raise ValueError("the ranges are not in order")
            position = end
        return self

    def ranges_within(self, size_bytes: int) -> tuple[tuple[int, int], ...]:
        """Which ranges are there.

        Args:
            size_bytes: How large the file is; none is believed to be behind its end.
        """
        if self.boot != Owner.current().boot and (self.arrived is not None or self.boot is not None):
            return ()
        if self.arrived is None:
            return ((0, size_bytes),) if size_bytes else ()
        return tuple((start, min(end, size_bytes)) for start, end in self.arrived if start < size_bytes)


class Holder(NamedTuple):
    """Who works on an asset, and how far that is.

    Attributes:
        owner: The process.
        bytes_done: Bytes that have arrived.
        bytes_total: Bytes there will be, None if unknown.
    """

    owner: Owner
    bytes_done: int
    bytes_total: int | None


class Staging:
    """One folder of work in progress on one asset, claimed by this process.

    A claim is a rename: `.staging/<key>/<id>.free` or the folder of a dead process becomes
    `.staging/<key>/<id>.<owner>`. Renaming is atomic on every file system, so two processes never write
    one part, even where file locks do not work.

    The folder is its user's alone, whatever the umask; what is in it follows the umask, as it becomes the
    asset. In a cache that users share each has parts of his own.

    Attributes:
        path: The claimed folder.
        is_new: Whether nothing was in it when it was claimed.
        is_resumed: Whether bytes of an earlier attempt may be in what it will be.
    """

    def __init__(self, path: Path, *, is_new: bool = False) -> None:
        self.path = path
        self.is_new = is_new
        self.is_resumed = False
        self._is_abandoned = False
        self._noted: Journal | None = None

    @classmethod
    def claim(cls, folder: Path, fingerprint: str) -> "Staging":
        """Take over the largest part that can be resumed, else start an empty one; sweep the others.

        Args:
            folder: The asset's staging folder, as `CacheLayout.staging_folder` has it.
            fingerprint: Of the asset's configuration; a part of another one is swept.

        Raises:
            OSError: The disk refused.
        """
        best: Staging | None = None
        for path in abandoned(folder):
            claimed = cls.take(path)
            if claimed is None:
                continue
            if best is None and claimed.is_resumable(fingerprint):
                best, claimed.is_resumed = claimed, True
            else:
                claimed.remove()
        return best or cls.start(folder)

    @classmethod
    def start(cls, folder: Path) -> "Staging":
        """Start an empty part, whatever others there are.

        Args:
            folder: The asset's staging folder.

        Raises:
            OSError: The disk refused.
        """
        path = Path(f"{folder}/{secrets.token_hex(8)}.{Owner.current()}")
        _in_use.add(path.name)  # before anybody can see it
        try:
            make_folder(path, 0o700)
        except OSError:
            _in_use.discard(path.name)
            raise
        make_private(path)
        return cls(path, is_new=True)

    @classmethod
    def take(cls, path: Path) -> "Staging | None":
        """Take over a part that nobody works on.

        Args:
            path: One of `abandoned`.

        Returns:
            None if another process was quicker, it is another user's, or the disk refuses.
        """
        make_private(path)  # somebody may have opened it, or been killed before it was private
        if not os.access(path, os.R_OK | os.W_OK | os.X_OK):  # another user's
            return None
        claimed = path.with_name(f"{secrets.token_hex(8)}.{Owner.current()}")
        _in_use.add(claimed.name)
        try:
            path.rename(claimed)
        except OSError:
            _in_use.discard(claimed.name)
            return None
        return cls(claimed)

    @functools.cached_property
    def data_path(self) -> Path:
        """Where the transferred bytes go."""
        return Path(f"{self.path}/data")

    @functools.cached_property
    def hub_path(self) -> Path:
        """Where the Hugging Face library puts its files."""
        return self.path / "hub"

    @functools.cached_property
    def tree_path(self) -> Path:
        """The folder that becomes the version folder."""
        return Path(f"{self.path}/tree")

    @property
    def journal(self) -> Journal | None:
        """What is known of the part; None if nothing or nothing readable is."""
        return self._noted or _read_journal(self.path)

    def note_journal(self, journal: Journal) -> None:
        """Say of what the part will be, to be written if it is left to whoever asks next.

        That spares what comes at once a file; of a process that is killed such a part is worth nothing.

        Args:
            journal: What to say.
        """
        self._noted = journal

    def write_journal(self, journal: Journal) -> None:
        """Say of what the part will be. To be written before the first byte is.

        Args:
            journal: What to say.

        Raises:
            OSError: The disk refused.
        """
        temporary = self.path / "journal.new"
        temporary.write_text(journal.model_dump_json(), encoding="utf-8")
        temporary.replace(self.path / "journal.json")
        self._noted = None

    @property
    def bytes_done(self) -> int:
        """How many bytes the part holds."""
        return _data_size(self.path)

    @property
    def missing(self) -> tuple[tuple[int, int], ...]:
        """Start and end of each range that is not there; empty where only the end of the file is missing."""
        journal = self.journal
        if journal is None or journal.arrived is None or journal.bytes_total is None:
            return ()
        ranges = journal.ranges_within(_file_size(self.data_path))
        if not ranges or (len(ranges) == 1 and ranges[0][0] == 0):
            return ()
        starts = [0, *(end for _, end in ranges)]
        ends = [*(start for start, _ in ranges), journal.bytes_total]
        return tuple((start, end) for start, end in zip(starts, ends, strict=True) if start < end)

    def start_over(self) -> None:
        """Forget what has arrived.

        Raises:
            OSError: The disk refused.
        """
        self._noted = None
        (self.path / "journal.json").unlink(missing_ok=True)
        self.data_path.unlink(missing_ok=True)
        remove_tree(self.hub_path)
        self.drop_tree()

    def drop_tree(self) -> None:
        """Remove a half-built version folder; the transferred bytes stay."""
        remove_tree(self.tree_path)

    def abandon(self) -> None:
        """Leave the part as it is: somebody whom we cannot stop still writes there.

        It stays ours, and is swept by the next one who asks once this process has ended.
        """
        self._is_abandoned = True

    def release(self) -> None:
        """Leave the part to whoever asks next; remove it if nothing in it can be resumed. Never raises."""
        if self._is_abandoned:
            return
        if self.is_resumable(None):
            self.drop_tree()
            with contextlib.suppress(OSError):
                if self._noted is not None:
                    self.write_journal(self._noted)
                self.path.rename(self.path.with_name(f"{self.path.name.partition('.')[0]}.{_FREE}"))
            _in_use.discard(self.path.name)
        else:
            self.remove()

    def remove(self) -> None:
        """Remove the part, and the folders above it that are empty then. Never raises."""
        if self._is_abandoned:
            return
        try:
            os.rmdir(self.path)  # noqa: PTH106 - after a commit it is empty; `rmtree` takes ten times as long
        except OSError:
            remove_tree(self.path)
        remove_empty_folders(self.path.parent, depth=4)
        _in_use.discard(self.path.name)

    def is_resumable(self, fingerprint: str | None) -> bool:
        """Whether a transfer can go on with the part.

        Args:
            fingerprint: Of the asset's configuration; None if any will do.
        """
        journal = self.journal
        return (
            journal is not None
            and journal.validator is not None
            and fingerprint in (None, journal.fingerprint)
            and self.bytes_done > 0
        )


def find_holder(folder: Path) -> Holder | None:
    """Who works on the asset: the live process with the most bytes, None if there is none.

    Args:
        folder: The asset's staging folder.
    """
    holders = [
        Holder(owner, _data_size(path), journal.bytes_total if (journal := _read_journal(path)) else None)
        for path in _parts(folder)
        if (owner := _owner(path)) is not None and not owner.is_dead
    ]
    return max(holders, key=lambda holder: holder.bytes_done, default=None)


def resumable_bytes(folder: Path, fingerprint: str) -> int:
    """How many bytes the next transfer need not fetch again.

    Args:
        folder: The asset's staging folder.
        fingerprint: Of the asset's configuration.
    """
    parts = (Staging(path) for path in _parts(folder))
    return max((part.bytes_done for part in parts if part.is_resumable(fingerprint)), default=0)


def abandoned(folder: Path) -> list[Path]:
    """The parts that nobody works on, those with the most bytes first.

    Args:
        folder: The asset's staging folder.
    """
    return sorted((path for path in _parts(folder) if _is_abandoned(path)), key=_data_size, reverse=True)


def _parts(folder: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        # (Of most assets there is no such folder, and pathlib takes twice as long to say so.)
        return [folder / name for name in os.listdir(folder) if "." in name]  # noqa: PTH208
    return []


def _owner(path: Path) -> Owner | None:
    return Owner.parse(path.name.partition(".")[2])


def _is_abandoned(path: Path) -> bool:
    owner = _owner(path)
    if owner is None or owner.is_dead:
        return True
    if owner == Owner.current():
        return path.name not in _in_use
    # A time that lies so far ahead is no sign of life either, but of a clock that has been set back.
    return not owner.is_local and abs(time.time() - _touched_at(path)) > _FOREIGN_IDLE_SECONDS


def _touched_at(path: Path) -> float:
    times = [0.0]
    for file in (path, path / "data", path / "tree"):
        with contextlib.suppress(OSError):
            times.append(file.stat().st_mtime)
    return max(times)


def _data_size(path: Path) -> int:
    journal = _read_journal(path)
    size_bytes = _file_size(path / "data")
    if journal is not None:
        size_bytes = sum(end - start for start, end in journal.ranges_within(size_bytes))
    for folder, folder_names, names in os.walk(path / "hub"):
        folder_names[:] = [name for name in folder_names if name != ".cache"]  # the library's own notes
        size_bytes += sum(_file_size(Path(folder, name)) for name in names)
    return size_bytes


def _file_size(path: Path) -> int:
    """0 of what is no file, for nothing can be gone on with there."""
    try:
        status = path.stat()
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _read_journal(path: Path) -> Journal | None:
    try:
        return Journal.model_validate_json((path / "journal.json").read_bytes())
    except (OSError, ValidationError):
        return None
