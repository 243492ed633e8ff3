"""Archives that lie on the disk already, unpacked."""

from collections.abc import Iterator
from pathlib import Path

from archive_files import make_tar_gz, make_zip
from command import run
from result import Result, compared
from workbench import Workbench
from worker import work

TOOLS = ("bsdtar",)


def results(bench: Workbench) -> Iterator[Result]:
    """Compare with `bsdtar -xf`, which does nothing but unpack either.

    So ours is the unpacking alone, with all its checks, in a process that is up: no copy, no hash, no
    metadata. The start of bsdtar, some milliseconds, is counted as its.
    """
    count, size_bytes = bench.sized(10_000, 50), bench.sized(512 << 20, 4 << 20)
    zip_path, tar_path = bench.folder / "unpack.zip", bench.folder / "unpack.tar.gz"
    make_zip(zip_path, count)
    yield _compared(bench, zip_path, "zip", f"zip of {count:,} x 4 KB, wall", limit=1.2)
    zip_path.unlink()
    make_tar_gz(tar_path, size_bytes)
    yield _compared(bench, tar_path, "tar.gz", f"tar.gz of {size_bytes >> 20} MiB, wall", limit=0.8)
    tar_path.unlink()


def _compared(bench: Workbench, archive: Path, archive_format: str, what: str, *, limit: float) -> Result:
    def ours() -> float:
        with bench.scratch() as folder:
            report = work("unpack_alone", archive=archive, archive_format=archive_format, folder=folder)
        wall_seconds: float = report["wall_seconds"]
        return wall_seconds

    def bsdtar() -> float:
        with bench.scratch() as folder:
            return run("bsdtar", "-xf", archive, "-C", folder).wall_seconds

    return compared("unpack", what, bench.pairs(ours, bsdtar), unit="s", limit=limit)
