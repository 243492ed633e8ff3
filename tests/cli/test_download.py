from pathlib import Path
from threading import Event

from loopback import Fault, LoopbackServer
from project_folder import ProjectFolder, http, script
from terminal import Terminal


def test_download_prints_a_path_a_line_in_the_order_asked_and_nothing_else(project: ProjectFolder) -> None:
    project.declare(project.local("a"), project.local("b", b"bee"), project.local("c"))
    result = project.invoke("download", "b", "a", "b")
    assert result.exit_code == 0
    assert result.stdout == f"{project.asset_path('b')}\n{project.asset_path('a')}\n"
    assert project.asset_path("b").read_bytes() == b"bee"
    assert not project.asset_path("c").exists()


def test_agents_and_all_name_assets_too_each_once(project: ProjectFolder) -> None:
    agents = {"first": ["a", "b"], "second": ["b"], "idle": []}
    project.declare(project.local("a"), project.local("b"), project.local("c"), agents=agents)
    paths = {name: f"{project.asset_path(name)}\n" for name in "abc"}
    result = project.invoke("download", "--agent", "second", "--agent", "first")
    assert (result.exit_code, result.stdout) == (0, paths["b"] + paths["a"])
    assert project.invoke("download", "c", "--all").stdout == paths["c"] + paths["a"] + paths["b"]
    result = project.invoke("download", "--agent", "idle")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "There is nothing to download.\n")


def test_naming_nothing_is_wrong_usage_and_says_what_can_be_named(project: ProjectFolder) -> None:
    project.declare(project.local("a"), project.local("b"), agents={"rag": ["a"]})
    result = project.invoke("download")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--agent AGENT or --all. Assets: a, b. Agents: rag." in result.stderr


def test_each_failure_is_a_message_and_the_others_are_downloaded_all_the_same(
    project: ProjectFolder, server: LoopbackServer
) -> None:
    url = server.put("/gone.bin", status=410)
    project.declare(project.local("llama3-8b"), http("gone", url + "?token=secret"), agents={"rag": []})
    result = project.invoke("download", "lama3-8b", "gone", "llama3-8b", "--agent", "rga")
    assert result.exit_code == 1
    assert result.stdout == f"{project.asset_path('llama3-8b')}\n"
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 3
    assert "no agent 'rga'. Did you mean 'rag'?" in errors[0]
    assert "asset 'lama3-8b'" in errors[1]
    assert "Did you mean 'llama3-8b'?" in errors[1]
    assert "asset 'gone': the server answered 410 Gone" in errors[2]
    assert "secret" not in result.output
    assert "Traceback" not in result.output


def test_what_is_cached_is_not_transferred_again_unless_forced(
    project: ProjectFolder, server: LoopbackServer
) -> None:
    project.declare(http("a", server.put("/a.bin", b"bytes")))
    for arguments, count in ((["a"], 1), (["a"], 1), (["a", "--force"], 2), (["--all", "--force"], 3)):
        assert project.invoke("download", *arguments).exit_code == 0
        assert server.count("GET", "/a.bin") == count


def test_all_are_transferred_at_the_same_time(project: ProjectFolder, server: LoopbackServer) -> None:
    gate = Event()
    held = [Fault(hang_before_headers=True, gate=gate, times=1)]
    project.declare(
        *(http(name, server.put(f"/{name}.bin", name.encode(), faults=held)) for name in ("a", "b", "c"))
    )
    with project.program("download", "--all") as program:
        server.wait_for(lambda s: all(s.count("GET", f"/{name}.bin") for name in ("a", "b", "c")))
        gate.set()
        done = program.wait()
    assert done.returncode == 0
    assert done.stdout.split() == [str(project.asset_path(name)) for name in ("a", "b", "c")]


def test_an_error_is_shown_while_others_are_still_transferred(
    project: ProjectFolder, server: LoopbackServer
) -> None:
    gate = Event()
    stalled = [Fault(stall_after=1, gate=gate)]
    project.declare(
        http("slow", server.put("/slow.bin", b"bytes", faults=stalled)),
        http("gone", server.put("/gone.bin", status=404)),
        project.local("quick"),
    )
    arguments = ["download", "slow", "gone", "quick"]
    with Terminal(script("openmas-assets"), *arguments, columns=300, folder_path=project.path) as terminal:
        terminal.wait_for("Error: asset 'gone'")
        assert str(project.asset_path("quick")) not in terminal.text  # the paths keep their order
        gate.set()
        assert terminal.wait() == 1
    slow, quick = str(project.asset_path("slow")), str(project.asset_path("quick"))
    assert terminal.text.index("Error: ") < terminal.text.index(slow) < terminal.text.index(quick)


def test_without_a_terminal_progress_is_lines_on_standard_error(
    project: ProjectFolder, server: LoopbackServer
) -> None:
    url = server.put("/a.bin", bytes(3_000_000))
    project.declare(http("a", url, progress_report_interval_mb=1), http("b", url, progress_report=False))
    result = project.invoke("download", "--all")
    lines = result.stderr.splitlines()
    assert lines[-1].startswith("a: finished")
    assert all(line.startswith("a: ") for line in lines)


def test_a_path_that_is_no_text_comes_out_as_it_is(project: ProjectFolder, tmp_path: Path) -> None:
    odd_path = tmp_path / "caf\udce9"
    project.declare(project.local("a"))
    with project.program("download", "a", env={"OPENMAS_ASSETS_DIR": str(odd_path)}) as program:
        done = program.wait()
    assert done.returncode == 0
    # The program's output is read with errors="replace".
    assert done.stdout == f"{tmp_path}/caf\ufffd/model/a/latest/a.bin\n"
