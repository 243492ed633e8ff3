"""What a look without reading says of a copy, and what is done about it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopback import LoopbackServer
from openmas_assets.actors import AssetManager
from openmas_assets.messages import GetAssetPath, GetAssetStatus
from projects import asset, project

DATA = bytes(range(256)) * 40


@pytest.fixture
def cached_path(tmp_path: Path, server: LoopbackServer) -> Path:
    """A copy that another process has fetched."""
    server.put("/a.bin", DATA, etag='"v1"')
    with opened(tmp_path, server) as manager:
        return manager.ask(GetAssetPath(name="a")).get(timeout=30).path


@pytest.fixture
def manager(tmp_path: Path, server: LoopbackServer, cached_path: Path) -> Iterator[AssetManager]:
    """A manager that has not looked yet."""
    assert cached_path.exists()
    with opened(tmp_path, server) as manager:
        yield manager


def opened(tmp_path: Path, server: LoopbackServer) -> AssetManager:
    config = asset("a", server.url("/a.bin"), progress_report=False)
    return AssetManager(project(config), cache_dir=tmp_path / "cache")


def test_a_copy_whose_mode_alone_has_changed_is_cached_and_read_before_it_is_handed_out(
    cached_path: Path, manager: AssetManager, server: LoopbackServer
) -> None:
    cached_path.chmod(0o400)
    status = manager.ask(GetAssetStatus(name="a")).get(timeout=30)
    assert (status.status, status.path) == ("cached", cached_path)
    assert manager.ask(GetAssetPath(name="a")).get(timeout=30).path == cached_path
    assert server.count("GET", "/a.bin") == 1


def test_a_changed_byte_with_the_time_set_back_is_never_handed_out(
    cached_path: Path, manager: AssetManager, server: LoopbackServer
) -> None:
    before = cached_path.stat()
    cached_path.write_bytes(b"x" + DATA[1:])
    os.utime(cached_path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert manager.ask(GetAssetPath(name="a")).get(timeout=30).path.read_bytes() == DATA
    assert server.count("GET", "/a.bin") == 2


def test_a_copy_with_another_time_is_corrupt_until_it_is_read(
    cached_path: Path, manager: AssetManager, server: LoopbackServer
) -> None:
    os.utime(cached_path, ns=(0, 0))
    assert manager.ask(GetAssetStatus(name="a")).get(timeout=30).status == "corrupt"
    manager.ask(GetAssetPath(name="a")).get(timeout=30)
    assert manager.ask(GetAssetStatus(name="a")).get(timeout=30).status == "cached"
    assert server.count("GET", "/a.bin") == 1


def test_the_next_look_takes_the_lock_file_of_a_killed_process(
    cached_path: Path, manager: AssetManager, tmp_path: Path
) -> None:
    locks = tmp_path / "cache" / ".locks"
    (locks / "model" / "a").mkdir(parents=True)
    (locks / "model" / "a" / "latest.lock").touch()
    manager.ask(GetAssetPath(name="a")).get(timeout=30)
    manager.close()  # whoever looks sweeps after the answer
    assert not locks.exists()
    assert cached_path.exists()
