"""Parts and metadata are their user's alone whatever the umask; an asset is as open as the umask says."""

import os
import stat
import sys
from pathlib import Path

import pytest

from archives import file, write_archive
from fetching import Fetching
from loopback import Fault, LoopbackServer
from openmas_assets.actors.cache.info import AssetInfo, UnreadableInfoError
from openmas_assets.actors.cache.owner import Owner
from openmas_assets.actors.cache.staging import Journal, Staging
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.errors import AssetCacheError
from programs import Program
from projects import asset
from unprivileged import unprivileged

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no umask on Windows")

DATA = bytes(range(256)) * 1000
# The umask is the process's, and this one has other threads.
_CHILD = """
    import os, sys
    from pathlib import Path
    folder, umask, parts, *configs = sys.argv[1:]
    sys.path.append(parts)
    from fetching import Fetching
    from openmas_assets.messages.asset_config import AssetConfig
    os.umask(int(umask, 8))
    fetching = Fetching(Path(folder))

    def show_parts(progress):
        for path in fetching.layout.staging.glob("*/*/*/*"):
            print("part", oct(path.stat().st_mode & 0o7777))

    for text in configs:
        config = AssetConfig.model_validate_json(text)
        print(config.name, fetching.hit(config, on_progress=show_parts).path)
"""


def program(folder: Path, umask: int, *configs: AssetConfig) -> Program:
    parts = Path(__file__).parents[2] / "parts"
    texts = [config.model_dump_json() for config in configs]
    return Program(_CHILD, folder, oct(umask), parts, *texts)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_parts_and_metadata_are_private_and_assets_follow_the_umask(
    tmp_path: Path, server: LoopbackServer, umask: int
) -> None:
    (tmp_path / "local.bin").write_bytes(DATA)
    (tmp_path / "local.bin").chmod(0o644 & ~umask)
    archive_path = write_archive(tmp_path / "a.zip", "zip", [file("folder/member", DATA)])
    configs = [
        asset("plain", server.put("/plain.bin", DATA)),
        asset("zipped", server.put("/a.zip", archive_path), unpack=True, unpack_format="zip"),
        asset("local", tmp_path / "local.bin"),
    ]
    with program(tmp_path, umask, *configs) as running:
        done = running.wait()
    assert done.returncode == 0, done.stderr
    assert {line for line in done.stdout.splitlines() if line.startswith("part")} == {"part 0o700"}
    cache = tmp_path / "cache"
    for path in [cache, *cache.glob("model/**/*")]:
        expected = (0o777 if path.is_dir() else 0o666) & ~umask
        assert oct(mode(path)) == oct(0o600 if path.name == ".asset_info.json" else expected), path
    assert (cache / "model/zipped/latest/folder/member").read_bytes() == DATA


def test_what_a_killed_process_left_is_made_private_by_the_next_and_becomes_as_open_as_its_umask_says(
    tmp_path: Path, server: LoopbackServer
) -> None:
    url = server.put("/a.bin", DATA, etag='"v1"', faults=[Fault(stall_after=100_000, times=1)])
    config = asset("a", url)
    with program(tmp_path, 0o000, config) as running:
        assert next(running.lines()) == "part 0o700"
        running.kill9()
    [part] = (tmp_path / "cache/.staging").glob("*/*/*/*")
    part.chmod(0o777)  # as an older version, or somebody's chmod -R, would leave it
    with program(tmp_path, 0o022, config) as running:
        done = running.wait()
    assert done.returncode == 0, done.stderr
    assert {line for line in done.stdout.splitlines() if line.startswith("part")} == {"part 0o700"}
    assert server.requests[1].range is not None
    folder = tmp_path / "cache/model/a/latest"
    assert mode(folder / ".asset_info.json") == 0o600
    assert mode(folder) == 0o755


def test_the_metadata_stays_private_when_it_is_written_again(
    fetching: Fetching, server: LoopbackServer
) -> None:
    config = asset("a", server.put("/a.bin", DATA))
    path = fetching.path(config)
    info_path = path.with_name(".asset_info.json")
    info_path.chmod(0o666)
    os.utime(path, ns=(0, 0))
    assert not fetching.hit(config).was_transferred
    assert mode(info_path) == 0o600


# --- a cache that two users share ---

other_user = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root can be two users"
)
_OTHER_UID = 4711


def give_away(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, _OTHER_UID, _OTHER_UID, follow_symlinks=False)


@other_user
def test_metadata_of_another_user_says_so(fetching: Fetching, server: LoopbackServer) -> None:
    folder = fetching.path(asset("a", server.put("/a.bin", DATA))).parent
    give_away(folder)
    with pytest.raises(UnreadableInfoError, match="by another user only"):
        unprivileged(lambda: AssetInfo.read(folder))


@other_user
def test_a_part_of_another_user_is_left_to_him(tmp_path: Path) -> None:
    folder = tmp_path / ".staging/model/a/1.0"
    dead = Owner.current()._replace(boot="0123456789")
    part = folder / f"0123456789abcdef.{dead}"
    part.mkdir(parents=True, mode=0o700)
    Staging(part).write_journal(Journal(fingerprint="f", validator='"v"'))
    Staging(part).data_path.write_bytes(DATA)
    give_away(part)
    staging = unprivileged(lambda: Staging.claim(folder, "f"))
    assert staging.bytes_done == 0
    assert part.is_dir()
    assert Staging(part).bytes_done == len(DATA)


@other_user
@pytest.mark.parametrize("is_shared", [True, False])
def test_a_second_user_transfers_for_himself_where_he_may_write_and_is_told_where_he_may_not(
    fetching: Fetching, server: LoopbackServer, *, is_shared: bool
) -> None:
    config = asset("a", server.put("/a.bin", DATA))
    path = fetching.path(config)
    for folder_or_file in [fetching.layout.root, *fetching.layout.root.rglob("*")]:
        if is_shared and folder_or_file.name != ".asset_info.json":
            folder_or_file.chmod(0o777 if folder_or_file.is_dir() else 0o666)
    give_away(fetching.layout.root)
    if is_shared:
        assert unprivileged(lambda: fetching.path(config)).read_bytes() == DATA
        assert server.count("GET", "/a.bin") == 2
        assert path.stat().st_uid == os.geteuid()
    else:
        with pytest.raises(AssetCacheError, match=r"asset 'a': permission is missing in the cache"):
            unprivileged(lambda: fetching.path(config))
