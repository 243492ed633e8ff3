"""The smallest agent: it names an asset and gets a verified local path.

Run it with `python examples/agent.py`. It needs no network: its asset is a file beside its project file.
"""

import asyncio
import tempfile
from pathlib import Path

from openmas_assets.actors import AssetManager

PROJECT = """
assets:
  - name: greeting
    asset_type: template
    version: "1.0"
    source: {type: local, path: greeting.txt}
    checksum: "sha256:48e1645a3bf4c08fc0e1819c5ba4813f9fb385f957556196a6aedb88721e2266"

agents:
  greeter:
    module: agents.greeter
    required_assets: [greeting]

settings:
  assets: {cache_dir: cache}
"""


class Greeter:
    """An agent that needs a template before it can work."""

    def __init__(self, asset_manager: AssetManager) -> None:
        self.asset_manager = asset_manager

    async def greet(self, name: str) -> str:
        """Fill in the template."""
        path = await self.asset_manager.get_asset_path("greeting")
        return path.read_text(encoding="utf-8").format(name=name)


async def main(folder: Path) -> None:
    """Let the agent work in a project folder."""
    async with AssetManager.from_project(folder) as asset_manager:
        print(await asset_manager.get_asset_path("greeting"))
        print(await Greeter(asset_manager).greet("world"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as project_folder:
        Path(project_folder, "openmas_project.yml").write_text(PROJECT, encoding="utf-8")
        Path(project_folder, "greeting.txt").write_text("Hello, {name}!", encoding="utf-8")
        asyncio.run(main(Path(project_folder)))
