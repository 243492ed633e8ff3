import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archives import file, folder, symlink, write_archive
from cache_bench import CacheBench
from openmas_assets.actors.abort import AbortSignal, JobAbortedError
from openmas_assets.actors.cache.info import UnreadableInfoError
from openmas_assets.actors.cache.layout import INFO_NAME
from openmas_assets.actors.cache.lock import AssetLock
from openmas_assets.actors.cache.verify import verify_copy
from openmas_assets.actors.monitor import Monitor
from openmas_assets.messages.asset_config import AssetConfig
from projects import asset
from unprivileged import unprivileged

if TYPE_CHECKING:
    from openmas_assets.messages.downloader import DownloadProgress

Change = Callable[[Path], object]


@pytest.fixture
def bench(tmp_path: Path) -> CacheBench:
    return CacheBench(tmp_path)


def _file(bench: CacheBench) -> tuple[AssetConfig, Path]:
    config = asset("a", bench.source("a.bin", b"abcdef"))
    return config, bench.hit(config).path


def _unpacked(bench: CacheBench, tmp_path: Path) -> tuple[AssetConfig, Path]:
    members = [
        file("a.txt", b"aaaa"),
        folder("sub"),
        file("sub/b.txt", b"bbbb"),
        symlink("link", "sub/b.txt"),
        symlink("folder link", "sub"),
    ]
    archive = write_archive(tmp_path / "a.tar.gz", "tar.gz", members)
    config = asset("a", archive, unpack=True, unpack_format="tar.gz")
    return config, bench.hit(config).path


def _change_keeping_time(path: Path) -> None:
    before = path.stat()
    path.write_bytes(b"X" + path.read_bytes()[1:])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _relink(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


def _put_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def test_an_untouched_copy_is_verified_and_its_metadata_stays_as_it_is(bench: CacheBench) -> None:
    config, path = _file(bench)
    before = (path.parent / INFO_NAME).stat()
    assert bench.verify(config) == ("verified", "")
    assert (path.parent / INFO_NAME).stat() == before


def test_nothing_there_is_not_cached_and_no_failure(bench: CacheBench) -> None:
    assert bench.verify(asset("a", "https://host/a.bin")) == ("not_cached", "")
    assert not bench.layout.root.exists()


FILE_DAMAGES: dict[str, tuple[Change, str]] = {
    "a changed byte under the old time": (_change_keeping_time, "a.bin has other bytes"),
    "cut short": (lambda path: os.truncate(path, 3), "a.bin has 3 bytes instead of 6"),
    "missing": (lambda path: path.unlink(), "a.bin is missing"),
    "a link in its place": (lambda path: _relink(path, "/etc/passwd"), "a.bin is another link"),
    "a pipe in its place": (_put_fifo, "a.bin is no file any more"),
}


@pytest.mark.parametrize(("damage", "detail"), FILE_DAMAGES.values(), ids=FILE_DAMAGES)
def test_a_damaged_file_fails_is_marked_and_healed_by_the_next_request(
    bench: CacheBench, damage: Change, detail: str
) -> None:
    config, path = _file(bench)
    damage(path)
    assert bench.verify(config) == ("failed", detail)
    assert bench.info(config).is_corrupt
    assert bench.inspect(config).status == "corrupt"
    assert bench.hit(config).was_transferred
    assert path.read_bytes() == b"abcdef"
    assert not path.is_symlink()
    assert bench.verify(config) == ("verified", "")
    assert bench.inspect(config).status == "cached"


FOLDER_DAMAGES: dict[str, tuple[Change, str]] = {
    "a changed byte under the old time": (
        lambda path: _change_keeping_time(path / "sub" / "b.txt"),
        "sub/b.txt has other bytes",
    ),
    "missing": (lambda path: (path / "a.txt").unlink(), "a.txt is missing"),
    "added": (lambda path: (path / "sub" / "new").touch(), "sub/new was added"),
    "an added link to a folder": (lambda path: (path / "new").symlink_to("sub"), "new was added"),
    "a link to another file": (lambda path: _relink(path / "link", "a.txt"), "link is another link"),
    "a link to another folder": (
        lambda path: _relink(path / "folder link", "."),
        "folder link is another link",
    ),
    "a copy in a link's place": (
        lambda path: (path / "a.txt").replace(path / "link"),
        "a.txt is missing, link is another link",
    ),
}


@pytest.mark.parametrize(("damage", "detail"), FOLDER_DAMAGES.values(), ids=FOLDER_DAMAGES)
def test_a_damaged_unpacked_archive_fails_is_marked_and_healed_by_the_next_request(
    bench: CacheBench, tmp_path: Path, damage: Change, detail: str
) -> None:
    config, path = _unpacked(bench, tmp_path)
    assert bench.verify(config) == ("verified", "")
    damage(path)
    assert bench.verify(config) == ("failed", detail)
    assert bench.inspect(config).status == "corrupt"
    bench.hit(config)
    assert bench.verify(config) == ("verified", "")
    assert (path / "link").read_bytes() == b"bbbb"
    assert not (path / "sub" / "new").exists()


def test_of_many_damages_a_few_are_named_and_the_others_counted(bench: CacheBench) -> None:
    config = asset("a", bench.source("folder", {f"{number}": b"x" for number in range(9)}))
    path = bench.hit(config).path
    for number in range(8):
        (path / f"{number}").unlink()
    outcome, detail = bench.verify(config)
    assert outcome == "failed"
    assert detail.endswith("4 is missing, and 3 more")
    assert detail.count("is missing") == 5


def test_a_touched_copy_with_the_same_bytes_is_trusted_again(bench: CacheBench, tmp_path: Path) -> None:
    config, path = _unpacked(bench, tmp_path)
    os.utime(path / "sub" / "b.txt")
    assert bench.inspect(config).status == "corrupt"
    assert bench.verify(config) == ("verified", "")
    assert bench.inspect(config).status == "cached"


def test_a_copy_that_was_marked_but_is_right_again_is_trusted_again(bench: CacheBench) -> None:
    config, path = _file(bench)
    path.write_bytes(b"ABCDEF")
    assert bench.verify(config)[0] == "failed"
    path.write_bytes(b"abcdef")
    assert bench.verify(config) == ("verified", "")
    assert bench.inspect(config).status == "cached"


def test_a_copy_beside_a_foreign_file_is_verified(bench: CacheBench) -> None:
    config, path = _file(bench)
    (path.parent / "notes.txt").touch()
    assert bench.verify(config) == ("verified", "")


def test_a_copy_of_other_bytes_than_are_declared_by_now_fails_and_is_not_marked(bench: CacheBench) -> None:
    config, path = _file(bench)
    declared = "sha256:" + "0" * 64
    outcome, detail = bench.verify(config.model_copy(update={"checksum": declared}))
    assert outcome == "failed"
    assert detail.startswith(f"{declared} is declared, it is sha256:bef57ec7")
    assert not bench.info(config).is_corrupt
    assert path.exists()


def test_damaged_metadata_fails_and_is_healed_by_the_next_request(bench: CacheBench) -> None:
    config, path = _file(bench)
    (path.parent / INFO_NAME).write_text("{")
    outcome, detail = bench.verify(config)
    assert outcome == "failed"
    assert str(path.parent / INFO_NAME) in detail
    bench.hit(config)
    assert bench.verify(config) == ("verified", "")


def test_while_another_holds_the_asset_nothing_is_noted(bench: CacheBench) -> None:
    config, path = _file(bench)
    path.write_bytes(b"ABCDEF")
    lock = AssetLock(bench.layout.lock_path(config))
    assert lock.try_acquire()
    assert bench.verify(config)[0] == "failed"
    assert not bench.info(config).is_corrupt
    lock.release()


def test_in_a_cache_that_cannot_be_written_a_copy_is_judged_all_the_same(bench: CacheBench) -> None:
    config, path = _file(bench)
    path.write_bytes(b"ABCDEF")
    with bench.read_only():
        assert unprivileged(lambda: bench.verify(config)) == ("failed", "a.bin has other bytes")
        assert not bench.info(config).is_corrupt


def test_a_file_that_may_not_be_read_is_named_with_the_reason(bench: CacheBench) -> None:
    config, path = _file(bench)
    path.chmod(0)
    with bench.read_only():
        verdict = unprivileged(lambda: bench.verify(config))
    assert verdict == ("failed", "a.bin cannot be read: Permission denied")


def test_in_a_cache_that_cannot_be_written_a_touched_copy_is_verified(bench: CacheBench) -> None:
    config, path = _file(bench)
    os.utime(path)
    with bench.read_only():
        assert unprivileged(lambda: bench.verify(config)) == ("verified", "")


class _Interfering(Monitor):
    """Does something to the copy at the first progress, that is, while it is being hashed."""

    def __init__(self, interfere: Callable[[], object]) -> None:
        super().__init__(0, "a", AbortSignal(), None)
        self._interfere = interfere
        self._is_done = False

    def report(self, *_: object) -> None:
        if not self._is_done:
            self._is_done = True
            self._interfere()


def test_a_copy_that_is_refreshed_while_it_is_read_is_no_failure(bench: CacheBench) -> None:
    source = bench.source("folder", {"x": b"old", "y": b"old"})
    config = asset("a", source)
    bench.hit(config)

    def refresh() -> None:
        bench.source("folder", {"x": b"new!", "y": b"new!"})
        bench.hit(config, force_download=True)

    assert verify_copy(bench.layout, config, _Interfering(refresh)) == ("verified", "")
    assert not bench.info(config).is_corrupt


def test_a_copy_that_is_cleared_while_it_is_read_is_not_cached(bench: CacheBench) -> None:
    config = asset("a", bench.source("folder", {"x": b"old", "y": b"old"}))
    path = bench.hit(config).path

    def clear() -> None:
        path.rename(path.with_name("away"))

    assert verify_copy(bench.layout, config, _Interfering(clear)) == ("not_cached", "")


def test_a_file_that_is_changed_after_it_was_read_is_not_trusted(bench: CacheBench) -> None:
    config = asset("a", bench.source("folder", {"x": b"old", "y": b"old"}))
    path = bench.hit(config).path
    os.utime(path / "y")  # so that there is something to note

    def change() -> None:
        (path / "x").write_bytes(b"NEW")

    verify_copy(bench.layout, config, _Interfering(change))
    assert bench.inspect(config).status == "corrupt"


def test_metadata_that_is_damaged_while_the_copy_is_read_is_a_failure_not_a_crash(bench: CacheBench) -> None:
    config, path = _file(bench)
    os.utime(path)
    interfere = _Interfering(lambda: (path.parent / INFO_NAME).write_text("{"))
    assert verify_copy(bench.layout, config, interfere)[0] == "failed"
    with pytest.raises(UnreadableInfoError):
        bench.info(config)


def test_progress_counts_all_bytes_and_an_abort_ends_it(bench: CacheBench) -> None:
    config = asset("a", bench.source("folder", {"x": bytes(3_000_000), "y": bytes(1_000_000)}))
    bench.hit(config)
    heard: list[DownloadProgress] = []
    signal = AbortSignal()
    verify_copy(bench.layout, config, Monitor(1, "a", signal, heard.append))
    assert (heard[-1].phase, heard[-1].bytes_done, heard[-1].bytes_total) == (
        "verifying",
        4_000_000,
        4_000_000,
    )
    signal.abort(1)
    with pytest.raises(JobAbortedError):
        verify_copy(bench.layout, config, Monitor(1, "a", signal, None))
