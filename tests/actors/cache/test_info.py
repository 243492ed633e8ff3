import contextlib
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from cache_bench import CacheBench
from openmas_assets.actors.cache.file_record import FileRecord, files_below
from openmas_assets.actors.cache.info import AssetInfo, UnreadableInfoError, foreign_files
from openmas_assets.actors.cache.layout import INFO_NAME
from openmas_assets.actors.cache.witness import are_unchanged
from openmas_assets.messages.errors import AssetCacheError
from projects import asset

RECORD: dict[str, Any] = {"size_bytes": 3, "mtime_ns": 1, "ctime_ns": 1, "sha256": "0" * 64}
METADATA: dict[str, Any] = {
    "format": 1,
    "name": "a",
    "version": "1",
    "asset_type": "model",
    "source": "https://host/a.bin",
    "fingerprint": "f" * 64,
    "checksum": None,
    "sha256": "0" * 64,
    "path": "a.bin",
    "files": {"a.bin": RECORD, "sub/b.bin": RECORD, "link": {**RECORD, "sha256": None, "link": "a.bin"}},
    "source_state": None,
    "downloaded_at": "2025-01-01T00:00:00+00:00",
    "is_corrupt": False,
}
OUTSIDE = ["/etc/passwd", "../a", "sub/../../a", "..", "", ".", "a\0b", "a//b", "./a", "sub/", "/"]


def _write(folder: Path, metadata: object) -> Path:
    (folder / INFO_NAME).write_text(json.dumps(metadata))
    return folder


def test_metadata_reads_back_as_it_was_written(tmp_path: Path) -> None:
    info = AssetInfo.model_validate(METADATA)
    info.write(tmp_path)
    assert AssetInfo.read(tmp_path) == info
    assert [path.name for path in tmp_path.iterdir()] == [INFO_NAME]


def test_metadata_of_the_next_release_with_more_fields_is_read(tmp_path: Path) -> None:
    assert AssetInfo.read(_write(tmp_path, {**METADATA, "licence": "MIT"})) is not None


def test_without_metadata_there_is_none(tmp_path: Path) -> None:
    assert AssetInfo.read(tmp_path) is None
    assert AssetInfo.read(tmp_path / "missing") is None
    (tmp_path / "file").touch()
    assert AssetInfo.read(tmp_path / "file") is None


@pytest.mark.parametrize("key", OUTSIDE)
def test_metadata_whose_files_lead_out_of_the_folder_is_refused(tmp_path: Path, key: str) -> None:
    folder = _write(tmp_path, {**METADATA, "files": {**METADATA["files"], key: RECORD}})
    with pytest.raises(UnreadableInfoError):
        AssetInfo.read(folder)


@pytest.mark.parametrize("path", [*(path for path in OUTSIDE if path != "."), "not one of the files"])
def test_metadata_that_would_hand_out_what_was_not_verified_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(UnreadableInfoError):
        AssetInfo.read(_write(tmp_path, {**METADATA, "path": path}))


@pytest.mark.parametrize("field", sorted(METADATA.keys() - {"format", "source_state", "is_corrupt"}))
def test_metadata_without_a_field_that_it_needs_is_refused(tmp_path: Path, field: str) -> None:
    with pytest.raises(UnreadableInfoError):
        AssetInfo.read(_write(tmp_path, {key: value for key, value in METADATA.items() if key != field}))


def test_a_folder_in_the_place_of_the_metadata_is_refused(tmp_path: Path) -> None:
    (tmp_path / INFO_NAME).mkdir()
    with pytest.raises(UnreadableInfoError):
        AssetInfo.read(tmp_path)


def _mutated(generator: random.Random, value: Any) -> Any:
    """The same JSON with something in it exchanged, removed or added, however deep it lies."""
    strange: list[Any] = [
        None,
        True,
        -1,
        2**63,
        10**400,
        1.5,
        "",
        "x" * 5000,
        "\0",
        "../..",
        "/",
        [],
        {},
        [[]],
        {"": 0},
    ]
    if generator.random() < 0.15:
        return generator.choice(strange)
    if isinstance(value, dict):
        changed = {key: _mutated(generator, item) for key, item in value.items() if generator.random() > 0.03}
        if generator.random() < 0.1:
            changed[generator.choice(["", "..", "/etc/passwd", "a\0", "path", "x" * 300])] = RECORD
        return changed
    return value


def _damaged(generator: random.Random, text: bytes) -> bytes:
    data = bytearray(text)
    for _ in range(generator.randint(1, 6)):
        place = generator.randrange(len(data) + 1)
        data[place : place + generator.choice([0, 1, 40])] = generator.randbytes(generator.choice([0, 1, 3]))
    return bytes(data)


@pytest.mark.parametrize("seed", range(10))
def test_no_metadata_whatsoever_raises_anything_else_or_is_handed_out(tmp_path: Path, seed: int) -> None:
    generator = random.Random(seed)
    bench = CacheBench(tmp_path)
    config = asset("a", bench.source("a.bin", b"abc"), version="1")
    bench.hit(config)
    folder = bench.layout.version_folder(config)
    good = json.loads((folder / INFO_NAME).read_bytes())
    outcomes = set()
    for _ in range(60):
        data = json.dumps(_mutated(generator, good)).encode()
        (folder / INFO_NAME).write_bytes(_damaged(generator, data) if generator.random() < 0.5 else data)
        with contextlib.suppress(UnreadableInfoError):
            AssetInfo.read(folder)
        inspection = bench.inspect(config)
        outcomes.add(inspection.status)
        assert inspection.path in (None, folder, folder / "a.bin")
        assert bench.verify(config)[0] in ("verified", "failed")
    assert outcomes <= {"cached", "corrupt", "stale"}
    assert "corrupt" in outcomes


def test_deeply_nested_metadata_is_refused(tmp_path: Path) -> None:
    (tmp_path / INFO_NAME).write_bytes(b"[" * 100_000)
    with pytest.raises(UnreadableInfoError):
        AssetInfo.read(tmp_path)


def test_a_file_name_that_is_no_text_is_said_to_be_and_leaves_no_metadata(tmp_path: Path) -> None:
    info = AssetInfo.model_validate({**METADATA, "files": {"a.bin": RECORD}})
    strange = info.model_copy(update={"files": {**info.files, os.fsdecode(b"caf\xe9"): info.files["a.bin"]}})
    with pytest.raises(AssetCacheError, match=r"asset 'a': .*not UTF-8: 'caf\\udce9'"):
        strange.write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def _folder_copy(tmp_path: Path, count: int = 3) -> tuple[AssetInfo, Path]:
    for number in range(count):
        path = tmp_path / f"sub{number % 3}" / f"{number:03}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text("text")
    (tmp_path / "link").symlink_to("sub0")
    records = {name: FileRecord.of(path, "0" * 64) for name, path in files_below(tmp_path)}
    info = AssetInfo.model_validate({**METADATA, "path": ".", "files": records})
    info.write(tmp_path)
    return info, tmp_path


def _replace_link(folder: Path) -> None:
    (folder / "link").unlink()
    (folder / "link").symlink_to("sub1")


def _move_folder_away(folder: Path) -> None:
    (folder / "sub1").rename(folder.parent / "moved away")


CHANGES = {
    "a changed byte": lambda folder: (folder / "sub0" / "000.txt").write_text("TEXT"),
    "a longer file": lambda folder: (folder / "sub0" / "000.txt").write_text("text and more"),
    "a touched file": lambda folder: os.utime(folder / "sub0" / "000.txt"),
    "a changed right": lambda folder: (folder / "sub0" / "000.txt").chmod(0o600),
    "a removed file": lambda folder: (folder / "sub1" / "001.txt").unlink(),
    "a replaced link": _replace_link,
    "a link in a file's place": lambda folder: (folder / "link").replace(folder / "sub0" / "000.txt"),
    "a folder moved away": _move_folder_away,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_of_a_small_copy_shows(tmp_path: Path, change: Any) -> None:
    info, folder = _folder_copy(tmp_path)
    witnesses = info.witnesses(folder)
    assert are_unchanged(witnesses)
    assert info.is_intact(folder)
    change(folder)
    assert not are_unchanged(witnesses)
    assert not info.is_intact(folder)


def test_a_byte_that_was_changed_behind_a_restored_time_shows(tmp_path: Path) -> None:
    info, folder = _folder_copy(tmp_path)
    witnesses = info.witnesses(folder)
    path = folder / "sub0" / "000.txt"
    before = path.stat()
    path.write_text("TEXT")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert not are_unchanged(witnesses)
    assert not info.is_intact(folder)


@pytest.mark.parametrize("place", [".", "sub2"])
def test_something_added_to_a_copy_that_is_a_folder_shows_to_whoever_holds_it(
    tmp_path: Path, place: str
) -> None:
    info, folder = _folder_copy(tmp_path)
    witnesses = info.witnesses(folder)
    (folder / place / "new").touch()
    assert not are_unchanged(witnesses)


def test_reading_a_copy_changes_nothing(tmp_path: Path) -> None:
    info, folder = _folder_copy(tmp_path)
    witnesses = info.witnesses(folder)
    for _, path in files_below(folder):
        if path.is_file():
            path.read_bytes()
    assert are_unchanged(witnesses)


def test_a_large_copy_has_no_more_witnesses_than_64_and_its_folders_are_among_them(tmp_path: Path) -> None:
    info, folder = _folder_copy(tmp_path, count=500)
    witnesses = info.witnesses(folder)
    assert len(witnesses) == 64
    assert {str(folder / name) for name in (".", "sub0", "sub1", "sub2")} < {path for path, *_ in witnesses}
    (folder / "sub2" / "new").touch()
    assert not are_unchanged(witnesses)


def test_of_a_large_copy_any_changed_file_shows_to_a_full_look(tmp_path: Path) -> None:
    info, folder = _folder_copy(tmp_path, count=500)
    assert info.is_intact(folder)
    (folder / "sub1" / "499.txt").write_text("TEXT")
    assert not info.is_intact(folder)
    assert info.has_same_sizes(folder)


def test_a_copy_with_more_folders_than_witnesses_is_watched_all_the_same(tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / f"{number:03}").mkdir()
        (tmp_path / f"{number:03}" / "file").touch()
    records = {name: FileRecord.of(path, "0" * 64) for name, path in files_below(tmp_path)}
    info = AssetInfo.model_validate({**METADATA, "path": ".", "files": records})
    witnesses = info.witnesses(tmp_path)
    assert len(witnesses) == 64
    assert {size for _, size, _, _ in witnesses} == {-1, 0}
    (tmp_path / "new").touch()
    assert not are_unchanged(witnesses)


def test_an_asset_that_is_a_file_is_not_disturbed_by_what_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"abc")
    record = FileRecord.of(tmp_path / "a.bin", "0" * 64)
    info = AssetInfo.model_validate({**METADATA, "files": {"a.bin": record}})
    witnesses = info.witnesses(tmp_path)
    (tmp_path / "notes.txt").touch()
    assert are_unchanged(witnesses)
    assert foreign_files(tmp_path, info) == [("notes.txt", tmp_path / "notes.txt")]
