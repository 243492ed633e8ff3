import pytest

from project_folder import ProjectFolder, script
from terminal import Terminal


@pytest.fixture
def filled(project: ProjectFolder) -> ProjectFolder:
    project.declare(project.local("a"), project.local("b", bytes(2500)), project.local("c"))
    assert project.invoke("download", "a", "b").exit_code == 0
    return project


def test_named_assets_are_removed_and_the_bytes_counted(filled: ProjectFolder) -> None:
    result = filled.invoke("clear-cache", "--asset", "b")
    assert (result.exit_code, result.stdout) == (0, "removed model/b/latest\nfreed 2.5 kB\n")
    assert not filled.asset_path("b").exists()
    assert filled.asset_path("a").exists()
    result = filled.invoke("clear-cache", "--asset", "bb", "--asset", "c", "--asset", "a")
    assert result.exit_code == 1
    assert "Did you mean 'b'?" in result.stderr
    assert result.stdout.splitlines() == [
        "nothing was cached",
        "freed 0 B",
        "removed model/a/latest",
        "freed 4 B",
    ]


def test_all_removes_what_is_ours_and_names_what_is_not(filled: ProjectFolder) -> None:
    (filled.cache_path / "notes.txt").write_text("mine")
    result = filled.invoke("clear-cache", "--all", "--yes")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "removed model/a/latest",
        "removed model/b/latest",
        f"left alone, not ours or in use: {filled.cache_path / 'notes.txt'}",
        "freed 2.5 kB",
    ]
    assert (filled.cache_path / "notes.txt").read_text() == "mine"


def test_without_a_terminal_the_answer_may_come_from_a_pipe(filled: ProjectFolder) -> None:
    assert filled.invoke("clear-cache", "--all", text="n\n").exit_code == 1
    assert filled.asset_path("a").exists()
    assert filled.invoke("clear-cache", "--all", text="y\n").exit_code == 0
    assert not filled.asset_path("a").exists()


def test_where_there_is_nobody_to_ask_nothing_is_removed(filled: ProjectFolder) -> None:
    result = filled.invoke("clear-cache", "--all", text="")
    assert (result.exit_code, result.stdout) == (1, "")
    assert str(filled.cache_path) in result.stderr
    assert "--yes" in result.stderr
    assert filled.asset_path("a").exists()


@pytest.mark.parametrize("arguments", [[], ["--yes"], ["--all", "--asset", "a"]])
def test_neither_or_both_is_wrong_usage(filled: ProjectFolder, arguments: list[str]) -> None:
    result = filled.invoke("clear-cache", *arguments)
    assert result.exit_code == 2
    assert "either --asset NAME, or --all" in result.stderr
    assert filled.asset_path("a").exists()


@pytest.mark.parametrize(
    ("answer", "exit_code", "is_kept"),
    [("y\n", 0, False), ("n\n", 1, True), ("\n", 1, True), ("\x04", 1, True)],
    ids=["yes", "no", "enter", "ctrl-d"],
)
def test_on_a_terminal_all_asks_first(
    filled: ProjectFolder, answer: str, exit_code: int, *, is_kept: bool
) -> None:
    with Terminal(script("openmas-assets"), "clear-cache", "--all", folder_path=filled.path) as terminal:
        terminal.wait_for("[y/N]: ")
        terminal.type(answer)
        assert terminal.wait() == exit_code
    assert ("Nothing was removed." in terminal.text) == is_kept
    assert filled.asset_path("a").exists() == is_kept
