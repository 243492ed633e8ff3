"""The one file of an unpacked archive, for `unpack_destination_is_file`."""

import os
from collections.abc import Iterator
from pathlib import Path

from openmas_assets.messages.errors import AssetUnpackError

_LISTED_FILES = 10


def single_file(folder: Path) -> Path:
    """Find the one regular file below a folder, however deep it lies.

    Args:
        folder: The folder that an archive was unpacked to.

    Returns:
        The path of the file. Symbolic links are no regular files; the litter that macOS leaves in archives
        (`.DS_Store`, `__MACOSX/`) is.

    Raises:
        AssetUnpackError: There is none, or there are several: those are listed, up to ten of them.
        OSError: A folder could not be read.
    """
    paths: list[Path] = []
    count = 0
    for path in _regular_files(folder):
        count += 1
        if count <= _LISTED_FILES:
            paths.append(path)
    if count == 1:
        return paths[0]
    if not paths:
        raise AssetUnpackError(
            "the archive holds no file, but unpack_destination_is_file asks for the one that it holds",
            fix="Set unpack_destination_is_file: false.",
        )
    listed = ", ".join(repr(path.relative_to(folder).as_posix()) for path in paths)
    if count > len(paths):
        listed += f" and {count - len(paths)} more"
    raise AssetUnpackError(
        f"the archive holds {count} files, but unpack_destination_is_file asks for the only one: {listed}",
        fix="Set unpack_destination_is_file: false, or pack the one file alone.",
    )


def _regular_files(folder: Path) -> Iterator[Path]:
    folders = [os.fspath(folder)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            in_order = sorted(entries, key=lambda entry: entry.name)
        for entry in in_order:
            if entry.is_file(follow_symlinks=False):
                yield Path(entry.path)
        folders += [entry.path for entry in reversed(in_order) if entry.is_dir(follow_symlinks=False)]
