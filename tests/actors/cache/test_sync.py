"""Copies that survive a power failure. The system's own `fsync` is watched, and a restart made by hand."""

import os
from pathlib import Path

import pytest

from archives import file, symlink, write_archive
from fetching import Fetching
from loopback import LoopbackServer
from openmas_assets.actors.abort import AbortSignal, JobAbortedError
from openmas_assets.actors.cache.layout import INFO_NAME
from openmas_assets.actors.cache.lock import AssetLock
from openmas_assets.actors.cache.owner import Owner
from openmas_assets.actors.cache.sync import sync_copy
from openmas_assets.actors.cache.witness import metadata_witness
from openmas_assets.actors.monitor import Monitor
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.status import Witness
from power import ANOTHER_BOOT, restart
from projects import asset

DATA = b"bytes that take a while to get to the disk"


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Each file and folder that is synced, by the name it has at that moment."""
    paths: list[Path] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        paths.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    return paths


def _sync(fetching: Fetching, config: AssetConfig) -> tuple[Witness, Witness] | None:
    return sync_copy(fetching.layout, config, Monitor(1, config.name, AbortSignal(), None))


@pytest.fixture
def config(server: LoopbackServer) -> AssetConfig:
    return asset("a", server.put("/a.bin", DATA))


def test_a_new_copy_is_not_synced_and_its_metadata_says_so(
    fetching: Fetching, config: AssetConfig, synced: list[Path]
) -> None:
    fetching.hit(config)
    assert synced == []  # an agent waits for it
    assert fetching.info(config).unsynced_boot == Owner.current().boot


def test_syncing_reaches_the_bytes_and_every_folder_before_the_metadata_says_so(
    fetching: Fetching, config: AssetConfig, synced: list[Path]
) -> None:
    path = fetching.path(config)
    before = metadata_witness(path.parent)
    witnesses = _sync(fetching, config)
    folder, root = path.parent, fetching.layout.root
    assert synced[:4] == [path, folder, folder.parent, folder.parent.parent]
    assert synced[4] == root
    assert synced[5].name == INFO_NAME
    assert not synced[5].is_relative_to(folder)  # an agent may be reading that
    assert synced[6:] == [folder]
    assert fetching.info(config).unsynced_boot is None
    assert witnesses == (before, metadata_witness(folder))


def test_syncing_a_folder_reaches_every_file_and_folder_but_no_links(
    fetching: Fetching, tmp_path: Path, synced: list[Path]
) -> None:
    members = [file("a", b"a"), file("sub/deep/b", b"b"), symlink("link", "a")]
    archive = write_archive(tmp_path / "a.zip", "zip", members)
    config = asset("a", archive, unpack=True, unpack_format="zip")
    folder = fetching.path(config)
    _sync(fetching, config)
    inside = [path.relative_to(folder).as_posix() for path in synced if path.is_relative_to(folder)]
    assert sorted(inside[:5]) == [".", "a", "sub", "sub/deep", "sub/deep/b"]


def test_a_synced_copy_is_not_synced_again(
    fetching: Fetching, config: AssetConfig, synced: list[Path]
) -> None:
    fetching.hit(config)
    _sync(fetching, config)
    synced.clear()
    assert _sync(fetching, config) is None
    assert synced == []


def test_nothing_is_noted_of_a_copy_that_somebody_is_replacing(
    fetching: Fetching, config: AssetConfig
) -> None:
    fetching.hit(config)
    lock = AssetLock(fetching.layout.lock_path(config))
    assert lock.try_acquire()
    assert _sync(fetching, config) is None
    lock.release()
    assert fetching.info(config).unsynced_boot is not None


def test_nothing_is_noted_of_a_copy_that_came_while_the_old_one_was_synced(
    fetching: Fetching, config: AssetConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetching.hit(config)
    fsync = os.fsync

    def replaced(descriptor: int) -> None:
        monkeypatch.setattr(os, "fsync", fsync)
        fetching.hit(config, force_download=True)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", replaced)
    assert _sync(fetching, config) is None
    assert fetching.info(config).unsynced_boot is not None


def test_syncing_stops_between_two_files(fetching: Fetching, config: AssetConfig, synced: list[Path]) -> None:
    fetching.hit(config)
    signal = AbortSignal()
    signal.abort_all()
    with pytest.raises(JobAbortedError):
        sync_copy(fetching.layout, config, Monitor(1, config.name, signal, None))
    assert synced == []


@pytest.mark.parametrize("is_synced", [True, False])
def test_a_copy_of_this_run_of_the_machine_is_not_read_again(
    fetching: Fetching, config: AssetConfig, *, is_synced: bool
) -> None:
    fetching.hit(config)
    if is_synced:
        _sync(fetching, config)
        restart(fetching.layout, config)
    fetching.hit(config)
    assert [progress.phase for progress in fetching.progress] == []


def test_a_copy_that_was_never_synced_is_read_once_after_a_restart(
    fetching: Fetching, config: AssetConfig, server: LoopbackServer
) -> None:
    fetching.hit(config)
    restart(fetching.layout, config)
    assert fetching.path(config).read_bytes() == DATA
    assert "verifying" in [progress.phase for progress in fetching.progress]
    assert fetching.info(config).unsynced_boot is None  # its bytes have come from the disk
    fetching.hit(config)
    assert [progress.phase for progress in fetching.progress] == []
    assert len(server.requests) == 1


def test_bytes_that_a_power_failure_took_are_not_handed_out(
    fetching: Fetching, config: AssetConfig, server: LoopbackServer
) -> None:
    fetching.hit(config)
    restart(fetching.layout, config, lost="a.bin")
    assert fetching.path(config).read_bytes() == DATA
    assert len(server.requests) == 2
    assert fetching.info(config).unsynced_boot == Owner.current().boot


def test_a_file_of_a_folder_that_a_power_failure_took_is_noticed(fetching: Fetching, tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.zip", "zip", [file("sub/a", b"right"), file("b", b"bytes")])
    config = asset("a", archive, unpack=True, unpack_format="zip")
    fetching.hit(config)
    restart(fetching.layout, config, lost="sub/a")
    assert (fetching.path(config) / "sub/a").read_bytes() == b"right"


def test_a_copy_of_an_unknown_restart_is_no_reason_to_sync(fetching: Fetching, config: AssetConfig) -> None:
    """It must be read first: to say of lost bytes that they are on the disk would make them good."""
    fetching.hit(config)
    restart(fetching.layout, config, lost="a.bin")
    assert _sync(fetching, config) is None
    assert fetching.info(config).unsynced_boot == ANOTHER_BOOT
