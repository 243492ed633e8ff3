"""What a warm hit costs, as a ratio to the cheapest answer an actor can give.

`python benchmarks/warm_hit.py` prints the median of interleaved pairs: a bare pykka actor that echoes, asked
as often as an AssetManager that answers with the path of a cached file; in one run, as machines are noisy.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pykka

from openmas_assets.actors import AssetManager
from openmas_assets.messages import AssetConfig, GetAssetPath, LocalSource, ProjectConfig

PAIRS, ASKS = 9, 2000


class Echo(pykka.ThreadingActor):
    """Answers with what it is told."""

    def on_receive(self, message: Any) -> Any:
        """Echo."""
        return message


def microseconds(ask: Callable[[], object]) -> float:
    """How long one ask takes, on average over many."""
    started = time.perf_counter()
    for _ in range(ASKS):
        ask()
    return (time.perf_counter() - started) * 1e6 / ASKS


def main(folder: Path) -> None:
    """Measure."""
    (folder / "asset.bin").write_bytes(bytes(1 << 20))
    asset = AssetConfig(name="a", source=LocalSource(path=folder / "asset.bin"))
    echo = Echo.start()
    with AssetManager(ProjectConfig(assets=(asset,)), cache_dir=folder / "cache") as manager:
        command = GetAssetPath(name="a")
        manager.ask(command).get()
        pairs = [
            (microseconds(lambda: echo.ask(command)), microseconds(lambda: manager.ask(command).get()))
            for _ in range(PAIRS)
        ]
    echo.stop()
    echo_median, manager_median = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(ours / bare for bare, ours in pairs)
    print(f"echo {echo_median:.1f} us, warm hit {manager_median:.1f} us, ratio {ratio:.2f}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as work_folder:
        main(Path(work_folder))
