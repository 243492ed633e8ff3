"""SHA-256 of files."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import _Hash

CHUNK_BYTES = 1 << 20


def hash_file(
    path: Path,
    on_bytes: Callable[[int], None],
    into: "_Hash | None" = None,
    size_bytes: int | None = None,
) -> "_Hash":
    """Hash a file in chunks of 1 MiB.

    Args:
        path: The file.
        on_bytes: Called with the size of each chunk that has been hashed; may raise to stop.
        into: A hash to go on with; a new SHA-256 where it is None.
        size_bytes: How much of it, from its start; None for all.

    Returns:
        The hash, which can be gone on with.

    Raises:
        OSError: The file cannot be read.
    """
    digest = into if into is not None else hashlib.sha256()
    view = memoryview(bytearray(CHUNK_BYTES))
    left = size_bytes
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(view if left is None else view[:left]):
            digest.update(view[:count])
            left = None if left is None else left - count
            on_bytes(count)
    return digest
