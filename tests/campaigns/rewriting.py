"""Somebody writes as many other bytes into an asset of the cache, where times are whole seconds."""

import os
import random

from openmas_assets.actors.manager import AssetManager
from openmas_assets.messages.manager import GetAssetPath, VerifyAsset
from published import Publisher, look
from tally import Tally

_TIMEOUT_SECONDS = 60
_TITLE = "rewritten with as many bytes"


def rewrite(manager: AssetManager, publisher: Publisher, generator: random.Random, tally: Tally) -> None:
    """Rewrite a file; where its times show it, the next request must notice, and else `verify`.

    Args:
        manager: Knows the asset as a hit.
        publisher: Knows its right bytes.
        generator: Decides which file, and how soon after it was stored.
        tally: Counts.
    """
    name = generator.choice(["file", "zip", "tar", "nested"])
    # What has just been stored may well be rewritten within the same second.
    refresh = GetAssetPath(name=name, force_download=generator.random() < 0.5)
    path = manager.ask(refresh).get(timeout=_TIMEOUT_SECONDS).path
    files = [path] if path.is_file() else [file for file in path.rglob("*/*") if file.is_file()]
    target = generator.choice([file for file in sorted(files) if file.stat().st_size])
    before = target.stat()
    if before.st_mtime_ns % 1_000_000_000:
        tally.fail(f"{target} has a time with a fraction of a second")
    target.write_bytes(os.urandom(before.st_size))
    after = target.stat()
    command = GetAssetPath(name=name)
    path = manager.ask(command).get(timeout=_TIMEOUT_SECONDS).path
    if (before.st_mtime_ns, before.st_ctime_ns) != (after.st_mtime_ns, after.st_ctime_ns):
        tally.count(_TITLE, "in another second: noticed")
        if not publisher.is_known(name, look(path)):
            tally.fail(f"{name} was handed out although its time shows a change")
        return
    tally.count(_TITLE, "within the same second: only verify can tell")
    if manager.ask(VerifyAsset(name=name)).get(timeout=_TIMEOUT_SECONDS).outcome != "failed":
        tally.fail(f"{name} was verified with wrong bytes")
    path = manager.ask(command).get(timeout=_TIMEOUT_SECONDS).path
    if not publisher.is_known(name, look(path)):
        tally.fail(f"{name} was handed out after verify had found it wrong")
