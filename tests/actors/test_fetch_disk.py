import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from archives import file, write_archive
from fetching import Fetching, fetch_program
from loopback import Fault, LoopbackServer
from openmas_assets.actors.cache.layout import CacheLayout
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.downloader import DownloadProgress
from openmas_assets.messages.errors import AssetCacheError
from projects import asset
from small_disk import CannotMountError, remount, tmpfs
from unprivileged import unprivileged

MIB = 1 << 20
OLD = b"old" * 1000
LARGE = bytes(4 * MIB)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with room for one megabyte."""
    with contextlib.ExitStack() as stack:
        try:
            disk = stack.enter_context(tmpfs(tmp_path / "disk", "size=1m"))
        except CannotMountError as error:
            pytest.skip(str(error))
        yield disk


@pytest.fixture
def cramped(small_disk: Path) -> Iterator[Fetching]:
    """A fetcher with its cache on the small disk."""
    cramped = Fetching(small_disk)
    yield cramped
    cramped.network.close()


def refusal(
    fetching: Fetching, config: AssetConfig, *, force_download: bool = False, is_swept: bool = True
) -> AssetCacheError:
    with pytest.raises(AssetCacheError) as caught:
        fetching.hit(config, force_download=force_download)
    error = caught.value
    assert error.asset_name == config.name
    assert str(fetching.layout.root) in str(error)
    assert error.fix is not None
    assert not is_swept or fetching.staged() == []
    return error


def test_a_file_that_is_larger_than_the_disk_is_refused_before_it_is_transferred(
    cramped: Fetching, server: LoopbackServer
) -> None:
    config = asset("a", server.put("/a", OLD))
    old = cramped.path(config)
    server.put("/a", LARGE, faults=[Fault(stall_after=MIB)])
    error = refusal(cramped, config, force_download=True)
    assert "is too full: 4,194,304 bytes are to come" in str(error)
    assert "OPENMAS_ASSETS_DIR" in str(error)
    assert old.read_bytes() == OLD
    assert not cramped.hit(config).was_transferred


def test_a_file_that_fits_the_disk_to_the_last_byte_is_transferred(
    cramped: Fetching, server: LoopbackServer
) -> None:
    assert cramped.path(asset("a", server.put("/a", bytes(900_000)))).stat().st_size == 900_000


@pytest.mark.parametrize("options", [{"framing": "chunked"}, {"content_encoding": "gzip"}])
def test_a_disk_that_becomes_full_on_the_way_is_an_error_that_leaves_all_as_it_was(
    cramped: Fetching, server: LoopbackServer, options: dict[str, Any]
) -> None:
    config = asset("a", server.put("/a", OLD))
    old = cramped.path(config)
    server.put("/a", LARGE, etag='"v1"', **options)
    free_bytes = os.statvfs(cramped.layout.root).f_bfree
    assert "the disk is full" in str(refusal(cramped, config, force_download=True))
    assert os.statvfs(cramped.layout.root).f_bfree == free_bytes
    assert old.read_bytes() == OLD
    assert not cramped.hit(config).was_transferred


def test_a_disk_that_is_too_small_for_a_local_file_or_folder_says_so(
    cramped: Fetching, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/a").write_bytes(LARGE)
    assert "the disk is full" in str(refusal(cramped, asset("a", tmp_path / "folder")))
    assert "the disk is full" in str(refusal(cramped, asset("b", tmp_path / "folder/a")))


def test_a_disk_that_is_too_small_for_what_an_archive_holds_says_so(
    cramped: Fetching, server: LoopbackServer, tmp_path: Path
) -> None:
    path = write_archive(tmp_path / "a.zip", "zip", [file("a", LARGE)])
    config = asset("a", server.put("/a", path, etag='"v1"'), unpack=True, unpack_format="zip")
    assert "the disk is full" in str(refusal(cramped, config))


def test_a_disk_that_is_full_already_says_so(
    cramped: Fetching, server: LoopbackServer, small_disk: Path
) -> None:
    with (small_disk / "filler").open("wb", buffering=0) as filler:
        assert filler.write(bytes(2 * MIB)) < 2 * MIB
    assert "full" in str(refusal(cramped, asset("a", server.put("/a", b"data"))))


def test_a_read_only_disk_says_so_and_its_copies_are_handed_out(
    cramped: Fetching, server: LoopbackServer, small_disk: Path
) -> None:
    there = asset("there", server.put("/there", OLD))
    cramped.hit(there)
    remount(small_disk, "ro")
    assert cramped.path(there).read_bytes() == OLD
    error = refusal(cramped, asset("missing", server.put("/missing", OLD)))
    assert "the cache is read-only" in str(error)
    assert server.count("GET", "/missing") == 0


@pytest.mark.parametrize("place", ["cache", "cache/.locks", "cache/.staging", "cache/model"])
def test_a_folder_that_may_not_be_written_is_named(
    fetching: Fetching, server: LoopbackServer, place: str, tmp_path: Path
) -> None:
    folder = tmp_path / place
    folder.mkdir(parents=True)
    folder.chmod(0o555)
    config = asset("a", server.put("/a", OLD, etag='"v1"'))
    try:
        error = unprivileged(lambda: refusal(fetching, config, is_swept=place != "cache/.staging"))
    finally:
        folder.chmod(0o755)
    assert f"permission is missing in the cache ({folder}" in str(error)
    assert "OPENMAS_ASSETS_DIR" in str(error)
    assert [
        path for path in fetching.layout.root.rglob("*") if path.is_file() and path.suffix != ".lock"
    ] == []
    assert fetching.path(config).read_bytes() == OLD


def test_a_file_in_the_place_of_the_cache_is_an_error(tmp_path: Path, server: LoopbackServer) -> None:
    (tmp_path / "cache").touch()
    fetching = Fetching(tmp_path, layout=CacheLayout(tmp_path / "cache"))
    error = refusal(fetching, asset("a", server.put("/a", OLD)))
    assert f"no folder, but a file or a link that leads nowhere ({tmp_path / 'cache'}" in str(error)


@pytest.mark.parametrize("kind", ["http", "local"])
def test_a_limit_on_the_size_of_files_is_an_error_that_leaves_nothing(
    fetching: Fetching, server: LoopbackServer, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "large").write_bytes(LARGE)
    url = server.put("/large", tmp_path / "large", etag='"v1"')
    config = asset("a", url if kind == "http" else tmp_path / "large")
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))"
    with fetch_program(tmp_path, config, prelude=limit) as program:
        done = program.wait()
    assert "the file is larger than the disk or a limit allows" in done.stdout
    assert str(fetching.layout.root) in done.stdout
    assert (done.stderr, fetching.staged()) == ("", [])


@pytest.mark.parametrize("place", [".", ".staging", ".staging/model/a/latest"])
def test_a_cache_that_is_removed_in_the_midst_of_a_transfer_is_an_error_that_says_so(
    fetching: Fetching, server: LoopbackServer, place: str
) -> None:
    config = asset("a", server.put("/a", LARGE, etag='"v1"'))

    def remove(_: DownloadProgress) -> None:
        shutil.rmtree(fetching.layout.root / place, ignore_errors=True)

    with pytest.raises(AssetCacheError, match="was removed while it was in use") as caught:
        fetching.hit(config, on_progress=remove)
    assert "Ask for it again" in str(caught.value)
    assert fetching.path(config).read_bytes() == LARGE


def test_a_cache_folder_that_links_to_a_disk_which_is_not_there_is_an_error_at_once(
    tmp_path: Path, server: LoopbackServer
) -> None:
    (tmp_path / "cache").symlink_to(tmp_path / "not-mounted" / "cache")
    error = refusal(Fetching(tmp_path), asset("a", server.put("/a", OLD)))
    assert f"no folder, but a file or a link that leads nowhere ({tmp_path / 'cache'})" in str(error)
