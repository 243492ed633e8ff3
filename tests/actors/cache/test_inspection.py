import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archives import file, write_archive
from cache_bench import CacheBench
from loopback import LoopbackServer
from openmas_assets.actors.cache.layout import INFO_NAME
from openmas_assets.actors.cache.staging import Journal, Staging
from openmas_assets.actors.cache.witness import are_unchanged
from projects import asset
from unprivileged import unprivileged

CHECKSUM = "sha256:" + "0" * 64


@pytest.fixture
def bench(tmp_path: Path) -> CacheBench:
    return CacheBench(tmp_path)


def test_nothing_there_is_not_cached(bench: CacheBench) -> None:
    inspection = bench.inspect(asset("a", "https://host/a.bin"))
    assert (inspection.status, inspection.path, inspection.size_bytes) == ("not_cached", None, None)
    assert not bench.layout.root.exists()


def test_a_complete_file_is_cached_at_its_own_path(bench: CacheBench) -> None:
    config = asset("a", bench.source("a.bin", b"abc"), version="1")
    bench.hit(config)
    inspection = bench.inspect(config)
    assert inspection.status == "cached"
    assert inspection.path == bench.layout.root / "model" / "a" / "1" / "a.bin"
    assert inspection.size_bytes == 3


def test_a_complete_folder_is_cached_at_its_version_folder(bench: CacheBench) -> None:
    config = asset("a", bench.source("folder", {"x": b"1", "y/z": b"22"}), version="1")
    bench.hit(config)
    inspection = bench.inspect(config)
    assert inspection.status == "cached"
    assert inspection.path == bench.layout.root / "model" / "a" / "1"
    assert inspection.size_bytes == 3


def test_a_transfer_that_ended_early_is_partial_with_the_bytes_it_has(bench: CacheBench) -> None:
    config = asset("a", "https://host/a.bin")
    staging = Staging.claim(bench.layout.staging_folder(config), config.fingerprint)
    staging.write_journal(Journal(fingerprint=config.fingerprint, validator='"v"'))
    staging.data_path.write_bytes(b"12345")
    staging.release()
    inspection = bench.inspect(config)
    assert (inspection.status, inspection.path, inspection.size_bytes) == ("partial", None, 5)
    changed = asset("a", "https://host/b.bin")
    assert bench.inspect(changed).status == "not_cached"


def _cached(bench: CacheBench, **fields: Any) -> Any:
    source = bench.source("a.bin", b"abc")
    bench.hit(asset("a", source, **fields))
    return source


@pytest.mark.parametrize(
    "change",
    [
        {"checksum": CHECKSUM},
        {"unpack": True, "unpack_format": "zip"},
        {"filename": "b.bin"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_change_of_source_checksum_or_unpacking_makes_it_stale(
    bench: CacheBench, change: dict[str, Any]
) -> None:
    source = _cached(bench)
    inspection = bench.inspect(asset("a", source, **change))
    assert (inspection.status, inspection.path) == ("stale", None)


def test_another_source_makes_it_stale(bench: CacheBench) -> None:
    _cached(bench)
    assert bench.inspect(asset("a", bench.source("b.bin", b"abc"))).status == "stale"
    assert bench.inspect(asset("a", "https://host/a.bin")).status == "stale"


@pytest.mark.parametrize(
    "change",
    [
        {"description": "better words"},
        {"retries": 9},
        {"retry_delay_seconds": 0.5},
        {"progress_report": False},
        {"progress_report_interval_mb": 50},
        {"unpack_format": "zip"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_change_of_what_does_not_change_the_bytes_is_no_reason_to_download_again(
    bench: CacheBench, change: dict[str, Any]
) -> None:
    source = _cached(bench)
    assert bench.inspect(asset("a", source, **change)).status == "cached"


def test_another_version_is_another_copy(bench: CacheBench) -> None:
    source = _cached(bench, version="1")
    assert bench.inspect(asset("a", source, version="2")).status == "not_cached"
    assert bench.inspect(asset("a", source, version="1")).status == "cached"


def test_a_changed_local_file_makes_it_stale_and_the_next_request_copies_it_anew(bench: CacheBench) -> None:
    source = _cached(bench)
    source.write_bytes(b"other")
    config = asset("a", source)
    assert bench.inspect(config).status == "stale"
    assert bench.hit(config).path.read_bytes() == b"other"
    assert bench.inspect(config).status == "cached"


def test_a_touched_local_file_makes_it_stale(bench: CacheBench) -> None:
    source = _cached(bench)
    os.utime(source, ns=(0, source.stat().st_mtime_ns + 1))
    assert bench.inspect(asset("a", source)).status == "stale"


@pytest.mark.parametrize("relative", ["y/z", "y/new"])
def test_a_change_deep_inside_a_local_folder_makes_it_stale(bench: CacheBench, relative: str) -> None:
    source = bench.source("folder", {"x": b"1", "y/z": b"22"})
    config = asset("a", source)
    bench.hit(config)
    (source / relative).write_bytes(b"333")
    assert bench.inspect(config).status == "stale"


def test_a_copy_whose_local_source_is_gone_is_still_good(bench: CacheBench) -> None:
    source = _cached(bench)
    source.unlink()
    assert bench.inspect(asset("a", source)).status == "cached"


def test_the_witnesses_of_a_local_copy_tell_of_a_change_at_the_source(bench: CacheBench) -> None:
    source = _cached(bench)
    witnesses = bench.inspect(asset("a", source)).witnesses
    assert witnesses is not None
    assert are_unchanged(witnesses)
    source.write_bytes(b"other")
    assert not are_unchanged(witnesses)


def test_a_copy_of_a_local_folder_has_no_witnesses_as_only_a_walk_can_tell(bench: CacheBench) -> None:
    config = asset("a", bench.source("folder", {"x": b"1"}))
    assert bench.hit(config).witnesses is None


def test_the_witnesses_tell_when_another_process_marks_the_copy_corrupt(bench: CacheBench) -> None:
    config = asset("a", _cached(bench))
    witnesses = bench.inspect(config).witnesses
    assert witnesses is not None
    bench.change_info(config, is_corrupt=True)
    assert not are_unchanged(witnesses)
    assert bench.inspect(config).status == "corrupt"


def _unlink_metadata_target(folder: Path) -> None:
    (folder / INFO_NAME).unlink()
    (folder / INFO_NAME).mkdir()


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "a.bin").write_bytes(b"ABC"),
        lambda folder: (folder / "a.bin").unlink(),
        lambda folder: (folder / INFO_NAME).write_text("{}"),
        lambda folder: (folder / INFO_NAME).write_bytes(b"\xff" * 100),
        _unlink_metadata_target,
    ],
    ids=["changed", "missing", "other metadata", "no text", "a folder in place of the metadata"],
)
def test_a_damaged_copy_is_corrupt_and_the_next_request_heals_it(bench: CacheBench, damage: Any) -> None:
    config = asset("a", _cached(bench))
    damage(bench.layout.version_folder(config))
    inspection = bench.inspect(config)
    assert (inspection.status, inspection.path) == ("corrupt", None)
    assert bench.hit(config).path.read_bytes() == b"abc"
    assert bench.inspect(config).status == "cached"


def test_a_copy_that_has_lost_a_folder_is_corrupt_and_the_next_request_heals_it(
    bench: CacheBench, tmp_path: Path
) -> None:
    config = asset("a", bench.source("folder", {"x": b"1", "y/z": b"22"}))
    folder = bench.hit(config).path
    (folder / "y").rename(tmp_path / "moved away")
    inspection = bench.inspect(config)
    assert (inspection.status, inspection.path) == ("corrupt", None)
    assert (bench.hit(config).path / "y" / "z").read_bytes() == b"22"
    assert bench.inspect(config).status == "cached"


def test_a_copy_that_comes_just_after_its_metadata_was_looked_for_counts_from_the_next_look_on(
    bench: CacheBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing would show that its metadata has become another one since."""
    config = asset("a", _cached(bench))
    folder = bench.layout.version_folder(config)
    folder.rename(tmp_path / "being committed")
    lstat = os.lstat

    def lstat_before_the_commit(path: str) -> os.stat_result:
        try:
            return lstat(path)
        finally:
            if path == f"{folder}/{INFO_NAME}" and not folder.exists():
                (tmp_path / "being committed").rename(folder)

    monkeypatch.setattr(os, "lstat", lstat_before_the_commit)
    assert bench.inspect(config).status == "not_cached"
    inspection = bench.inspect(config)
    assert inspection.status == "cached"
    assert inspection.witnesses is not None
    assert are_unchanged(inspection.witnesses)


def test_what_comes_into_a_copy_while_it_is_looked_at_shows_at_the_next_look(
    bench: CacheBench, server: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = write_archive(tmp_path / "a.zip", "zip", [file("x", b"1")])
    config = asset("a", server.put("/a.zip", archive), unpack=True, unpack_format="zip")
    folder = bench.hit(config).path
    os.utime(folder, ns=(0, 0))  # the clock of a file system may tick slower than the test runs

    def with_a_guest(look: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
        def look_at(path: Path, **options: Any) -> os.stat_result:
            status = look(path, **options)
            if path == folder / "x":
                (folder / "guest").touch()
            return status

        return look_at

    for name in ("stat", "lstat"):  # which of them pathlib calls is up to the version of Python
        monkeypatch.setattr(os, name, with_a_guest(getattr(os, name)))
    witnesses = bench.inspect(config).witnesses
    assert (folder / "guest").exists()
    assert witnesses is not None
    assert not are_unchanged(witnesses)


def test_a_damaged_copy_is_corrupt_although_its_metadata_is_another_one_at_each_look(
    bench: CacheBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a cache that other programs keep touching: no look is the last one there."""
    config = asset("a", _cached(bench))
    folder = bench.layout.version_folder(config)
    (folder / "a.bin").write_bytes(b"ABC")
    lstat = os.lstat

    def lstat_and_touch(path: str) -> os.stat_result:
        if path == f"{folder}/{INFO_NAME}":
            os.utime(path, ns=(0, lstat(path).st_mtime_ns + 1))
        return lstat(path)

    monkeypatch.setattr(os, "lstat", lstat_and_touch)
    assert bench.inspect(config).status == "corrupt"


def test_a_folder_without_metadata_is_not_cached(bench: CacheBench) -> None:
    config = asset("a", bench.source("a.bin", b"abc"))
    folder = bench.layout.version_folder(config)
    folder.mkdir(parents=True)
    (folder / "a.bin").write_bytes(b"abc")
    assert bench.inspect(config).status == "not_cached"


def test_a_copy_that_was_only_moved_is_read_and_trusted_again_not_transferred(bench: CacheBench) -> None:
    config = asset("a", _cached(bench))
    path = bench.layout.version_folder(config) / "a.bin"
    os.utime(path)
    assert bench.inspect(config).status == "corrupt"
    inode = path.stat().st_ino
    assert not bench.hit(config).was_transferred
    assert path.stat().st_ino == inode
    assert bench.inspect(config).status == "cached"


def test_in_a_cache_that_cannot_be_written_a_copy_is_handed_out_and_nothing_else_is_tried(
    bench: CacheBench,
) -> None:
    config = asset("a", _cached(bench))
    with bench.read_only():
        hit = unprivileged(lambda: bench.hit(config))
    assert hit.path.read_bytes() == b"abc"
    assert not hit.was_transferred
