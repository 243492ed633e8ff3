import contextlib
import errno
import itertools
import os
import threading
from collections.abc import Callable
from pathlib import Path

import filelock
import pytest

from openmas_assets.actors.cache.lock import AssetLock
from programs import Program

TAKE = """
import os, signal, sys
from pathlib import Path
from openmas_assets.actors.cache import lock as module
lock = module.AssetLock(Path(sys.argv[1]))
print(lock.try_acquire())
"""
HOLD = f"{TAKE}signal.pause()"
FORK = f"{TAKE}if os.fork() == 0:\n    print('forked')\nsignal.pause()"
FREE_AFTER_FORK = f"""{TAKE}
module._held.clear()  # as if the fork came before it was noted
if os.fork():
    lock.release()
    print("freed")
signal.pause()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".locks" / "model" / "a" / "1.lock"


def test_only_one_holds_a_lock_and_the_next_may_once_it_is_free(path: Path) -> None:
    one, other = AssetLock(path), AssetLock(path)
    assert one.try_acquire()
    assert not other.try_acquire()
    one.release()
    assert other.try_acquire()
    other.release()


def test_locks_of_two_assets_are_independent(path: Path) -> None:
    one, other = AssetLock(path), AssetLock(path.with_name("2.lock"))
    assert one.try_acquire()
    assert other.try_acquire()
    one.release()
    other.release()


def test_freeing_what_is_free_does_nothing(path: Path) -> None:
    lock = AssetLock(path)
    lock.release()
    assert lock.try_acquire()
    lock.release()
    lock.release()


def test_another_thread_is_kept_out_too(path: Path) -> None:
    lock = AssetLock(path)
    assert lock.try_acquire()
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(AssetLock(path).try_acquire()))
    thread.start()
    thread.join()
    assert answers == [False]
    lock.release()


def test_the_lock_of_a_killed_process_is_free(path: Path) -> None:
    lock = AssetLock(path)
    with Program(HOLD, path) as program:
        assert next(program.lines()) == "True"
        assert not lock.try_acquire()
        program.kill9()
        assert lock.try_acquire()
    lock.release()


def test_the_lock_of_a_killed_process_is_free_although_a_fork_of_it_lives(path: Path) -> None:
    lock = AssetLock(path)
    with Program(FORK, path) as program:
        assert list(itertools.islice(program.lines(), 2)) == ["True", "forked"]
        assert not lock.try_acquire()
        program.kill9()
        assert lock.try_acquire()
    lock.release()


def test_a_lock_is_free_although_a_fork_of_the_process_lives(path: Path) -> None:
    lock = AssetLock(path)
    with Program(FREE_AFTER_FORK, path) as program:
        assert list(itertools.islice(program.lines(), 2)) == ["True", "freed"]
        assert lock.try_acquire()
    lock.release()


def test_a_lock_on_a_file_that_has_no_name_any_more_is_none(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process removes it, with `clear-cache --all`, between its opening and its locking."""
    lock_descriptor, removals = filelock.lock_descriptor, iter([path])

    def late(file: int, *, blocking: bool) -> bool:
        for removed in removals:
            removed.unlink()
        return lock_descriptor(file, blocking=blocking)

    monkeypatch.setattr(filelock, "lock_descriptor", late)
    one, other = AssetLock(path), AssetLock(path)
    assert one.try_acquire()
    assert not other.try_acquire()
    one.release()


def test_who_finds_the_name_gone_each_time_is_locked_out_and_does_not_try_for_ever(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock_descriptor, before = filelock.lock_descriptor, open_files()

    def late(file: int, *, blocking: bool) -> bool:
        path.unlink()
        return lock_descriptor(file, blocking=blocking)

    monkeypatch.setattr(filelock, "lock_descriptor", late)
    assert not AssetLock(path).try_acquire()
    assert open_files() == before


def test_who_finds_the_folder_gone_each_time_is_told_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_file = os.open

    def late(name: Path, *arguments: int) -> int:
        with contextlib.suppress(FileNotFoundError):
            path.parent.rmdir()
        return open_file(name, *arguments)

    monkeypatch.setattr(os, "open", late)
    with pytest.raises(FileNotFoundError, match=path.name):
        AssetLock(path).try_acquire()


def test_of_eight_processes_one_gets_the_lock(path: Path) -> None:
    with contextlib.ExitStack() as stack:
        programs = [stack.enter_context(Program(HOLD, path)) for _ in range(8)]
        answers = [next(program.lines()) for program in programs]
    assert sorted(answers) == ["False"] * 7 + ["True"]


def test_nothing_of_a_lock_is_left_once_it_is_free(path: Path, tmp_path: Path) -> None:
    lock = AssetLock(path)
    assert lock.try_acquire()
    assert path.exists()
    lock.release()
    assert list(tmp_path.iterdir()) == []


def test_although_its_file_is_removed_each_time_no_two_processes_ever_hold_a_lock(
    path: Path, tmp_path: Path
) -> None:
    """Whoever has opened the file before it was removed gets a lock, which must not count."""
    code = """
        import os, sys
        from pathlib import Path
        from openmas_assets.actors.cache.lock import AssetLock
        path, inside = map(Path, sys.argv[1:])
        print("ready")
        taken = 0
        while taken < 400:
            lock = AssetLock(path)
            if lock.try_acquire():
                taken += 1
                os.close(os.open(inside, os.O_CREAT | os.O_EXCL))  # fails if somebody else is in here
                inside.unlink()
            lock.release()
        print("done")
    """
    with contextlib.ExitStack() as stack:
        programs = [stack.enter_context(Program(code, path, tmp_path / "inside")) for _ in range(6)]
        ends = [program.wait(60) for program in programs]
    assert {(end.stdout, end.stderr) for end in ends} == {("ready\ndone\n", "")}
    assert list(tmp_path.iterdir()) == []


def test_the_lock_file_may_vanish_with_its_folders_at_any_moment(path: Path) -> None:
    """As it does while another process runs `clear-cache --all`."""
    code = """
        import sys
        from pathlib import Path
        from openmas_assets.actors.cache.lock import AssetLock
        path = Path(sys.argv[1])
        print("ready")
        taken = 0
        while taken < 300:
            lock = AssetLock(path)
            taken += lock.try_acquire()
            lock.release()
        print("done")
    """
    with Program(code, path) as program:
        assert next(program.lines()) == "ready"
        while program.is_running:
            with contextlib.suppress(OSError):
                path.unlink()
            for folder in itertools.islice(path.parents, 3):
                with contextlib.suppress(OSError):
                    folder.rmdir()
        done = program.wait()
    assert (done.stdout, done.stderr) == ("ready\ndone\n", "")


def flock_that_fails(number: int) -> Callable[[int, int], None]:
    def flock(_file: int, _operation: int) -> None:
        raise OSError(number, os.strerror(number))

    return flock


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_no_reason_to_fail(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    monkeypatch.setattr("fcntl.flock", flock_that_fails(number))
    one, other = AssetLock(path), AssetLock(path)
    assert one.try_acquire()
    assert other.try_acquire()
    assert "has no locks: going on without" in caplog.text
    one.release()
    other.release()
    assert not path.parent.exists()


def test_a_lock_that_fails_leaves_no_file_open(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = open_files()
    monkeypatch.setattr("fcntl.flock", flock_that_fails(errno.EIO))
    with pytest.raises(OSError, match="Input/output error"):
        AssetLock(path).try_acquire()
    assert open_files() == before


def open_files() -> set[str]:
    return set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - numbers, no paths


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        AssetLock(tmp_path / "file" / "a.lock").try_acquire()
