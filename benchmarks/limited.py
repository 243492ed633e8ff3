"""One large asset, from a server that limits each connection."""

import statistics
from collections.abc import Iterator
from typing import Any

from command import run
from openmas_assets.messages import AssetSettings
from result import Result, compared
from workbench import Workbench
from worker import work

TOOLS = ("nginx", "aria2c")

_CONNECTIONS = 16


def results(bench: Workbench) -> Iterator[Result]:
    """Compare with aria2c, both with 16 connections.

    By default aria2c makes no part smaller than 20 MB and would open 12; `-k1M` lets it have all 16.
    """
    size_bytes = bench.sized(256 << 20, 2 << 20)
    file = bench.served_file("limited.bin", size_bytes)
    url = bench.nginx.url(f"limited/{file.path.name}")
    connection_counts: list[int] = []

    def ours() -> float:
        bench.nginx.forget()
        project = {"assets": [file.asset(url)], "settings": {"assets": _settings()}}
        with bench.scratch() as cache:
            wall_seconds: float = work("fetch", project=project, cache=cache)["wall_seconds"]
        connection_counts.append(bench.nginx.most_connections())
        return wall_seconds

    def aria2c() -> float:
        options = [f"-x{_CONNECTIONS}", f"-s{_CONNECTIONS}", "-k1M", f"--checksum=sha-256={file.sha256}"]
        with bench.scratch() as folder:
            return run("aria2c", "--no-conf", "-q", *options, "-d", folder, url).wall_seconds

    pairs = bench.pairs(ours, aria2c)
    what = f"{size_bytes >> 20} MiB, 20 MB/s a connection"
    yield compared("limited", f"{what}, wall", pairs, unit="s", limit=1.05)
    yield Result(
        "limited", f"{what}, connections at once", statistics.median(connection_counts), "", _CONNECTIONS
    )
    file.path.unlink()


def _settings() -> dict[str, Any]:
    """As many connections, where the project can say so."""
    return {"max_connections": _CONNECTIONS} if "max_connections" in AssetSettings.model_fields else {}
