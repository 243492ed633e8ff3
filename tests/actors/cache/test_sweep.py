import json
import random
from pathlib import Path

import pytest

from archives import file, write_archive
from cache_bench import CacheBench
from fetching import fetch_program
from loopback import LoopbackServer
from openmas_assets.actors.cache.lock import AssetLock
from openmas_assets.actors.cache.owner import Owner
from openmas_assets.actors.cache.staging import Staging
from openmas_assets.actors.cache.sweep import leftovers, sweep_leftovers
from openmas_assets.messages.asset_config import AssetConfig
from programs import Program
from projects import asset
from unprivileged import unprivileged

DEAD = Owner.current()._replace(boot="0123456789")
ELSEWHERE = Owner.current()._replace(host="0123456789")
KILLED_AFTER_THE_COMMIT = """
import os, signal
import openmas_assets.actors.transfer as transfer

commit = transfer.commit

def commit_and_die(*arguments):
    commit(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)

transfer.commit = commit_and_die
"""


@pytest.fixture
def bench(tmp_path: Path) -> CacheBench:
    return CacheBench(tmp_path)


def _copy(bench: CacheBench) -> AssetConfig:
    config = asset("a", bench.source("a.bin", b"abc"), version="1")
    bench.hit(config)
    return config


def _part(bench: CacheBench, config: AssetConfig, owner: Owner | str, **journal: str | None) -> Path:
    folder = bench.layout.staging_folder(config)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{len(list(folder.iterdir())):04}.{owner}"
    path.mkdir()
    Staging(path).data_path.write_bytes(bytes(1000))
    if journal:
        fields = {"fingerprint": config.fingerprint, "validator": '"v"', **journal}
        (path / "journal.json").write_text(json.dumps(fields))
    return path


def test_a_sweep_takes_what_nobody_can_go_on_with_and_nothing_else(bench: CacheBench) -> None:
    config = asset("a", "https://host/a.bin", version="1")
    folder = bench.layout.staging_folder(config)
    in_use = Staging.claim(folder, config.fingerprint)
    useless = [
        _part(bench, config, DEAD),
        _part(bench, config, DEAD, validator=None),
        _part(bench, config, "free", fingerprint="g"),
    ]
    wanted = {
        in_use.path,
        _part(bench, config, DEAD, validator='"v"'),
        _part(bench, config, ELSEWHERE, validator=None),
    }
    assert set(leftovers(bench.layout, config)) == set(useless)
    sweep_leftovers(bench.layout, config)
    assert set(folder.iterdir()) == wanted


def test_what_arrived_of_a_refresh_waits_for_the_next_one_but_not_what_is_older_than_the_copy(
    bench: CacheBench,
) -> None:
    config = _copy(bench)
    downloaded_at = bench.info(config).downloaded_at
    later = _part(bench, config, DEAD, begun_at=downloaded_at.replace("+", "9+"))
    for begun_at in ("2025-01-01T00:00:00.999999+00:00", "2025-01-01T00:00:00+00:00", ""):
        _part(bench, config, DEAD, begun_at=begun_at)
    sweep_leftovers(bench.layout, config)
    assert list(bench.layout.staging_folder(config).iterdir()) == [later]
    assert bench.inspect(config).status == "cached"


def test_a_copy_of_another_configuration_makes_no_part_useless(bench: CacheBench) -> None:
    config = asset("a", bench.source("b.bin", b"other"), version=_copy(bench).version)
    part = _part(bench, config, DEAD, begun_at="2025-01-01T00:00:00+00:00")
    sweep_leftovers(bench.layout, config)
    assert part.exists()


def test_of_an_archive_that_was_unpacked_nothing_stays_where_the_process_was_killed_after_the_commit(
    bench: CacheBench, server: LoopbackServer, tmp_path: Path
) -> None:
    """What could be resumed is there: all of the archive. But nobody would ever ask for it."""
    data = write_archive(tmp_path / "a", "zip", [file("b", random.Random(1).randbytes(1 << 17))]).read_bytes()
    config = asset("a", server.put("/a.zip", data, etag='"v1"'), unpack=True, unpack_format="zip")
    with fetch_program(tmp_path, config, prelude=KILLED_AFTER_THE_COMMIT) as program:
        assert program.wait().returncode == -9
    assert bench.part().stat().st_size == len(data)
    sweep_leftovers(bench.layout, config)
    assert bench.staged() == []
    assert bench.inspect(config).status == "cached"


@pytest.mark.parametrize("depth", range(4))
def test_a_sweep_takes_empty_folders_that_a_process_was_killed_over(bench: CacheBench, depth: int) -> None:
    config = _copy(bench)
    [bench.layout.staging_folder(config), *bench.layout.staging_folder(config).parents][depth].mkdir(
        parents=True
    )
    sweep_leftovers(bench.layout, config)
    assert not bench.layout.staging.exists()


def test_a_sweep_where_nothing_is_left_touches_nothing(bench: CacheBench) -> None:
    sweep_leftovers(bench.layout, asset("a", "https://host/a.bin"))
    assert not bench.layout.root.exists()


def test_a_sweep_leaves_an_asset_alone_that_another_process_works_on(bench: CacheBench) -> None:
    config = _copy(bench)
    _part(bench, config, DEAD)
    lock = AssetLock(bench.layout.lock_path(config))
    assert lock.try_acquire()
    sweep_leftovers(bench.layout, config)
    assert bench.layout.staging.exists()
    lock.release()
    sweep_leftovers(bench.layout, config)
    assert not bench.layout.staging.exists()


def test_a_sweep_takes_the_lock_file_of_a_killed_process(bench: CacheBench) -> None:
    config = asset("a", "https://host/a.bin", version="1")
    hold = """
        import signal, sys
        from pathlib import Path
        from openmas_assets.actors.cache.lock import AssetLock
        lock = AssetLock(Path(sys.argv[1]))
        print(lock.try_acquire())
        signal.pause()
    """
    with Program(hold, bench.layout.lock_path(config)) as program:
        assert next(program.lines()) == "True"
        sweep_leftovers(bench.layout, config, was_locked=True)
        assert bench.layout.lock_path(config).exists()
        program.kill9()
    sweep_leftovers(bench.layout, config, was_locked=True)
    assert list(bench.layout.root.iterdir()) == []


def test_a_sweep_leaves_the_parts_that_it_may_not_take(bench: CacheBench) -> None:
    config = _copy(bench)
    part = _part(bench, config, DEAD)
    part.parent.chmod(0o555)
    unprivileged(lambda: sweep_leftovers(bench.layout, config))
    assert Staging(part).bytes_done == 1000
    assert not bench.layout.locks.exists()
    part.parent.chmod(0o755)
    sweep_leftovers(bench.layout, config)
    assert bench.staged() == []


def test_a_sweep_of_locks_that_may_not_be_looked_at_does_nothing(bench: CacheBench) -> None:
    config = _copy(bench)
    bench.layout.locks.mkdir(mode=0)
    unprivileged(lambda: sweep_leftovers(bench.layout, config, was_locked=True))
    assert bench.layout.locks.exists()
