"""The crowd: a process that has everything imported forks as many children as it is told to, again and again.

An order comes as a line of JSON; what the children do goes to stdout as lines of JSON, each written at once.
"""

import gc
import hashlib
import json
import os
import random
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "parts"))

# What a transfer imports when it needs it, so that each forked child starts with work.
import filelock  # noqa: F401
import requests  # noqa: F401

import openmas_assets.actors.fetch  # noqa: F401
from children import Children
from openmas_assets.actors.cache.layout import INFO_NAME
from openmas_assets.actors.manager import AssetManager
from openmas_assets.messages.downloader import DownloadProgress
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.manager import ClearAllAssets, ClearAsset, GetAssetPath, VerifyAsset
from published import Manifest, look

_TIMEOUT_SECONDS = 60
_MAX_LOOKS = 20


class Member:
    """One process of the crowd.

    Args:
        order: What the campaign wants.
        number: Which of the children it is.
    """

    def __init__(self, order: dict[str, Any], number: int) -> None:
        self._order = order
        self._generator = random.Random(f"{order['seed']} {number}")
        self._told: set[str] = set()

    def work(self) -> None:
        """Ask for some assets at once; then, in a wild crowd, do this and that."""
        with AssetManager.from_project(Path(self._order["project"]), on_progress=self._show) as manager:
            names = self._order["first"] or self._generator.sample(self._order["names"], 3)
            began = time.monotonic()
            replies = [(name, manager.ask(GetAssetPath(name=name))) for name in names]
            for name, reply in replies:
                self._tell("get", name, began, lambda reply=reply: reply.get(timeout=_TIMEOUT_SECONDS).path)
            for _ in range(self._order["deeds"]):
                self._do(manager)

    def _do(self, manager: AssetManager) -> None:
        name = self._generator.choice(self._order["names"])
        deed = self._generator.choices(
            ["get", "force", "clear", "clear all", "verify"], weights=[8, 5, 2, 1, 2]
        )[0]
        command: Any = {
            "get": GetAssetPath(name=name),
            "force": GetAssetPath(name=name, force_download=True),
            "clear": ClearAsset(name=name),
            "clear all": ClearAllAssets(),
            "verify": VerifyAsset(name=name),
        }[deed]
        began = time.monotonic()

        def ask() -> Path | None:
            answer: Any = manager.ask(command).get(timeout=_TIMEOUT_SECONDS)
            return answer.path if deed in ("get", "force") else None

        self._tell(deed, name, began, ask)

    def _tell(self, deed: str, name: str, began: float, ask: Any) -> None:
        said: dict[str, Any] = {"deed": deed, "name": name, "began": began}
        try:
            path = ask()
        except AssetError as error:
            said |= {"error": type(error).__name__, "text": str(error), "has_fix": error.fix is not None}
        except Exception as error:  # noqa: BLE001 - none of the errors that may be: the campaign says so
            said |= {"broken": repr(error)}
        else:
            if path is not None:
                said["seen"] = _seen(path)
        _say(said)

    def _show(self, progress: DownloadProgress) -> None:
        said = f"{progress.name} {progress.detail}"
        if progress.phase == "waiting" and said not in self._told:
            self._told.add(said)
            _say({"waits": progress.name, "detail": progress.detail})


def fingerprint(manifest: Manifest) -> str:
    """A manifest in one word."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _seen(path: Path) -> str:
    """What stands at a path, in one word; another one if somebody replaces it at each look."""
    word = "it was cleared"
    for _ in range(_MAX_LOOKS):
        try:
            before = _identity(path)
            manifest = look(path)
            if _identity(path) == before:
                return fingerprint(manifest)
            word = "it was replaced"
        except FileNotFoundError:
            pass
    return word


def _identity(path: Path) -> tuple[int, int]:
    """Of the version folder: a new one has another number, or at least another time."""
    for folder in (path, path.parent):
        if (folder / INFO_NAME).exists():
            status = folder.stat()
            return status.st_ino, status.st_ctime_ns
    raise FileNotFoundError(path)


def _say(what: dict[str, Any]) -> None:
    # One write: the lines of two processes must not mix.
    os.write(1, (json.dumps({"pid": os.getpid(), **what}) + "\n").encode())


def _work(order: dict[str, Any], number: int) -> None:
    try:
        Member(order, number).work()
    finally:
        _say({"done": True})


def main() -> None:
    """Fork as many children as each order wants, and say how they have ended once all have."""
    gc.freeze()  # or each child copies the memory that its collector looks at
    children = Children()
    with Path(sys.argv[1]).open() as orders:
        for order in map(json.loads, orders):
            children.bury()
            for number in range(order["count"]):
                children.fork(partial(_work, order, number), lambda error: _say({"broken": repr(error)}))
            _say({"started": children.pids})
            _say({"over": children.wait()})


if __name__ == "__main__":
    main()
