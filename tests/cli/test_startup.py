import json
from pathlib import Path

import pytest

from programs import Program
from project_folder import ProjectFolder, http

CODE = """
    import atexit, json, sys
    atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))
    from openmas_assets.cli.main import openmas
    openmas(sys.argv[1:])
"""
HEAVY = {"requests", "urllib3", "huggingface_hub", "tqdm", "dotenv", "asyncio", "filelock"}
HEAVY |= {"tarfile", "ctypes", "difflib", "ssl", "http.client", "numpy", "PIL"}
# Rooms of ours, and what is in them: a listing has no use for what transfers, unpacks, stores or renders.
OURS = {
    "openmas_assets.actors.cache.unpack",
    "openmas_assets.actors.downloader",
    "openmas_assets.actors.fetch",
    "openmas_assets.actors.plugin_dispatcher",
    "openmas_assets.actors.render",
    "openmas_assets.actors.sources.http",
    "openmas_assets.actors.sources.hub",
    "openmas_assets.actors.store",
    "openmas_assets.actors.system",
    "openmas_assets.messages.plugin",
    "openmas_assets.messages.plugin_config",
    "openmas_assets.messages.store",
}
# 70 at the time of writing, 158 before names were imported late; each takes part of a millisecond.
MAX_OURS = 75


def imported(folder_path: Path, *arguments: str) -> set[str]:
    """Return what a command imports."""
    with Program(CODE, *arguments, folder_path=folder_path) as program:
        done = program.wait()
    assert done.returncode == 0, done.stderr
    modules: list[str] = json.loads(done.stderr.splitlines()[-1])
    return set(modules)


def test_list_and_a_warm_hit_import_nothing_that_only_a_transfer_needs(project: ProjectFolder) -> None:
    project.declare(project.local("a"), http("b", "https://example.com/b.bin"))
    assert project.invoke("download", "a").exit_code == 0
    for arguments in (["assets", "list"], ["assets", "download", "a"]):
        modules = imported(project.path, *arguments)
        assert modules & (HEAVY | OURS) == set()
        assert len([name for name in modules if name.startswith("openmas_assets.")]) <= MAX_OURS


def test_a_dotenv_file_is_what_imports_dotenv(project: ProjectFolder) -> None:
    (project.path / ".env").write_text("A=1\n")
    assert imported(project.path, "assets", "list") & HEAVY == {"dotenv"}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["assets", "--help"], ["assets", "download", "--help"], ["--version"]]
)
def test_help_and_version_do_without_pydantic_and_actors(
    project: ProjectFolder, arguments: list[str]
) -> None:
    unused = HEAVY | {"pydantic", "pykka", "yaml", "openmas_assets.actors", "openmas_assets.messages"}
    assert imported(project.path, *arguments) & unused == set()
