"""Archives that are broken, cut short, of another format or larger than allowed: typed errors that say so."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest

from archives import (
    FORMATS,
    TAR_END,
    TAR_MODES,
    Item,
    file,
    folder,
    pax_header,
    pax_record,
    symlink,
    tar_header,
    write_archive,
    write_tar,
    write_zip,
)
from openmas_assets.actors.cache.unpack import UnpackLimits
from openmas_assets.messages.errors import AssetUnpackError
from unpack_sandbox import DEFAULT_LIMITS, UnpackSandbox, contents

MEGABYTE = 2**20


@pytest.fixture
def unpack_here(tmp_path: Path) -> UnpackSandbox:
    return UnpackSandbox(tmp_path)


def refusal(
    unpack_here: UnpackSandbox, path: Path, archive_format: str, limits: UnpackLimits = DEFAULT_LIMITS
) -> AssetUnpackError:
    with pytest.raises(AssetUnpackError) as caught:
        unpack_here(path, archive_format, limits)
    return caught.value


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


# --- formats ---


@pytest.mark.parametrize("archive_format", FORMATS)
@pytest.mark.parametrize("actual", FORMATS)
def test_an_archive_of_another_format_names_the_setting_that_fits(
    actual: str, archive_format: str, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    archive_path = write_archive(tmp_path / "x", actual, [file("a", b"x" * 2000)])
    if actual == archive_format:
        unpack_here(archive_path, archive_format)
        return
    error = refusal(unpack_here, archive_path, archive_format)
    assert f"not a {archive_format} archive: it starts like" in error.problem
    assert error.fix == f"Set unpack_format: {actual}."


@pytest.mark.parametrize("archive_format", FORMATS)
@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "empty"),
        (b"\n<!DOCTYPE html><html>Sign in</html>", "web page"),
        (b"just a text", "bytes 6a 75 73 74"),
        (lzma.compress(b"x"), "starts like xz"),
        (b"x" * 5000, "bytes 78 78"),
        (b"\xff" * 30, "bytes ff ff"),
    ],
)
def test_a_file_that_is_no_archive_is_told_by_what_it_looks_like(
    data: bytes, problem: str, archive_format: str, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    error = refusal(unpack_here, written(tmp_path / "x", data), archive_format)
    assert problem in error.problem


def test_a_compressed_file_that_holds_no_tar_says_so(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    for archive_format, data in (("tar.gz", gzip.compress(b"x" * 999)), ("tar.bz2", bz2.compress(b"short"))):
        assert "no tar archive" in refusal(unpack_here, written(tmp_path / "x", data), archive_format).problem


# --- damage ---


@pytest.mark.parametrize("archive_format", FORMATS)
def test_an_archive_cut_anywhere_is_refused(archive_format: str, tmp_path: Path) -> None:
    items = [file("a", b"a" * 700), folder("b"), file("b/c", bytes(range(256)) * 9), symlink("l", "a")]
    whole = write_archive(tmp_path / "whole", archive_format, items).read_bytes()
    end = whole.rstrip(b"\0") if archive_format == "tar" else whole
    for size in sorted(
        {0, 1, 100, 511, 512, 513, 1024, len(end) // 2, len(end) - 1, *range(0, len(end), 256)}
    ):
        if size < len(end):
            sandbox = tmp_path / f"cut at {size}"
            sandbox.mkdir()
            refusal(UnpackSandbox(sandbox), written(tmp_path / "x", whole[:size]), archive_format)


def test_a_tar_without_its_end_mark_is_cut_short(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    path = written(tmp_path / "x", tar_header("a", size=512) + b"x" * 512)
    assert "cut short" in refusal(unpack_here, path, "tar").problem


def test_a_tar_that_ends_in_one_empty_block_is_whole(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    assert contents(unpack_here(written(tmp_path / "x", tar_header("a") + bytes(512)), "tar")) == {"a": b""}


@pytest.mark.parametrize("archive_format", FORMATS)
def test_garbage_after_the_end_is_refused(
    archive_format: str, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    path = write_archive(tmp_path / "x", archive_format, [file("a")])
    written(path, path.read_bytes() + b"garbage")
    error = refusal(unpack_here, path, archive_format)
    assert any(word in error.problem for word in ("follow", "does not end where it says"))


def test_zeros_after_the_end_of_a_zip_are_refused(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    path = write_zip(tmp_path / "x", [file("a")])
    error = refusal(unpack_here, written(path, path.read_bytes() + bytes(64)), "zip")
    assert "does not end where it says" in error.problem


def test_a_zip_whose_comment_is_cut_is_refused(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    with zipfile.ZipFile(write_zip(tmp_path / "x", [file("a")]), "a") as archive:
        archive.comment = b"made by hand"
    error = refusal(unpack_here, written(tmp_path / "x", (tmp_path / "x").read_bytes()[:-3]), "zip")
    assert "does not end where it says" in error.problem


def test_a_zip_without_its_first_bytes_is_refused(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    path = write_zip(tmp_path / "x", [file("a"), file("b")])
    refusal(unpack_here, written(path, path.read_bytes()[5:]), "zip")


@pytest.mark.parametrize("archive_format", TAR_MODES)
def test_a_second_tar_behind_the_first_is_refused(
    archive_format: str, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    path = write_archive(tmp_path / "x", archive_format, [file("a")])
    written(path, path.read_bytes() * 2)
    assert "more bytes follow" in refusal(unpack_here, path, archive_format).problem


def test_a_zip_with_a_wrong_crc_is_refused(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    path = write_zip(tmp_path / "x", [file("a", b"good data")], zipfile.ZIP_STORED)
    written(path, path.read_bytes().replace(b"good data", b"evil data"))
    error = refusal(unpack_here, path, "zip")
    assert "CRC" in error.problem
    assert error.member == "a"


@pytest.mark.parametrize("archive_format", ["tar.gz", "tar.bz2"])
def test_a_compressed_tar_with_a_wrong_crc_is_refused(
    archive_format: str, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    data = bytearray(write_archive(tmp_path / "x", archive_format, [file("a", b"x" * 5000)]).read_bytes())
    data[-6] ^= 0xFF
    assert "damaged" in refusal(unpack_here, written(tmp_path / "x", bytes(data)), archive_format).problem


def test_a_damaged_header_in_the_middle_is_no_end(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    data = tar_header("a") + b"x" * 512 + tar_header("b") + TAR_END
    assert "header is not readable" in refusal(unpack_here, written(tmp_path / "x", data), "tar").problem


# --- lies ---


def entry_with(path: Path, **fields: int) -> Path:
    """Change sizes, flags or methods of the only member of a zip, in both of its headers."""
    data = bytearray(path.read_bytes())
    local, central = data.index(b"PK\x03\x04"), data.index(b"PK\x01\x02")
    places = {"flags": ("<H", 6), "method": ("<H", 8), "compressed": ("<I", 18), "size": ("<I", 22)}
    for name, value in fields.items():
        layout, offset = places[name]
        struct.pack_into(layout, data, local + offset, value)
        struct.pack_into(layout, data, central + offset + 2, value)
    return written(path, bytes(data))


@pytest.mark.parametrize(("size", "problem"), [(3, "more than the 3 bytes"), (9000, "cut short")])
@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_header_that_lies_about_the_size_refuses_the_archive(
    compression: int, size: int, problem: str, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    path = write_zip(tmp_path / "x", [file("a", b"x" * 5000)], compression)
    error = refusal(unpack_here, entry_with(path, size=size), "zip")
    assert problem in error.problem
    assert error.member == "a"


def test_a_stored_member_that_lies_about_its_size_is_refused(
    tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    path = write_zip(tmp_path / "x", [file("a", b"x" * 5000)], zipfile.ZIP_STORED)
    refusal(unpack_here, entry_with(path, size=5), "zip")


@pytest.mark.parametrize("flags", [0x1, 0x41, 0x2000])
def test_an_encrypted_member_refuses_the_archive(
    flags: int, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    error = refusal(unpack_here, entry_with(write_zip(tmp_path / "x", [file("a")]), flags=flags), "zip")
    assert "encrypted" in error.problem
    assert error.member == "a"


@pytest.mark.parametrize("method", [1, 9, 93, 97, 98, 99])
def test_an_unsupported_compression_refuses_the_archive(
    method: int, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    error = refusal(unpack_here, entry_with(write_zip(tmp_path / "x", [file("a")]), method=method), "zip")
    assert f"method {method}" in error.problem


def test_a_patch_in_a_zip_refuses_the_archive(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    path = write_zip(tmp_path / "x", [file("a")], zipfile.ZIP_STORED)
    assert "is a patch" in refusal(unpack_here, entry_with(path, flags=0x20), "zip").problem


def test_an_lzma_member_without_its_header_is_refused(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    path = write_zip(tmp_path / "x", [file("a", b"1234")], zipfile.ZIP_STORED)
    error = refusal(unpack_here, entry_with(path, method=zipfile.ZIP_LZMA), "zip")
    assert "LZMA header is not readable" in error.problem


def test_a_zip_member_whose_header_is_beyond_the_end_is_refused(
    tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    path = write_zip(tmp_path / "x", [file("a")])
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 42, len(data) - 10)
    error = refusal(unpack_here, written(path, bytes(data)), "zip")
    assert "its local header is not readable" in error.problem


def test_a_zip_that_has_lost_its_large_end_record_is_no_zip(
    tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    end = struct.pack("<4sIQI", b"PK\x06\x07", 0, 0, 1) + b"PK\x05\x06" + bytes(18)
    assert "zip" in refusal(unpack_here, written(tmp_path / "x", end), "zip").problem


def test_a_zip_whose_two_headers_name_different_files_is_refused(
    tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    path = write_zip(tmp_path / "x", [file("good")])
    written(path, path.read_bytes().replace(b"good", b"evil", 1))
    assert "another member's" in refusal(unpack_here, path, "zip").problem


def test_a_zip_with_less_members_than_it_counts_is_refused(
    tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    path = write_zip(tmp_path / "x", [file("a"), file("b")])
    data = bytearray(path.read_bytes())
    struct.pack_into("<2H", data, len(data) - 14, 3, 3)
    assert "holds 2 members, not 3" in refusal(unpack_here, written(path, bytes(data)), "zip").problem


@pytest.mark.parametrize("size", [-1, -512, -1024, -(2**40)])
@pytest.mark.parametrize("type_flag", [b"0", b"x", b"g", b"L", b"K"])
def test_a_negative_size_in_a_tar_is_refused(
    type_flag: bytes, size: int, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    """CVE-2025-8194: tarfile goes backwards, forever."""
    headers = tar_header("a") + tar_header("b", type_flag, size) + tar_header("c")
    path = written(tmp_path / "x", headers + TAR_END)
    refusal(unpack_here, path, "tar")


@pytest.mark.parametrize("size", ["-1", "x", "1e3", "1" * 30, "٣"])
def test_a_pax_size_that_is_none_is_refused(size: str, tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    data = pax_header(pax_record("size", size)) + tar_header("a") + TAR_END
    assert refusal(unpack_here, written(tmp_path / "x", data), "tar").member == "a"


@pytest.mark.parametrize(
    "records",
    [b"x", b"5 a=b", b"99 a=b\n", b"0 a=b\n", b"6 a=b\n", b"3 a=b\n", b"-6 a=b\n", b"9999999 a=", b"\0" * 9],
)
def test_a_malformed_pax_header_is_refused(
    records: bytes, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    data = tar_header("first") + pax_header(records) + tar_header("a") + TAR_END
    if records == b"6 a=b\n":
        assert "a" in contents(unpack_here(written(tmp_path / "x", data), "tar"))
    else:
        assert "pax" in refusal(unpack_here, written(tmp_path / "x", data), "tar").problem


def test_a_pax_size_counts_more_than_the_header(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    data = (
        pax_header(pax_record("size", "5")) + tar_header("a", size=999) + b"12345".ljust(512, b"\0") + TAR_END
    )
    assert contents(unpack_here(written(tmp_path / "x", data), "tar")) == {"a": b"12345"}


def test_an_empty_pax_value_takes_back_a_global_one(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    data = pax_header(pax_record("path", "all"), b"g") + pax_header(pax_record("path", "")) + tar_header("a")
    assert contents(unpack_here(written(tmp_path / "x", data + TAR_END), "tar")) == {"a": b""}


@pytest.mark.parametrize("type_flag", [b"L", b"K"])
@pytest.mark.parametrize("name", [b"", b"\0"])
def test_an_empty_long_name_is_refused(
    tmp_path: Path, unpack_here: UnpackSandbox, type_flag: bytes, name: bytes
) -> None:
    """Every other reader takes it for the member's name, so this one must not go by the member's header."""
    long_name = tar_header("././@LongLink", type_flag, len(name)) + name.ljust(512 * len(name), b"\0")
    path = written(tmp_path / "x", tar_header("before") + long_name + tar_header("a") + TAR_END)
    assert refusal(unpack_here, path, "tar").problem == "the tar archive is damaged: a long name is empty"


@pytest.mark.parametrize("first", ["long", "pax"])
def test_two_headers_that_name_a_member_differently_are_refused(
    tmp_path: Path, unpack_here: UnpackSandbox, first: str
) -> None:
    """GNU tar believes the last one, bsdtar the long name."""
    extensions = [
        tar_header("././@LongLink", b"L", 2) + b"b\0".ljust(512, b"\0"),
        pax_header(pax_record("path", "c")),
    ]
    before = b"".join(extensions if first == "long" else reversed(extensions))
    path = written(tmp_path / "x", before + tar_header("a") + TAR_END)
    problem = "the tar archive is damaged: two headers say different things of one member"
    assert refusal(unpack_here, path, "tar").problem == problem


def test_two_headers_may_say_the_same_of_a_member(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    long_name = tar_header("././@LongLink", b"L", 2) + b"b\0".ljust(512, b"\0")
    data = (
        long_name + pax_header(pax_record("path", "b") + pax_record("mtime", "1")) + tar_header("a") + TAR_END
    )
    assert contents(unpack_here(written(tmp_path / "x", data), "tar")) == {"b": b""}


def test_a_pax_header_without_a_member_is_refused(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    data = tar_header("a") + pax_header(pax_record("path", "b")) + TAR_END
    assert "does not follow" in refusal(unpack_here, written(tmp_path / "x", data), "tar").problem


@pytest.mark.parametrize("key", ["GNU.sparse.map", "GNU.sparse.major", "GNU.sparse.name"])
def test_a_pax_sparse_file_is_refused(key: str, tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    path = write_tar(tmp_path / "x", [Item("a", data=b"x", pax={key: "1"})])
    assert "sparse" in refusal(unpack_here, path, "tar").problem


@pytest.mark.parametrize("type_flag", [b"S", b"D", b"M", b"V", b"N", b"8", b"z", b"\x80"])
def test_a_tar_member_of_an_unknown_type_is_refused(
    type_flag: bytes, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    error = refusal(unpack_here, written(tmp_path / "x", tar_header("evil", type_flag) + TAR_END), "tar")
    assert error.member == "evil"
    assert "unknown type" in error.problem or "sparse" in error.problem


# --- bounds ---


@pytest.mark.parametrize("archive_format", FORMATS)
def test_an_archive_at_its_limits_is_unpacked_and_one_above_is_refused(
    archive_format: str, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    path = write_archive(
        tmp_path / "x", archive_format, [folder("f"), *(file(f"f/{name}", b"x" * 500) for name in "abcd")]
    )
    many = refusal(unpack_here, path, archive_format, UnpackLimits(max_members=4))
    assert "more than 4 members" in many.problem
    (tmp_path / "bytes").mkdir()
    large = refusal(UnpackSandbox(tmp_path / "bytes"), path, archive_format, UnpackLimits(max_bytes=1999))
    assert "more than 1,999 bytes" in large.problem
    assert large.member == "f/d"
    (tmp_path / "good").mkdir()
    UnpackSandbox(tmp_path / "good")(path, archive_format, UnpackLimits(max_members=5, max_bytes=2000))


@pytest.mark.parametrize("archive_format", FORMATS)
def test_folders_that_are_only_implied_count_as_members(
    archive_format: str, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    path = write_archive(tmp_path / "x", archive_format, [file("a/b/c/d/e")])
    assert "members" in refusal(unpack_here, path, archive_format, UnpackLimits(max_members=4)).problem


def test_a_zip_of_too_many_members_is_refused_before_they_are_read(
    tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    path = write_zip(
        tmp_path / "x", [file(f"{number:05}", b"") for number in range(20_000)], zipfile.ZIP_STORED
    )
    tracemalloc.start()
    error = refusal(unpack_here, path, "zip", UnpackLimits(max_members=19_999))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "more than 19,999 members" in error.problem
    assert (
        peak_bytes < 3 * MEGABYTE
    )  # the directory itself; the objects of all entries would be ten times that


def test_a_zip_directory_too_large_for_its_members_is_refused(
    tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    path = tmp_path / "x"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(8):
            info = zipfile.ZipInfo(str(number))
            info.comment = bytes(60_000)
            archive.writestr(info, b"")
    assert "members" in refusal(unpack_here, path, "zip", UnpackLimits(max_members=100)).problem


def gzip_of_zeros(megabytes: int) -> bytes:
    return gzip.compress(bytes(MEGABYTE)) * megabytes


def test_a_tar_gz_bomb_stops_at_the_ratio(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    head = gzip.compress(tar_header("bomb", size=1000 * MEGABYTE))
    error = refusal(unpack_here, written(tmp_path / "x", head + gzip_of_zeros(1000)), "tar.gz")
    assert "more than 200 times its size" in error.problem
    assert error.member == "bomb"
    assert (unpack_here.staging / "bomb").stat().st_size <= 257 * MEGABYTE


def test_a_zip_bomb_stops_at_the_ratio(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    path = write_zip(tmp_path / "x", [file("bomb")])
    deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
    data = deflater.compress(bytes(MEGABYTE)) + deflater.flush(zlib.Z_FULL_FLUSH)
    data = data * 1000 + deflater.flush()
    whole = path.read_bytes()
    local_end, central = 30 + len("bomb"), whole.index(b"PK\x01\x02")
    tail = bytearray(whole[central:])
    struct.pack_into("<I", tail, tail.index(b"PK\x05\x06") + 16, local_end + len(data))
    written(path, whole[:local_end] + data + tail)
    error = refusal(unpack_here, entry_with(path, compressed=len(data), size=1000 * MEGABYTE), "zip")
    assert "more than 200 times its size" in error.problem
    assert (unpack_here.staging / "bomb").stat().st_size <= 257 * MEGABYTE


def test_zeros_behind_the_end_of_a_tar_are_bounded_too(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    data = gzip.compress(tar_header("a") + TAR_END) + gzip_of_zeros(400)
    assert "times its size" in refusal(unpack_here, written(tmp_path / "x", data), "tar.gz").problem


def test_a_tar_of_headers_only_is_bounded_too(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    record = pax_record("comment", "x" * (MEGABYTE - 100))
    piece = gzip.compress(pax_header(record) + tar_header("./", b"5"))
    error = refusal(unpack_here, written(tmp_path / "x", piece * 400), "tar.gz")
    assert "times its size" in error.problem


def test_the_ratio_does_not_count_before_256_mib(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    path = write_tar(tmp_path / "x", [file("zeros", bytes(20 * MEGABYTE))], "tar.gz")
    unpack_here(path, "tar.gz", UnpackLimits(max_ratio=1))


@pytest.mark.parametrize("type_flag", [b"x", b"g", b"X", b"L", b"K"])
def test_a_header_of_gigabytes_is_refused_unread(
    type_flag: bytes, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    data = gzip.compress(tar_header("a") + tar_header("evil", type_flag, 2**33)) + gzip_of_zeros(64)
    tracemalloc.start()
    error = refusal(unpack_here, written(tmp_path / "x", data), "tar.gz")
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "extension header" in error.problem
    assert peak_bytes < 4 * MEGABYTE


def test_headers_in_a_row_without_a_member_are_bounded(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    data = (pax_header(pax_record("comment", "x"), b"g")) * 17 + tar_header("a") + TAR_END
    assert "in a row" in refusal(unpack_here, written(tmp_path / "x", data), "tar").problem


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_member_is_never_whole_in_memory(
    compression: int, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    path = write_zip(tmp_path / "x", [file("zeros", bytes(48 * MEGABYTE))], compression)
    tracemalloc.start()
    unpack_here(path, "zip")
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    dictionary_bytes = 8 * MEGABYTE if compression == zipfile.ZIP_LZMA else 0
    assert peak_bytes < 4 * MEGABYTE + dictionary_bytes


@pytest.mark.parametrize("archive_format", TAR_MODES)
def test_a_tar_member_is_never_whole_in_memory(
    archive_format: str, tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    path = write_archive(tmp_path / "x", archive_format, [file("zeros", bytes(48 * MEGABYTE))])
    tracemalloc.start()
    unpack_here(path, archive_format)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 4 * MEGABYTE


def test_an_lzma_member_that_asks_for_gigabytes_of_memory_is_refused(
    tmp_path: Path, unpack_here: UnpackSandbox
) -> None:
    path = write_zip(tmp_path / "x", [file("a", b"x" * 100)], zipfile.ZIP_LZMA)
    data = bytearray(path.read_bytes())
    start = data.index(b"PK\x03\x04") + 31 + 4
    struct.pack_into("<I", data, start + 1, 0xF0000000)
    assert "damaged" in refusal(unpack_here, written(path, bytes(data)), "zip").problem


def test_a_zip_link_with_a_huge_target_is_refused(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    path = write_zip(tmp_path / "x", [file("a"), symlink("evil", "a/" * 8 * MEGABYTE)])
    tracemalloc.start()
    error = refusal(unpack_here, path, "zip")
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "longer than 4096" in error.problem
    assert peak_bytes < 4 * MEGABYTE


def test_a_sparse_file_of_the_old_gnu_format_is_refused(tmp_path: Path, unpack_here: UnpackSandbox) -> None:
    info = tarfile.TarInfo("evil")
    info.type = tarfile.GNUTYPE_SPARSE
    data = io.BytesIO(info.tobuf(tarfile.GNU_FORMAT) + TAR_END).getvalue()
    assert "sparse" in refusal(unpack_here, written(tmp_path / "x", data), "tar").problem
