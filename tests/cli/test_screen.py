import pytest

from loopback import LoopbackServer
from programs import Program
from project_folder import ProjectFolder, http, script
from terminal import Terminal

GREEN = "\x1b[32m"


@pytest.fixture
def cached(project: ProjectFolder) -> ProjectFolder:
    project.declare(project.local("a", checksum=None), project.local("b"))
    assert project.invoke("download", "a").exit_code == 0
    return project


@pytest.mark.parametrize("env", [{}, {"NO_COLOR": ""}])
def test_a_terminal_shows_the_status_in_colour(cached: ProjectFolder, env: dict[str, str]) -> None:
    with Terminal(script("openmas-assets"), "list", folder_path=cached.path, env=env) as terminal:
        assert terminal.wait() == 0
    assert f"{GREEN}cached" in terminal.text


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_color_and_dumb_terminals_are_respected(cached: ProjectFolder, env: dict[str, str]) -> None:
    with Terminal(script("openmas-assets"), "verify", folder_path=cached.path, env=env) as terminal:
        assert terminal.wait() == 0
    assert "a: verified" in terminal.text
    assert "\x1b[3" not in terminal.text


def test_no_terminal_gets_no_colour(cached: ProjectFolder) -> None:
    for command in ("list", "verify"):
        assert "\x1b" not in cached.invoke(command).output


def test_the_table_follows_the_width_of_the_terminal(cached: ProjectFolder) -> None:
    for columns, is_source_inline in ((60, False), (200, True)):
        with Terminal(script("openmas-assets"), "list", folder_path=cached.path, columns=columns) as terminal:
            assert terminal.wait() == 0
        assert ("SOURCE" in terminal.text) == is_source_inline


def test_a_terminal_shows_bars_and_no_log_lines_and_keeps_only_the_paths(
    project: ProjectFolder, server: LoopbackServer
) -> None:
    data = bytes(400_000)
    urls = [server.put(f"/{name}.bin", data, bytes_per_second=800_000) for name in "ab"]
    project.declare(http("a", urls[0]), http("b", urls[1]))
    with Terminal(
        script("openmas-assets"), "download", "--all", folder_path=project.path, columns=200
    ) as terminal:
        assert terminal.wait() == 0
    assert "a: " in terminal.text
    assert "b: " in terminal.text
    assert "%|" in terminal.text
    assert "downloading," not in terminal.text
    # The last line is the one for the prompt: empty, and the cursor at its start.
    assert terminal.screen == [str(project.asset_path("a")), str(project.asset_path("b")), ""]


def test_a_log_that_cannot_be_written_stops_nobody() -> None:
    code = """
        import logging, sys
        from openmas_assets.cli.screen import logs_on_standard_error

        sys.stderr = open("/dev/full", "w")
        with logs_on_standard_error():
            logging.getLogger("openmas_assets").warning("lost")
        print("went on")
    """
    with Program(code) as program:
        done = program.wait()
    assert done.stdout == "went on\n"
