import os
import signal
import subprocess
import sys

import pytest

from openmas_assets.actors.cache.owner import Owner
from programs import Program

SAY_OWNER = """
    import signal, sys, threading
    from openmas_assets.actors.cache.owner import Owner
    print(Owner.current())
    if "stay" in sys.argv:
        signal.pause()
"""
needs_proc = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="start times come from /proc")


def _owner_of(program: Program) -> Owner:
    owner = Owner.parse(next(program.lines()))
    assert owner is not None
    return owner


def test_an_owner_reads_back_from_the_text_that_file_names_carry() -> None:
    owner = Owner.current()
    assert Owner.parse(str(owner)) == owner
    assert "." not in str(owner)
    assert "/" not in str(owner)


@pytest.mark.parametrize(
    "text", ["", "free", "a-b", "a-b-c-d-e", "a-b-c-1", "a-b-c-1-", "a-b-c--1-2", "a-b-c-1-2-3", "a-b-c-¹-2"]
)
def test_other_text_is_no_owner(text: str) -> None:
    assert Owner.parse(text) is None


def test_this_process_is_local_and_lives() -> None:
    assert Owner.current().is_local
    assert not Owner.current().is_dead


def test_another_process_lives_until_it_is_killed() -> None:
    with Program(SAY_OWNER, "stay") as program:
        owner = _owner_of(program)
        assert owner.is_local
        assert not owner.is_dead
        program.kill9()
        assert owner.is_dead


@needs_proc
def test_a_killed_process_is_dead_even_if_its_parent_has_not_asked_for_it() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    try:
        owner = Owner.current()._replace(pid=process.pid, started=0)
        assert not owner.is_dead
        process.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie from here on
        os.kill(process.pid, 0)
        assert owner.is_dead
    finally:
        process.wait()


@needs_proc
def test_a_process_with_a_pid_that_was_given_out_anew_is_another_one() -> None:
    with Program(SAY_OWNER, "stay") as program:
        owner = _owner_of(program)
        assert owner._replace(started=owner.started - 1).is_dead
        assert not owner._replace(started=0).is_dead


def test_whoever_ran_before_the_machine_was_restarted_is_dead() -> None:
    owner = Owner.current()._replace(boot="0123456789")
    assert owner.is_dead
    assert not owner.is_local


@pytest.mark.parametrize("field", ["host", "namespace"])
def test_of_another_machine_or_container_nothing_is_known_and_nobody_is_declared_dead(field: str) -> None:
    with Program(SAY_OWNER) as program:
        ended = _owner_of(program)
        program.wait()
    assert ended.is_dead
    elsewhere = Owner(**{**ended._asdict(), field: "0123456789"})
    assert not elsewhere.is_dead
    assert not elsewhere.is_local


def test_a_process_of_another_user_lives() -> None:
    code = """
        import os
        from openmas_assets.actors.cache.owner import Owner
        owner = Owner.current()
        if os.getuid() == 0:
            os.setuid(65534)
        print(owner._replace(pid=1, started=0).is_dead)
    """
    with Program(code) as program:
        assert program.wait().stdout == "False\n"


def test_a_pid_that_no_system_has_is_dead() -> None:
    assert Owner.current()._replace(pid=2**70).is_dead


def test_a_process_of_a_number_that_no_system_has_is_dead() -> None:
    assert Owner.current()._replace(pid=10**30).is_dead
