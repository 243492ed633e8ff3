"""One file of an asset: its size and times, by which a warm hit is judged, and its digest."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from openmas_assets.actors.cache.layout import INFO_NAME
from openmas_assets.messages.base import IS_BUILT_LATE


class FileRecord(BaseModel):
    """One file of an asset, as it was when its bytes were verified.

    Attributes:
        size_bytes: Its size; of a link, the length of its target.
        mtime_ns: Its modification time, in nanoseconds since the epoch.
        ctime_ns: The time of its last change of any kind, in nanoseconds since the epoch.
        sha256: 64 hex digits; None for a link.
        link: The target of a symbolic link; None for a file.
    """

    model_config = ConfigDict(frozen=True, defer_build=IS_BUILT_LATE)

    size_bytes: int = Field(ge=0)
    mtime_ns: int
    ctime_ns: int
    sha256: str | None = None
    link: str | None = None

    @classmethod
    def of(cls, path: Path, sha256: str | None) -> "FileRecord":
        """Record a file, whose bytes have just been written or hashed, or a link.

        Args:
            path: The file.
            sha256: Its digest; None for a link.

        Raises:
            OSError: It cannot be read.
        """
        status = os.lstat(path)
        link = str(path.readlink()) if stat.S_ISLNK(status.st_mode) else None
        return cls(
            size_bytes=status.st_size,
            mtime_ns=status.st_mtime_ns,
            ctime_ns=status.st_ctime_ns,
            sha256=sha256,
            link=link,
        )

    def is_intact(self, path: Path) -> bool:
        """Whether sizes and times are still those of the record.

        Args:
            path: The file.
        """
        try:
            status = path.lstat()
        except (OSError, ValueError):
            return False
        return (status.st_size, status.st_mtime_ns, status.st_ctime_ns) == (
            self.size_bytes,
            self.mtime_ns,
            self.ctime_ns,
        )

    def has_same_content_time(self, path: Path) -> bool:
        """Whether size and modification time are those of the record, though its owner or mode may not be.

        Args:
            path: The file.
        """
        try:
            status = path.lstat()
        except (OSError, ValueError):
            return False
        return (status.st_size, status.st_mtime_ns) == (self.size_bytes, self.mtime_ns)

    def has_same_size(self, path: Path) -> bool:
        """Whether the size is still that of the record, whatever the times.

        Args:
            path: The file.
        """
        try:
            return path.lstat().st_size == self.size_bytes
        except (OSError, ValueError):
            return False


def files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file and link of an asset, with its path relative to the folder, in a stable order.

    Args:
        folder: The version folder, or the one that will become it. Its metadata is left out.

    Yields:
        The relative path with forward slashes, and the path.

    Raises:
        OSError: A folder cannot be read.
    """
    root_parts = len(folder.parts)
    for parent, folder_names, file_names in os.walk(folder, onerror=_raise):
        folder_names.sort()
        links = [name for name in folder_names if Path(parent, name).is_symlink()]
        # Once a folder: for each file it would take longer than all the rest.
        prefix = "".join(f"{part}/" for part in Path(parent).parts[root_parts:])
        for name in sorted(file_names + links):
            relative = prefix + name
            if relative != INFO_NAME:
                yield relative, Path(parent, name)


def _raise(error: OSError) -> None:
    raise error
