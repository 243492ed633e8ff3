"""Whatever the bytes are: an archive is unpacked or refused, and nothing outside the folder is touched."""

import os
import tempfile
from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archives import FORMATS, Item, file, folder, hardlink, symlink, write_archive
from openmas_assets.actors.cache.unpack import UnpackLimits
from openmas_assets.messages.errors import AssetUnpackError
from unpack_sandbox import UnpackSandbox

LIMITS = UnpackLimits(max_members=1000, max_bytes=2**24)
RELAXED = settings(
    max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)


def unpacked_or_refused(data: bytes, archive_format: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        tmp_path = Path(name).resolve()
        sandbox = UnpackSandbox(tmp_path)
        (tmp_path / "x").write_bytes(data)
        try:
            root = sandbox(tmp_path / "x", archive_format, LIMITS)
        except AssetUnpackError as error:
            str(error).encode()  # a surrogate in it would break logs and terminals
        else:
            for path in root.rglob("*"):
                assert path.resolve(strict=True).is_relative_to(root)


@cache
def real_archive(archive_format: str) -> bytes:
    items = [
        folder("a"), file("a/b", b"text " * 300), file("x" * 150, os.urandom(200)), symlink("l", "a/../a/b"),
        symlink("a/up", ".."), Item("t", data=b"t", mode=0o755, pax={"mtime": "1.5"}),
    ]  # fmt: skip
    if archive_format != "zip":
        items.append(hardlink("h", "a/b"))
    with tempfile.TemporaryDirectory() as name:
        return write_archive(Path(name) / "x", archive_format, items).read_bytes()


@st.composite
def mutated_archives(draw: st.DrawFn) -> tuple[bytes, str]:
    archive_format = draw(st.sampled_from(FORMATS))
    data = bytearray(real_archive(archive_format))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, max(len(data) - 1, 0)))
        end = start + draw(st.integers(0, 40))
        piece = draw(
            st.binary(max_size=12) | st.sampled_from([b"\0" * 512, b"\xff" * 8, b"..", b"/", b"PK\5\6"])
        )
        match draw(st.sampled_from(["replace", "insert", "delete", "copy"])):
            case "replace":
                data[start : start + len(piece)] = piece
            case "insert":
                data[start:start] = piece
            case "delete":
                del data[start:end]
            case "copy":
                data[start:start] = data[end : end + 600]
    return bytes(data), archive_format


@RELAXED
@given(mutated_archives())
def test_a_mutated_archive_is_unpacked_or_refused(archive: tuple[bytes, str]) -> None:
    unpacked_or_refused(*archive)


@RELAXED
@given(st.data())
def test_a_tar_with_mutated_headers_of_right_checksums_is_unpacked_or_refused(data: st.DataObject) -> None:
    blocks = bytearray(real_archive("tar"))
    for _ in range(data.draw(st.integers(1, 5))):
        start = 512 * data.draw(st.integers(0, len(blocks) // 512 - 1))
        position = start + data.draw(st.integers(0, 499))
        piece = data.draw(st.binary(min_size=1, max_size=12))[: start + 500 - position]
        blocks[position : position + len(piece)] = piece
        blocks[start + 148 : start + 156] = b" " * 8
        blocks[start + 148 : start + 156] = b"%06o\0 " % sum(blocks[start : start + 512])
    unpacked_or_refused(bytes(blocks), "tar")


NAMES = st.lists(st.sampled_from(["a", "b", "A", "c", ".", "..", "", "é"]), min_size=1, max_size=4).map(
    "/".join
)
ITEMS = st.builds(
    Item,
    name=NAMES,
    kind=st.sampled_from(["file", "folder", "symlink", "symlink", "hardlink"]),
    target=NAMES,
    data=st.binary(max_size=3),
)


@settings(RELAXED, max_examples=250)
@given(st.lists(ITEMS, min_size=1, max_size=6))
def test_any_tree_of_links_is_unpacked_or_refused(items: list[Item]) -> None:
    with tempfile.TemporaryDirectory() as name:
        data = write_archive(Path(name) / "x", "tar", items).read_bytes()
    unpacked_or_refused(data, "tar")
