"""The child that the campaign kills: it works on all assets at once, over and over, until it is dead."""

import contextlib
import json
import random
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

# What a transfer imports when it needs it, so that each forked child starts with work.
import requests  # noqa: F401

from children import Children
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
    children = Children()
    with Path(sys.argv[1]).open() as orders:
        for order in map(json.loads, orders):
            children.bury()
            children.fork(
                partial(work, Path(order["project"]), order["names"], order["seed"]),
                lambda error: _say("error", repr(error)),
            )
            _say("started", *children.pids)
            _say("ended", *children.wait())


def _say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")


if __name__ == "__main__":
    main()
