"""What must not change for a copy to stay a hit."""

import os
from collections.abc import Iterable
from pathlib import Path

from openmas_assets.actors.cache.layout import INFO_NAME
from openmas_assets.messages.status import Witness


def metadata_witness(folder: Path) -> Witness | None:
    """What shows that the metadata is another one: a new copy, or one that `verify` has marked corrupt.

    To be asked for before the metadata is read, so that no change in between is missed.

    Args:
        folder: The version folder.

    Returns:
        None if there is no metadata, or it cannot be looked at.
    """
    path = folder / INFO_NAME
    try:
        status = path.lstat()
    except OSError:
        return None
    return Witness(str(path), status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def are_unchanged(witnesses: Iterable[Witness]) -> bool:
    """Whether every witness still says what it said. One `lstat` each; reads no byte, never raises.

    Args:
        witnesses: As `AssetInfo.witnesses` gave them.
    """
    try:
        return all(_is_unchanged(*witness) for witness in witnesses)
    except OSError:
        return False


def _is_unchanged(path: str, size_bytes: int, mtime_ns: int, ctime_ns: int) -> bool:
    status = os.lstat(path)
    if status.st_mtime_ns != mtime_ns:
        return False
    return size_bytes < 0 or (status.st_size == size_bytes and status.st_ctime_ns == ctime_ns)
