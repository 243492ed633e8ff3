"""One large asset, from a server that sends as fast as it can."""

import statistics
from collections.abc import Iterator
from pathlib import Path

from command import Usage, run
from result import Result, compared
from workbench import ServedFile, Workbench
from worker import Report, work

TOOLS = ("nginx", "curl", "openssl")

_MAX_GROWTH_MIB = 32


def results(bench: Workbench) -> Iterator[Result]:
    """Compare with `curl -o`, then `openssl dgst -sha256`.

    The clock starts when the asset is asked for and stops when its path is there; the CPU seconds are those
    of the same time. The program from its start to its end is told as well.
    """
    size_bytes = bench.sized(1 << 30, 4 << 20)
    file = bench.served_file("cold.bin", size_bytes)
    url = bench.nginx.url(file.path.name)
    reports: list[Report] = []

    def ours() -> Usage:
        reports.append(_fetch(bench, file, url))
        return reports[-1].usage

    pairs = bench.pairs(ours, lambda: curl_and_openssl(bench, url))
    size = f"{size_bytes >> 20:,} MiB verified"
    walls = [(mine.wall_seconds, other.wall_seconds) for mine, other in pairs]
    yield compared("cold", f"{size}, wall", walls, unit="s", limit=0.9)
    cpus = [(mine.cpu_seconds, other.cpu_seconds) for mine, other in pairs]
    yield compared("cold", f"{size}, CPU", cpus, unit="s", limit=1.0)
    whole = [
        (report["whole_cpu_seconds"], other.cpu_seconds)
        for report, (_, other) in zip(reports, pairs, strict=True)
    ]
    yield compared("cold", f"{size}, CPU with start-up", whole, unit="s", limit=None)
    grown_mib = statistics.median(report["grown_bytes"] for report in reports) / 2**20
    yield Result("cold", f"{size}, memory grown", grown_mib, "MiB", _MAX_GROWTH_MIB)
    file.path.unlink()


def curl_and_openssl(bench: Workbench, url: str, folder: Path | None = None) -> Usage:
    """Fetch a URL with curl, then hash it with openssl.

    Args:
        bench: The workbench.
        url: The URL.
        folder: Where `fetched` is left; None: it is deleted.
    """
    if folder is None:
        with bench.scratch() as scratch:
            return curl_and_openssl(bench, url, scratch)
    fetched = folder / "fetched"
    curl = run("curl", "-q", "--fail", "--silent", "--show-error", "-o", fetched, url)
    return curl + run("openssl", "dgst", "-sha256", fetched)


def _fetch(bench: Workbench, file: ServedFile, url: str) -> Report:
    with bench.scratch() as cache:
        return work("fetch", project={"assets": [file.asset(url)]}, cache=cache)
