import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from archives import file, write_archive
from fetching import Fetching, fetch_program
from loopback import Fault, LoopbackServer
from openmas_assets.actors.cache.layout import CacheLayout
from openmas_assets.actors.cache.lock import AssetLock
from openmas_assets.actors.cache.witness import are_unchanged
from openmas_assets.actors.fetch import Hit, LockedError
from openmas_assets.actors.sources.fetched import TransferError
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.downloader import DownloadProgress
from openmas_assets.messages.errors import AssetCacheError
from projects import asset
from unprivileged import unprivileged

DATA = bytes(range(256)) * 1000
OTHER = DATA[::-1]


@dataclass(frozen=True)
class BusyLayout(CacheLayout):
    """A cache in which something happens just before a lock is taken."""

    before_lock: Callable[[], object] = lambda: None

    def lock_path(self, config: AssetConfig) -> Path:
        self.before_lock()
        return super().lock_path(config)


def touch(path: Path) -> None:
    os.utime(path, ns=(0, 0))


@pytest.fixture
def config(server: LoopbackServer) -> AssetConfig:
    return asset("llama", server.put("/model.bin", DATA, etag='"v1"'))


def test_a_hit_asks_nobody_and_takes_no_lock(
    fetching: Fetching, server: LoopbackServer, config: AssetConfig
) -> None:
    path = fetching.path(config)
    lock = AssetLock(fetching.layout.lock_path(config))
    assert lock.try_acquire()
    try:
        hit = fetching.hit(config)
    finally:
        lock.release()
    assert (hit.path, hit.was_transferred) == (path, False)
    assert len(server.requests) == 1


@pytest.fixture
def unwritable(fetching: Fetching) -> Iterator[Callable[[Callable[[], Hit]], Hit]]:
    """Runs something that may not write to the cache."""
    folders: list[Path] = []

    def unwritable(action: Callable[[], Hit]) -> Hit:
        folders.append(fetching.layout.root)
        folders.extend(path for path in fetching.layout.root.rglob("*") if path.is_dir())
        for folder in folders:
            folder.chmod(0o555)
        return unprivileged(action)

    yield unwritable
    for folder in folders:
        folder.chmod(0o755)


def test_a_hit_in_a_cache_that_cannot_be_written_is_handed_out(
    fetching: Fetching,
    server: LoopbackServer,
    config: AssetConfig,
    unwritable: Callable[[Callable[[], Hit]], Hit],
) -> None:
    fetching.hit(config)
    assert unwritable(lambda: fetching.hit(config)).path.read_bytes() == DATA
    assert len(server.requests) == 1


def test_there_a_copy_whose_times_alone_differ_is_read_again_and_handed_out_too(
    fetching: Fetching,
    server: LoopbackServer,
    config: AssetConfig,
    unwritable: Callable[[Callable[[], Hit]], Hit],
) -> None:
    """As in the image of a container, which gives the files of a cache other times."""
    touch(fetching.path(config))
    hit = unwritable(lambda: fetching.hit(config))
    assert hit.path.read_bytes() == DATA
    assert hit.witnesses is not None  # so that it is read once, not at every request
    assert are_unchanged(hit.witnesses)
    hit.path.write_bytes(OTHER)
    assert not are_unchanged(hit.witnesses)
    with pytest.raises(AssetCacheError, match="permission is missing"):
        unwritable(lambda: fetching.hit(config))
    assert len(server.requests) == 1


def test_whoever_reads_a_copy_again_takes_along_what_killed_processes_have_left(
    fetching: Fetching, config: AssetConfig
) -> None:
    """Who only looks may find the lock taken by the one who reads, and sweep nothing."""
    touch(fetching.path(config))
    part = fetching.layout.staging_folder(config) / "0123.free"
    part.mkdir(parents=True)
    (part / "data").write_bytes(bytes(1000))
    assert not fetching.hit(config).was_transferred
    assert fetching.staged() == []


def test_what_another_process_brought_just_before_the_lock_was_taken_is_not_transferred_again(
    fetching: Fetching, server: LoopbackServer, config: AssetConfig, tmp_path: Path
) -> None:
    layout = BusyLayout(fetching.layout.root, before_lock=lambda: fetching.hit(config))
    late = Fetching(tmp_path, layout=layout)
    hit = late.hit(config)
    assert (hit.path.read_bytes(), hit.was_transferred) == (DATA, False)
    assert len(server.requests) == 1


def test_a_forced_download_transfers_what_is_there(
    fetching: Fetching, server: LoopbackServer, config: AssetConfig
) -> None:
    fetching.hit(config)
    server.put("/model.bin", OTHER)
    assert fetching.path(config).read_bytes() == DATA
    assert fetching.hit(config, force_download=True).was_transferred
    assert fetching.path(config).read_bytes() == OTHER
    assert fetching.staged() == []


def test_a_download_that_fails_leaves_the_old_copy(
    fetching: Fetching, server: LoopbackServer, config: AssetConfig
) -> None:
    fetching.hit(config)
    server.put("/model.bin", status=404)
    with pytest.raises(TransferError):
        fetching.hit(config, force_download=True)
    assert fetching.path(config).read_bytes() == DATA
    assert fetching.staged() == []


def test_a_copy_whose_times_alone_differ_is_read_again_and_not_transferred(
    fetching: Fetching, server: LoopbackServer, config: AssetConfig
) -> None:
    path = fetching.path(config)
    touch(path)
    hit = fetching.hit(config)
    assert (hit.path.read_bytes(), hit.was_transferred) == (DATA, False)
    assert {progress.phase for progress in fetching.progress} == {"verifying"}
    fetching.hit(config)
    assert fetching.progress == []  # once is enough
    assert len(server.requests) == 1


DAMAGES: dict[str, Callable[[Path], object]] = {
    "other bytes": lambda path: path.write_bytes(OTHER),
    "more bytes": lambda path: path.write_bytes(DATA + b"x"),
    "no bytes": lambda path: path.write_bytes(b""),
    "missing": lambda path: path.unlink(),
    "a link": lambda path: path.rename(path.with_name("x")).with_name(path.name).symlink_to("x"),
    "a folder": lambda path: path.rename(path.with_name("x")).with_name(path.name).mkdir(),
    "no metadata": lambda path: path.with_name(".asset_info.json").unlink(),
    "damaged metadata": lambda path: path.with_name(".asset_info.json").write_bytes(b"{"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_copy_that_is_not_what_was_verified_is_transferred_again(
    fetching: Fetching, server: LoopbackServer, config: AssetConfig, damage: Callable[[Path], object]
) -> None:
    damage(fetching.path(config))
    hit = fetching.hit(config)
    assert (hit.path.read_bytes(), hit.was_transferred) == (DATA, True)
    assert len(server.requests) == 2
    assert fetching.staged() == []


def test_a_copy_that_was_found_corrupt_is_transferred_even_if_it_looks_right(
    fetching: Fetching, server: LoopbackServer, config: AssetConfig
) -> None:
    fetching.hit(config)
    fetching.change_info(config, is_corrupt=True)
    assert fetching.hit(config).was_transferred
    assert not fetching.info(config).is_corrupt
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("change", "is_transferred"),
    [
        ({"checksum": "sha256:" + hashlib.sha256(DATA).hexdigest()}, True),
        ({"filename": "other.bin"}, True),
        ({"description": "new", "retries": 3, "progress_report": False}, False),
    ],
)
def test_a_change_of_what_is_declared_transfers_only_if_it_is_about_the_bytes(
    fetching: Fetching, server: LoopbackServer, change: dict[str, Any], is_transferred: bool
) -> None:
    url = server.put("/model.bin", DATA)
    fetching.hit(asset("llama", url))
    assert fetching.hit(asset("llama", url, **change)).was_transferred == is_transferred


def test_versions_stand_beside_each_other(fetching: Fetching, server: LoopbackServer) -> None:
    paths = [
        fetching.path(asset("llama", server.put(f"/{version}/m.bin", version.encode()), version=version))
        for version in ("1.0", "2.0")
    ]
    assert [path.read_bytes() for path in paths] == [b"1.0", b"2.0"]


def test_an_asset_that_another_process_transfers_is_locked_and_says_who_holds_it_and_how_far_it_is(
    fetching: Fetching, server: LoopbackServer, tmp_path: Path
) -> None:
    url = server.put("/model.bin", DATA, etag='"v1"', faults=[Fault(stall_after=1000, times=1)])
    config = asset("llama", url)
    with fetch_program(tmp_path, config) as program:
        bytes_done = int(next(program.lines()))
        with pytest.raises(LockedError) as caught:
            fetching.hit(config)
        assert caught.value.holder == f"process {program.pid}"
        assert bytes_done <= caught.value.bytes_done <= 1000
        assert caught.value.bytes_total == len(DATA)
        assert len(server.requests) == 1
        program.kill9()
    assert fetching.path(config).read_bytes() == DATA


def test_a_lock_without_a_part_has_no_known_holder(fetching: Fetching, config: AssetConfig) -> None:
    lock = AssetLock(fetching.layout.lock_path(config))
    assert lock.try_acquire()
    with pytest.raises(LockedError) as caught:
        fetching.hit(config)
    lock.release()
    assert (caught.value.holder, caught.value.bytes_done, caught.value.bytes_total) == (None, 0, None)


def test_in_a_cache_that_cannot_be_written_so_is_a_copy_of_a_local_file(
    fetching: Fetching, tmp_path: Path, unwritable: Callable[[Callable[[], Hit]], Hit]
) -> None:
    (tmp_path / "file").write_bytes(DATA)
    config = asset("a", tmp_path / "file")
    touch(fetching.path(config))
    hit = unwritable(lambda: fetching.hit(config))
    assert hit.path.read_bytes() == DATA
    assert hit.witnesses is None  # whether the source has changed, only a full look can tell


def test_a_copy_that_somebody_takes_away_right_after_it_was_stored_is_asked_for_again(
    fetching: Fetching, server: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = write_archive(tmp_path / "a.zip", "zip", [file("member", DATA)])
    config = asset("a", server.put("/a.zip", archive), unpack=True, unpack_format="zip")
    folder, rename = fetching.layout.version_folder(config), os.rename

    def rename_and_lose(source: Path, target: Path) -> None:
        rename(source, target)
        if target == folder:
            rename(target, tmp_path / "taken away")

    with monkeypatch.context() as context:
        context.setattr(os, "rename", rename_and_lose)
        with pytest.raises(TransferError, match="it was changed right after it was stored") as caught:
            fetching.hit(config)
    assert caught.value.is_retryable
    assert (fetching.path(config) / "member").read_bytes() == DATA


def test_a_local_archive_that_changes_while_it_is_unpacked_is_asked_for_again(
    fetching: Fetching, tmp_path: Path
) -> None:
    archive = write_archive(tmp_path / "a.zip", "zip", [file("member", DATA)])
    newer = write_archive(tmp_path / "b.zip", "zip", [file("member", OTHER)])

    def change(progress: DownloadProgress) -> None:
        if progress.phase == "unpacking":
            archive.write_bytes(newer.read_bytes())

    config = asset("a", archive, unpack=True, unpack_format="zip")
    with pytest.raises(TransferError, match="it was changed right after it was stored") as caught:
        fetching.hit(config, on_progress=change)
    assert caught.value.is_retryable
    assert (fetching.path(config) / "member").read_bytes() == OTHER
