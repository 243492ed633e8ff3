"""The metadata beside an asset: `.asset_info.json`, what is needed to judge a hit."""

import itertools
import os
import re
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator

from openmas_assets.actors.cache.file_record import FileRecord, files_below
from openmas_assets.actors.cache.layout import INFO_NAME
from openmas_assets.actors.cache.owner import Owner
from openmas_assets.messages.errors import AssetCacheError, AssetError
from openmas_assets.messages.status import Witness

# With at most this many files and folders a warm hit compares each; beyond, the folders and some files.
_MAX_WITNESSES = 64
_WRITE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


class UnreadableInfoError(AssetError):
    """There is metadata, but it is not ours or damaged."""


def _check_inside(name: str) -> str:
    """Accept only what every other program would write for the same file: metadata may be anybody's work."""
    if _PLAIN_NAME.fullmatch(name):  # as most are; pathlib takes long to say so
        return name
    path = Path(name)
    if not path.parts or path.anchor or ".." in path.parts or "\0" in name or path.as_posix() != name:
        raise ValueError("the path leads out of the version folder")
    return name


class AssetInfo(BaseModel):
    """What is stored of an asset. Nothing in it is secret.

    Attributes:
        format: Of this file; another number is another program's.
        name: The asset's name.
        version: Its version.
        asset_type: Its type.
        source: Where it came from, without userinfo and query.
        fingerprint: See `AssetConfig.fingerprint`.
        checksum: The declared checksum, None where none was.
        sha256: Digest of what was transferred (of an archive: of the archive); None for a folder.
        path: What is handed out, relative to the version folder; `.` is that folder.
        files: Every file and link of the asset, by its path relative to the version folder.
        source_state: Of a local source: what `LocalSnapshot` said of it; None for others.
        commit: Of the Hub: the commit that the branch or tag meant when it was transferred; None for others.
        downloaded_at: When it was transferred, ISO 8601 in UTC.
        is_corrupt: Whether `verify` has found it to differ.
        unsynced_boot: As long as nobody has synced the files to the disk itself: the run of the machine, as
            `Owner.boot`, that they were written in. None once they are.
    """

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    name: str
    version: str
    asset_type: str
    source: str
    fingerprint: str
    checksum: str | None
    sha256: str | None
    path: str
    files: dict[Annotated[str, AfterValidator(_check_inside)], FileRecord]
    source_state: str | None = None
    commit: str | None = None
    downloaded_at: str
    is_corrupt: bool = False
    unsynced_boot: str | None = None

    @model_validator(mode="after")
    def _hands_out_what_was_verified(self) -> Self:
        if self.path != "." and self.path not in self.files:
            raise ValueError("the path is none of the files")
        return self

    @classmethod
    def read(cls, folder: Path) -> "AssetInfo | None":
        """Read the metadata of a version folder.

        Args:
            folder: The version folder.

        Returns:
            None if there is none.

        Raises:
            UnreadableInfoError: There is something else in its place.
        """
        path = folder / INFO_NAME
        try:
            return cls.model_validate_json(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except PermissionError:
            raise UnreadableInfoError(f"the metadata {path} may be read by another user only") from None
        except (OSError, ValidationError, ValueError, RecursionError):
            raise UnreadableInfoError(f"the metadata {path} cannot be read") from None

    def write(self, folder: Path) -> None:
        """Write the metadata into a folder that has none and is in nobody's sight; private to the user.

        Args:
            folder: What will become the version folder.

        Raises:
            AssetCacheError: A file has a name that is no text.
            OSError: The disk refused.
        """
        content = self._as_json().encode()
        path = f"{folder}/{INFO_NAME}"
        with open(os.open(path, _WRITE_FLAGS, 0o600), "wb") as file:  # noqa: PTH123
            file.write(content)

    def _as_json(self) -> str:
        # pydantic would write such a name with other characters, and the file would never be found again.
        names = [name for name in self.files if not _is_text(name)]
        if names:
            raise AssetCacheError(
                f"a file has a name that is not UTF-8: {', '.join(map(ascii, names[:3]))}",
                asset_name=self.name,
                fix="Rename it at the source.",
            )
        return self.model_dump_json(indent=1)

    @property
    def size_bytes(self) -> int:
        """Size of the asset's files in all."""
        return sum(record.size_bytes for record in self.files.values())

    @property
    def is_lost_perhaps(self) -> bool:
        """Whether the machine was restarted since, and its disk may never have got all of the bytes."""
        return self.unsynced_boot not in (None, Owner.current().boot)

    def is_intact(self, folder: Path) -> bool:
        """Whether every file is there with the size and the times of the record.

        Args:
            folder: The version folder.
        """
        return all(record.is_intact(folder / name) for name, record in self.files.items())

    def has_same_sizes(self, folder: Path) -> bool:
        """Whether every file is there with the size of the record, whatever its times.

        Args:
            folder: The version folder.
        """
        return all(record.has_same_size(folder / name) for name, record in self.files.items())

    def witnesses(self, folder: Path) -> tuple[Witness, ...]:
        """What of the files must not change for the copy to stay a hit. To be asked for while it is one.

        Every file and folder where they are few. Of a large tree the folders first (something that comes or
        goes changes those), then as many files as there is room for: a hit must not cost more for a larger
        asset. `verify` reads every byte whatever the size.

        Args:
            folder: The version folder.

        Raises:
            OSError: A folder cannot be read.
        """
        witnesses = [
            Witness(str(folder / path), -1, (folder / path).stat().st_mtime_ns, -1)
            for path in self._folders()[: _MAX_WITNESSES // 2]
        ]
        for name, record in itertools.islice(self.files.items(), _MAX_WITNESSES - len(witnesses)):
            witnesses.append(Witness(f"{folder}/{name}", record.size_bytes, record.mtime_ns, record.ctime_ns))
        return tuple(witnesses)

    def _folders(self) -> list[PurePosixPath]:
        """The folders of an asset that is a folder, the outermost first."""
        if self.path != ".":
            return []
        return sorted({PurePosixPath(), *(up for name in self.files for up in PurePosixPath(name).parents)})


def now_text() -> str:
    """The time, as metadata and journals have it: ISO 8601 in UTC; what is later is greater."""
    return datetime.now(tz=UTC).isoformat(timespec="microseconds")


def foreign_files(folder: Path, info: AssetInfo) -> list[tuple[str, Path]]:
    """What lies in a version folder besides the asset and its metadata.

    Args:
        folder: The version folder.
        info: Its metadata.

    Returns:
        For each file or link its path relative to the folder, and its path.

    Raises:
        OSError: A folder cannot be read.
    """
    return [(name, path) for name, path in files_below(folder) if name not in info.files]


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
