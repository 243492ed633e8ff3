"""What unpacking costs, in counts: hashes, opens, reads, writes and threads."""

import hashlib
import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from archives import FORMATS, TAR_MODES, Item, file, folder, hardlink, symlink, write_archive
from fetching import Fetching
from openmas_assets.actors.cache import side_hasher
from openmas_assets.actors.cache.unpack import UnpackLimits, unpack
from openmas_assets.messages.errors import AssetUnpackError
from projects import asset

if TYPE_CHECKING:
    from openmas_assets.messages.asset_config import UnpackFormat

NOISE = os.urandom(5 * 2**20 // 2)  # does not compress: an archive of it is no small one
OUR_THREADS = {"read-ahead", "side-hasher"}
_listeners: list[Counter[str]] = []


@contextmanager
def counted(below: Path) -> Iterator[Counter[str]]:
    """Count how often each file below a folder is opened, by its name."""
    counts: Counter[str] = Counter()

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        is_open = event == "open" and any(counts is listener for listener in _listeners)
        if is_open and isinstance(arguments[0], str) and arguments[0].startswith(f"{below}{os.sep}"):
            counts[Path(arguments[0]).name] += 1

    sys.addaudithook(hear)  # for ever, as there is no way to remove it
    _listeners.append(counts)
    try:
        yield counts
    finally:
        _listeners.clear()


def unpacked(path: Path, archive_format: str) -> tuple[Path, dict[str, str]]:
    target = path.with_name("unpacked")
    target.mkdir()
    form = cast("UnpackFormat", archive_format)
    return target, unpack(path, form, target, UnpackLimits(), on_progress=lambda _: None)


@pytest.mark.parametrize("archive_format", FORMATS)
def test_the_digests_of_all_files_are_told(archive_format: str, tmp_path: Path) -> None:
    items = [
        folder("a"), file("a/empty", b""), file("a/small", b"s" * 5000), file("noise", NOISE),
        file("zeros", bytes(2**21)), symlink("link", "noise"), file("x/y/last", NOISE[:70_000]),
    ]  # fmt: skip
    if archive_format != "zip":
        items += [hardlink("hard", "noise"), hardlink("harder", "hard")]
    root, digests = unpacked(write_archive(tmp_path / "x", archive_format, items), archive_format)
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    assert digests == {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


@pytest.mark.parametrize("archive_format", FORMATS)
def test_each_byte_is_hashed_once(
    archive_format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    class Counting:
        def __init__(self) -> None:
            self._hash = hashlib.sha256()

        def update(self, piece: bytes) -> None:
            sizes.append(len(piece))
            self._hash.update(piece)

        def hexdigest(self) -> str:
            return self._hash.hexdigest()

    monkeypatch.setattr(side_hasher, "hashlib", SimpleNamespace(sha256=Counting))
    items = [file("noise", NOISE), file("small", b"s" * 5000), file("zeros", bytes(2**20))]
    unpacked(write_archive(tmp_path / "x", archive_format, items), archive_format)
    assert sum(sizes) == len(NOISE) + 5000 + 2**20


@pytest.mark.parametrize("archive_format", FORMATS)
def test_a_fetch_opens_each_unpacked_file_once_and_hashes_it_never_again(
    archive_format: str, tmp_path: Path
) -> None:
    names = [f"file-{number}" for number in range(50)]
    items = [*(file(f"d/{name}", name.encode()) for name in names), file("noise", NOISE)]
    path = write_archive(tmp_path / "archive", archive_format, items)
    fetching = Fetching(tmp_path)
    with counted(tmp_path / "cache") as counts:
        root = fetching.path(asset("a", path, unpack=True, unpack_format=archive_format))
    assert {name: counts[name] for name in [*names, "noise"]} == dict.fromkeys([*names, "noise"], 1)
    records = fetching.info(asset("a", path, unpack=True, unpack_format=archive_format)).files
    assert records["noise"].sha256 == hashlib.sha256((root / "noise").read_bytes()).hexdigest()


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="the kernel does not count here")
@pytest.mark.parametrize("archive_format", FORMATS)
def test_small_members_are_read_by_the_dozen_and_written_in_one_go(
    archive_format: str, tmp_path: Path
) -> None:
    def calls() -> Counter[str]:
        lines = Path("/proc/self/io").read_text().splitlines()
        return Counter({name: int(value) for name, value in (line.split(": ") for line in lines)})

    count = 2000
    items = [file(f"{number // 100}/{number}", NOISE[number : number + 200]) for number in range(count)]
    path = write_archive(tmp_path / "x", archive_format, items)
    (tmp_path / "warm-up").mkdir()
    unpacked(write_archive(tmp_path / "warm-up" / "x", archive_format, items[:1]), archive_format)
    before = calls()
    unpacked(path, archive_format)
    spent = calls() - before
    assert spent["syscr"] < count / 10
    assert count <= spent["syscw"] < count * 1.1


@pytest.mark.parametrize("archive_format", FORMATS)
def test_small_archives_start_no_thread_and_large_ones_two(
    archive_format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    start = threading.Thread.start

    def counting_start(thread: threading.Thread) -> None:
        started.append(thread.name)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", counting_start)
    for name, items, threads in [
        ("small", [file(str(number), b"s" * 5000) for number in range(100)], []),
        ("large", [file("noise", NOISE), file("more", NOISE[:100_000])], sorted(OUR_THREADS)),
    ]:
        (tmp_path / name).mkdir()
        unpacked(write_archive(tmp_path / name / "x", archive_format, items), archive_format)
        assert sorted(started) == threads
    assert not OUR_THREADS & {thread.name for thread in threading.enumerate()}


class Stopped(BaseException):
    pass


@pytest.mark.parametrize("archive_format", FORMATS)
def test_threads_and_files_are_gone_when_a_large_archive_is_given_up(
    archive_format: str, tmp_path: Path
) -> None:
    path = write_archive(tmp_path / "x", archive_format, [file("noise", NOISE), file("more", NOISE)])
    told: list[int] = []

    def stop(count: int) -> None:
        told.append(count)
        if len(told) == 3:
            raise Stopped

    target = tmp_path / "target"
    target.mkdir()
    form = cast("UnpackFormat", archive_format)
    with pytest.raises(Stopped):
        unpack(path, form, target, UnpackLimits(), on_progress=stop)
    assert not OUR_THREADS & {thread.name for thread in threading.enumerate()}
    assert told[-1] <= 3 * 2**18
    assert (target / "noise").stat().st_size <= 4 * 2**18
    assert not any(str(path).startswith(str(tmp_path)) for path in open_files())


def open_files() -> Iterator[Path]:
    for entry in Path("/proc/self/fd").glob("*"):  # nothing where there is no such folder
        with suppress(OSError):  # that of the folder itself is closed by now
            yield entry.readlink()


@pytest.mark.parametrize("archive_format", [*TAR_MODES, "zip"])
def test_a_large_archive_that_is_damaged_in_its_middle_is_refused_and_leaves_no_thread(
    archive_format: str, tmp_path: Path
) -> None:
    path = write_archive(tmp_path / "x", archive_format, [Item("noise", data=NOISE), file("more", NOISE)])
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 3] + data[len(data) // 3 + 4000 :])
    with pytest.raises(AssetUnpackError):
        unpacked(path, archive_format)
    assert not OUR_THREADS & {thread.name for thread in threading.enumerate()}
