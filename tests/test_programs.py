import signal
from pathlib import Path

import pytest

from programs import Program


def test_a_program_gets_its_arguments_and_environment_and_its_output_comes_back(tmp_path: Path) -> None:
    code = """
        import os, sys
        print(sys.argv[1:], os.environ["COLOUR"], "HOME" in os.environ, os.getcwd())
        print("oh", file=sys.stderr)
        sys.exit(3)
    """
    with Program(
        code, "a b", tmp_path, env={"COLOUR": "grün", "HOME": None}, folder_path=tmp_path
    ) as program:
        done = program.wait()
    assert done.returncode == 3
    assert done.stdout == f"['a b', '{tmp_path}'] grün False {tmp_path}\n"
    assert done.stderr == "oh\n"


def test_a_file_is_run_as_a_program(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("print(__name__)")
    with Program(tmp_path / "script.py") as program:
        assert program.wait().stdout == "__main__\n"


def test_the_working_folder_is_not_searched_for_modules(tmp_path: Path) -> None:
    (tmp_path / "messages.py").touch()
    with Program("import messages", folder_path=tmp_path) as program:
        assert "ModuleNotFoundError" in program.wait().stderr


def test_lines_come_while_the_program_runs_and_from_the_first_each_time() -> None:
    with Program("print(1); print(2); import signal; signal.pause()") as program:
        first = program.lines()
        assert [next(first), next(first)] == ["1", "2"]
        assert next(program.lines()) == "1"
        assert program.is_running
        program.kill9()
        assert list(first) == []


def test_a_program_that_says_a_lot_is_never_blocked() -> None:
    with Program("import sys; print('x' * 2**20); print('y' * 2**20, file=sys.stderr)") as program:
        done = program.wait()
    assert (len(done.stdout), len(done.stderr)) == (2**20 + 1, 2**20 + 1)


def test_kill9_leaves_no_time_to_clean_up() -> None:
    code = """
        import signal
        try:
            print("ready")
            signal.pause()
        finally:
            print("cleaned up")
    """
    with Program(code) as program:
        assert next(program.lines()) == "ready"
        program.kill9()
        assert not program.is_running
        done = program.wait()
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "ready\n")


def test_interrupt_is_a_keyboard_interrupt() -> None:
    code = """
        import signal
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            print("ready")
            signal.pause()
        except KeyboardInterrupt:
            print("interrupted")
    """
    with Program(code) as program:
        assert next(program.lines()) == "ready"
        program.interrupt()
        assert program.wait().stdout == "ready\ninterrupted\n"


def test_a_program_that_does_not_end_is_reported_with_its_output_and_killed_with_its_children() -> None:
    code = """
        import os, signal
        child_id = os.fork()
        if child_id:
            print(child_id)
        signal.pause()
    """
    with Program(code) as program:
        child_id = int(next(program.lines()))
        with pytest.raises(TimeoutError, match=f"still runs after 0 s; stdout:\n{child_id}"):
            program.wait(timeout_seconds=0)
        assert not program._stdout._is_closed
    # Both hold the pipe open as long as they live.
    assert program._stdout._is_closed


def test_a_line_that_does_not_come_is_reported_with_stderr() -> None:
    with Program("import sys, signal; print('why', file=sys.stderr); print(1); signal.pause()") as program:
        lines = program.lines(timeout_seconds=0)
        assert next(program.lines()) == "1"
        assert next(lines) == "1"
        program._stderr.line(0, timeout_seconds=30)
        with pytest.raises(TimeoutError, match="no line within 0 s; stderr:\nwhy"):
            next(lines)
