"""The child that the campaign kills: it works on all assets at once, over and over, until it is dead."""

import contextlib
import json
import os
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

# What a transfer imports when it needs it, so that each forked child starts with work.
import requests  # noqa: F401

from openmas_assets.actors.manager import AssetManager
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.manager import ClearAsset, GetAssetPath

if TYPE_CHECKING:
    from openmas_assets.actors.reply import Reply


def work(project_path: Path, names: list[str], seed: int) -> None:
    """Ask for every asset in the ways there are, until killed.

    Args:
        project_path: The project file.
        names: The assets.
        seed: Decides who is asked for how.
    """
    generator = random.Random(seed)
    manager = AssetManager.from_project(project_path, pool_size=5, on_progress=lambda _: None)
    while True:
        replies: list[Reply[Any]] = []
        for name in generator.sample(names, len(names)):
            if generator.random() < 0.1:
                with contextlib.suppress(AssetError):  # it is being transferred
                    manager.ask(ClearAsset(name=name)).get(timeout=60)
            is_forced = generator.random() < 0.6
            replies.append(manager.ask(GetAssetPath(name=name, force_download=is_forced)))
        for reply in replies:
            reply.get(timeout=60)


def main() -> None:
    """Fork a child for each order: a process that has everything imported gets to work in a millisecond."""
    with Path(sys.argv[1]).open() as orders:
        for order in map(json.loads, orders):
            child_id = os.fork()
            if child_id == 0:
                try:
                    work(Path(order["project"]), order["names"], order["seed"])
                except BaseException as error:  # noqa: BLE001 - whatever it is, it ends the child
                    sys.stdout.write(f"error {error!r}\n")
                os._exit(1)
            sys.stdout.write(f"started {child_id}\n")
            _, status = os.waitpid(child_id, 0)
            sys.stdout.write(f"ended {os.waitstatus_to_exitcode(status)}\n")


if __name__ == "__main__":
    main()
