"""What actors die under: assets of all kinds, plugins, an object, and all that may be asked of them."""

import random
import threading
from pathlib import Path
from typing import Any

from askers import Ask
from loopback import Fault, LoopbackServer
from openmas_assets.actors import AssetManager, AssetSystem
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.asset_ref import AssetRef
from openmas_assets.messages.downloader import DownloadProgress
from openmas_assets.messages.manager import (
    ClearAsset,
    GetAssetPath,
    GetAssetStatus,
    ListAssets,
    VerifyAsset,
)
from openmas_assets.messages.plugin import CallPlugin
from openmas_assets.messages.store import GetAssetMeta, RenderText, ResolveAssetRef
from projects import asset, project

POOL_SIZE = 4
LIMIT_SECONDS = 60
"""How long everybody may have to wait once nothing is held up any more."""
DATA = bytes(range(256)) * 400
"""What each asset is, if it comes."""
NAMES = [f"a{number}" for number in range(24)]
CLEARED = NAMES[:4]
"""Are cleared now and then, so that their paths need not stand."""
LATE = [f"late{number}" for number in range(POOL_SIZE + 2)]
"""What is asked for when the dying is over."""


class MixedSystem:
    """An open system of which much is held up.

    Args:
        folder: An empty folder to work in.
        generator: Of the random choices.
        server: Serves the assets.

    Attributes:
        system: The system; `warm` is cached.
        ref: An object in its store.
        gate: Set it to let those assets and plugins go on that are held up.
        late_gate: Set it to let those of `LATE` go on.
        shown_by: What somebody's `on_progress` does.
    """

    def __init__(self, folder: Path, generator: random.Random, server: LoopbackServer) -> None:
        self._generator, self._server = generator, server
        self.gate, self.late_gate = threading.Event(), threading.Event()
        self._local_path = folder / "local"
        self._local_path.write_bytes(DATA)
        show = generator.choice([self._watch, self._raise_bug, self._raise_exit, self._block])
        self.shown_by = show.__name__.strip("_")
        manager = AssetManager(
            project(*(self._declare(name) for name in [*NAMES, *LATE, "warm"])),
            cache_dir=folder / "cache",
            pool_size=POOL_SIZE,
            on_progress=show,
        )
        manager.ask(GetAssetPath(name="warm")).get(timeout=LIMIT_SECONDS)
        self.system = AssetSystem(manager)
        self.ref = self.system.asset_store.put({"key": [1, 2, 3]})
        self._register_plugins()

    def ask(self) -> Ask:
        """One of all the things that may be asked."""
        manager, store, plugins = self.system.asset_manager, self.system.asset_store, self.system.plugins
        name, is_forced = self._generator.choice(NAMES), self._generator.random() < 0.2
        cleared, url = self._generator.choice(CLEARED), f"{self.ref.url}/content/key/0"
        message = {
            "receiver": {"role": "plugin", "name": self._generator.choice(["loop", "late"])},
            "content_type": "command",
            "content": {"command": "go", "param": self._generator.choice(["text", url])},
        }
        asks: dict[Ask, int] = {
            lambda: manager.ask(GetAssetPath(name=name, force_download=is_forced)): 70,
            lambda: manager.ask(GetAssetStatus(name=name)): 5,
            lambda: manager.ask(VerifyAsset(name=name)): 2,
            lambda: manager.ask(ClearAsset(name=cleared)): 2,
            lambda: manager.ask(ListAssets()): 1,
            lambda: store.ask(ResolveAssetRef(ref=AssetRef(name, ("path",)))): 5,
            lambda: store.ask(RenderText(text=f"<|{url}|>", content_type="text/plain")): 3,
            lambda: store.ask(GetAssetMeta(ref=self.ref)): 2,
            lambda: plugins.ask(CallPlugin(message=message)): 10,
        }
        return self._generator.choices(list(asks), list(asks.values()))[0]

    def _declare(self, name: str) -> AssetConfig:
        chance = self._generator.random()
        faults, pace = [], self._generator.choice([None, 2_000_000])
        if name in LATE:
            faults, pace = [Fault(stall_after=0, gate=self.late_gate)], None
        elif name == "warm" or chance < 0.3:
            pass
        elif chance < 0.4:
            return asset(name, self._local_path)
        elif chance < 0.5:
            faults = [Fault(status=503, times=1)]
        elif chance < 0.6:
            faults = [Fault(status=404)]
        else:
            faults = [Fault(stall_after=self._generator.randrange(len(DATA)), gate=self.gate)]
        url = self._server.put(f"/{name}", DATA, etag='"v1"', faults=faults, bytes_per_second=pace)
        return asset(name, url, retries=1, retry_delay_seconds=0.05)

    def _register_plugins(self) -> None:
        async def answer_on_loop(_: str, param: Any) -> Any:
            return param

        def answer_late(_: str, param: Any) -> Any:
            self.gate.wait()
            return param

        for name, handler in (("loop", answer_on_loop), ("late", answer_late)):
            command = {"command_name": "go", "parameter": {"type": "any", "asset_ref_acceptable": True}}
            config = {"info": {"title": name}, "commands": [command]}
            self.system.plugins.register(config, handler, timeout_seconds=None)

    # What somebody may show progress with

    def _watch(self, _: DownloadProgress) -> None:
        pass

    def _raise_bug(self, _: DownloadProgress) -> None:
        raise ZeroDivisionError

    def _raise_exit(self, _: DownloadProgress) -> None:
        raise SystemExit

    def _block(self, _: DownloadProgress) -> None:
        self.gate.wait()
