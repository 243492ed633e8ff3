import contextlib
import itertools
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from openmas_assets.actors.cache.owner import Owner
from openmas_assets.actors.cache.staging import (
    Journal,
    Staging,
    abandoned,
    find_holder,
    resumable_bytes,
)
from programs import Program
from unprivileged import unprivileged

DEAD = Owner.current()._replace(boot="0123456789")
ELSEWHERE = Owner.current()._replace(host="0123456789")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".staging" / "model" / "a" / "1.0"


def _part(
    folder: Path,
    owner: Owner | str,
    size_bytes: int,
    *,
    fingerprint: str = "f",
    validator: str | None = '"v"',
) -> Path:
    path = folder / f"{size_bytes:016x}.{owner}"
    path.mkdir(parents=True)
    journal = Journal(fingerprint=fingerprint, validator=validator, bytes_total=10_000)
    Staging(path).write_journal(journal)
    Staging(path).data_path.write_bytes(bytes(size_bytes))
    return path


def test_a_first_claim_makes_an_empty_part_of_this_process(folder: Path) -> None:
    staging = Staging.claim(folder, "f")
    assert staging.path.parent == folder
    assert list(staging.path.iterdir()) == []
    assert Owner.parse(staging.path.name.partition(".")[2]) == Owner.current()


@pytest.mark.parametrize("owner", ["free", DEAD, "who is that"])
def test_a_part_that_nobody_works_on_is_taken_over_with_its_bytes(folder: Path, owner: Owner | str) -> None:
    abandoned = _part(folder, owner, 1000)
    staging = Staging.claim(folder, "f")
    assert staging.bytes_done == 1000
    assert staging.journal == Journal(fingerprint="f", validator='"v"', bytes_total=10_000)
    assert not abandoned.exists()


def test_the_largest_part_is_taken_over_and_the_others_are_swept(folder: Path) -> None:
    for size_bytes in (10, 3000, 200):
        _part(folder, DEAD, size_bytes)
    staging = Staging.claim(folder, "f")
    assert staging.bytes_done == 3000
    assert list(folder.iterdir()) == [staging.path]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param({"fingerprint": "of another configuration"}, id="of another configuration"),
        pytest.param({"validator": None}, id="without a validator"),
    ],
)
def test_a_part_that_cannot_be_resumed_is_swept(folder: Path, spoil: dict[str, str | None]) -> None:
    _part(folder, DEAD, 1000, **spoil)  # type: ignore[arg-type]
    staging = Staging.claim(folder, "f")
    assert staging.bytes_done == 0
    assert list(folder.iterdir()) == [staging.path]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"fingerprint": 1}', json.dumps({"validator": "x"})])
def test_a_part_with_a_broken_journal_is_swept(folder: Path, text: str) -> None:
    path = _part(folder, DEAD, 1000)
    (path / "journal.json").write_text(text)
    assert Staging.claim(folder, "f").bytes_done == 0


def test_a_part_with_a_folder_in_place_of_the_bytes_is_swept(folder: Path) -> None:
    path = _part(folder, DEAD, 10)
    (path / "data").unlink()
    (path / "data").mkdir()

    staging = Staging.claim(folder, "f")

    assert list(folder.iterdir()) == [staging.path]
    assert list(staging.path.iterdir()) == []


def test_a_part_of_a_living_process_is_never_taken(folder: Path) -> None:
    with Program("import signal; signal.pause()") as program:
        owned = _part(folder, Owner.current()._replace(pid=program.pid, started=0), 1000)
        assert Staging.claim(folder, "f").bytes_done == 0
        assert owned.exists()
        program.kill9()
        assert Staging.claim(folder, "f").bytes_done == 1000


@pytest.mark.parametrize("since_seconds", [601, -601], ids=["long ago", "when a clock was ahead"])
def test_a_part_of_another_machine_is_taken_only_after_ten_minutes_without_a_byte(
    folder: Path, since_seconds: int
) -> None:
    path = _part(folder, ELSEWHERE, 1000)
    assert Staging.claim(folder, "f").bytes_done == 0
    assert path.exists()
    then = time.time() - since_seconds
    os.utime(path / "data", (then, then))
    os.utime(path, (then, then))
    assert Staging.claim(folder, "f").bytes_done == 1000


def test_of_eight_processes_one_gets_each_abandoned_part_and_the_others_start_their_own(
    tmp_path: Path,
) -> None:
    folders = [tmp_path / f"{number:02}" for number in range(40)]
    for number, folder in enumerate(folders):
        _part(folder, DEAD if number % 2 else "free", 1000)
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    code = """
        import signal, sys
        from pathlib import Path
        from openmas_assets.actors.cache.staging import Staging
        open(sys.argv[1]).close()
        for folder in sys.argv[2:]:
            staging = Staging.claim(Path(folder), "f")
            print(staging.path, staging.bytes_done, staging.path.is_dir())
        signal.pause()  # the parts of a process that has ended would be there for the taking
    """
    with contextlib.ExitStack() as stack:
        programs = [stack.enter_context(Program(code, gate, *folders)) for _ in range(8)]
        stack.enter_context(gate.open("w"))
        claims = [
            line.split() for program in programs for line in itertools.islice(program.lines(), len(folders))
        ]
    assert len({path for path, _, _ in claims}) == len(claims) == 8 * 40
    assert {is_there for _, _, is_there in claims} == {"True"}
    for folder in folders:
        sizes = [int(size) for path, size, _ in claims if Path(path).parent == folder]
        assert sorted(sizes) == [0] * 7 + [1000]


def test_a_released_part_is_resumed_by_whoever_asks_next(folder: Path) -> None:
    staging = Staging.claim(folder, "f")
    staging.write_journal(Journal(fingerprint="f", validator='"v"'))
    staging.data_path.write_bytes(b"12345")
    (staging.tree_path / "half").mkdir(parents=True)
    staging.release()
    assert resumable_bytes(folder, "f") == 5
    again = Staging.claim(folder, "f")
    assert again.bytes_done == 5
    assert not again.tree_path.exists()


def test_a_released_part_that_cannot_be_resumed_leaves_no_trace(folder: Path) -> None:
    staging = Staging.claim(folder, "f")
    staging.data_path.write_bytes(b"12345")
    staging.release()
    assert not folder.parent.parent.parent.exists()


def test_a_removed_part_takes_the_empty_folders_above_it_along_but_no_other_part(folder: Path) -> None:
    one, other = Staging.claim(folder, "f"), Staging.claim(folder, "f")
    one.remove()
    assert other.path.is_dir()
    other.remove()
    assert not folder.parent.parent.parent.exists()


def test_parts_come_and_go_side_by_side_although_each_takes_empty_folders_along(folder: Path) -> None:
    def come_and_go(_: int) -> None:
        for _ in range(200):
            staging = Staging.claim(folder, "f")
            assert staging.path.is_dir()
            staging.remove()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(come_and_go, range(4)))
    assert not folder.exists()


def test_a_part_that_this_process_could_not_remove_goes_with_its_next_claim(folder: Path) -> None:
    """As on a disk that was read-only at that moment."""
    staging = Staging.claim(folder, "f")
    staging.data_path.write_bytes(bytes(1000))
    folder.chmod(0o555)
    staging.path.chmod(0o555)
    unprivileged(staging.remove)
    folder.chmod(0o755)
    assert abandoned(folder) == [staging.path]
    Staging.claim(folder, "f").remove()
    assert not folder.exists()


def test_a_part_that_this_process_could_not_let_go_is_resumed_by_its_next_claim(folder: Path) -> None:
    staging = Staging.claim(folder, "f")
    staging.write_journal(Journal(fingerprint="f", validator='"v"', bytes_total=10_000))
    staging.data_path.write_bytes(bytes(1000))
    folder.chmod(0o555)
    unprivileged(staging.release)
    folder.chmod(0o755)
    assert Staging.claim(folder, "f").bytes_done == 1000


def test_starting_over_forgets_bytes_journal_and_tree(folder: Path) -> None:
    staging = Staging(_part(folder, Owner.current(), 1000))
    (staging.tree_path / "sub").mkdir(parents=True)
    staging.start_over()
    assert list(staging.path.iterdir()) == []
    assert staging.journal is None


def test_the_holder_is_the_living_process_with_the_most_bytes(folder: Path) -> None:
    _part(folder, DEAD, 5000)
    _part(folder, "free", 4000)
    _part(folder, Owner.current(), 300)
    _part(folder, ELSEWHERE, 2)
    assert find_holder(folder) == (Owner.current(), 300, 10_000)


def test_without_a_living_process_there_is_no_holder(folder: Path) -> None:
    assert find_holder(folder) is None
    _part(folder, DEAD, 5000)
    assert find_holder(folder) is None


def test_what_can_be_resumed_counts_for_its_own_configuration_only(folder: Path) -> None:
    assert resumable_bytes(folder, "f") == 0
    _part(folder, DEAD, 5000)
    assert resumable_bytes(folder, "f") == 5000
    assert resumable_bytes(folder, "g") == 0


def _part_with_holes(folder: Path, size_bytes: int = 10_000, **journal: Any) -> Staging:
    part = Staging(_part(folder, "free", size_bytes))
    fields = {"arrived": ((0, 100), (300, 500), (9_000, 10_000)), "boot": Owner.current().boot}
    known = Journal(fingerprint="f", validator='"v"', bytes_total=10_000).model_dump()
    (part.path / "journal.json").write_text(json.dumps(known | fields | journal))
    return part


def test_of_a_part_with_holes_those_bytes_count_that_have_arrived(folder: Path) -> None:
    part = _part_with_holes(folder)
    assert part.bytes_done == resumable_bytes(folder, "f") == 1_300
    assert part.missing == ((100, 300), (500, 9_000))
    assert Staging.claim(folder, "f").missing == ((100, 300), (500, 9_000))


def test_ranges_behind_the_end_of_the_file_are_not_believed(folder: Path) -> None:
    part = _part_with_holes(folder, size_bytes=400)
    assert (part.bytes_done, part.missing) == (200, ((100, 300), (400, 10_000)))


def test_a_part_without_holes_has_nothing_missing_but_its_end(folder: Path) -> None:
    assert Staging(_part(folder, "free", 1_000)).missing == ()
    assert _part_with_holes(folder / "b", arrived=[[0, 100]]).missing == ()


@pytest.mark.parametrize(
    "spoil",
    [
        {"boot": "0123456789"},
        {"boot": None},
        {"arrived": []},
        {"arrived": [[0, 100], [50, 200]]},
        {"arrived": [[300, 500], [0, 100]]},
        {"arrived": [[-5, 100]]},
        {"arrived": [[100, 100]]},
        {"arrived": [[0, 10_001]]},
        {"bytes_total": None},
    ],
)
def test_ranges_that_are_damaged_or_may_be_lost_since_a_crash_of_the_machine_are_not_gone_on_with(
    folder: Path, spoil: dict[str, Any]
) -> None:
    assert _part_with_holes(folder, **spoil).bytes_done in (0, 10_000)
    staging = Staging.claim(folder, "f")
    assert (staging.bytes_done, staging.journal) == (0, None)


def test_a_part_that_may_not_be_taken_over_stays_for_who_may(folder: Path) -> None:
    part = _part(folder, "free", 1000)
    folder.chmod(0o555)
    assert unprivileged(lambda: Staging.take(part)) is None
    with pytest.raises(PermissionError):
        unprivileged(lambda: Staging.claim(folder, "f"))
    folder.chmod(0o755)
    assert Staging.claim(folder, "f").bytes_done == 1000


def test_a_part_in_which_somebody_still_writes_is_left_as_it_is(folder: Path) -> None:
    staging = Staging.claim(folder, "f")
    staging.data_path.write_bytes(bytes(1000))
    staging.abandon()
    staging.release()
    staging.remove()
    assert staging.bytes_done == 1000
    assert abandoned(folder) == []
