import json
import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from loopback import Fault, LoopbackServer
from programs import Program
from project_folder import ProjectFolder, http, script
from terminal import Terminal

DATA = bytes(range(256)) * 8192
HALF = len(DATA) // 2
KEPT = "What has arrived is kept; the next download goes on from there."


def stalling(project: ProjectFolder, server: LoopbackServer) -> None:
    """Declare an asset of which the first transfer stalls half-way."""
    url = server.put("/a.bin", DATA, etag='"v1"', faults=[Fault(stall_after=HALF, times=1)])
    project.declare(http("a", url))


@pytest.mark.parametrize(
    ("number", "exit_code", "word"),
    [(signal.SIGINT, 130, "Interrupted."), (signal.SIGTERM, 143, "Terminated.")],
)
def test_a_transfer_that_is_stopped_is_kept_and_continued(
    project: ProjectFolder, server: LoopbackServer, number: int, exit_code: int, word: str
) -> None:
    stalling(project, server)
    with Terminal(script("openmas-assets"), "download", "a", folder_path=project.path) as terminal:
        terminal.wait_for("%|")  # a bar comes when bytes are on disk
        terminal.signal(number)
        assert terminal.wait() == exit_code
    # The terminal is tidy: the message has a line to itself, and the prompt will.
    assert terminal.text.endswith(f"\n{word} {KEPT}\n")
    assert "Traceback" not in terminal.text

    (status,) = json.loads(project.invoke("list", "--json").stdout)
    assert status["status"] == "partial"
    assert project.invoke("download", "a").exit_code == 0
    assert project.asset_path("a").read_bytes() == DATA
    assert server.requests[-1].range == f"bytes={status['size_bytes']}-"


def test_without_a_terminal_an_interrupt_says_the_same(
    project: ProjectFolder, server: LoopbackServer
) -> None:
    stalling(project, server)
    with project.program("download", "a") as program:
        server.wait_for(lambda s: s.bytes_sent("/a.bin") >= HALF)
        program.interrupt()
        done = program.wait()
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.splitlines()[-1] == f"Interrupted. {KEPT}"
    assert "Traceback" not in done.stderr


def test_a_second_interrupt_ends_at_once(project: ProjectFolder, server: LoopbackServer) -> None:
    stalling(project, server)
    # The first interrupt finds a `close` that takes for ever.
    code = """
        import sys, threading
        from openmas_assets.actors import AssetManager
        from openmas_assets.cli.main import openmas_assets

        def close(manager):
            print("closing", flush=True)
            threading.Event().wait()

        AssetManager.close = close
        openmas_assets(["download", "a"])
    """
    with Program(code, folder_path=project.path) as program:
        server.wait_for(lambda s: s.bytes_sent("/a.bin") >= HALF)
        program.interrupt()
        assert next(program.lines()) == "closing"
        program.interrupt()
        done = program.wait()
    assert done.returncode == 130
    assert "Traceback" not in done.stderr


def test_an_interrupt_at_the_question_is_130_too(project: ProjectFolder) -> None:
    with Terminal(script("openmas-assets"), "clear-cache", "--all", folder_path=project.path) as terminal:
        terminal.wait_for("[y/N]: ")
        # The first one may come just before the program reads, and CPython then sees it with the next one.
        while terminal.is_running:
            terminal.signal(signal.SIGINT)
        # One that comes when Python has put its handlers back kills, which a shell reports as 130 too.
        assert terminal.wait() in (130, -signal.SIGINT)
    assert "Traceback" not in terminal.text


def test_what_a_shell_lets_ignore_stays_ignored(project: ProjectFolder, server: LoopbackServer) -> None:
    stalling(project, server)
    code = """
        import signal, sys
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        from openmas_assets.cli.main import openmas_assets
        openmas_assets(["download", "a"])
    """
    with Program(code, folder_path=project.path) as program:
        server.wait_for(lambda s: s.bytes_sent("/a.bin") >= HALF)
        program.interrupt()
        os.kill(program.pid, signal.SIGTERM)
        assert program.wait().returncode == 143


def test_in_process_the_handlers_are_put_back(project: ProjectFolder) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    for arguments in (["list"], ["--help"], ["list", "--wrong"], ["download", "unknown"]):
        project.invoke(*arguments)
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_in_another_thread_than_the_main_one_the_signals_are_left_alone(project: ProjectFolder) -> None:
    with ThreadPoolExecutor(1) as threads:
        result = threads.submit(project.invoke, "list").result()
    assert (result.exit_code, result.stderr) == (0, "The project declares no assets.\n")


def test_a_reader_that_leaves_ends_it_quietly(project: ProjectFolder) -> None:
    project.declare(*(project.local(f"a{number}") for number in range(3)))
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as stdout:
        done = subprocess.run(
            [str(script("openmas-assets")), "download", "--all"],
            stdout=stdout,
            stderr=subprocess.PIPE,
            cwd=project.path,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "Error" not in done.stderr
    assert "Exception" not in done.stderr
