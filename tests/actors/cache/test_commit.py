import contextlib
import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest

from cache_bench import CacheBench
from openmas_assets.actors.cache import commit as commit_module
from openmas_assets.actors.cache.commit import commit
from openmas_assets.actors.cache.file_record import FileRecord, files_below
from openmas_assets.actors.cache.info import AssetInfo
from openmas_assets.actors.cache.layout import INFO_NAME
from programs import Program
from projects import asset

COMMITS = {
    "in one system call": commit_module._exchange,
    "in two renames": commit_module._exchange_in_two_steps,
}
has_exchange = commit_module._exchange_call() is not None
needs_exchange = pytest.mark.skipif(not has_exchange, reason="this platform cannot exchange two folders")


def _tree(path: Path, content: dict[str, str], handed_out: str = ".") -> Path:
    """A complete folder as it is committed."""
    for name, text in content.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    AssetInfo(
        name="a",
        version="1",
        asset_type="model",
        source="somewhere",
        fingerprint="f",
        checksum=None,
        sha256=None,
        path=handed_out,
        files={name: FileRecord.of(file, "0" * 64) for name, file in files_below(path)},
        downloaded_at="now",
    ).write(path)
    return path


def _content(folder: Path) -> dict[str, str]:
    return {name: path.read_text() for name, path in files_below(folder)}


def test_a_first_commit_makes_the_folders_above(tmp_path: Path) -> None:
    place = tmp_path / "model" / "a" / "1"
    commit(_tree(tmp_path / "tree", {"x": "new"}), place)
    assert _content(place) == {"x": "new"}
    assert not (tmp_path / "tree").exists()


def test_an_empty_folder_in_the_place_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    commit(_tree(tmp_path / "tree", {"x": "new"}), tmp_path / "place")
    assert _content(tmp_path / "place") == {"x": "new"}


def test_a_second_commit_replaces_the_whole_folder_and_leaves_the_old_to_the_caller(
    tmp_path: Path,
) -> None:
    place = tmp_path / "place"
    commit(_tree(tmp_path / "tree", {"x": "old", "gone": "old"}), place)
    commit(_tree(tmp_path / "tree2", {"x": "new", "come": "new"}), place)
    assert _content(place) == {"x": "new", "come": "new"}
    assert _content(tmp_path / "tree2") == {"x": "old", "gone": "old"}


@pytest.mark.parametrize("exchange", COMMITS.values(), ids=COMMITS)
def test_two_folders_change_places(tmp_path: Path, exchange: Callable[[Path, Path], None]) -> None:
    one, other = _tree(tmp_path / "one", {"x": "1"}), _tree(tmp_path / "other", {"x": "2", "y": "2"})
    exchange(one, other)
    assert _content(one) == {"x": "2", "y": "2"}
    assert _content(other) == {"x": "1"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "other"]


@pytest.mark.parametrize("exchange", COMMITS.values(), ids=COMMITS)
def test_an_exchange_that_fails_leaves_the_old_where_it_was(
    tmp_path: Path, exchange: Callable[[Path, Path], None]
) -> None:
    place = _tree(tmp_path / "place", {"x": "old"})
    with pytest.raises(FileNotFoundError):
        exchange(tmp_path / "missing", place)
    assert _content(place) == {"x": "old"}
    assert list(tmp_path.iterdir()) == [place]


def test_a_file_in_the_place_of_the_folder_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "place").write_text("what is this")
    commit(_tree(tmp_path / "tree", {"x": "new"}), tmp_path / "place")
    assert _content(tmp_path / "place") == {"x": "new"}


@pytest.mark.parametrize("with_copy", [False, True], ids=["without a copy", "beside a copy"])
def test_foreign_files_stay_beside_an_asset_that_is_a_file(tmp_path: Path, with_copy: bool) -> None:
    place = tmp_path / "place"
    if with_copy:
        commit(_tree(tmp_path / "old", {"a.bin": "old", "old name.bin": "old"}, "a.bin"), place)
    (place / "sub").mkdir(parents=True)
    (place / "sub" / "notes.txt").write_text("mine")
    (place / "link").symlink_to("nowhere")
    commit(_tree(tmp_path / "tree", {"a.bin": "new"}, "a.bin"), place)
    assert (place / "a.bin").read_text() == "new"
    assert (place / "sub" / "notes.txt").read_text() == "mine"
    assert (place / "link").readlink() == Path("nowhere")
    assert not (place / "old name.bin").exists()


def test_a_hand_placed_file_of_the_asset_s_own_name_gives_way(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    (place / "a.bin").write_text("hand-placed")
    commit(_tree(tmp_path / "tree", {"a.bin": "new"}, "a.bin"), place)
    assert _content(place) == {"a.bin": "new"}


def test_a_folder_that_was_there_before_us_is_renamed_and_not_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    (place / "precious").write_text("mine")
    commit(_tree(tmp_path / "tree", {"x": "new"}), place)
    assert _content(place) == {"x": "new"}
    (aside,) = tmp_path.glob("place.foreign-*")
    assert (aside / "precious").read_text() == "mine"
    assert str(aside) in caplog.text


def test_a_disk_that_fails_is_not_asked_over_and_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a network file system each answer may take a minute."""
    place = _tree(tmp_path / "place", {"x": "old"})
    tree = _tree(tmp_path / "tree", {"x": "new"})
    asked: list[object] = []

    def fail(*names: object) -> None:
        asked.append(names)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "rename", fail)
    monkeypatch.setattr(commit_module, "_exchange_call", lambda: None)
    with pytest.raises(OSError, match="Input/output error"):
        commit(tree, place)
    assert len(asked) == 3
    assert (_content(place), _content(tree)) == ({"x": "old"}, {"x": "new"})


@pytest.mark.parametrize("others", [[], ["other"], ["other", "third"]], ids=len)
def test_what_others_put_in_the_place_of_foreign_files_at_that_moment_is_not_taken_for_foreign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, others: list[str]
) -> None:
    """Where locks do not work. One copy comes just before the files are set aside, and one just after."""
    place = _tree(tmp_path / "place", {"precious": "mine"})
    (place / INFO_NAME).unlink()
    copies = [_tree(tmp_path / text, {"x": text}) for text in others]
    rename = os.rename

    def rename_among_others(source: Path, target: Path) -> None:
        if ".foreign-" not in target.name:
            rename(source, target)
            return
        rename(place, tmp_path / "set aside by another")
        for copy in copies[:1]:
            rename(copy, place)
        rename(source, target)
        for copy in copies[1:]:
            rename(copy, place)

    monkeypatch.setattr(os, "rename", rename_among_others)
    tree = _tree(tmp_path / "tree", {"x": "new"})
    commit(tree, place)
    assert _content(place) == {"x": "new"}
    assert (_content(tree)["x"] if tree.exists() else None) == (others[-1] if others else None)
    assert list(tmp_path.glob("*.foreign-*")) == []
    assert caplog.text == ""


def test_a_copy_with_damaged_metadata_is_replaced_as_a_whole(tmp_path: Path) -> None:
    place = tmp_path / "place"
    commit(_tree(tmp_path / "old", {"x": "old"}), place)
    (place / INFO_NAME).write_text("{")
    commit(_tree(tmp_path / "tree", {"a.bin": "new"}, "a.bin"), place)
    assert _content(place) == {"a.bin": "new"}


def test_a_disk_that_refuses_leaves_the_old_where_it_was(tmp_path: Path) -> None:
    place = tmp_path / "place"
    commit(_tree(tmp_path / "old", {"x": "old"}), place)
    with pytest.raises(FileNotFoundError):
        commit(tmp_path / "missing", place)
    assert _content(place) == {"x": "old"}


READER = """
    import hashlib, json, os, sys
    path, info_name = sys.argv[1:]
    folder, name = os.path.split(path)
    print("ready")
    reads = mixed = missing = 0
    while not os.path.exists("stop"):
        reads += 1
        try:
            with open(path, "rb") as file:
                data = file.read()
        except FileNotFoundError:
            missing += 1
            continue
        if len(set(data)) != 1:
            mixed += 1
        # Of one folder, whatever takes its place meanwhile: do the file and the metadata belong together?
        folder_fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with open(os.open(info_name, os.O_RDONLY, dir_fd=folder_fd), "rb") as file:
                known = json.load(file)["sha256"]
            with open(os.open(name, os.O_RDONLY, dir_fd=folder_fd), "rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            mixed += known != found
        except FileNotFoundError:
            # The folder was replaced, and the old one is being removed.
            missing += os.path.samestat(os.fstat(folder_fd), os.stat(folder))
        finally:
            os.close(folder_fd)
    print(reads, mixed, missing)
"""


@needs_exchange
def test_a_reader_never_finds_the_path_missing_or_mixed_while_200_refreshes_are_committed(
    tmp_path: Path,
) -> None:
    bench = CacheBench(tmp_path)
    source = bench.source("a.bin", bytes([0]) * 100_000)
    config = asset("a", source)
    path = bench.hit(config).path
    with Program(READER, path, INFO_NAME, folder_path=tmp_path) as program:
        lines = program.lines()
        assert next(lines) == "ready"
        for number in range(200):
            source.write_bytes(bytes([number]) * 100_000)
            bench.hit(config, force_download=True)
        (tmp_path / "stop").touch()
        reads, mixed, missing = map(int, next(lines).split())
    assert (mixed, missing) == (0, 0)
    assert reads > 200
    assert not bench.layout.staging.exists()


@needs_exchange
def test_whoever_inspects_while_refreshes_are_committed_always_finds_the_asset_cached(tmp_path: Path) -> None:
    bench = CacheBench(tmp_path)
    source = bench.source("folder", {"x": b"0", "y": b"0"})
    config = asset("a", "https://host/a.bin")
    place = bench.layout.version_folder(config)

    def refresh(number: int) -> None:
        tree = _tree(tmp_path / "tree", {"x": str(number) * number, "y": str(number)})
        info = AssetInfo.read(tree)
        assert info is not None
        (tree / INFO_NAME).unlink()
        info.model_copy(update={"fingerprint": config.fingerprint}).write(tree)
        commit(tree, place)
        shutil.rmtree(tree, ignore_errors=True)

    refresh(1)
    is_over = Event()
    statuses: set[str] = set()

    def look() -> None:
        while not is_over.is_set():
            statuses.add(bench.inspect(config).status)

    thread = Thread(target=look)
    thread.start()
    for number in range(200):
        refresh(number)
    is_over.set()
    thread.join()
    assert statuses == {"cached"}
    assert source.exists()


@pytest.mark.parametrize("has_exchange", [True, False], ids=["one system call", "two renames"])
def test_where_locks_do_not_work_four_who_commit_at_once_all_succeed_and_one_copy_stands(
    tmp_path: Path, has_exchange: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_exchange:  # the platform's, not ours: there is none on NFS
        monkeypatch.setattr(commit_module, "_exchange_call", lambda: None)
    place = tmp_path / "place"
    errors: list[OSError] = []

    def commit_often(who: int) -> None:
        for number in range(50):
            text = f"{who}-{number}"
            tree = _tree(tmp_path / text / "tree", {"x": text, "y": text})
            try:
                commit(tree, place)
            except OSError as error:
                errors.append(error)
            shutil.rmtree(tmp_path / text)

    threads = [Thread(target=commit_often, args=[who]) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    content = _content(place)
    assert content["x"] == content["y"]
    assert [path.name for path in tmp_path.iterdir()] == ["place"]


def test_the_metadata_of_a_commit_is_that_of_its_files(tmp_path: Path) -> None:
    bench = CacheBench(tmp_path)
    config = asset("a", bench.source("a.bin", b"abc"))
    path = bench.hit(config).path
    with contextlib.closing(os.scandir(path.parent)) as entries:
        assert sorted(entry.name for entry in entries) == [INFO_NAME, "a.bin"]
    assert json.loads((path.parent / INFO_NAME).read_bytes())["files"]["a.bin"]["size_bytes"] == 3


def test_foreign_files_stay_where_the_file_system_has_no_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)  # what link(2) says on FAT
    place = _tree(tmp_path / "place", {"a.bin": "old"}, handed_out="a.bin")
    (place / "notes.txt").write_text("mine")
    commit(_tree(tmp_path / "new", {"a.bin": "new"}, handed_out="a.bin"), place)
    assert _content(place) == {"a.bin": "new", "notes.txt": "mine"}
