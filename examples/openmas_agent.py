"""An agent of the OpenMAS framework that is given our asset manager.

Run it with `python examples/openmas_agent.py` where the framework is (`pip install openmas==0.2.2`).
The framework's own manager has the method that agents call as well, so nothing in the agent changes.
"""

import asyncio
import tempfile
from pathlib import Path

from openmas.agent import BaseAgent
from openmas.testing import MockCommunicator

from openmas_assets.actors import AssetManager

PROJECT = """
name: beside-openmas
version: "0.1.0"
assets:
  - name: instructions
    version: "1.0"
    asset_type: template
    source: {type: local, path: instructions.txt, progress_report: false}
agents:
  writer: {module: agents.writer, class: Writer, required_assets: [instructions]}
shared_paths: []
settings:
  assets: {cache_dir: cache}
"""


class Writer(BaseAgent):
    """A framework agent; `self.asset_manager` is what it was made with."""

    async def setup(self) -> None:
        """Get what it needs."""
        path = await self.asset_manager.get_asset_path("instructions")
        print(path.read_text(encoding="utf-8"))

    async def run(self) -> None:
        """Nothing more to do."""

    async def shutdown(self) -> None:
        """Nothing to undo."""


async def main(folder: Path) -> None:
    """Let the agent work in a project folder."""
    async with AssetManager.from_project(folder) as asset_manager:
        writer = Writer(
            name="writer",
            config={"name": "writer", "log_level": "WARNING"},
            communicator_class=MockCommunicator,
            asset_manager=asset_manager,
        )
        await writer.start()
        await writer.stop()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as project_folder:
        Path(project_folder, "openmas_project.yml").write_text(PROJECT, encoding="utf-8")
        Path(project_folder, "instructions.txt").write_text("Write short sentences.", encoding="utf-8")
        asyncio.run(main(Path(project_folder)))
