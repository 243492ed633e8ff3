import json
import os
from pathlib import Path

import pytest

from openmas_assets.messages.base import IS_BUILT_LATE
from programs import Program
from project_folder import ProjectFolder, http

CODE = """
    import atexit, json, sys

    def report():
        pydantic = sys.modules.get("pydantic")
        models, built = [pydantic.BaseModel] if pydantic else [], []
        while models:
            model = models.pop()
            models += model.__subclasses__()
            if model.__module__.startswith("openmas_assets.") and model.__pydantic_complete__:
                built.append(model.__name__)
        print(json.dumps([sorted(sys.modules), sorted(built)]), file=sys.stderr)

    atexit.register(report)
    from openmas_assets.cli.main import openmas
    openmas(sys.argv[1:])
"""
HEAVY = {"requests", "urllib3", "huggingface_hub", "tqdm", "dotenv", "asyncio", "filelock"}
HEAVY |= {"tarfile", "ctypes", "difflib", "ssl", "http.client", "numpy", "PIL"}
# Rooms of ours, and what is in them: a listing has no use for what transfers, unpacks, stores, renders or
# explains.
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
    "openmas_assets.messages.explanation",
    "openmas_assets.messages.plugin",
    "openmas_assets.messages.plugin_config",
    "openmas_assets.messages.store",
}
# 70 at the time of writing, 158 before names were imported late; each takes part of a millisecond.
MAX_OURS = 76


# The validators that a listing cannot do without; each takes up to two milliseconds.
LISTED_MODELS = {"AssetConfig", "ProjectConfig", "AssetInfo", "ListAssets", "InspectAsset", "AssetInspected"}
LISTED_MODELS |= {"AssetStatus", "AssetList", "CloseAssetManager", "WorkerGone", "AssetManagerClosed"}


def run(folder_path: Path, *arguments: str, **env: str | None) -> tuple[set[str], set[str]]:
    """Run a command; return what it imports, and which of our models have a validator at its end."""
    with Program(CODE, *arguments, folder_path=folder_path, env=env) as program:
        done = program.wait()
    assert done.returncode == 0, done.stderr
    modules, models = json.loads(done.stderr.splitlines()[-1])
    return set(modules), set(models)


def imported(folder_path: Path, *arguments: str, **env: str | None) -> set[str]:
    """Return what a command imports."""
    return run(folder_path, *arguments, **env)[0]


def test_list_and_a_warm_hit_import_nothing_that_only_a_transfer_needs(project: ProjectFolder) -> None:
    project.declare(project.local("a"), http("b", "https://example.com/b.bin"))
    assert project.invoke("download", "a").exit_code == 0
    for arguments in (["assets", "list"], ["assets", "download", "a"]):
        modules = imported(project.path, *arguments)
        assert modules & (HEAVY | OURS) == set()
        assert len([name for name in modules if name.startswith("openmas_assets.")]) <= MAX_OURS


@pytest.mark.skipif(not IS_BUILT_LATE, reason="this pydantic builds every model at import")
def test_list_builds_no_model_that_it_does_not_use(project: ProjectFolder) -> None:
    project.declare(project.local("a"), http("b", "https://example.com/b.bin"))
    assert project.invoke("download", "a").exit_code == 0
    assert run(project.path, "assets", "list")[1] == LISTED_MODELS


@pytest.fixture
def plugin_path(tmp_path: Path) -> Path:
    """A folder with an installed plugin for pydantic, the module `watching_plugin`."""
    metadata = tmp_path / "site" / "watching_plugin-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: watching-plugin\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[pydantic]\nwatching = watching_plugin:plugin\n")
    code = "class plugin:\n    new_schema_validator = staticmethod(lambda *_: (None, None, None))\n"
    (metadata.parent / "watching_plugin.py").write_text(code)
    return metadata.parent


@pytest.mark.parametrize(("setting", "is_loaded"), [(None, False), ("__all__", False), ("another", True)])
def test_plugins_of_pydantic_are_for_applications(
    project: ProjectFolder, plugin_path: Path, setting: str | None, *, is_loaded: bool
) -> None:
    env = {"PYTHONPATH": str(plugin_path), "PYDANTIC_DISABLE_PLUGINS": setting}
    assert ("watching_plugin" in imported(project.path, "assets", "list", **env)) == is_loaded


def test_a_command_leaves_the_plugins_of_its_program_alone(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYDANTIC_DISABLE_PLUGINS", raising=False)
    assert project.invoke("list").exit_code == 0
    assert "PYDANTIC_DISABLE_PLUGINS" not in os.environ


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
