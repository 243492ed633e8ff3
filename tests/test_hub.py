"""The test's Hub is one that the real client accepts, and the client is as our code relies on it to be."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from tqdm import tqdm

from hub import SIGNATURE, Hub
from loopback import Fault

TOKEN = "hf_known"
WEIGHTS = bytes(range(256)) * 50
FILES = {"model.safetensors": WEIGHTS, "config.json": b"{}", "onnx/model.onnx": b"onnx"}
LFS = {"model.safetensors"}
# How much the client takes, shows and writes at a time: its constants.DOWNLOAD_CHUNK_SIZE.
CHUNK_BYTES = 10 * 1024 * 1024
LARGE = bytes(range(256)) * (CHUNK_BYTES // 256 + 20_000)


class Client:
    """The real client, kept away from the home of whoever runs the tests, and from huggingface.co."""

    def __init__(self, hub: Hub, folder: Path) -> None:
        self.local_dir = folder / "local"
        self._kept_out: dict[str, Any] = {
            "endpoint": hub.endpoint,
            "cache_dir": folder / "cache",
            "local_dir": self.local_dir,
            "token": False,
        }

    def download(self, repo_id: str, filename: str, **more: Any) -> Path:
        return Path(hf_hub_download(repo_id, filename, **{**self._kept_out, **more}))

    def snapshot(self, repo_id: str, **more: Any) -> Path:
        return Path(snapshot_download(repo_id, **{**self._kept_out, **more}))


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub(cdn=True) as hub:
        yield hub


@pytest.fixture
def client(hub: Hub, tmp_path: Path) -> Client:
    return Client(hub, tmp_path)


def contents(folder: Path) -> dict[str, bytes]:
    """The files that are the model's, not the client's."""
    paths = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    return {path.as_posix(): (folder / path).read_bytes() for path in paths if path.parts[0] != ".cache"}


def parts(folder: Path) -> list[Path]:
    return list((folder / ".cache").rglob("*.incomplete"))


def metadata(folder: Path, filename: str) -> list[str]:
    return (folder / ".cache/huggingface/download" / f"{filename}.metadata").read_text().split()


@pytest.mark.parametrize("revision", ["main", "v1.0", "refs/pr/1", "the commit"])
@pytest.mark.parametrize("filename", FILES)
def test_every_file_comes_by_branch_tag_reference_and_commit(
    hub: Hub, client: Client, revision: str, filename: str
) -> None:
    commit = hub.put_repo("org/model", FILES, lfs=LFS, revisions=("main", "v1.0", "refs/pr/1"))
    path = client.download("org/model", filename, revision=commit if revision == "the commit" else revision)
    assert path == client.local_dir / filename
    assert path.read_bytes() == FILES[filename]
    assert metadata(client.local_dir, filename)[0] == commit


def test_the_etag_of_an_lfs_file_is_its_sha256_and_of_another_its_git_sha1(hub: Hub, client: Client) -> None:
    hub.put_repo("org/model", FILES, lfs=LFS)
    for filename in ("model.safetensors", "config.json"):
        client.download("org/model", filename)
    assert metadata(client.local_dir, "model.safetensors")[1] == sha256(WEIGHTS).hexdigest()
    # As `printf '{}' | git hash-object --stdin` has it.
    assert metadata(client.local_dir, "config.json")[1] == "9e26dfeeb6e641a33dae4961196235bdb965b21b"


def test_a_branch_moves_on_and_the_old_commit_stays(hub: Hub, client: Client) -> None:
    old = hub.put_repo("model", {"a": b"old"})
    assert hub.put_repo("model", {"a": b"new"}) != old
    assert client.download("model", "a").read_bytes() == b"new"
    assert client.download("model", "a", revision=old).read_bytes() == b"old"


@pytest.mark.parametrize("files_per_page", [1, 2, 1000])
def test_a_snapshot_lists_all_pages_and_brings_every_file(
    hub: Hub, client: Client, files_per_page: int
) -> None:
    hub.put_repo("org/model", FILES, lfs=LFS, files_per_page=files_per_page)
    assert contents(client.snapshot("org/model")) == FILES


def test_a_snapshot_keeps_to_its_patterns(hub: Hub, client: Client) -> None:
    hub.put_repo("org/model", FILES, lfs=LFS)
    brought = client.snapshot("org/model", allow_patterns=["*.json", "onnx/*"], ignore_patterns="onnx/*")
    assert contents(brought) == {"config.json": b"{}"}


def test_lfs_files_come_from_the_cdn_which_sees_a_signature_and_no_token(hub: Hub, client: Client) -> None:
    hub.put_repo("org/model", FILES, lfs=LFS, private=True, token=TOKEN)
    client.download("org/model", "model.safetensors", token=TOKEN)
    assert hub.cdn is not None
    [request] = hub.cdn.requests
    assert SIGNATURE in request.path
    assert TOKEN not in str(request.headers)
    assert hub.server.requests[-1].headers["Authorization"] == f"Bearer {TOKEN}"


def test_the_cdn_refuses_a_query_without_the_signature(hub: Hub) -> None:
    hub.put_repo("org/model", FILES, lfs=LFS)
    assert hub.cdn is not None
    path = f"/org/model/{sha256(WEIGHTS).hexdigest()}"
    ask = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1])"
    command = [sys.executable, "-c", ask, hub.cdn.url(path)]
    assert "403" in subprocess.run(command, capture_output=True, text=True, check=False).stderr


def test_without_a_cdn_the_hub_serves_lfs_files_itself(tmp_path: Path) -> None:
    with Hub() as hub:
        hub.put_repo("org/model", FILES, lfs=LFS)
        path = hf_hub_download(
            "org/model", "model.safetensors", endpoint=hub.endpoint, cache_dir=tmp_path, token=False
        )
        assert Path(path).read_bytes() == WEIGHTS
        assert hub.cdn is None


@pytest.mark.parametrize(
    ("options", "token", "refused"),
    [
        ({"gated": True}, False, (GatedRepoError, 401)),
        ({"gated": True}, "hf_other", (GatedRepoError, 403)),
        ({"private": True}, False, (RepositoryNotFoundError, 401)),
        ({"private": True}, "hf_other", (RepositoryNotFoundError, 404)),
        ({"private": True, "gated": True}, "hf_other", (RepositoryNotFoundError, 404)),
    ],
)
def test_who_lacks_the_token_is_refused_as_by_the_real_hub(
    hub: Hub,
    client: Client,
    options: dict[str, bool],
    token: str | bool,
    refused: tuple[type[HfHubHTTPError], int],
) -> None:
    hub.put_repo("org/model", FILES, lfs=LFS, token=TOKEN, **options)
    with pytest.raises(HfHubHTTPError) as snapshot:
        client.snapshot("org/model", token=token)
    with pytest.raises(HfHubHTTPError) as file:
        client.download("org/model", "config.json", token=token)
    assert (type(snapshot.value), snapshot.value.response.status_code) == refused
    assert (type(file.value), file.value.response.status_code) == refused
    # A gated model's listing is public; a private one's is not.
    is_listed = any("/tree/" in request.path for request in hub.server.requests)
    assert is_listed == ("private" not in options)


def test_a_refused_snapshot_passes_for_a_whole_one_where_the_folder_is_not_empty(
    hub: Hub, client: Client
) -> None:
    hub.put_repo("org/model", FILES, lfs=LFS, private=True, token=TOKEN)
    client.local_dir.mkdir()
    (client.local_dir / "left over").touch()
    assert client.snapshot("org/model") == client.local_dir
    assert contents(client.local_dir) == {"left over": b""}


@pytest.mark.parametrize("options", [{"gated": True}, {"private": True}])
def test_who_has_the_token_gets_everything(hub: Hub, client: Client, options: dict[str, bool]) -> None:
    hub.put_repo("org/model", FILES, lfs=LFS, token=TOKEN, **options)
    assert contents(client.snapshot("org/model", token=TOKEN)) == FILES


@pytest.mark.parametrize(("token", "status"), [(False, 401), (TOKEN, 404)])
def test_a_missing_repository_is_401_for_strangers_and_404_for_users(
    client: Client, token: str | bool, status: int
) -> None:
    with pytest.raises(RepositoryNotFoundError) as snapshot:
        client.snapshot("org/none", token=token)
    with pytest.raises(RepositoryNotFoundError) as file:
        client.download("org/none", "a", token=token)
    assert (snapshot.value.response.status_code, file.value.response.status_code) == (status, status)


def test_a_missing_file_is_an_error_of_its_own(hub: Hub, client: Client) -> None:
    hub.put_repo("org/model", FILES)
    with pytest.raises(RemoteEntryNotFoundError) as missing:
        client.download("org/model", "none.bin")
    assert missing.value.response.status_code == 404


@pytest.mark.parametrize("revision", ["none", "0" * 40])
def test_a_missing_revision_is_an_error_of_its_own(hub: Hub, client: Client, revision: str) -> None:
    hub.put_repo("org/model", FILES)
    with pytest.raises(RevisionNotFoundError):
        client.snapshot("org/model", revision=revision)
    with pytest.raises(RevisionNotFoundError):
        client.download("org/model", "config.json", revision=revision)


def test_a_cut_is_resumed_within_the_call_from_the_last_whole_chunk(hub: Hub, client: Client) -> None:
    faults = [Fault(cut_after=CHUNK_BYTES + 100_000, times=1)]
    hub.put_repo("org/model", {"a.bin": LARGE}, lfs={"a.bin"}, served={"a.bin": {"faults": faults}})
    assert client.download("org/model", "a.bin").read_bytes() == LARGE
    assert hub.cdn is not None
    assert [request.range for request in hub.cdn.requests] == [None, f"bytes={CHUNK_BYTES}-"]


def test_the_client_accepts_other_bytes_of_the_same_size(hub: Hub, client: Client) -> None:
    other = bytes(len(WEIGHTS))
    hub.put_repo("org/model", FILES, lfs=LFS, served={"model.safetensors": {"data": other}})
    assert client.download("org/model", "model.safetensors").read_bytes() == other


def test_the_client_refuses_a_file_that_is_too_short(hub: Hub, client: Client) -> None:
    hub.put_repo("org/model", FILES, lfs=LFS, served={"model.safetensors": {"data": WEIGHTS[:-1]}})
    with pytest.raises(OSError, match="Consistency check failed"):
        client.download("org/model", "model.safetensors")
    assert contents(client.local_dir) == {}


@pytest.mark.parametrize("whole", [False, True], ids=["a file", "a snapshot"])
def test_an_exception_in_a_bars_update_ends_the_call_and_deletes_the_part(
    hub: Hub, client: Client, whole: bool
) -> None:
    class StopError(Exception):
        """Ours."""

    held: list[int] = []

    class Bar(tqdm):  # type: ignore[type-arg]
        def update(self, n: float | None = 1) -> bool | None:
            if n == CHUNK_BYTES:
                held.append(len(parts(client.local_dir)))
                raise StopError
            return super().update(n)

    faults = [Fault(stall_after=CHUNK_BYTES)]
    hub.put_repo("org/model", {"a.bin": LARGE}, lfs={"a.bin"}, served={"a.bin": {"faults": faults}})
    with pytest.raises(StopError):
        client.snapshot("org/model", tqdm_class=Bar) if whole else client.download(
            "org/model", "a.bin", tqdm_class=Bar
        )
    assert held == [1]
    assert parts(client.local_dir) == []
    assert contents(client.local_dir) == {}


CHILD = """
import sys
from huggingface_hub import hf_hub_download
hf_hub_download("org/model", "sub/a.bin", local_dir=sys.argv[1])
"""


def child(hub: Hub, tmp_path: Path, local_dir: Path, **variables: str) -> "subprocess.Popen[str]":
    home = {"HF_HOME": str(tmp_path / "home"), "HF_ENDPOINT": hub.endpoint, "HOME": str(tmp_path / "home")}
    environment = {
        name: text for name, text in os.environ.items() if not name.startswith(("HF_", "HUGGING_"))
    }
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(local_dir)],
        env=environment | home | variables,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_what_a_killed_download_left_is_neither_reused_nor_removed(
    hub: Hub, client: Client, tmp_path: Path
) -> None:
    faults = [Fault(stall_after=CHUNK_BYTES + 100_000, times=1)]
    hub.put_repo(
        "org/model", {"sub/a.bin": LARGE}, lfs={"sub/a.bin"}, served={"sub/a.bin": {"faults": faults}}
    )
    assert hub.cdn is not None
    with child(hub, tmp_path, client.local_dir) as killed:
        hub.cdn.wait_for(lambda cdn: any(request.bytes_sent > CHUNK_BYTES for request in cdn.requests))
        killed.kill()
    [left] = parts(client.local_dir)
    assert left.parent == client.local_dir / ".cache/huggingface/download/sub"
    assert left.name.split(".")[1] == sha256(LARGE).hexdigest()
    with child(hub, tmp_path, client.local_dir) as again:
        _, stderr = again.communicate()
    assert again.returncode == 0, stderr
    assert hub.cdn.requests[-1].range is None
    assert parts(client.local_dir) == [left]


def test_a_child_in_offline_mode_asks_nothing(hub: Hub, tmp_path: Path) -> None:
    with child(hub, tmp_path, tmp_path, HF_HUB_OFFLINE="1") as offline:
        _, stderr = offline.communicate()
    assert LocalEntryNotFoundError.__name__ in stderr
    assert hub.server.requests == []


def test_the_client_never_logs_or_shows_the_token(
    hub: Hub, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    shown: list[str] = []

    class Bar(tqdm):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **options: Any) -> None:
            shown.append(options["desc"])
            super().__init__(*args, **options)

    served = {"model.safetensors": {"faults": [Fault(cut_after=100, times=1)]}}
    hub.put_repo("org/model", FILES, lfs=LFS, private=True, token=TOKEN, served=served)
    caplog.set_level(logging.DEBUG)
    client.download("org/model", "model.safetensors", token=TOKEN, tqdm_class=Bar)
    assert shown
    assert TOKEN not in caplog.text + str(shown)
