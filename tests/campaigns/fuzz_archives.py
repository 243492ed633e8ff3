"""Fuzzes archives: real ones with changes, and ones whose headers lie.

What is unpacked must be what Python's own reader says is in there, and in its folder; what is refused must
leave nothing behind.
"""

import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

from archives import FORMATS, Item, file, folder, hardlink, symlink, write_archive
from fetching import Fetching
from fuzz_input import HARMLESS_TEXTS, Choices, mutated_bytes
from fuzz_oracle import check, check_error
from fuzz_tar import hostile_tar
from fuzz_zip import hostile_zip
from openmas_assets.actors.cache.layout import INFO_NAME
from openmas_assets.actors.cache.unpack import UnpackLimits
from openmas_assets.actors.sources.fetched import TransferError
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.errors import AssetError
from unpack_sandbox import UnpackSandbox

Tree = dict[str, object]
"""What stands at each path: the bytes of a file, `/` for a folder, `-> target` for a link."""

_LIMITS = UnpackLimits(max_members=1000, max_bytes=2**24)
_PIECES = (
    *(b"\0" * 512, b"\xff" * 8, b"..", b"../", b"/", b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\6\6", b"PK\6\7"),
    *(b"PK\7\x08", b"\x1f\x8b\x08\0", b"BZh9", b"1AY&SY", b"ustar\0", b"ustar  \0", b"\x80"),
    *(b"\x01\0\x10\0", b"\xff\xff\xff\xff"),
)


class ArchiveTarget:
    """A folder among canaries to unpack into, and a cache to fetch archives into.

    Args:
        folder: An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._fetching = Fetching(folder)

    def run(self, choices: Choices) -> str:
        """See `fuzzing.Target`."""
        choices.texts = HARMLESS_TEXTS  # errors name members
        archive_format = choices.pick(FORMATS)
        (self._folder / "x").write_bytes(_archive(choices, archive_format))
        if choices.chance(4):
            return self._fetch(archive_format)
        sandbox_path = self._folder / "sandbox"
        shutil.rmtree(sandbox_path, ignore_errors=True)
        sandbox_path.mkdir()
        root = UnpackSandbox(sandbox_path)(self._folder / "x", archive_format, _LIMITS)
        found = _tree(root)
        expected = _expected(self._folder / "x", archive_format)
        check(expected is not None, f"a {archive_format} was unpacked that Python's reader refuses")
        check(found == expected, f"a {archive_format} became {_shown(found)}, not {_shown(expected or {})}")
        return f"{archive_format} was unpacked"

    def close(self) -> None:
        """See `fuzzing.Target`."""
        self._fetching.network.close()

    def _fetch(self, archive_format: str) -> str:
        """As an asset: it stands in the cache, or nothing of it does."""
        source = {"type": "local", "path": "x"}
        config = AssetConfig.model_validate(
            {"name": "a", "source": source, "unpack": True, "unpack_format": archive_format}
        )
        try:
            path = self._fetching.path(config, force_download=True)
        except (AssetError, TransferError) as error:
            check_error(error.error if isinstance(error, TransferError) else error)
            left = [str(path) for path in self._folder.glob("cache/model/**/*")]
            check(not left, f"a refused archive left {left[:5]}")
            said = "as an asset, an archive was refused"
        else:
            check((path / INFO_NAME).is_file(), "there is no metadata")
            shutil.rmtree(self._folder / "cache" / "model")
            said = "as an asset, an archive was unpacked"
        check(not self._fetching.staged(), f"in the staging folder is left {self._fetching.staged()[:5]}")
        return said


def _archive(choices: Choices, archive_format: str) -> bytes:
    match choices.below(7):
        case 0:
            return mutated_bytes(choices, _real(archive_format), _PIECES)
        case 1:
            return mutated_bytes(choices, _lying(choices, archive_format), _PIECES)
        case _:
            return _lying(choices, archive_format)


def _lying(choices: Choices, archive_format: str) -> bytes:
    choices.faults_left = choices.pick((0, 1, 1, 1, 2, 3, 1000))
    return hostile_zip(choices) if archive_format == "zip" else hostile_tar(choices, archive_format)


@cache
def _real(archive_format: str) -> bytes:
    items = [
        *(folder("a"), file("a/b", b"text " * 300), file("x" * 150, bytes(range(200)))),
        *(symlink("l", "a/../a/b"), symlink("a/up", "..")),
        Item("t", data=b"t", mode=0o755, pax={"mtime": "1.5"}),
    ]
    if archive_format != "zip":
        items.append(hardlink("h", "a/b"))
    with tempfile.TemporaryDirectory() as name:
        return write_archive(Path(name) / "x", archive_format, items).read_bytes()


def _tree(root: Path) -> Tree:
    found: Tree = {}
    for path in root.rglob("*"):
        status = path.lstat()
        check(
            not status.st_mode & (stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX),
            f"{path.name} has a special bit",
        )
        if path.is_symlink():
            check(path.resolve(strict=True).is_relative_to(root.resolve()), f"{path.name} leads out")
        found[path.relative_to(root).as_posix()] = (
            f"-> {os.readlink(path)}" if path.is_symlink() else "/" if path.is_dir() else path.read_bytes()  # noqa: PTH115
        )
    return found


def _expected(path: Path, archive_format: str) -> Tree | None:
    """What Python's own reader says; None if it refuses the archive."""
    tree: Tree = {}
    try:
        members = _zip_members(path) if archive_format == "zip" else _tar_members(path, archive_format)
    except Exception:  # noqa: BLE001 - of hostile archives it raises whatever it likes
        return None
    for name, content in members:
        parts = [part for part in name.split("/") if part not in ("", ".")]
        for length in range(1, len(parts)):
            tree.setdefault("/".join(parts[:length]), "/")
        if parts:
            tree["/".join(parts)] = content
    return tree


def _zip_members(path: Path) -> list[tuple[str, object]]:
    with zipfile.ZipFile(path) as archive:
        return [(info.filename, _zip_content(archive, info)) for info in archive.infolist()]


def _zip_content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> object:
    mode = info.external_attr >> 16
    if info.is_dir() or stat.S_ISDIR(mode):
        return "/"
    data = archive.read(info)
    return f"-> {data.decode('utf-8', 'surrogateescape')}" if stat.S_ISLNK(mode) else data


def _tar_members(path: Path, archive_format: str) -> list[tuple[str, object]]:
    with tarfile.open(path, f"r:{archive_format.partition('.')[2]}") as archive:  # type: ignore[call-overload]
        return [(info.name, _tar_content(archive, info)) for info in archive]


def _tar_content(archive: tarfile.TarFile, info: tarfile.TarInfo) -> object:
    if info.isdir():
        return "/"
    if info.issym():
        return f"-> {info.linkname}"
    file: Any = archive.extractfile(info)
    return file.read()


def _shown(tree: Tree) -> dict[str, str]:
    return {name: f"{content!r:.40}" for name, content in list(tree.items())[:8]}
