"""Agents that are actors themselves: they tell, they are told, and nobody blocks.

Run it with `python examples/actor_agents.py`. An actor must not block its inbox while an asset is on its way,
so it has the answer piped there: an `AssetPath`, or an `AssetFailed` with the reason.
"""

import tempfile
import threading
from pathlib import Path
from typing import Any

import pykka

from openmas_assets.actors import AssetManager
from openmas_assets.messages import (
    AssetConfig,
    AssetFailed,
    AssetPath,
    GetAssetPath,
    LocalSource,
    ProjectConfig,
)


class Librarian(pykka.ThreadingActor):
    """An agent that counts the words of whatever it is asked to read."""

    def __init__(self, asset_manager: AssetManager, finished: threading.Event) -> None:
        super().__init__()
        self._asset_manager = asset_manager
        self._finished = finished

    def on_receive(self, message: Any) -> None:
        """Handle what other actors tell."""
        match message:
            case str():
                self._asset_manager.ask(GetAssetPath(name=message)).pipe_to(self.actor_ref)
            case AssetPath():
                words = message.path.read_text(encoding="utf-8").split()
                print(f"{message.name}: {len(words)} words in {message.path.name}")
            case AssetFailed():
                print(f"failed: {message.error}")
                self._finished.set()


def main(folder: Path) -> None:
    """Ask an agent to read two assets, one of which nobody has declared."""
    (folder / "manual.txt").write_text("turn it off and on again", encoding="utf-8")
    manual = AssetConfig(name="manual", asset_type="text", source=LocalSource(path=folder / "manual.txt"))
    finished = threading.Event()
    with AssetManager(ProjectConfig(assets=(manual,)), cache_dir=folder / "cache") as asset_manager:
        asset_manager.ask(GetAssetPath(name="manual")).get(timeout=30)
        librarian = Librarian.start(asset_manager, finished)
        librarian.tell("manual")
        librarian.tell("manuel")
        finished.wait(timeout=30)
        librarian.stop()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as work_folder:
        main(Path(work_folder))
