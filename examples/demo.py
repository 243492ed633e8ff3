"""The demo: 48 agents in four processes want the same four assets, and each asset is transferred once.

Run it with `make demo`, or `python examples/demo.py`. It makes its own assets and serves them on loopback,
slowed down so that there is something to see.
"""

import asyncio
import hashlib
import logging
import multiprocessing
import random
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections import Counter
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from openmas_assets.actors import AssetManager, BarDisplay, LogDisplay
from openmas_assets.messages import DownloadProgress, GetAssetPath

PROCESSES, AGENTS_EACH = 4, 12
MODEL_MB, INDEX_MB, SERVER_MB_PER_SECOND = 24, 12, 6

PROJECT = """\
name: demo
assets:
  - name: tiny-llm
    version: "1.0"
    source: {{type: http, url: "{origin}/tiny-llm.safetensors"}}
    checksum: "sha256:{model_sha256}"
    retries: 2
  - name: knowledge-index
    version: "2026-11"
    asset_type: index
    source: {{type: http, url: "{origin}/index.bin"}}
  - name: prompts
    asset_type: template
    source: {{type: http, url: "{origin}/prompts.zip"}}
    unpack: true
    unpack_format: zip
  - name: notes
    asset_type: data
    source: {{type: local, path: shared/notes}}
agents:
  researcher:
    module: agents.researcher
    required_assets: [tiny-llm, knowledge-index, prompts, notes]
settings:
  assets: {{cache_dir: cache}}
"""


class CountingServer(ThreadingHTTPServer):
    """A slow file server that counts what it is asked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(_SlowHandler, directory=str(folder)))
        self.gets: Counter[str] = Counter()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _SlowHandler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, CountingServer)
        self.server.gets[self.path] += 1
        super().do_GET()

    def copyfile(self, source: Any, outputfile: Any) -> None:
        while chunk := source.read(64 * 1024):
            outputfile.write(chunk)
            time.sleep(len(chunk) / (SERVER_MB_PER_SECOND * 1e6))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        """Be quiet: the demo prints its own summary."""


def make_project(folder: Path) -> CountingServer:
    """Write the assets and the project file, and serve the assets."""
    served, notes = folder / "served", folder / "shared" / "notes"
    served.mkdir()
    notes.mkdir(parents=True)
    (served / "tiny-llm.safetensors").write_bytes(random.randbytes(MODEL_MB * 1_000_000))
    (served / "index.bin").write_bytes(random.randbytes(INDEX_MB * 1_000_000))
    with zipfile.ZipFile(served / "prompts.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(40):
            archive.writestr(f"prompts/{number:02}.md", f"You are agent {number}. " * 50)
    for number in range(5):
        (notes / f"{number}.txt").write_text(f"note {number}\n", encoding="utf-8")
    server = CountingServer(served)
    model_sha256 = hashlib.sha256((served / "tiny-llm.safetensors").read_bytes()).hexdigest()
    origin = f"http://127.0.0.1:{server.server_port}"
    text = PROJECT.format(origin=origin, model_sha256=model_sha256)
    (folder / "openmas_project.yml").write_text(text, encoding="utf-8")
    return server


def run_agents(folder: Path, news: "multiprocessing.Queue[Any]") -> None:
    """One process: a dozen agents that prepare themselves at the same time."""

    async def main() -> None:
        async with AssetManager.from_project(folder, on_progress=news.put) as asset_manager:
            ready = await asyncio.gather(*(asset_manager.prepare("researcher") for _ in range(AGENTS_EACH)))
            news.put(ready)

    asyncio.run(main())


def watch(news: "multiprocessing.Queue[Any]") -> list[dict[str, Path]]:
    """Draw the progress of all processes until the last agent is ready."""
    display = BarDisplay() if sys.stderr.isatty() else LogDisplay({})
    logging.basicConfig(format="%(message)s", level=logging.INFO)  # shows what LogDisplay logs
    ready: list[dict[str, Path]] = []
    while len(ready) < PROCESSES * AGENTS_EACH:
        item = news.get(timeout=120)
        if not isinstance(item, DownloadProgress):
            ready += item
        elif item.phase not in ("waiting", "stopped"):  # those who wait have nothing to draw
            display.show(item)
    display.close()
    return ready


def main(folder: Path) -> None:
    """Run the demo in an empty folder."""
    server = make_project(folder)
    print(f"{PROCESSES} processes, {AGENTS_EACH} agents each; every agent needs four assets.\n", flush=True)
    context = multiprocessing.get_context("spawn")
    news = context.Queue()
    processes = [context.Process(target=run_agents, args=(folder, news)) for _ in range(PROCESSES)]
    started = time.perf_counter()
    for process in processes:
        process.start()
    ready = watch(news)
    for process in processes:
        process.join()
    print(f"{len(ready)} agents ready after {time.perf_counter() - started:.1f} s.\n")

    for name, path in ready[0].items():
        assert all(paths[name] == path for paths in ready), "every agent was given the same path"
        print(f"  {name:<16}{len(ready)} asked -> {path.relative_to(folder)}")
    print("\nWhat the server was asked for:")
    for file, count in sorted(server.gets.items()):
        print(f"  GET {file:<24} {count} time{'s' if count > 1 else ''}")

    with AssetManager.from_project(folder) as asset_manager:
        asset_manager.ask(GetAssetPath(name="tiny-llm")).get(timeout=30)
        started = time.perf_counter()
        for _ in range(1000):
            asset_manager.ask(GetAssetPath(name="tiny-llm")).get(timeout=30)
        print(f"\nWarm: a path costs {(time.perf_counter() - started) * 1000:.0f} microseconds.")

    print("\n$ openmas assets list", flush=True)
    openmas = Path(sys.executable).with_name("openmas")
    subprocess.run([openmas, "assets", "-C", folder, "list"], check=True)
    print("\n$ openmas assets verify", flush=True)
    subprocess.run([openmas, "assets", "-C", folder, "verify"], check=True)
    server.shutdown()
    server.server_close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="openmas-demo-") as project_folder:
        main(Path(project_folder))
