import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archives import Item, file, symlink, write_archive
from fetching import Fetching
from loopback import LoopbackServer
from openmas_assets.actors.cache.owner import Owner
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.errors import AssetUnpackError
from projects import asset


@pytest.fixture
def archived(server: LoopbackServer, tmp_path: Path) -> Callable[..., AssetConfig]:
    """Serves an archive and declares it as an asset that is unpacked."""

    def archived(*items: Item, archive_format: str = "zip", **fields: Any) -> AssetConfig:
        path = write_archive(tmp_path / "archive", archive_format, items)
        url = server.put("/archive", path.read_bytes(), etag='"v1"')
        return asset("prompts", url, unpack=True, unpack_format=archive_format, **fields)

    return archived


@pytest.mark.parametrize("archive_format", ["zip", "tar", "tar.gz", "tar.bz2"])
def test_an_archive_is_unpacked_into_the_version_folder_and_its_own_digest_is_recorded(
    fetching: Fetching, server: LoopbackServer, archived: Callable[..., AssetConfig], archive_format: str
) -> None:
    config = archived(file("a.txt", b"a"), file("b/c.txt", b"c"), archive_format=archive_format)
    folder = fetching.path(config)
    assert folder == fetching.layout.version_folder(config)
    assert sorted(path.name for path in folder.rglob("*")) == [".asset_info.json", "a.txt", "b", "c.txt"]
    info = fetching.info(config)
    assert info.files["b/c.txt"].sha256 == hashlib.sha256(b"c").hexdigest()
    assert server.bytes_sent("/archive") > 0
    assert {progress.phase for progress in fetching.progress} == {"downloading", "unpacking"}
    assert fetching.staged() == []
    assert not fetching.hit(config).was_transferred


def test_the_checksum_of_an_archive_is_that_of_the_archive(
    fetching: Fetching, archived: Callable[..., AssetConfig], tmp_path: Path
) -> None:
    archived(file("a.txt"))
    digest = hashlib.sha256((tmp_path / "archive").read_bytes()).hexdigest()
    config = archived(file("a.txt"), checksum=f"sha256:{digest}")
    fetching.hit(config)
    assert fetching.info(config).sha256 == digest


def test_a_local_archive_is_unpacked_too(fetching: Fetching, tmp_path: Path) -> None:
    path = write_archive(tmp_path / "x.zip", "zip", [file("a.txt", b"a")])
    folder = fetching.path(asset("a", path, unpack=True, unpack_format="zip"))
    assert (folder / "a.txt").read_bytes() == b"a"


def test_the_one_file_of_an_archive_may_be_what_is_handed_out(
    fetching: Fetching, archived: Callable[..., AssetConfig]
) -> None:
    config = archived(file("deep/down/model.bin", b"m"), unpack_destination_is_file=True)
    path = fetching.path(config)
    assert path == fetching.layout.version_folder(config) / "deep/down/model.bin"
    assert fetching.path(config) == path


@pytest.mark.parametrize(
    ("items", "fields"),
    [
        ([file("../evil")], {}),
        ([file("a"), file("b")], {"unpack_destination_is_file": True}),
        ([file(".asset_info.json")], {}),
    ],
)
def test_an_archive_that_is_refused_leaves_nothing_behind_and_the_old_copy_in_place(
    fetching: Fetching, archived: Callable[..., AssetConfig], items: list[Item], fields: dict[str, Any]
) -> None:
    config = archived(file("a.txt", b"old"), **fields)
    old = fetching.path(config)
    with pytest.raises(AssetUnpackError) as caught:
        fetching.hit(archived(*items, **fields), force_download=True)
    assert caught.value.asset_name == "prompts"
    assert fetching.staged() == []
    assert (old if old.is_file() else old / "a.txt").read_bytes() == b"old"


def test_an_archive_that_was_damaged_in_what_was_left_of_it_comes_anew(
    fetching: Fetching, server: LoopbackServer, archived: Callable[..., AssetConfig], tmp_path: Path
) -> None:
    config = archived(file("a.txt", b"right" * 100))
    data = (tmp_path / "archive").read_bytes()
    fetching.leave_part(
        config, bytes(100), validator='"v1"', bytes_total=len(data), boot=Owner.current().boot
    )
    assert (fetching.path(config) / "a.txt").read_bytes() == b"right" * 100
    assert [request.range for request in server.requests] == ["bytes=100-", None]


@pytest.mark.parametrize("is_vouched_for", [False, True])
def test_one_that_is_refused_all_the_same_comes_anew_only_if_no_checksum_vouches_for_what_was_left(
    fetching: Fetching,
    server: LoopbackServer,
    archived: Callable[..., AssetConfig],
    tmp_path: Path,
    is_vouched_for: bool,
) -> None:
    config = archived(file("../evil", b"evil" * 100))
    data = (tmp_path / "archive").read_bytes()
    if is_vouched_for:
        config = config.model_copy(update={"checksum": f"sha256:{hashlib.sha256(data).hexdigest()}"})
    fetching.leave_part(
        config, data[:100], validator='"v1"', bytes_total=len(data), boot=Owner.current().boot
    )
    with pytest.raises(AssetUnpackError):
        fetching.hit(config)
    assert [request.range for request in server.requests] == ["bytes=100-"] + [None] * (not is_vouched_for)
    assert fetching.staged() == []


def test_a_folder_whose_files_come_and_go_is_replaced_as_a_whole(
    fetching: Fetching, archived: Callable[..., AssetConfig]
) -> None:
    fetching.hit(archived(file("a.txt"), file("old.txt")))
    folder = fetching.path(archived(file("a.txt"), file("new.txt")), force_download=True)
    assert sorted(path.name for path in folder.glob("*.txt")) == ["a.txt", "new.txt"]
    assert fetching.staged() == []


def test_an_unpacked_copy_whose_times_alone_differ_is_read_again_and_not_transferred(
    fetching: Fetching, server: LoopbackServer, archived: Callable[..., AssetConfig]
) -> None:
    config = archived(file("a.txt"), file("b/c.txt"), symlink("link", "a.txt"))
    folder = fetching.path(config)
    for path in folder.rglob("*.txt"):
        path.write_bytes(path.read_bytes())
    (folder / "link").unlink()
    (folder / "link").symlink_to("a.txt")
    assert not fetching.hit(config).was_transferred
    assert len(server.requests) == 1
