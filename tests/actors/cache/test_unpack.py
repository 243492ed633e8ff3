"""Good archives come out whole; each kind of hostile member refuses its archive."""

import datetime as dt
import errno
import gzip
import os
import shutil
import stat
import struct
import subprocess
import sys
import tarfile
import time
import zipfile
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from archives import (
    FORMATS,
    TAR_MODES,
    Item,
    file,
    folder,
    hardlink,
    symlink,
    write_archive,
    write_tar,
    write_zip,
)
from openmas_assets.actors.cache import member_path as rules
from openmas_assets.actors.cache.unpack import UnpackLimits, unpack
from openmas_assets.messages.errors import AssetUnpackError
from unpack_sandbox import UnpackSandbox, contents


@pytest.fixture
def unpack_here(tmp_path: Path) -> UnpackSandbox:
    return UnpackSandbox(tmp_path)


# --- good archives ---


@pytest.mark.parametrize("archive_format", FORMATS)
def test_an_archive_comes_out_with_all_its_files_and_folders(
    archive_format: str, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    big = os.urandom(3 * 2**20 + 17)
    items = [
        folder("a"),
        file("a/one.txt", b"1"),
        file("deep/er/two.bin", big),
        folder("empty"),
        file("ünï.txt", b""),
    ]
    root = unpack_here(write_archive(tmp_path / "x", archive_format, items), archive_format)
    expected = {"a": None, "a/one.txt": b"1", "deep": None, "deep/er": None, "deep/er/two.bin": big}
    assert contents(root) == expected | {"empty": None, "ünï.txt": b""}


@pytest.mark.parametrize("archive_format", FORMATS)
def test_an_archive_without_members_makes_an_empty_folder(
    archive_format: str, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    assert contents(unpack_here(write_archive(tmp_path / "x", archive_format, []), archive_format)) == {}


@pytest.mark.parametrize("archive_format", FORMATS)
def test_the_root_entry_and_dot_prefixes_of_real_tools_are_fine(
    archive_format: str, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    items = [folder("./"), folder("./a/"), file("./a/b", b"b"), file("a//./c", b"c")]
    root = unpack_here(write_archive(tmp_path / "x", archive_format, items), archive_format)
    assert contents(root) == {"a": None, "a/b": b"b", "a/c": b"c"}


@pytest.mark.parametrize(
    "compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_every_compression_of_zipfile_is_read(
    compression: int, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    data = bytes(range(256)) * 4096 + os.urandom(2**18)
    root = unpack_here(write_zip(tmp_path / "x", [file("a", data), file("b", b"")], compression), "zip")
    assert contents(root) == {"a": data, "b": b""}


def test_a_zip64_archive_of_unknown_length_is_read(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    with (tmp_path / "x").open("wb") as raw, zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        raw.seekable = lambda: False  # type: ignore[method-assign]
        with archive.open("a", "w", force_zip64=True) as member:
            member.write(b"zip64" * 1000)
    assert contents(unpack_here(tmp_path / "x", "zip")) == {"a": b"zip64" * 1000}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_of_more_members_than_the_old_format_can_count_is_read(
    tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    with zipfile.ZipFile(tmp_path / "x", "w") as archive:
        for _ in range(0x10000):  # root entries, which cost no time on disk
            archive.writestr(zipfile.ZipInfo("./"), b"")
        archive.writestr("last", b"data")
    assert contents(unpack_here(tmp_path / "x", "zip")) == {"last": b"data"}


def test_a_zip_comment_and_a_self_extractor_in_front_are_fine(
    tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    with zipfile.ZipFile(write_zip(tmp_path / "plain", [file("a")]), "a") as archive:
        archive.comment = b"made by hand"
    (tmp_path / "x").write_bytes(b"#!/bin/sh\nexit 1\n" + (tmp_path / "plain").read_bytes())
    assert contents(unpack_here(tmp_path / "x", "zip")) == {"a": b"data"}


@pytest.mark.parametrize("dialect", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_dialect_of_tar_is_read(dialect: int, tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    name = f"{'d' * 90}/{'e' * 90}"
    items = [file(name, b"long"), symlink("link", name[:99]), file("short", b"s")]
    items = (
        [items[0], items[2]]
        if dialect == tarfile.USTAR_FORMAT
        else [items[0], symlink("link", name), items[2]]
    )
    root = unpack_here(write_tar(tmp_path / "x", items, dialect=dialect), "tar")
    assert (root / name).read_bytes() == b"long"
    assert (root / "short").read_bytes() == b"s"


def test_a_gzip_file_of_several_streams_is_one_archive(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    plain = write_tar(tmp_path / "plain", [file("a", os.urandom(5000)), file("b", b"b" * 5000)]).read_bytes()
    cut = [0, 1, 700, 5000, len(plain)]
    streams = [gzip.compress(plain[start:end]) for start, end in pairwise(cut)]
    (tmp_path / "x").write_bytes(b"".join(streams) + bytes(512))
    assert sorted(contents(unpack_here(tmp_path / "x", "tar.gz"))) == ["a", "b"]


@pytest.mark.skipif(shutil.which("tar") is None, reason="no tar here")
@pytest.mark.parametrize(("archive_format", "flag"), [("tar", ""), ("tar.gz", "z"), ("tar.bz2", "j")])
def test_what_the_tar_command_packs_comes_out(
    archive_format: str, flag: str, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    source = tmp_path / "source"
    (source / "a" / ("long" * 40)).mkdir(parents=True)
    (source / "a" / ("long" * 40) / "file").write_bytes(b"1" * 70_000)
    (source / "link").symlink_to("a")
    os.link(source / "a" / ("long" * 40) / "file", source / "again")
    subprocess.run(["tar", f"-c{flag}f", tmp_path / "x", "-C", source, "."], check=True)
    root = unpack_here(tmp_path / "x", archive_format)
    assert contents(root) == contents(source)
    assert (root / "link").readlink() == Path("a")
    assert (root / "again").samefile(root / "a" / ("long" * 40) / "file")


@pytest.mark.skipif(shutil.which("zip") is None, reason="no zip here")
def test_what_the_zip_command_packs_comes_out(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    source = tmp_path / "source"
    (source / "a").mkdir(parents=True)
    (source / "a" / "tool").write_text("#!/bin/sh")
    (source / "a" / "tool").chmod(0o750)
    (source / "link").symlink_to("a/tool")
    os.utime(source / "a" / "tool", (1_500_000_001, 1_500_000_001))
    subprocess.run(["zip", "-qry", tmp_path / "x.zip", "."], cwd=source, check=True)
    root = unpack_here(tmp_path / "x.zip", "zip")
    assert contents(root) == contents(source)
    assert (root / "link").readlink() == Path("a/tool")
    assert (root / "a" / "tool").stat().st_mtime == 1_500_000_001
    assert (root / "a" / "tool").stat().st_mode & 0o100


# --- rights and times ---


@pytest.mark.parametrize("archive_format", FORMATS)
def test_only_the_execute_bit_of_the_archive_counts(
    archive_format: str, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    modes = {"plain": 0o644, "tool": 0o700, "set": 0o7777, "none": 0, "group_only": 0o010}
    items = [file(name, mode=mode) for name, mode in modes.items()] + [
        folder("shut", mode=0),
        file("shut/in"),
    ]
    archive_path = write_archive(tmp_path / "x", archive_format, items)
    before = os.umask(0o027)
    try:
        root = unpack_here(archive_path, archive_format)
    finally:
        os.umask(before)
    found = {path.relative_to(root).as_posix(): stat.S_IMODE(path.stat().st_mode) for path in root.rglob("*")}
    plain, executable = 0o640, 0o750
    assert found.pop("shut") == executable
    assert {found.pop("tool"), found.pop("set")} == {executable}
    assert found == dict.fromkeys(["plain", "none", "group_only", "shut/in"], plain)


@pytest.mark.parametrize("archive_format", TAR_MODES)
def test_a_file_keeps_its_time_of_change(
    archive_format: str, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    items = [file("a", mtime=1_600_000_000), Item("b", mtime=1_600_000_000.5), file("zero", mtime=0)]
    root = unpack_here(write_archive(tmp_path / "x", archive_format, items), archive_format)
    assert [(root / name).stat().st_mtime for name in ("a", "b", "zero")] == [
        1_600_000_000,
        1_600_000_000.5,
        0,
    ]


def test_the_time_of_a_zip_member_is_local_time(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    root = unpack_here(write_zip(tmp_path / "x", [file("a")]), "zip")
    assert time.localtime((root / "a").stat().st_mtime)[:6] == (2020, 9, 13, 12, 26, 40)


@pytest.mark.parametrize(
    ("mtime", "expected"), [("-5", 0), ("1e15", 2**32 - 1), ("-1e300", 0), ("1e300", 2**32 - 1)]
)
def test_a_time_out_of_range_is_clamped(
    mtime: str, expected: int, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    root = unpack_here(write_tar(tmp_path / "x", [Item("a", pax={"mtime": mtime})]), "tar")
    assert (root / "a").stat().st_mtime == expected


@pytest.mark.parametrize("mtime", ["nan", "inf", "1e999", "soon"])
def test_a_time_that_is_none_is_ignored(mtime: str, tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    unpack_here(write_tar(tmp_path / "x", [Item("a", pax={"mtime": mtime})]), "tar")


@pytest.mark.parametrize("flags", [0, 1])
def test_the_time_of_a_zip_member_in_utc_goes_before_its_local_time(
    flags: int, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    member = zipfile.ZipInfo("a", (2020, 9, 13, 12, 26, 40))
    member.extra = struct.pack("<2H", 0x7875, 0) + struct.pack("<2HBi", 0x5455, 5, flags, 1_500_000_000)
    with zipfile.ZipFile(tmp_path / "x", "w") as archive:
        archive.writestr(member, b"")
    local_time = dt.datetime(2020, 9, 13, 12, 26, 40).timestamp()  # noqa: DTZ001 - as zip has it
    assert (unpack_here(tmp_path / "x", "zip") / "a").stat().st_mtime == (
        1_500_000_000 if flags else local_time
    )


def test_a_zip_member_without_a_valid_date_is_unpacked(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    archive_path = write_zip(tmp_path / "x", [file("a")])
    date = (40 << 9 | 9 << 5 | 13).to_bytes(2, "little")
    archive_path.write_bytes(archive_path.read_bytes().replace(date, b"\0\0"))
    assert contents(unpack_here(archive_path, "zip")) == {"a": b"data"}


# --- links that stay inside ---

GOOD_LINKS = [
    folder("deep/down"), file("deep/x", b"x"), file("y", b"y"),
    symlink("early", "late/../deep/x"), symlink("late", "deep"), symlink("deep/down/up", "../../y"),
    symlink("chain", "early"), symlink("self", "."), symlink("deep/home", ".."),
    symlink("twice", "self/self/deep/"), symlink("a/short", "../deep/down"),
    symlink("kernel", "a/short/../x"),
]  # fmt: skip


@pytest.mark.parametrize("archive_format", FORMATS)
def test_links_that_stay_inside_work(archive_format: str, tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    root = unpack_here(write_archive(tmp_path / "x", archive_format, GOOD_LINKS), archive_format)
    ends = {
        item.name: (root / item.name).resolve(strict=True) for item in GOOD_LINKS if item.kind == "symlink"
    }
    deep = root / "deep"
    assert ends == {
        "early": deep / "x", "late": deep, "deep/down/up": root / "y", "chain": deep / "x",
        "self": root, "deep/home": root, "twice": deep, "a/short": deep / "down", "kernel": deep / "x",
    }  # fmt: skip


def test_a_hard_link_is_the_same_file(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    items = [file("a/b", b"once"), hardlink("c", "./a/b"), hardlink("d", "c")]
    root = unpack_here(write_tar(tmp_path / "x", items), "tar")
    assert (root / "c").samefile(root / "a/b")
    assert (root / "d").samefile(root / "a/b")


# --- hostile members ---

HOSTILE_NAMES = {
    "absolute": ("/tmp/evil", "absolute"),
    "absolute with two slashes": ("//server/share/evil", "absolute"),
    "absolute behind dots": (".//C:/evil", "absolute"),
    "a Windows drive": ("C:/evil", "absolute"),
    "relative to a Windows drive": ("c:evil", "absolute"),
    "a UNC path": ("\\\\server\\share\\evil", "backslash"),
    "backslashes": ("..\\evil", "backslash"),
    "dot dot": ("../evil", "'..'"),
    "dot dot in the middle": ("a/../../evil", "'..'"),
    "dot dot that stays inside": ("a/../evil", "'..'"),
    "dot dot at the end": ("a/..", "'..'"),
    "only dots": ("..", "'..'"),
    "the root": (".", "root"),
    "a newline": ("a\nb", "control character"),
    "an escape sequence": ("\x1b[2Jevil", "control character"),
    "a line separator": ("a\u2028b", "control character"),
    "a C1 control": ("a\x9bb", "control character"),
    "the metadata": (".asset_info.json", "cache's own"),
    "the metadata in capitals": ("./.ASSET_Info.json", "cache's own"),
    "the metadata as a folder": (".asset_info.json/evil", "cache's own"),
    "a part of 256 bytes": ("a/" + "é" * 128, "longer than 255 bytes"),
    "a path of 4097 bytes": ("/".join(["x" * 200] * 21)[:4097], "longer than 4096 bytes"),
    "more depth than can be removed": ("/".join("d" * 129), "deeper than 128"),
}


@pytest.mark.parametrize("archive_format", FORMATS)
@pytest.mark.parametrize("case", HOSTILE_NAMES)
def test_a_hostile_name_refuses_the_whole_archive(
    case: str, archive_format: str, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    name, problem = HOSTILE_NAMES[case]
    archive_path = write_archive(tmp_path / "x", archive_format, [file("good"), Item(name, data=b"evil")])
    with pytest.raises(AssetUnpackError, match=problem) as caught:
        unpack_here(archive_path, archive_format)
    assert caught.value.member == name[:4096]


@pytest.mark.parametrize("archive_format", FORMATS)
@pytest.mark.parametrize("name", ["../evil", "/tmp/evil"])
def test_a_hostile_folder_is_refused_too(
    archive_format: str, name: str, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    with pytest.raises(AssetUnpackError):
        unpack_here(write_archive(tmp_path / "x", archive_format, [folder(name)]), archive_format)


def test_an_empty_name_in_a_zip_is_refused(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    archive_path = write_zip(tmp_path / "x", [])
    with zipfile.ZipFile(archive_path, "w") as archive:
        archive.writestr(zipfile.ZipInfo(""), b"evil")
    with pytest.raises(AssetUnpackError):
        unpack_here(archive_path, "zip")


def test_an_empty_name_in_a_tar_is_refused(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    with pytest.raises(AssetUnpackError, match="empty"):
        unpack_here(write_tar(tmp_path / "x", [Item("")]), "tar")


def test_a_nul_in_a_zip_name_is_refused(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    archive_path = write_zip(tmp_path / "x", [file("good_evil")])
    archive_path.write_bytes(archive_path.read_bytes().replace(b"good_evil", b"good\0evil"))
    with pytest.raises(AssetUnpackError, match="NUL"):
        unpack_here(archive_path, "zip")


def test_a_nul_in_a_pax_name_is_refused(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    with pytest.raises(AssetUnpackError, match="control character"):
        unpack_here(write_tar(tmp_path / "x", [Item("good", pax={"path": "good\0evil"})]), "tar")


def test_a_name_that_is_no_utf_8_is_refused_in_a_printable_error(
    tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    archive_path = write_tar(tmp_path / "x", [Item("caf\udce9")], dialect=tarfile.GNU_FORMAT)
    with pytest.raises(AssetUnpackError, match="not UTF-8") as caught:
        unpack_here(archive_path, "tar")
    assert (str(caught.value) + str(caught.value.member)).encode()


COLLISIONS = {
    "a file twice": [file("a"), file("b"), file("./a")],
    "a folder twice": [folder("a"), folder("a/")],
    "a file and a folder": [file("a"), folder("a")],
    "a folder and a file": [folder("a"), file("a")],
    "an implied folder and a file": [file("a/x"), file("a")],
    "a file as a folder": [file("a"), file("a/x")],
    "case": [file("Model.bin"), file("model.BIN")],
    "case of a folder": [file("A/x"), file("a/y")],
    "case of an explicit folder": [folder("Dir"), folder("dir")],
    "case of a folder and a file": [file("a/x"), file("A")],
    "case beyond ASCII": [file("É"), file("é")],
    "sharp s": [file("STRASSE"), file("straße")],
    "composed and decomposed": [file("caf\u00e9"), file("cafe\u0301")],
    "marks in another order": [file("\u03b1\u0345\u0300"), file("\u03b1\u0300\u0345")],
    "a link twice": [file("t"), symlink("a", "t"), symlink("a", "t")],
    "a file over a link": [file("t"), symlink("a", "t"), file("a")],
    "a folder over a link": [folder("t"), symlink("a", "t"), folder("a")],
    "a link over a folder": [folder("t"), folder("a"), symlink("a", "t")],
    "a link over an implied folder": [folder("t"), file("a/x"), symlink("a", "t")],
    "below a link": [folder("t"), symlink("a", "t"), file("a/x")],
    "below a link of other case": [folder("t"), symlink("A", "t"), file("a/x")],
    "a folder below a link": [folder("t"), symlink("a", "t"), folder("a/x")],
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("archive_format", FORMATS)
@pytest.mark.parametrize("case", COLLISIONS)
def test_members_in_each_others_place_refuse_the_archive(
    case: str, archive_format: str, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    items = COLLISIONS[case]
    archive_path = write_archive(tmp_path / "x", archive_format, items)
    with pytest.raises(AssetUnpackError, match=r"twice|collides|lies below") as caught:
        unpack_here(archive_path, archive_format)
    assert str(caught.value.member).rstrip("/") == items[-1].name.rstrip("/")


BAD_LINKS = {
    "to an absolute path": ([symlink("evil", "/etc/passwd")], "absolute"),
    "to a Windows drive": ([symlink("evil", "C:/Windows")], "absolute"),
    "with a backslash": ([symlink("evil", "..\\canary.txt")], "backslash"),
    "with a control character": ([symlink("evil", "a\nb")], "control character"),
    "up": ([symlink("evil", "../canary.txt")], "leads out"),
    "up and down again": ([file("staging"), symlink("evil", "../staging")], "leads out"),
    "up from a folder": ([symlink("a/evil", "../../canary.txt")], "leads out"),
    "up through a folder": ([folder("a"), symlink("evil", "a/../../canary.txt")], "leads out"),
    "up through a link": (
        [folder("d/e"), symlink("up", "d/.."), symlink("evil", "up/../canary.txt")], "leads out",
    ),
    "up through a link that comes later": (
        [folder("d"), symlink("evil", "d/z/../canary.txt"), symlink("d/z", "..")], "leads out",
    ),
    "up where the text alone stays inside": (
        [folder("a/b"), symlink("a/b/c", "../.."), symlink("evil", "a/b/c/../canary.txt")], "leads out",
    ),
    "to itself": ([symlink("evil", "evil")], "circle"),
    "in a circle": ([symlink("evil", "b"), symlink("b", "c"), symlink("c", "evil")], "circle"),
    "in a circle of folders": ([symlink("evil", "b/x"), symlink("b", "evil/y")], "circle"),
    "through 41 links": (
        [file("t"), symlink("0", "t"), *(symlink(str(n), str(n - 1)) for n in range(1, 41))], "too many",
    ),
    "to nothing": ([symlink("evil", "nowhere")], "not in the archive"),
    "through nothing": ([file("a"), symlink("evil", "nowhere/../a")], "not in the archive"),
    "through a file": ([file("a"), file("b"), symlink("evil", "a/../b")], "not in the archive"),
    "to a file as a folder": ([file("a"), symlink("evil", "a/")], "not in the archive"),
    "to a name of other case": ([file("A"), symlink("evil", "a")], "not in the archive"),
    "to the metadata": ([symlink("evil", ".asset_info.json")], "not in the archive"),
    "to 4096 bytes": ([file("aa"), symlink("evil", "./" * 2047 + "aa")], "too long for this file system"),
    "to 5000 bytes": ([symlink("evil", "a/" * 2500)], "longer than 4096 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("archive_format", FORMATS)
@pytest.mark.parametrize("case", BAD_LINKS)
def test_a_link_that_leads_anywhere_else_refuses_the_archive(
    case: str, archive_format: str, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    items, problem = BAD_LINKS[case]
    with pytest.raises(AssetUnpackError, match=problem) as caught:
        unpack_here(write_archive(tmp_path / "x", archive_format, items), archive_format)
    assert caught.value.member is not None
    assert not any(path.is_symlink() for path in unpack_here.staging.rglob("*"))


@pytest.mark.parametrize(("name", "target"), [("", "t"), ("evil", "")])
def test_an_empty_link_is_refused(name: str, target: str, tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    with pytest.raises(AssetUnpackError):
        unpack_here(write_tar(tmp_path / "x", [file("t"), symlink(name, target)]), "tar")


def test_an_absolute_link_to_the_folder_itself_is_refused(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    items = [file("a"), symlink("evil", str(unpack_here.staging / "a"))]
    with pytest.raises(AssetUnpackError, match="absolute"):
        unpack_here(write_tar(tmp_path / "x", items), "tar")


BAD_HARDLINKS = {
    "to an absolute path": ([], "/etc/passwd", "absolute"),
    "up": ([], "../canary.txt", "no file before it"),
    "up and down again": ([file("a/b")], "a/../a/b", "no file before it"),
    "to nothing": ([], "nowhere", "no file before it"),
    "to itself": ([], "evil", "no file before it"),
    "to a folder": ([folder("a")], "a", "no file before it"),
    "to the root": ([], ".", "no file before it"),
    "to nothing at all": ([], "", "empty"),
    "to a link": ([file("t"), symlink("a", "t")], "a", "no file before it"),
    "through a link": ([file("t/x"), symlink("a", "t")], "a/x", "no file before it"),
    "to a link that leads out": ([symlink("a", "../canary.txt")], "a", "no file before it"),
    "to a name of other case": ([file("A")], "a", "no file before it"),
}


@pytest.mark.parametrize("archive_format", TAR_MODES)
@pytest.mark.parametrize("case", BAD_HARDLINKS)
def test_a_hard_link_to_anything_but_an_unpacked_file_refuses_the_archive(
    case: str, archive_format: str, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    before, target, problem = BAD_HARDLINKS[case]
    archive_path = write_archive(tmp_path / "x", archive_format, [*before, hardlink("evil", target)])
    with pytest.raises(AssetUnpackError, match=problem) as caught:
        unpack_here(archive_path, archive_format)
    assert caught.value.member == "evil"


def test_a_hard_link_to_a_later_file_refuses_the_archive(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    with pytest.raises(AssetUnpackError, match="no file before it"):
        unpack_here(write_tar(tmp_path / "x", [hardlink("evil", "a"), file("a")]), "tar")


def test_links_that_grow_longer_than_realpath_can_follow_do_not_lead_out(
    tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    """The archive of CVE-2025-4517: realpath gives up beyond PATH_MAX, and what follows counts as inside."""
    items, path, part = [], "", "d" * 247
    for step in "abcdefghijklmnop":
        items += [folder(f"{path}{part}"), symlink(f"{path}{step}", part)]
        path += f"{part}/"
        if len(path) > 3500:
            break
    short = "/".join("abcdefghijklmnop")
    items += [
        symlink(f"{short}/{'l' * 254}", "../" * 16),
        symlink("escape", f"{short}/{'l' * 254}/../../outside"),
    ]
    items += [hardlink("flag", "escape/canary.txt"), file("flag", b"pwned")]
    with pytest.raises(AssetUnpackError):
        unpack_here(write_tar(tmp_path / "x", items), "tar")


def test_deep_folders_do_not_hide_that_a_link_leads_out(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    part = "d" * 200
    items = [folder("/".join([part] * 15)), symlink("a", "/".join([part] * 15))]
    items += [symlink("evil", "a/" + "../" * 16 + "canary.txt")]
    with pytest.raises(AssetUnpackError, match="leads out"):
        unpack_here(write_tar(tmp_path / "x", items), "tar")


@pytest.mark.parametrize("kind", ["fifo", "device", "disk"])
@pytest.mark.parametrize("archive_format", FORMATS)
def test_a_device_or_pipe_refuses_the_archive(
    kind: str, archive_format: str, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    with pytest.raises(AssetUnpackError, match="device") as caught:
        unpack_here(write_archive(tmp_path / "x", archive_format, [Item("evil", kind)]), archive_format)
    assert caught.value.member == "evil"


def test_a_socket_in_a_zip_refuses_the_archive(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    with pytest.raises(AssetUnpackError, match="socket"):
        unpack_here(write_zip(tmp_path / "x", [Item("evil", "socket")]), "zip")


@pytest.mark.parametrize("item", [Item("evil/", "symlink", target="a"), Item("evil/", "folder", data=b"x")])
def test_a_zip_folder_that_is_something_else_refuses_the_archive(
    item: Item, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    with pytest.raises(AssetUnpackError, match="folder"):
        unpack_here(write_zip(tmp_path / "x", [file("a"), item]), "zip")


def test_reserved_names_are_only_refused_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["con", "AUX.txt", "a/com1", "ends.", "ends ", "a:b/x", "star*"]
    for name in [name for name in names if ":" not in name]:
        assert rules.member_path(name) == tuple(name.split("/"))
    with monkeypatch.context() as patched:  # the interpreter itself must not take this for Windows
        patched.setattr(rules, "os", SimpleNamespace(name="nt"))
        for name in names:
            with pytest.raises(AssetUnpackError):
                rules.member_path(name)
        assert rules.member_path("console/comet.txt") == ("console", "comet.txt")


# --- progress ---


@pytest.mark.parametrize("archive_format", FORMATS)
def test_progress_is_told_for_each_megabyte_and_each_member(
    archive_format: str, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    items = [file("big", bytes(5 * 2**20)), folder("f"), file("a", b"a"), symlink("l", "a")]
    told: list[int] = []
    unpack_here(write_archive(tmp_path / "x", archive_format, items), archive_format, on_progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 5 * 2**20 + 1
    assert all(after - before <= 2**20 for before, after in pairwise([0, *told]))
    assert len(told) >= 5 + len(items)


@pytest.mark.parametrize("archive_format", FORMATS)
def test_what_on_progress_raises_ends_the_unpacking(
    archive_format: str, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    class Stopped(BaseException):
        pass

    def stop(_: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        unpack_here(
            write_archive(tmp_path / "x", archive_format, [file("a"), file("b")]),
            archive_format,
            on_progress=stop,
        )


def test_an_error_of_the_disk_passes_unchanged(tmp_path: Path) -> None:
    archive_path = write_tar(tmp_path / "x", [file("a")])
    for missing, folder_path in ((archive_path, tmp_path / "no folder"), (tmp_path / "no file", tmp_path)):
        with pytest.raises(FileNotFoundError) as caught:
            unpack(missing, "tar", folder_path, UnpackLimits(), on_progress=lambda _: None)
        assert caught.value.__cause__ is None


@pytest.mark.parametrize("archive_format", FORMATS)
def test_an_archive_that_cannot_be_read_at_all_is_the_disks_own_error(
    archive_format: str, unpack_here: UnpackSandbox
) -> None:
    with pytest.raises(OSError, match=r"Input/output error|Invalid argument|seek"):
        unpack_here(Path("/proc/self/mem"), archive_format)


@pytest.mark.parametrize("archive_format", FORMATS)
def test_a_full_disk_is_the_disks_own_error(archive_format: str, tmp_path: Path) -> None:
    archive_path = write_archive(tmp_path / "x", archive_format, [file("a", bytes(2**20))])
    staging = tmp_path / "staging"
    staging.mkdir()
    program = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from openmas_assets.actors.cache.unpack import UnpackLimits, unpack\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2**18, 2**18))\n"
        "path, form, folder = sys.argv[1:]\n"
        "try: unpack(Path(path), form, Path(folder), UnpackLimits(), on_progress=lambda _: 0)\n"
        "except OSError as error: print(type(error).__name__, error.errno)\n"
    )
    command = [sys.executable, "-c", program, str(archive_path), archive_format, str(staging)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert answer.split() == ["OSError", str(errno.EFBIG)]


def test_a_file_that_is_in_the_folder_already_is_not_written_over(
    tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    (unpack_here.staging / "a").symlink_to(unpack_here.outside / "canary.txt")
    with pytest.raises(AssetUnpackError, match="collides"):
        unpack_here(write_tar(tmp_path / "x", [file("a")]), "tar")
