"""Many small assets at once."""

from collections.abc import Iterator

from command import run
from result import Result, compared
from workbench import Workbench
from worker import work

TOOLS = ("nginx", "aria2c")

_AT_ONCE = 16
_SIZE_BYTES = 10_000


def results(bench: Workbench) -> Iterator[Result]:
    """Compare with aria2c on a list of the same URLs, 16 at a time both.

    Beside it stands what the requests alone take with the library that ours goes through.
    """
    count = bench.sized(1_000, 20)
    files = [bench.served_file(f"small-{number}.bin", _SIZE_BYTES) for number in range(count)]
    urls = [bench.nginx.url(file.path.name) for file in files]
    listed = bench.folder / "urls"
    listed.write_text("".join(f"{url}\n" for url in urls))
    project = {"assets": [file.asset(url) for file, url in zip(files, urls, strict=True)]}

    def ours() -> float:
        with bench.scratch() as cache:
            report = work("fetch", project=project, cache=cache, pool_size=_AT_ONCE)
        wall_seconds: float = report["wall_seconds"]
        return wall_seconds

    def aria2c() -> float:
        with bench.scratch() as folder:
            return run("aria2c", "--no-conf", "-q", f"-j{_AT_ONCE}", "-i", listed, "-d", folder).wall_seconds

    def bare_requests() -> float:
        with bench.scratch() as folder:
            report = work("fetch_with_requests", urls=urls, folder=folder, thread_count=_AT_ONCE)
        wall_seconds: float = report["wall_seconds"]
        return wall_seconds

    what = f"{count:,} x 10 KB at once, wall"
    yield compared("small", what, bench.pairs(ours, aria2c), unit="s", limit=3.0)
    what = f"the same by requests in {_AT_ONCE} threads"
    yield compared("small", what, bench.pairs(bare_requests, aria2c), unit="s", limit=None)
    for file in files:
        file.path.unlink()
