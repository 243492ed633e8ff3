"""An archive that is fetched, verified and unpacked."""

from collections.abc import Iterator

from archive_files import make_tar_gz
from cold import curl_and_openssl
from command import run
from result import Result, compared
from workbench import ServedFile, Workbench
from worker import work

TOOLS = ("nginx", "curl", "openssl", "bsdtar")


def results(bench: Workbench) -> Iterator[Result]:
    """Compare with curl, openssl and bsdtar in turn. Ours ends with metadata and a manifest as well."""
    size_bytes = bench.sized(512 << 20, 4 << 20)
    make_tar_gz(bench.data_path("archive.tar.gz"), size_bytes)
    file = ServedFile(bench.data_path("archive.tar.gz"))
    url = bench.nginx.url(file.path.name)
    project = {"assets": [file.asset(url, unpack=True, unpack_format="tar.gz")]}

    def ours() -> float:
        with bench.scratch() as cache:
            wall_seconds: float = work("fetch", project=project, cache=cache)["wall_seconds"]
        return wall_seconds

    def tools() -> float:
        with bench.scratch() as folder:
            fetched = curl_and_openssl(bench, url, folder)
            return (fetched + run("bsdtar", "-xf", folder / "fetched", "-C", folder)).wall_seconds

    what = f"tar.gz of {size_bytes >> 20} MiB, wall"
    yield compared("archive", what, bench.pairs(ours, tools), unit="s", limit=1.0)
    file.path.unlink()
