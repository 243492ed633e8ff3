"""Bytes from a local path: a file or a folder, copied in the cheapest way the platform has."""

import contextlib
import errno
import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from openmas_assets.actors.cache.checksum import CHUNK_BYTES, hash_file
from openmas_assets.actors.cache.layout import INFO_NAME
from openmas_assets.actors.cache.staging import Staging
from openmas_assets.actors.monitor import Monitor
from openmas_assets.actors.project import resolve_local_path
from openmas_assets.actors.sources.fetched import Fetched, TransferError
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.errors import AssetConfigurationError, AssetDownloadError
from openmas_assets.messages.source import LocalSource
from openmas_assets.messages.status import Witness

_FICLONE = 0x40049409  # ioctl_ficlone(2): share the blocks instead of copying them (btrfs, xfs)
_COPY_BYTES = 1 << 26  # one copy_file_range call: large enough to be cheap, small enough to be aborted
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class LocalSnapshot(NamedTuple):
    """A local source as it is at one moment: what must stay the same for a copy to be good.

    Attributes:
        state: Size and time of a file; for a folder a digest over those of everything below it.
        witness: What shows a change of a file without a walk; None for a folder.
    """

    state: str
    witness: Witness | None

    @classmethod
    def take(cls, source: LocalSource, project_root: Path) -> "LocalSnapshot | None":
        """Look at a source, reading no byte of it.

        Args:
            source: The source.
            project_root: What a relative path is relative to.

        Returns:
            None if it is not there or cannot be looked at.
        """
        try:
            return cls.of(resolve_local_path(source, project_root))
        except (OSError, AssetConfigurationError):
            return None

    @classmethod
    def of(cls, path: Path) -> "LocalSnapshot":
        """Look at a file or folder, reading no byte of it.

        Args:
            path: Its absolute path.

        Raises:
            OSError: It, or something below it, is not there or cannot be looked at.
        """
        status = path.stat()
        if not stat.S_ISDIR(status.st_mode):
            path = path.resolve()
            witness = Witness(str(path), status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            return cls(f"{status.st_size}:{status.st_mtime_ns}", witness)
        digest = hashlib.sha256()
        for relative, file in _walk(path):
            entry = file.stat()
            digest.update(os.fsencode(f"{relative}\0{entry.st_size}\0{entry.st_mtime_ns}\0"))
        return cls(digest.hexdigest(), None)


def fetch_local(
    config: AssetConfig, source: LocalSource, project_root: Path, staging: Staging, monitor: Monitor
) -> Fetched:
    """Copy a file to `staging.data_path`, or what is in a folder to `staging.tree_path`.

    Links are followed: what is copied is what an agent would have read. A worker's thread.

    Args:
        config: The asset.
        source: Its source.
        project_root: What a relative path is relative to.
        staging: Where the bytes go.
        monitor: Is told of each chunk.

    Raises:
        TransferError: The source is not there, cannot be read, or changes while it is copied.
        AssetConfigurationError: What is declared of it does not fit a folder.
        OSError: The disk refused.
        JobAbortedError: The job is to stop.
    """
    path = resolve_local_path(source, project_root)
    staging.start_over()
    copy = _Copy(config, monitor)
    with copy.reading(path):
        before = LocalSnapshot.of(path)
    try:
        if before.witness is None:
            _check_folder(config, path, staging)
            fetched = Fetched(None, copy.folder(path, staging.tree_path), before.state)
        else:
            fetched = Fetched(copy.file(path, staging.data_path), None, before.state)
    except TransferError:
        if LocalSnapshot.take(source, project_root) == before:
            raise
        raise _changed(config, path) from None
    if LocalSnapshot.take(source, project_root) != before:
        raise _changed(config, path)
    return fetched


class _Copy:
    """One copying: the bytes done so far, over all files."""

    def __init__(self, config: AssetConfig, monitor: Monitor) -> None:
        self._config = config
        self._monitor = monitor
        self._bytes_done = 0
        self._bytes_total = 0

    def folder(self, source: Path, target: Path) -> dict[str, str]:
        """Copy everything below a folder; the digest of each file by its relative path."""
        with self.reading(source):
            entries = [(relative, path, path.stat()) for relative, path in _walk(source)]
        self._bytes_total = sum(
            status.st_size for _, _, status in entries if not stat.S_ISDIR(status.st_mode)
        )
        target.mkdir()
        digests = {}
        for relative, path, status in entries:
            self._check_name(relative, path)
            if stat.S_ISDIR(status.st_mode):
                (target / relative).mkdir()
            else:
                digests[relative] = self._copy(path, target / relative)
        return digests

    def file(self, source: Path, target: Path) -> str:
        """Copy one file; its digest."""
        return self._copy(source, target)

    @contextlib.contextmanager
    def reading(self, path: Path) -> Iterator[None]:
        """Whatever the system refuses in this context is the source's fault, not the cache's."""
        try:
            yield
        except OSError as error:
            where = Path(error.filename) if isinstance(error.filename, str) else path
            raise _refused(self._config, where, _reason(where, error)) from None

    def _check_name(self, relative: str, path: Path) -> None:
        if relative.casefold() == INFO_NAME:
            raise _refused(self._config, path, "has the name of the cache's own metadata")
        try:
            relative.encode()
        except UnicodeEncodeError:
            raise _refused(self._config, path, "has a name that is not UTF-8") from None

    def _copy(self, source: Path, target: Path) -> str:
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # no fifo holds us
        with self.reading(source):
            source_fd = os.open(source, flags)
        try:
            status = os.fstat(source_fd)
            if not stat.S_ISREG(status.st_mode):
                raise _refused(self._config, source, "is neither a file nor a folder")
            self._bytes_total = max(self._bytes_total, status.st_size)
            with target.open("xb", buffering=0) as file:
                self._transfer(source, source_fd, file.fileno(), status.st_size)
                if status.st_mode & stat.S_IXUSR:
                    mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                    target.chmod(mode | (mode & 0o444) >> 2)  # whoever may read it may run it
        finally:
            os.close(source_fd)
        return hash_file(target, lambda _: self._monitor.check()).hexdigest()

    def _transfer(self, source: Path, source_fd: int, target_fd: int, size_bytes: int) -> None:
        if _clone(source_fd, target_fd):  # pragma: no cover - on btrfs and XFS
            self._on_bytes(size_bytes)
            return
        while count := _copy_range(source_fd, target_fd):
            self._on_bytes(count)
        # The plain way ends every copying: in-kernel copy has file systems that it does not work between,
        # and some where it says there is nothing left to copy when there is (procfs, FUSE).
        while count := self._copy_chunk(source, source_fd, target_fd):
            self._on_bytes(count)

    def _copy_chunk(self, source: Path, source_fd: int, target_fd: int) -> int:
        with self.reading(source):
            view = memoryview(os.read(source_fd, CHUNK_BYTES))
        count = len(view)
        while view:
            view = view[os.write(target_fd, view) :]
        return count

    def _on_bytes(self, count: int) -> None:
        self._bytes_done += count
        self._monitor.report("downloading", self._bytes_done, max(self._bytes_total, self._bytes_done))


def _clone(source_fd: int, target_fd: int) -> bool:
    if sys.platform != "linux":  # pragma: no cover - other systems
        return False
    import fcntl

    try:
        fcntl.ioctl(target_fd, _FICLONE, source_fd)
    except OSError:
        return False
    return True  # pragma: no cover - on btrfs and XFS


def _copy_range(source_fd: int, target_fd: int) -> int:
    """Copy some bytes inside the kernel; 0 at the end, and where the kernel cannot."""
    if sys.platform != "linux":  # pragma: no cover - other systems
        return 0
    try:
        return os.copy_file_range(source_fd, target_fd, _COPY_BYTES)
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise
        return 0


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """Everything below a folder with its relative path, links followed, parents before what is in them.

    A link to one of the folders above it would never end, and is left out.
    """
    pending: list[tuple[str, Path, tuple[Path, ...]]] = [("", folder, (folder.resolve(),))]
    while pending:
        prefix, parent, above = pending.pop()
        for path in sorted(parent.iterdir()):
            relative = f"{prefix}{path.name}"
            if path.is_dir():
                resolved = path.resolve()
                if resolved not in above:
                    yield relative, path
                    pending.append((f"{relative}/", path, (*above, resolved)))
            else:
                yield relative, path


def _check_folder(config: AssetConfig, path: Path, staging: Staging) -> None:
    if staging.path.resolve().is_relative_to(path.resolve()):
        raise AssetConfigurationError(
            f"the local source {path} holds the cache folder, and so would be copied into itself",
            asset_name=config.name,
            fix="Set OPENMAS_ASSETS_DIR to a folder outside of it.",
        )
    if config.checksum is not None or config.unpack:
        declared = "a checksum" if config.checksum is not None else "unpack"
        raise AssetConfigurationError(
            f"{declared} is declared, which is for one file, but the local source {path} is a folder",
            asset_name=config.name,
            fix="Remove it from the project file, or make the folder an archive.",
        )


def _changed(config: AssetConfig, path: Path) -> TransferError:
    error = AssetDownloadError(f"the local source {path} changed while it was copied", asset_name=config.name)
    return TransferError(error, is_retryable=True)


def _refused(config: AssetConfig, path: Path, why: str) -> TransferError:
    shown = os.fsencode(path).decode(errors="replace")
    error = AssetDownloadError(
        f"the local source {shown} {why}",
        asset_name=config.name,
        fix="Check source.path in the project file; a relative path starts at the folder of that file.",
    )
    return TransferError(error)


def _reason(path: Path, error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return "is a link to what does not exist" if path.is_symlink() else "does not exist"
    return f"cannot be read ({(error.strerror or type(error).__name__).lower()})"
