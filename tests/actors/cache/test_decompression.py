"""Streams come out the same, and are refused the same, whether or not the faster library is there."""

import bz2
import gzip
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from openmas_assets.actors.cache import decompression
from openmas_assets.actors.cache.decompression import (
    PIECE_BYTES,
    BrokenStreamError,
    Decompressor,
    crc32,
    decompress_stream,
    decompress_streams,
    new_deflate_decompressor,
    new_gzip_decompressor,
)

PLAIN = b"".join(b"%d words, of which some come back; " % number for number in range(30_000)) + os.urandom(
    9_999
)


def deflated(plain: bytes) -> bytes:
    deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
    return deflater.compress(plain) + deflater.flush()


KINDS: dict[str, tuple[Callable[[bytes], bytes], Callable[[], Decompressor]]] = {
    "gzip": (gzip.compress, new_gzip_decompressor),
    "deflate": (deflated, new_deflate_decompressor),
    "bzip2": (bz2.compress, bz2.BZ2Decompressor),
}


@pytest.fixture(params=["isal", "zlib"], autouse=True)
def inflater(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if request.param == "zlib":
        monkeypatch.setitem(sys.modules, "isal", None)  # as where there is no wheel
    else:
        pytest.importorskip("isal")
    decompression._igzip.cache_clear()
    decompression._crc32.cache_clear()
    yield
    monkeypatch.undo()
    decompression._igzip.cache_clear()
    decompression._crc32.cache_clear()


def split(data: bytes, size_bytes: int) -> Iterator[bytes]:
    return (data[start : start + size_bytes] for start in range(0, len(data), size_bytes))


def test_the_faster_library_is_used_where_it_is(request: pytest.FixtureRequest) -> None:
    is_zlib = isinstance(new_gzip_decompressor(), decompression.Inflater)
    assert is_zlib == ("zlib" in request.node.name)
    assert isinstance(new_deflate_decompressor(), decompression.Inflater) == is_zlib


@pytest.mark.parametrize("raw_bytes", [1, 1000, 2**16, 2**20])
@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_comes_out_whole_and_what_follows_it_is_given_back(kind: str, raw_bytes: int) -> None:
    compress, new = KINDS[kind]
    plain = PLAIN[-40_000:] if raw_bytes == 1 else PLAIN
    raw = split(compress(plain) + b"what follows", raw_bytes)
    pieces: list[bytes] = []

    def taken() -> Iterator[bytes]:
        rest = yield from decompress_stream(new(), raw)
        pieces.append(rest + b"".join(raw))

    assert b"".join(taken()) == plain
    assert pieces == [b"what follows"]


@pytest.mark.parametrize("kind", KINDS)
def test_no_piece_is_larger_than_allowed_whatever_the_ratio(kind: str) -> None:
    compress, new = KINDS[kind]
    sizes = [len(piece) for piece in decompress_stream(new(), iter([compress(bytes(2**24))]))]
    assert sum(sizes) == 2**24
    assert max(sizes) <= PIECE_BYTES


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_cut_anywhere_is_broken(kind: str) -> None:
    compress, new = KINDS[kind]
    data = compress(PLAIN[-2_000:])
    for end in range(len(data)):
        with pytest.raises(BrokenStreamError, match="cut short"):
            list(decompress_stream(new(), split(data[:end], 700)))


def test_no_wrong_bit_in_a_gzip_stream_makes_other_bytes() -> None:
    plain = PLAIN[:300] + PLAIN[-300:]
    data = gzip.compress(plain)
    unnoticed = 0
    for position in range(10, len(data)):  # behind the header, whose time and system nothing protects
        wrong = bytearray(data)
        wrong[position] ^= 0x10
        try:
            assert b"".join(decompress_streams(new_gzip_decompressor, split(bytes(wrong), 100))) == plain
            unnoticed += 1
        except BrokenStreamError:
            pass
    assert unnoticed <= 1  # the last bits before the CRC fill up a byte


def test_garbage_is_a_broken_stream() -> None:
    for new in (new_gzip_decompressor, new_deflate_decompressor):
        with pytest.raises(BrokenStreamError, match="damaged"):
            list(decompress_stream(new(), iter([b"\xff" * 100])))


@pytest.mark.parametrize("raw_bytes", [7, 5_000, 2**20])
@pytest.mark.parametrize("kind", ["gzip", "bzip2"])
def test_streams_that_follow_each_other_are_one(kind: str, raw_bytes: int) -> None:
    compress, new = KINDS[kind]
    cuts = [0, 1, 1, 600, 300_000, len(PLAIN)] if raw_bytes > 7 else [0, 1, 1, 600]
    data = b"".join(compress(PLAIN[start:end]) for start, end in pairwise(cuts)) + bytes(512)
    assert b"".join(decompress_streams(new, split(data, raw_bytes))) == PLAIN[: cuts[-1]]


def test_the_crc_is_that_of_zlib() -> None:
    crc = 0
    for piece in split(PLAIN, 7_777):
        crc = crc32(memoryview(piece), crc)
    assert crc == zlib.crc32(PLAIN)
