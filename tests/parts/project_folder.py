"""A project on disk, and our console scripts run in it."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from openmas_assets.cli.main import openmas_assets
from programs import Program


def script(name: str) -> Path:
    """Return the path of an installed console script."""
    return Path(sys.executable).with_name(name)


class ProjectFolder:
    """A folder with a project file; its cache is in it too, so that no test sees another's.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cache_path = path / "cache"
        path.mkdir(exist_ok=True)

    def declare(self, *assets: Mapping[str, Any], agents: Mapping[str, list[str]] | None = None) -> None:
        """Write the project file; `agents` are names with their required assets."""
        content = {
            "assets": assets,
            "agents": {name: {"required_assets": names} for name, names in (agents or {}).items()},
            "settings": {"assets": {"cache_dir": "cache"}},
        }
        # JSON is YAML.
        (self.path / "openmas_project.yml").write_text(json.dumps(content))

    def local(self, name: str, data: bytes = b"data", **fields: Any) -> dict[str, Any]:
        """Make a file beside the project file and return its declaration, with `fields` besides."""
        (self.path / f"{name}.bin").write_bytes(data)
        return {"name": name, "source": {"type": "local", "path": f"{name}.bin"}, **fields}

    def asset_path(self, name: str) -> Path:
        """Return where a local asset, of the default type and version, ends up."""
        return self.cache_path / "model" / name / "latest" / f"{name}.bin"

    def invoke(self, *arguments: str, text: str | None = None) -> Result:
        """Run `openmas-assets -C <this folder>` in this process; `text` is its standard input."""
        return CliRunner().invoke(openmas_assets, ["-C", str(self.path), *arguments], input=text)

    def program(
        self, *arguments: str, name: str = "openmas-assets", env: Mapping[str, str | None] | None = None
    ) -> Program:
        """Start a console script in this folder."""
        return Program(script(name), *arguments, env=env, folder_path=self.path)


def http(name: str, url: str, **fields: Any) -> dict[str, Any]:
    """Return the declaration of an http asset, with `fields` besides."""
    return {"name": name, "source": {"type": "http", "url": url}, **fields}
