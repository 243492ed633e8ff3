"""Several real processes, one cache."""

import contextlib
import hashlib
import itertools
import json
import random
import re
from pathlib import Path
from threading import Event

import pytest

from loopback import Fault, LoopbackServer, Resource
from openmas_assets.actors.cache.layout import CacheLayout
from openmas_assets.actors.cache.owner import Owner
from openmas_assets.actors.manager import AssetManager
from openmas_assets.messages.errors import AssetCacheError
from openmas_assets.messages.manager import ClearAllAssets, GetAssetPath
from programs import Program

MIB = 1 << 20
AGENT = """
    import hashlib, sys
    from pathlib import Path
    from openmas_assets.actors.manager import AssetManager
    from openmas_assets.messages.manager import GetAssetPath

    def say(*words):
        sys.stdout.write(" ".join(map(str, words)) + "\\n")  # at once: two threads say something

    def show(progress):
        say(progress.phase, progress.bytes_done, progress.bytes_total, progress.detail)

    with AssetManager.from_project(Path(sys.argv[1]), on_progress=show) as manager:
        replies = {name: manager.ask(GetAssetPath(name=name)) for name in sys.argv[2:]}
        for name, reply in replies.items():
            path = reply.get(timeout=100).path
            say("got", name, path, hashlib.sha256(path.read_bytes()).hexdigest())
"""
# What a network file system may do: every process gets every lock.
NO_LOCKS = "import fcntl\nfcntl.flock = lambda fd, operation: None\n"


@pytest.fixture
def layout(tmp_path: Path) -> CacheLayout:
    return CacheLayout(tmp_path / "cache")


def _project_file(tmp_path: Path, urls: dict[str, str]) -> Path:
    assets = [{"name": name, "source": {"type": "http", "url": url}} for name, url in urls.items()]
    path = tmp_path / "openmas_project.yml"
    path.write_text(json.dumps({"assets": assets, "settings": {"assets": {"cache_dir": "cache"}}}))
    return path


def _manager(tmp_path: Path) -> AssetManager:
    return AssetManager.from_project(tmp_path, on_progress=lambda _: None)


def _line(program: Program, pattern: str) -> str:
    """Wait for a line that matches, and return it."""
    return next(line for line in program.lines() if re.fullmatch(pattern, line))


def _got(program: Program) -> dict[str, tuple[Path, str]]:
    """Wait for the end, and return path and digest of each asset."""
    done = program.wait(100)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split(" ") for line in done.stdout.splitlines() if line.startswith("got ")]
    return {name: (Path(path), digest) for _, name, path, digest in lines}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_sixteen_processes_on_one_cold_asset_cost_one_transfer(
    tmp_path: Path, server: LoopbackServer, layout: CacheLayout
) -> None:
    data, gate = random.Random(1).randbytes(64 * MIB), Event()
    url = server.put("/a.bin", data, etag='"v1"', faults=[Fault(stall_after=MIB, gate=gate)])
    project_path = _project_file(tmp_path, {"a": url})
    with contextlib.ExitStack() as stack:
        programs = [stack.enter_context(Program(AGENT, project_path, "a")) for _ in range(16)]
        # Nothing moves until each of them has asked: one downloads, fifteen know who does, and how far it is.
        roles = [_line(program, r"downloading .*|waiting 1048576 67108864 .*") for program in programs]
        (holder,) = (index for index, role in enumerate(roles) if role.startswith("downloading"))
        said = {role for index, role in enumerate(roles) if index != holder}
        assert said == {f"waiting {MIB} {64 * MIB} for process {programs[holder].pid}"}
        gate.set()
        answers = [_got(program) for program in programs]
    path = layout.root / "model" / "a" / "latest" / "a.bin"
    assert answers == [{"a": (path, _digest(data))}] * 16
    assert server.count("GET", "/a.bin") == 1
    assert server.bytes_sent("/a.bin") == len(data)
    assert not layout.staging.exists()


def test_processes_on_overlapping_assets_cost_one_transfer_for_each_asset(
    tmp_path: Path, server: LoopbackServer
) -> None:
    generator = random.Random(2)
    data = {name: generator.randbytes(2 * MIB) for name in "abcde"}
    urls = {name: server.put(f"/{name}", data[name], bytes_per_second=20 * MIB) for name in data}
    project_path = _project_file(tmp_path, urls)
    with contextlib.ExitStack() as stack:
        wanted = [generator.sample(sorted(data), 3) for _ in range(6)]
        programs = [stack.enter_context(Program(AGENT, project_path, *names)) for names in wanted]
        answers = [_got(program) for program in programs]
    for names, answer in zip(wanted, answers, strict=True):
        assert {name: digest for name, (_, digest) in answer.items()} == {
            name: _digest(data[name]) for name in names
        }
    asked = {name for names in wanted for name in names}
    assert {name: server.count("GET", f"/{name}") for name in asked} == dict.fromkeys(asked, 1)


def test_an_asset_that_another_process_has_just_brought_is_not_transferred_again(
    tmp_path: Path, server: LoopbackServer
) -> None:
    """Between the look whether it is there and the lock there is a moment; small assets hit it often."""
    names = [f"{number:03}" for number in range(100)]
    urls = {name: server.put(f"/{name}", name.encode()) for name in names}
    project_path = _project_file(tmp_path, urls)
    with contextlib.ExitStack() as stack:
        programs = [stack.enter_context(Program(AGENT, project_path, *names)) for _ in range(4)]
        answers = [_got(program) for program in programs]
    assert [len(answer) for answer in answers] == [100] * 4
    assert {name: server.count("GET", f"/{name}") for name in names} == dict.fromkeys(names, 1)


def test_when_the_holder_is_killed_a_waiter_takes_over_and_resumes(
    tmp_path: Path, server: LoopbackServer, layout: CacheLayout
) -> None:
    data = random.Random(3).randbytes(8 * MIB)
    url = server.put("/a.bin", data, etag='"v1"', faults=[Fault(stall_after=3 * MIB, times=1)])
    project_path = _project_file(tmp_path, {"a": url})
    with contextlib.ExitStack() as stack:
        holder = stack.enter_context(Program(AGENT, project_path, "a"))
        _line(holder, "downloading .*")
        waiters = [stack.enter_context(Program(AGENT, project_path, "a")) for _ in range(3)]
        for waiter in waiters:
            _line(waiter, f"waiting {3 * MIB} {8 * MIB} for process {holder.pid}")
        holder.kill9()
        answers = [_got(waiter) for waiter in waiters]
    assert {answer["a"][1] for answer in answers} == {_digest(data)}
    assert [request.range for request in server.requests] == [None, f"bytes={3 * MIB}-"]
    assert server.bytes_sent("/a.bin") == len(data)
    assert not layout.staging.exists()


READER = """
    import sys
    from pathlib import Path
    from openmas_assets.actors.manager import AssetManager
    from openmas_assets.messages.manager import GetAssetPath

    reads = set()
    is_ready = False
    while not Path(sys.argv[2]).exists():
        with AssetManager.from_project(Path(sys.argv[1]), on_progress=lambda _: None) as manager:
            for _ in range(20):
                path = manager.ask(GetAssetPath(name="a")).get(timeout=60).path
                data = path.read_bytes()
                assert len(data) == 1 << 20, len(data)
                assert len(set(data)) == 1, "a mixture"
                reads.add(data[0])
        if not is_ready:
            print("ready")
            is_ready = True
    print(len(reads))
"""


def test_who_reads_while_another_process_refreshes_finds_the_old_or_the_new_and_transfers_nothing(
    tmp_path: Path, server: LoopbackServer
) -> None:
    versions = [Resource(data=bytes([number]) * MIB, etag=f'"{number}"') for number in range(41)]
    url = server.put_sequence("/a.bin", versions)
    project_path = _project_file(tmp_path, {"a": url})
    refresh = """
        import sys
        from pathlib import Path
        from openmas_assets.actors.manager import AssetManager
        from openmas_assets.messages.manager import GetAssetPath
        with AssetManager.from_project(Path(sys.argv[1]), on_progress=lambda _: None) as manager:
            for _ in range(40):
                manager.ask(GetAssetPath(name="a", force_download=True)).get(timeout=60)
    """
    with contextlib.ExitStack() as stack:
        with _manager(tmp_path) as manager:
            manager.ask(GetAssetPath(name="a")).get(timeout=60)
        readers = [stack.enter_context(Program(READER, project_path, tmp_path / "stop")) for _ in range(2)]
        for reader in readers:
            _line(reader, "ready")
        refresher = stack.enter_context(Program(refresh, project_path))
        done = refresher.wait(60)
        (tmp_path / "stop").touch()
        ends = [reader.wait(60) for reader in readers]
    assert (done.returncode, done.stderr) == (0, "")
    assert [(end.returncode, end.stderr) for end in ends] == [(0, "")] * 2
    assert all(int(end.stdout.splitlines()[-1]) > 1 for end in ends)
    assert server.count("GET", "/a.bin") == 41


async def test_who_clears_while_another_process_downloads_is_told_so_and_disturbs_nothing(
    tmp_path: Path, server: LoopbackServer, layout: CacheLayout
) -> None:
    data, gate = random.Random(4).randbytes(2 * MIB), Event()
    url = server.put("/a.bin", data, faults=[Fault(stall_after=MIB, gate=gate)])
    project_path = _project_file(tmp_path, {"a": url})
    with Program(AGENT, project_path, "a") as program:
        _line(program, "downloading .*")
        async with _manager(tmp_path) as manager:
            with pytest.raises(AssetCacheError, match="asset 'a': "):
                await manager.clear("a")
            cleared = await manager.clear_all()
            assert (cleared.removed, cleared.bytes_freed) == ((), 0)
            assert cleared.kept == (layout.staging / "model" / "a" / "latest",)
            gate.set()
            assert _got(program)["a"][1] == _digest(data)
            assert (await manager.clear_all()).removed == ("model/a/latest",)
    assert server.count("GET", "/a.bin") == 1
    assert list(layout.root.iterdir()) == []


def test_clearing_and_downloading_over_and_over_gives_right_bytes_or_a_plain_error(
    tmp_path: Path, server: LoopbackServer, layout: CacheLayout
) -> None:
    data = random.Random(5).randbytes(MIB)
    project_path = _project_file(tmp_path, {"a": server.put("/a.bin", data, etag='"v1"')})
    download = """
        import hashlib, sys
        from pathlib import Path
        from openmas_assets.actors.manager import AssetManager
        from openmas_assets.messages.errors import AssetError
        from openmas_assets.messages.manager import GetAssetPath
        with AssetManager.from_project(Path(sys.argv[1]), on_progress=lambda _: None) as manager:
            for _ in range(60):
                try:
                    data = manager.ask(GetAssetPath(name="a")).get(timeout=60).path.read_bytes()
                except AssetError as error:
                    print("AssetError", error)
                except FileNotFoundError:
                    print("cleared in the meantime")
                else:
                    print(hashlib.sha256(data).hexdigest())
        print("end")
    """
    with contextlib.ExitStack() as stack:
        programs = [stack.enter_context(Program(download, project_path)) for _ in range(3)]
        for program in programs:
            next(program.lines())
        with _manager(tmp_path) as manager:
            while any(program.is_running for program in programs):
                manager.ask(ClearAllAssets()).get(timeout=60)
        ends = [program.wait() for program in programs]
        with _manager(tmp_path) as manager:
            manager.ask(ClearAllAssets()).get(timeout=60)
    assert [end.stderr for end in ends] == [""] * 3
    said = [line for end in ends for line in end.stdout.splitlines()]
    assert said.count("end") == 3
    changed = r"AssetError asset 'a': it was changed right after it was stored\. Ask for it again\."
    plain = rf"{changed}|cleared in the meantime|end"
    assert [line for line in said if line != _digest(data) and not re.fullmatch(plain, line)] == []
    assert said.count(_digest(data)) > 3
    assert list(layout.root.iterdir()) == []


def test_where_locks_do_nothing_each_process_writes_a_part_of_its_own_and_all_get_right_bytes(
    tmp_path: Path, server: LoopbackServer, layout: CacheLayout
) -> None:
    (tmp_path / "platform").mkdir()
    (tmp_path / "platform" / "sitecustomize.py").write_text(NO_LOCKS)
    data, gate = random.Random(6).randbytes(8 * MIB), Event()
    url = server.put("/a.bin", data, etag='"v1"', faults=[Fault(stall_after=MIB, gate=gate)])
    project_path = _project_file(tmp_path, {"a": url})
    env = {"PYTHONPATH": str(tmp_path / "platform")}
    with contextlib.ExitStack() as stack:
        programs = [stack.enter_context(Program(AGENT, project_path, "a", env=env)) for _ in range(6)]
        for program in programs:
            _line(program, "downloading .*")
        parts = list((layout.staging / "model" / "a" / "latest").iterdir())
        owners = [Owner.parse(part.name.partition(".")[2]) for part in parts]
        assert sorted(owner.pid for owner in owners if owner) == sorted(program.pid for program in programs)
        gate.set()
        answers = [_got(program) for program in programs]
    assert {answer["a"][1] for answer in answers} == {_digest(data)}
    assert server.count("GET", "/a.bin") == 6
    assert not layout.staging.exists()


def test_where_locks_do_nothing_a_part_of_a_dead_process_goes_to_one_and_no_other(
    tmp_path: Path, server: LoopbackServer, layout: CacheLayout
) -> None:
    (tmp_path / "platform").mkdir()
    (tmp_path / "platform" / "sitecustomize.py").write_text(NO_LOCKS)
    data, gate = random.Random(7).randbytes(8 * MIB), Event()
    faults = [Fault(stall_after=3 * MIB, times=1), Fault(stall_after=MIB, gate=gate)]
    url = server.put("/a.bin", data, etag='"v1"', faults=faults)
    project_path = _project_file(tmp_path, {"a": url})
    env = {"PYTHONPATH": str(tmp_path / "platform")}
    with contextlib.ExitStack() as stack:
        killed = stack.enter_context(Program(AGENT, project_path, "a", env=env))
        part = CacheLayout(tmp_path / "cache").staging / "model" / "a" / "latest"
        waiting = (path for _ in itertools.count() for path in part.glob("*/data"))
        next(path for path in waiting if path.stat().st_size == 3 * MIB)
        killed.kill9()
        programs = [stack.enter_context(Program(AGENT, project_path, "a", env=env)) for _ in range(5)]
        for program in programs:
            _line(program, "downloading .*")
        gate.set()
        answers = [_got(program) for program in programs]
    assert {answer["a"][1] for answer in answers} == {_digest(data)}
    ranges = [request.range for request in server.requests]
    assert sorted(ranges, key=str) == [*[None] * 5, f"bytes={3 * MIB}-"]
    assert not layout.staging.exists()


def test_where_locks_do_nothing_the_part_of_who_was_overtaken_and_killed_goes_with_the_next_look(
    tmp_path: Path, server: LoopbackServer, layout: CacheLayout
) -> None:
    """It could be resumed, but the copy that the quicker one brought is newer: nobody would ask for it."""
    (tmp_path / "platform").mkdir()
    (tmp_path / "platform" / "sitecustomize.py").write_text(NO_LOCKS)
    data = random.Random(8).randbytes(8 * MIB)
    url = server.put("/a.bin", data, etag='"v1"', faults=[Fault(stall_after=3 * MIB, times=1)])
    project_path = _project_file(tmp_path, {"a": url})
    env = {"PYTHONPATH": str(tmp_path / "platform")}
    with contextlib.ExitStack() as stack:
        overtaken = stack.enter_context(Program(AGENT, project_path, "a", env=env))
        _line(overtaken, "downloading .*")
        quicker = stack.enter_context(Program(AGENT, project_path, "a", env=env))
        assert _got(quicker)["a"][1] == _digest(data)
        overtaken.kill9()
        assert list(layout.staging.glob("*/*/*/*/journal.json"))
        with _manager(tmp_path) as manager:
            path = manager.ask(GetAssetPath(name="a")).get(timeout=30).path
    assert path.read_bytes() == data
    assert not layout.staging.exists()
