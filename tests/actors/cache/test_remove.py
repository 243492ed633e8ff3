import contextlib
import shutil
from pathlib import Path

import pytest

from cache_bench import CacheBench
from openmas_assets.actors.cache.layout import INFO_NAME, CacheLayout
from openmas_assets.actors.cache.lock import AssetLock
from openmas_assets.actors.cache.owner import Owner
from openmas_assets.actors.cache.remove import Removal, remove_all_copies, remove_copy
from openmas_assets.actors.cache.staging import Staging
from openmas_assets.messages.asset_config import AssetConfig
from programs import Program
from projects import asset
from small_disk import CannotMountError, tmpfs

DEAD = Owner.current()._replace(boot="0123456789")
HOLD = """
    import signal, sys
    from pathlib import Path
    from openmas_assets.actors.cache.lock import AssetLock
    from openmas_assets.actors.cache.staging import Staging
    lock = AssetLock(Path(sys.argv[1]))
    print(lock.try_acquire())
    staging = Staging.claim(Path(sys.argv[2]), "f")
    staging.data_path.write_bytes(b"12345")
    print("claimed")
    signal.pause()
"""


@pytest.fixture
def bench(tmp_path: Path) -> CacheBench:
    return CacheBench(tmp_path)


def _copy(bench: CacheBench, name: str = "a", version: str = "1") -> AssetConfig:
    config = asset(name, bench.source(f"{name}.bin", b"abc"), version=version)
    bench.hit(config)
    return config


def _unpacked_copy(bench: CacheBench) -> AssetConfig:
    config = asset("folder", bench.source("folder", {"x": b"12", "y/z": b"345"}), version="1")
    bench.hit(config)
    return config


def _dead_part(bench: CacheBench, config: AssetConfig, size_bytes: int) -> None:
    path = bench.layout.staging_folder(config) / f"0123.{DEAD}"
    path.mkdir(parents=True)
    Staging(path).data_path.write_bytes(bytes(size_bytes))


def _everything(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_copy_goes_with_its_empty_folders_and_nothing_stays(bench: CacheBench) -> None:
    config = _copy(bench)
    assert remove_copy(bench.layout, config) == Removal(("model/a/1",), 3, ())
    assert list(bench.layout.root.iterdir()) == []
    assert bench.inspect(config).status == "not_cached"
    assert bench.hit(config).path.read_bytes() == b"abc"


def test_other_versions_and_assets_stay(bench: CacheBench) -> None:
    one, other, third = _copy(bench, version="1"), _copy(bench, version="2"), _copy(bench, "b")
    remove_copy(bench.layout, one)
    assert [bench.inspect(config).status for config in (one, other, third)] == [
        "not_cached",
        "cached",
        "cached",
    ]


def test_a_copy_that_is_a_folder_counts_all_its_bytes(bench: CacheBench) -> None:
    assert remove_copy(bench.layout, _unpacked_copy(bench)) == Removal(("model/folder/1",), 5, ())


def test_clearing_what_is_not_there_touches_nothing(bench: CacheBench) -> None:
    assert remove_copy(bench.layout, asset("a", "https://host/a.bin")) == Removal()
    assert remove_all_copies(bench.layout) == Removal()
    assert not bench.layout.root.exists()


def test_the_part_of_a_dead_process_goes_and_its_bytes_count(bench: CacheBench) -> None:
    config = _copy(bench)
    _dead_part(bench, config, 1000)
    assert remove_copy(bench.layout, config) == Removal(("model/a/1",), 1003, ())
    assert not bench.layout.staging.exists()


def test_a_part_without_a_copy_goes_too_but_counts_as_no_copy(bench: CacheBench) -> None:
    config = asset("a", "https://host/a.bin", version="1")
    _dead_part(bench, config, 1000)
    assert remove_copy(bench.layout, config) == Removal((), 1000, ())
    assert not bench.layout.staging.exists()


@pytest.mark.parametrize("is_folder", [False, True], ids=["a file", "a folder"])
def test_foreign_files_beside_a_copy_stay_and_are_named(bench: CacheBench, is_folder: bool) -> None:
    config = _unpacked_copy(bench) if is_folder else _copy(bench)
    folder = bench.layout.version_folder(config)
    (folder / "own").mkdir()
    (folder / "own" / "notes.txt").write_text("mine")
    removal = remove_copy(bench.layout, config)
    assert removal == Removal((config.key,), 5 if is_folder else 3, (folder / "own" / "notes.txt",))
    assert _everything(folder) == ["own", "own/notes.txt"]
    assert bench.inspect(config).status == "not_cached"
    assert bench.hit(config).was_transferred
    kept = [path.read_text() for path in bench.layout.root.glob("model/*/*/own/notes.txt")]
    assert kept == ["mine"]


def test_a_folder_without_metadata_is_not_ours_and_stays(bench: CacheBench) -> None:
    config = asset("a", "https://host/a.bin", version="1")
    folder = bench.layout.version_folder(config)
    folder.mkdir(parents=True)
    (folder / "hand-placed.bin").touch()
    assert remove_copy(bench.layout, config) == Removal((), 0, (folder,))
    assert _everything(folder) == ["hand-placed.bin"]


def test_a_copy_with_damaged_metadata_goes_as_a_whole(bench: CacheBench) -> None:
    config = _copy(bench)
    (bench.layout.version_folder(config) / INFO_NAME).write_text("{")
    assert remove_copy(bench.layout, config) == Removal(("model/a/1",), 3, ())
    assert not (bench.layout.root / "model").exists()


def test_what_a_link_leads_to_stays(bench: CacheBench, tmp_path: Path) -> None:
    config = _unpacked_copy(bench)
    folder = bench.layout.version_folder(config)
    (folder / "y").rename(tmp_path / "moved")
    (folder / "y").symlink_to(tmp_path / "moved")
    (folder / "notes.txt").touch()
    remove_copy(bench.layout, config)
    assert (tmp_path / "moved" / "z").read_bytes() == b"345"


def test_an_asset_that_another_process_works_on_is_left_alone(bench: CacheBench) -> None:
    config = _copy(bench)
    with Program(HOLD, bench.layout.lock_path(config), bench.layout.staging_folder(config)) as program:
        assert [line for _, line in zip(range(2), program.lines(), strict=False)] == ["True", "claimed"]
        before = _everything(bench.layout.root)
        assert remove_copy(bench.layout, config) is None
        assert _everything(bench.layout.root) == before
        program.kill9()
    assert remove_copy(bench.layout, config) == Removal(("model/a/1",), 8, ())
    assert not bench.layout.staging.exists()


def test_all_takes_the_copies_of_other_projects_the_parts_and_the_locks_and_leaves_nothing(
    bench: CacheBench,
) -> None:
    one, _, folder = _copy(bench), _copy(bench, "of another project"), _unpacked_copy(bench)
    _dead_part(bench, one, 1000)
    _dead_part(bench, asset("b", "https://host/b.bin", version="9"), 20)
    (bench.layout.version_folder(folder) / INFO_NAME).write_text("damaged")
    removal = remove_all_copies(bench.layout)
    assert removal.removed == ("model/a/1", "model/folder/1", "model/of another project/1")
    assert removal.bytes_freed == 3 + 3 + 5 + 1000 + 20
    assert removal.kept == ()
    assert list(bench.layout.root.iterdir()) == []


def test_all_leaves_what_is_not_ours_and_names_it_from_the_highest_folder_that_is_not(
    bench: CacheBench,
) -> None:
    config = _copy(bench)
    root = bench.layout.root
    for name in ("notes.txt", "photos/2024/a.jpg", "model/readme", "model/a/0/x", "model/a/1/own.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    removal = remove_all_copies(bench.layout)
    assert removal.removed == (config.key,)
    kept = ("model/a/0", "model/a/1/own.txt", "model/readme", "notes.txt", "photos")
    assert removal.kept == tuple(root / name for name in kept)
    assert _everything(root) == [
        "model",
        *("model/a", "model/a/0", "model/a/0/x", "model/a/1", "model/a/1/own.txt", "model/readme"),
        *("notes.txt", "photos", "photos/2024", "photos/2024/a.jpg"),
    ]


def test_all_leaves_what_another_process_works_on_and_names_it(bench: CacheBench) -> None:
    config, other = _copy(bench), _copy(bench, "b")
    fresh = asset("c", "https://host/c.bin", version="1")
    layout = bench.layout
    with (
        Program(HOLD, layout.lock_path(config), layout.staging_folder(config)) as one,
        Program(HOLD, layout.lock_path(fresh), layout.staging_folder(fresh)) as two,
    ):
        for program in (one, two):
            assert [line for _, line in zip(range(2), program.lines(), strict=False)] == ["True", "claimed"]
        removal = remove_all_copies(layout)
        assert removal.removed == (other.key,)
        assert set(removal.kept) == {layout.version_folder(config), layout.staging_folder(fresh)}
        assert bench.inspect(config).status == "cached"
        assert not AssetLock(layout.lock_path(config)).try_acquire()


def test_a_cache_folder_that_is_a_link_is_cleared_and_stays(bench: CacheBench, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    bench.layout.root.symlink_to(tmp_path / "elsewhere")
    _copy(bench)
    assert remove_all_copies(bench.layout).removed == ("model/a/1",)
    assert bench.layout.root.is_symlink()
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("is_folder", [False, True], ids=["a file", "a folder"])
@pytest.mark.parametrize("is_all", [False, True], ids=["one", "all"])
def test_a_copy_can_be_cleared_from_a_disk_that_has_no_room_for_as_much_as_a_folder(
    bench: CacheBench, is_folder: bool, is_all: bool
) -> None:
    config = _unpacked_copy(bench) if is_folder else _copy(bench)
    size_bytes = 5 if is_folder else 3
    try:
        with tmpfs(bench.layout.root.with_name("disk"), "size=1m,nr_inodes=20") as disk:
            full = CacheLayout(disk / "cache")
            shutil.copytree(bench.layout.root, full.root)
            with contextlib.suppress(OSError):
                for number in range(20):
                    (disk / str(number)).touch()
            removal = remove_all_copies(full) if is_all else remove_copy(full, config)
            assert removal == Removal((config.key,), size_bytes, ())
            assert _everything(full.root) == []
    except CannotMountError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", [".locks", ".staging"])
def test_a_file_in_the_place_of_the_caches_own_folder_is_an_error_and_the_copy_stays(
    bench: CacheBench, name: str
) -> None:
    config = _copy(bench)
    (bench.layout.root / name).touch()
    with pytest.raises(NotADirectoryError, match=name):
        remove_copy(bench.layout, config)
    assert bench.inspect(config).status == "cached"
