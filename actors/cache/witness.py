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
    path = f"{folder}/{INFO_NAME}"
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return Witness(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def are_unchanged(witnesses: Iterable[Witness]) -> bool:
    """Whether every witness still says what it said. One `lstat` each; reads no byte, never raises.

    Args:
        witnesses: As `AssetInfo.witnesses` gave them.
    """
    # Each request for a cached asset comes through here: one loop is half as slow as a call for each.
    try:
        for path, size_bytes, mtime_ns, ctime_ns in witnesses:
            status = os.lstat(path)
            if status.st_mtime_ns != mtime_ns:
                return False
            if size_bytes >= 0 and (status.st_size != size_bytes or status.st_ctime_ns != ctime_ns):
                return False
    except OSError:
        return False
    return True
