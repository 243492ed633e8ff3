import hashlib
import os
import socket
import stat
from pathlib import Path

import pytest

from fetching import Fetching
from openmas_assets.actors.sources.fetched import TransferError
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.errors import AssetConfigurationError, AssetDownloadError
from projects import asset
from unprivileged import unprivileged

DATA = bytes(range(256)) * 1000
MIB = 1 << 20


def contents(folder: Path) -> dict[str, bytes | None]:
    """The bytes of each file below a folder, None for each folder; metadata left out."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if path.name != ".asset_info.json"
    }


def refusal(fetching: Fetching, config: AssetConfig) -> str:
    with pytest.raises(TransferError) as caught:
        fetching.hit(config)
    assert isinstance(caught.value.error, AssetDownloadError)
    assert not caught.value.is_retryable
    assert fetching.staged() == []
    assert not fetching.layout.version_folder(config).exists()
    return str(caught.value)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "b/c/empty").mkdir(parents=True)
    (tree / "a.txt").write_bytes(b"a")
    (tree / "b/c/d.bin").write_bytes(DATA)
    (tree / "b/.hidden").touch()
    return tree


def test_a_file_is_copied_hashed_and_left_where_it_was(fetching: Fetching, tmp_path: Path) -> None:
    source = tmp_path / "model.bin"
    source.write_bytes(DATA)
    config = asset("a", source, checksum="sha256:" + hashlib.sha256(DATA).hexdigest())
    path = fetching.path(config)
    assert path == fetching.layout.root / "model/a/latest/model.bin"
    assert (path.read_bytes(), source.read_bytes()) == (DATA, DATA)
    assert not path.samefile(source)
    assert fetching.info(config).sha256 == hashlib.sha256(DATA).hexdigest()
    assert (fetching.progress[-1].bytes_done, fetching.progress[-1].bytes_total) == (len(DATA), len(DATA))
    assert fetching.staged() == []


def test_a_folder_is_copied_with_all_that_is_in_it(fetching: Fetching, tree: Path) -> None:
    config = asset("a", tree)
    path = fetching.path(config)
    assert path == fetching.layout.version_folder(config)
    assert contents(path) == contents(tree)
    assert fetching.info(config).files["b/c/d.bin"].sha256 == hashlib.sha256(DATA).hexdigest()
    assert fetching.progress[-1].bytes_done == fetching.progress[-1].bytes_total == len(DATA) + 1
    assert fetching.staged() == []


def test_an_empty_file_and_an_empty_folder_are_copied(fetching: Fetching, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    assert fetching.path(asset("file", tmp_path / "file")).read_bytes() == b""
    assert contents(fetching.path(asset("folder", tmp_path / "folder"))) == {}


def test_links_are_followed(fetching: Fetching, tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_bytes(b"x")
    (tree / "folder").symlink_to(outside)
    (tree / "file").symlink_to("b/c/d.bin")
    path = fetching.path(asset("a", tree))
    assert contents(path) == contents(tree) | {"folder/x": b"x"}
    assert not any(entry.is_symlink() for entry in path.rglob("*"))
    (tmp_path / "link").symlink_to(tree / "a.txt")
    assert fetching.path(asset("b", tmp_path / "link")).read_bytes() == b"a"


@pytest.mark.parametrize("target", [".", "..", "../.."])
def test_a_link_back_to_a_folder_above_ends(fetching: Fetching, tree: Path, target: str) -> None:
    before = contents(tree)
    (tree / "b/c/back").symlink_to(target)
    assert contents(fetching.path(asset("a", tree))) == before


def test_two_folders_that_link_to_each_other_end(fetching: Fetching, tree: Path) -> None:
    (tree / "left").mkdir()
    (tree / "right").mkdir()
    (tree / "left/over").symlink_to("../right")
    (tree / "right/over").symlink_to("../left")
    copied = contents(fetching.path(asset("a", tree)))
    assert {name for name in copied if name.startswith(("left", "right"))} == {
        "left", "left/over", "right", "right/over",
    }  # fmt: skip


@pytest.mark.parametrize("is_executable", [False, True])
def test_whether_it_can_be_executed_is_kept(fetching: Fetching, tmp_path: Path, is_executable: bool) -> None:
    source = tmp_path / "run.sh"
    source.write_bytes(b"#!/bin/sh\n")
    source.chmod(0o4755 if is_executable else 0o644)
    copied = fetching.path(asset("a", source)).stat().st_mode
    assert bool(copied & stat.S_IXUSR) == is_executable
    assert not copied & stat.S_ISUID


def test_a_file_that_is_missing_is_named_with_what_to_do(fetching: Fetching, tmp_path: Path) -> None:
    assert refusal(fetching, asset("a", "models/x.bin")) == (
        f"asset 'a': the local source {tmp_path}/models/x.bin does not exist."
        " Check source.path in the project file; a relative path starts at the folder of that file."
    )


def test_a_dangling_link_is_named_wherever_it_is(fetching: Fetching, tree: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    assert "link is a link to what does not exist" in refusal(fetching, asset("a", tmp_path / "link"))
    (tree / "b/dangling").symlink_to("nowhere")
    assert "tree/b/dangling is a link to what does not exist" in refusal(fetching, asset("b", tree))


def test_a_link_to_itself_is_named(fetching: Fetching, tree: Path) -> None:
    (tree / "b/loop").symlink_to("loop")
    assert "tree/b/loop cannot be read (too many levels" in refusal(fetching, asset("a", tree))
    assert "tree/b/loop cannot be read (too many levels" in refusal(fetching, asset("b", tree / "b/loop"))


@pytest.mark.timeout(20)
def test_what_is_neither_file_nor_folder_is_refused_and_holds_nobody_up(
    fetching: Fetching, tree: Path
) -> None:
    os.mkfifo(tree / "b/fifo")
    assert "b/fifo is neither a file nor a folder" in refusal(fetching, asset("a", tree))
    assert "b/fifo is neither a file nor a folder" in refusal(fetching, asset("b", tree / "b/fifo"))
    assert "null is neither a file nor a folder" in refusal(fetching, asset("c", "/dev/null"))


def test_a_socket_is_refused(fetching: Fetching, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        assert "tree/socket cannot be read" in refusal(fetching, asset("a", tree))


@pytest.mark.parametrize("name", ["a.txt", "b/c/d.bin", "b/c", "b", "."])
def test_what_may_not_be_read_is_named(fetching: Fetching, tree: Path, name: str) -> None:
    config = asset("a", tree)
    mode = stat.S_IMODE((tree / name).stat().st_mode)
    (tree / name).chmod(0)
    try:
        text = unprivileged(lambda: refusal(fetching, config))
    finally:
        (tree / name).chmod(mode)
    assert f"the local source {tree / name}" in text
    assert "cannot be read (permission denied)" in text


def test_a_source_whose_disk_fails_is_the_sources_fault(fetching: Fetching) -> None:
    if not Path("/proc/self/mem").exists():
        pytest.skip("needs a file that fails when it is read")
    assert "/proc/self/mem cannot be read (input/output error)" in refusal(
        fetching, asset("a", "/proc/self/mem")
    )


def test_a_file_whose_size_is_not_known_is_copied_whole(fetching: Fetching) -> None:
    source = Path("/proc/version")
    if not source.exists():
        pytest.skip("needs a file that is larger than its size")
    assert fetching.path(asset("a", source)).read_bytes() == source.read_bytes()


def test_a_name_that_is_not_utf_8_is_refused(fetching: Fetching, tree: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(tree) + b"/\xff.txt")).touch()
    except OSError:
        pytest.skip("this file system has no such names")
    text = refusal(fetching, asset("a", tree))
    assert "tree/\N{REPLACEMENT CHARACTER}.txt has a name that is not UTF-8" in text


def test_the_name_of_the_metadata_is_refused(fetching: Fetching, tree: Path) -> None:
    (tree / ".Asset_Info.json").touch()
    assert "has the name of the cache's own metadata" in refusal(fetching, asset("a", tree))
    (tree / ".Asset_Info.json").rename(tree / "b/.asset_info.json")
    assert fetching.path(asset("a", tree)).joinpath("b/.asset_info.json").exists()


@pytest.mark.parametrize(
    "fields", [{"checksum": "sha256:" + "0" * 64}, {"unpack": True, "unpack_format": "zip"}]
)
def test_what_fits_a_file_only_is_refused_for_a_folder(
    fetching: Fetching, tree: Path, fields: dict[str, object]
) -> None:
    with pytest.raises(
        AssetConfigurationError, match=r"is for one file, but the local source .* is a folder"
    ):
        fetching.hit(asset("a", tree, **fields))
    assert fetching.staged() == []


def test_a_folder_that_holds_the_cache_is_not_copied_into_itself(fetching: Fetching, tmp_path: Path) -> None:
    with pytest.raises(AssetConfigurationError, match="holds the cache folder"):
        fetching.hit(asset("a", tmp_path))


def test_a_relative_path_starts_at_the_project_and_a_tilde_is_the_home(
    fetching: Fetching, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/x.bin").write_bytes(b"relative")
    (tmp_path / "home").mkdir()
    (tmp_path / "home/x.bin").write_bytes(b"home")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir("/")
    assert fetching.path(asset("a", "models/x.bin")).read_bytes() == b"relative"
    assert fetching.path(asset("b", "~/x.bin")).read_bytes() == b"home"


def test_a_home_that_nobody_has_is_a_configuration_error(fetching: Fetching) -> None:
    with pytest.raises(AssetConfigurationError, match="nobody-of-that-name"):
        fetching.hit(asset("a", "~nobody-of-that-name/x.bin"))


def test_a_large_file_with_holes_is_copied(fetching: Fetching, tmp_path: Path) -> None:
    source = tmp_path / "sparse"
    with source.open("wb") as file:
        file.seek(200 * MIB)
        file.write(b"end")
    path = fetching.path(asset("a", source))
    assert path.stat().st_size == 200 * MIB + 3
    with path.open("rb") as file:
        file.seek(200 * MIB - 1)
        assert file.read() == b"\0end"


def test_a_file_of_another_file_system_is_copied_the_plain_way(fetching: Fetching) -> None:
    source = Path(f"/dev/shm/openmas-test-{os.getpid()}")
    if not source.parent.is_dir() or source.parent.stat().st_dev == fetching.layout.root.parent.stat().st_dev:
        pytest.skip("needs a second file system")
    try:
        source.write_bytes(DATA * 10)
        assert fetching.path(asset("a", source)).read_bytes() == DATA * 10
    finally:
        source.unlink()
    # The plain way reports each chunk of 1 MiB; a copy inside the kernel would have reported once.
    assert fetching.progress[0].bytes_done == MIB
