"""Archives for tests: members in a list, written as they are by the real writers, however hostile."""

import io
import stat
import tarfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

TAR_MODES = {"tar": "w:", "tar.gz": "w:gz", "tar.bz2": "w:bz2"}
FORMATS = ("zip", *TAR_MODES)

_TAR_TYPES = {
    "file": tarfile.REGTYPE,
    "folder": tarfile.DIRTYPE,
    "symlink": tarfile.SYMTYPE,
    "hardlink": tarfile.LNKTYPE,
    "fifo": tarfile.FIFOTYPE,
    "device": tarfile.CHRTYPE,
    "disk": tarfile.BLKTYPE,
}
_ZIP_TYPES = {
    "file": stat.S_IFREG,
    "folder": stat.S_IFDIR,
    "symlink": stat.S_IFLNK,
    "fifo": stat.S_IFIFO,
    "device": stat.S_IFCHR,
    "disk": stat.S_IFBLK,
    "socket": stat.S_IFSOCK,
}


@dataclass(frozen=True)
class Item:
    name: str
    kind: str = "file"
    data: bytes = b""
    target: str = ""
    mode: int = 0o644
    mtime: float = 1_600_000_000
    pax: dict[str, str] = field(default_factory=dict)


def file(name: str, data: bytes = b"data", **more: int) -> Item:
    return Item(name, data=data, **more)  # type: ignore[arg-type]


def folder(name: str, mode: int = 0o755) -> Item:
    return Item(name, "folder", mode=mode)


def symlink(name: str, target: str) -> Item:
    return Item(name, "symlink", target=target)


def hardlink(name: str, target: str) -> Item:
    return Item(name, "hardlink", target=target)


def write_archive(path: Path, archive_format: str, items: Iterable[Item]) -> Path:
    """Write `items` to `path`, and return the path."""
    if archive_format == "zip":
        write_zip(path, items)
    else:
        write_tar(path, items, archive_format)
    return path


def write_tar(
    path: Path, items: Iterable[Item], archive_format: str = "tar", dialect: int = tarfile.PAX_FORMAT
) -> Path:
    with tarfile.open(path, TAR_MODES[archive_format], format=dialect) as archive:  # type: ignore[call-overload]
        for item in items:
            info = tarfile.TarInfo(item.name)
            info.type = _TAR_TYPES[item.kind]
            info.mode, info.mtime, info.linkname = item.mode, item.mtime, item.target
            info.size = len(item.data) if item.kind == "file" else 0
            info.pax_headers = item.pax
            archive.addfile(info, io.BytesIO(item.data))
    return path


def write_zip(path: Path, items: Iterable[Item], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for item in items:
            is_folder = item.kind == "folder" and not item.name.endswith("/")
            info = zipfile.ZipInfo(item.name + "/" * is_folder, (2020, 9, 13, 12, 26, 40))
            info.create_system = 3
            info.external_attr = (_ZIP_TYPES[item.kind] | item.mode) << 16
            info.compress_type = compression
            archive.writestr(info, item.target if item.kind == "symlink" else item.data)
    return path


def tar_header(name: str, type_flag: bytes = b"0", size: int = 0, **fields: object) -> bytes:
    """Make one header block, with any numbers: base-256 where octal cannot hold them."""
    info = tarfile.TarInfo(name)
    info.type, info.size = type_flag, size
    for key, value in fields.items():
        setattr(info, key, value)
    return info.tobuf(tarfile.GNU_FORMAT)


def pax_header(records: bytes, type_flag: bytes = b"x") -> bytes:
    return tar_header("PaxHeader", type_flag, len(records)) + records + bytes(-len(records) % 512)


def pax_record(key: str, value: str) -> bytes:
    tail = f" {key}={value}\n".encode()
    length = len(tail)
    while length != len(str(length)) + len(tail):
        length = len(str(length)) + len(tail)
    return str(length).encode() + tail


TAR_END = bytes(1024)
