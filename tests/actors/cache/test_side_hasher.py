"""Files are hashed one after another, the large ones in another thread."""

import hashlib
import os
import threading

import pytest

from openmas_assets.actors.cache.side_hasher import SideHasher


def test_each_file_gets_its_digest_whatever_its_pieces() -> None:
    files: dict[str, list[bytes | memoryview]] = {
        "empty": [],
        "small": [b"a", b"b"],
        "large": [os.urandom(2**18) for _ in range(20)],
        "small first": [b"a", os.urandom(2**17), b"b"],
        "last": [memoryview(b"abc")[1:]],
    }
    with SideHasher() as hasher:
        for path, pieces in files.items():
            for piece in pieces:
                hasher.update(piece)
            hasher.end(path)
        digests = hasher.finish()
    assert digests == {path: hashlib.sha256(b"".join(pieces)).hexdigest() for path, pieces in files.items()}
    assert not any(thread.name == "side-hasher" for thread in threading.enumerate())


def test_small_files_start_no_thread_and_large_ones_one() -> None:
    with SideHasher() as hasher:
        for path, piece in [("a", bytes(2**15)), ("b", bytes(2**17)), ("c", bytes(2**17))]:
            hasher.update(piece)
            count = sum(thread.name == "side-hasher" for thread in threading.enumerate())
            assert count == (path != "a")
            hasher.end(path)
        hasher.finish()


def test_an_error_ends_the_thread() -> None:
    def interrupted() -> None:
        with SideHasher() as hasher:
            hasher.update(bytes(2**20))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not any(thread.name == "side-hasher" for thread in threading.enumerate())


def test_what_cannot_be_hashed_is_an_error_and_no_hang() -> None:
    released = memoryview(bytes(2**17))
    with SideHasher() as hasher:
        hasher.update(memoryview(bytes(2**20))[::2])  # not contiguous
        for _ in range(10):
            hasher.update(released)
        hasher.end("a")
        with pytest.raises(BufferError):
            hasher.finish()
