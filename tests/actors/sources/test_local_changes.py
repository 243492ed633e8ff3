import os
from pathlib import Path

import pytest

from fetching import Fetching
from openmas_assets.actors.cache.inspection import inspect
from openmas_assets.actors.cache.witness import are_unchanged
from openmas_assets.actors.sources.fetched import TransferError
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.downloader import DownloadProgress
from projects import asset

DATA = bytes(range(256)) * 1000


def contents(folder: Path) -> dict[str, bytes | None]:
    """The bytes of each file below a folder, None for each folder; metadata left out."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if path.name != ".asset_info.json"
    }


def status(fetching: Fetching, config: AssetConfig) -> str:
    return inspect(fetching.layout, config, fetching.layout.root.parent).status


def age(path: Path) -> None:
    """Give a file another time than it had, whatever the clock's resolution."""
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns - 1_000_000_000))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "b/c/empty").mkdir(parents=True)
    (tree / "a.txt").write_bytes(b"a")
    (tree / "b/c/d.bin").write_bytes(DATA)
    (tree / "b/.hidden").touch()
    return tree


@pytest.mark.parametrize("is_folder", [False, True])
def test_a_source_that_changes_while_it_is_copied_is_tried_again(
    fetching: Fetching, tree: Path, is_folder: bool
) -> None:
    def change(_: DownloadProgress) -> None:
        age(tree / "b/c/d.bin")

    config = asset("a", tree if is_folder else tree / "b/c/d.bin")
    with pytest.raises(TransferError, match="changed while it was copied") as caught:
        fetching.hit(config, on_progress=change)
    assert caught.value.is_retryable
    assert fetching.staged() == []
    assert not fetching.layout.version_folder(config).exists()


def test_a_file_that_goes_while_its_folder_is_copied_is_a_change(fetching: Fetching, tree: Path) -> None:
    def change(_: DownloadProgress) -> None:
        (tree / "b/c/d.bin").unlink(missing_ok=True)

    with pytest.raises(TransferError, match="changed while it was copied") as caught:
        fetching.hit(asset("a", tree), on_progress=change)
    assert caught.value.is_retryable


def test_a_source_that_is_the_same_is_not_copied_again(fetching: Fetching, tree: Path) -> None:
    for config in (asset("folder", tree), asset("file", tree / "a.txt")):
        assert fetching.hit(config).was_transferred
        assert not fetching.hit(config).was_transferred
        assert status(fetching, config) == "cached"


def test_a_changed_file_makes_its_copy_stale_and_is_copied_anew(fetching: Fetching, tree: Path) -> None:
    config = asset("a", tree / "a.txt")
    witnesses = fetching.hit(config).witnesses
    assert witnesses is not None
    assert are_unchanged(witnesses)
    (tree / "a.txt").write_bytes(b"b")
    age(tree / "a.txt")
    assert not are_unchanged(witnesses)
    assert status(fetching, config) == "stale"
    assert fetching.path(config).read_bytes() == b"b"
    assert status(fetching, config) == "cached"


@pytest.mark.parametrize("change", ["write", "touch", "add", "add folder", "remove", "rename"])
def test_any_change_in_a_folder_makes_its_copy_stale(fetching: Fetching, tree: Path, change: str) -> None:
    config = asset("a", tree)
    assert fetching.hit(config).witnesses is None  # only a walk can tell
    match change:
        case "write":
            (tree / "b/c/d.bin").write_bytes(DATA + b"more")
        case "touch":
            age(tree / "b/c/d.bin")
        case "add":
            (tree / "b/c/new").touch()
        case "add folder":
            (tree / "b/c/empty/new").mkdir()
        case "remove":
            (tree / "b/.hidden").unlink()
        case "rename":
            (tree / "a.txt").rename(tree / "z.txt")
    assert status(fetching, config) == "stale"
    assert contents(fetching.path(config)) == contents(tree)
    assert status(fetching, config) == "cached"


def test_a_file_that_became_a_folder_is_copied_anew(fetching: Fetching, tree: Path) -> None:
    config = asset("a", tree / "b")
    fetching.hit(config)
    (tree / "b").rename(tree / "c")
    (tree / "b").write_bytes(b"file now")
    assert fetching.path(config).read_bytes() == b"file now"


def test_a_copy_outlives_its_source(fetching: Fetching, tree: Path) -> None:
    file, folder = asset("file", tree / "a.txt"), asset("folder", tree)
    fetching.hit(file)
    fetching.hit(folder)
    tree.rename(tree.with_name("gone"))
    assert fetching.path(file).read_bytes() == b"a"
    assert fetching.path(folder).joinpath("b/c/d.bin").read_bytes() == DATA
    assert not fetching.hit(folder).was_transferred
