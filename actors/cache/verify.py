"""Reading every byte of a copy and comparing it with what is known of it."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from openmas_assets.actors.cache.checksum import hash_file
from openmas_assets.actors.cache.file_record import FileRecord
from openmas_assets.actors.cache.info import AssetInfo, UnreadableInfoError, foreign_files
from openmas_assets.actors.cache.layout import CacheLayout
from openmas_assets.actors.cache.note import note
from openmas_assets.actors.monitor import Monitor
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.manager import VerificationOutcome

_MAX_SHOWN = 5


def verify_copy(
    layout: CacheLayout, config: AssetConfig, monitor: Monitor
) -> tuple[VerificationOutcome, str]:
    """Hash an asset's copy and note in its metadata what that showed. Blocks; a leaf worker's thread.

    A copy that differs is marked corrupt, one that is the same is trusted again. In a cache that cannot be
    written nothing is noted.

    Args:
        layout: The cache.
        config: The asset.
        monitor: Is told of the bytes that are done.

    Returns:
        The outcome, and for `failed` what differs.

    Raises:
        JobAbortedError: The job is to stop.
    """
    folder = layout.version_folder(config)
    try:
        while (info := AssetInfo.read(folder)) is not None:
            comparison = compare(folder, info, monitor)
            # Another process may have put a new copy there in the meantime, and that one is meant.
            if not comparison.detail or AssetInfo.read(folder) == info:
                break
        else:
            return "not_cached", ""
        noted = comparison.noted_in(info)
        if noted != info:
            with contextlib.suppress(OSError):
                note(layout, config, info, noted)
    except UnreadableInfoError as error:
        return "failed", error.problem
    detail = comparison.detail
    if not detail and config.checksum not in (None, f"sha256:{info.sha256}"):
        detail = f"{config.checksum} is declared, it is sha256:{info.sha256}"
    return ("failed", detail) if detail else ("verified", "")


@dataclass(frozen=True)
class Comparison:
    """What reading all of a copy showed.

    Attributes:
        detail: What differs, in words, a few files at the most; empty if nothing does.
        files: The records of the files with the times they had just before they were read.
    """

    detail: str
    files: dict[str, FileRecord]

    def noted_in(self, info: AssetInfo) -> AssetInfo:
        """The metadata after this comparison: distrusted, or trusted with the times of now.

        Args:
            info: The metadata before it.
        """
        if self.detail:
            return info.model_copy(update={"is_corrupt": True})
        # What was read after a restart has come from the disk.
        boot = None if info.is_lost_perhaps else info.unsynced_boot
        return info.model_copy(update={"is_corrupt": False, "files": self.files, "unsynced_boot": boot})


def compare(folder: Path, info: AssetInfo, monitor: Monitor) -> Comparison:
    """Hash an asset and compare it with its metadata. Blocks; a leaf worker's thread.

    Args:
        folder: The version folder.
        info: Its metadata.
        monitor: Is told of the bytes that are done.

    Raises:
        JobAbortedError: The job is to stop.
    """
    found: list[str] = []
    files: dict[str, FileRecord] = {}
    bytes_done = 0

    def on_bytes(count: int) -> None:
        nonlocal bytes_done
        bytes_done += count
        monitor.report("verifying", bytes_done, info.size_bytes)

    for name, record in info.files.items():
        try:
            # Before it is read: whoever changes it after that changes these times too.
            files[name] = FileRecord.of(folder / name, record.sha256)
            problem = _difference(folder / name, record, files[name], on_bytes)
        except FileNotFoundError:
            problem = "is missing"
        except OSError as error:
            problem = f"cannot be read: {error.strerror}"
        if problem:
            found.append(f"{name} {problem}")
    found += [f"{name} was added" for name in _added(folder, info)]
    more = [f"and {len(found) - _MAX_SHOWN} more"] if len(found) > _MAX_SHOWN else []
    return Comparison(", ".join(found[:_MAX_SHOWN] + more), files)


def _added(folder: Path, info: AssetInfo) -> list[str]:
    """What nobody has verified but an agent would find there."""
    if info.path != ".":
        return []
    try:
        return [name for name, _ in foreign_files(folder, info)]
    except OSError:
        return []


def _difference(path: Path, recorded: FileRecord, found: FileRecord, on_bytes: Callable[[int], None]) -> str:
    if found.link != recorded.link:
        return "is another link"
    if found.link is not None:
        return ""
    if not path.is_file():
        return "is no file any more"
    if found.size_bytes != recorded.size_bytes:
        return f"has {found.size_bytes:,} bytes instead of {recorded.size_bytes:,}"
    return "" if hash_file(path, on_bytes).hexdigest() == recorded.sha256 else "has other bytes"
