import json
import os
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from archives import file, write_archive
from fetching import BackgroundFetch, Fetching, fetch_program
from hub import SIGNATURE, Hub
from hub_home import contents, hub_asset, hub_variables, open_hub
from loopback import Fault
from openmas_assets.actors import AssetManager
from openmas_assets.actors.abort import JobAbortedError
from openmas_assets.actors.cache.layout import CacheLayout
from openmas_assets.actors.cache.staging import Journal, Staging
from openmas_assets.actors.sources.fetched import TransferError
from openmas_assets.messages.errors import AssetUnpackError
from openmas_assets.messages.manager import AssetPath, GetAssetPath, GetAssetStatus
from programs import Program
from progress_probe import ProgressProbe
from project_folder import ProjectFolder
from projects import project
from screen import screen
from terminal import Terminal

WEIGHTS = bytes(range(256)) * 500
FILES = {"model.safetensors": WEIGHTS, "config.json": b"{}", "onnx/model.onnx": b"onnx"}
LFS = {"model.safetensors", "onnx/model.onnx"}
# How much the client takes, shows and writes at a time: its constants.DOWNLOAD_CHUNK_SIZE.
CHUNK_BYTES = 10 * 1024 * 1024
LARGE = bytes(range(256)) * (CHUNK_BYTES // 256 + 20_000)
STALL = {"faults": [Fault(stall_after=CHUNK_BYTES + 1, times=1)]}


@pytest.fixture
def home_path(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, home_path: Path) -> Iterator[Hub]:
    with open_hub(monkeypatch, home_path) as hub:
        yield hub


def gets(hub: Hub, path: str) -> int:
    """GETs of a file of `org/model`, of whichever commit."""
    return sum(
        request.method == "GET" and request.path.endswith(f"/{path}") and "/resolve/" in request.path
        for request in hub.server.requests
    )


def home_data(home_path: Path) -> list[bytes]:
    return [path.read_bytes() for path in home_path.rglob("*") if path.is_file()]


# What is fetched


@pytest.mark.parametrize("filename", FILES)
@pytest.mark.parametrize("revision", ["main", "v1.0"])
def test_a_file_keeps_its_folders_and_its_commit_is_recorded(
    hub: Hub, fetching: Fetching, home_path: Path, filename: str, revision: str
) -> None:
    commit = hub.put_repo("org/model", FILES, lfs=LFS, revisions=("main", "v1.0"))
    config = hub_asset(filename=filename, revision=revision)
    path = fetching.path(config)
    assert path == fetching.layout.version_folder(config) / filename
    assert path.read_bytes() == FILES[filename]
    assert contents(fetching.layout.version_folder(config)) == {filename: FILES[filename]}
    info = fetching.info(config)
    assert (info.commit, info.sha256) == (commit, sha256(FILES[filename]).hexdigest())
    assert fetching.staged() == []
    assert home_data(home_path) == []


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        ({}, set(FILES)),
        ({"allow_patterns": ["*.json", "onnx/*"]}, {"config.json", "onnx/model.onnx"}),
        ({"allow_patterns": "onnx/"}, {"onnx/model.onnx"}),
        ({"ignore_patterns": ["*.safetensors"]}, {"config.json", "onnx/model.onnx"}),
        ({"allow_patterns": "*.json", "ignore_patterns": "onnx/*"}, {"config.json"}),
    ],
)
def test_a_snapshot_is_the_folder_of_what_the_patterns_leave(
    hub: Hub, fetching: Fetching, home_path: Path, patterns: dict[str, Any], names: set[str]
) -> None:
    commit = hub.put_repo("org/model", FILES, lfs=LFS, files_per_page=2)
    config = hub_asset(**patterns)
    folder = fetching.path(config)
    assert folder == fetching.layout.version_folder(config)
    assert contents(folder) == {name: FILES[name] for name in names}
    info = fetching.info(config)
    assert info.commit == commit
    assert {name: record.sha256 for name, record in info.files.items()} == {
        name: sha256(FILES[name]).hexdigest() for name in names
    }
    assert fetching.staged() == []
    assert home_data(home_path) == []


def test_names_that_look_like_patterns_and_notes_are_only_names(hub: Hub, fetching: Fetching) -> None:
    files = {"a[1].bin": b"1", "a1.bin": b"2", "b*.bin": b"3", "c?.bin": b"4", ".cache/d": b"5", "[!a]": b"6"}
    hub.put_repo("org/model", files)
    assert contents(fetching.path(hub_asset())) == files
    assert contents(fetching.path(hub_asset("one", allow_patterns="a[[]1].bin"))) == {"a[1].bin": b"1"}
    assert fetching.path(hub_asset("two", filename="b*.bin")).read_bytes() == b"3"


def test_an_archive_of_the_hub_is_checked_and_unpacked(hub: Hub, fetching: Fetching, tmp_path: Path) -> None:
    data = write_archive(
        tmp_path / "a.zip", "zip", [file("in/a.txt", b"a"), file("b.txt", b"b")]
    ).read_bytes()
    hub.put_repo("org/model", {"sub/a.zip": data}, lfs={"sub/a.zip"})
    digest = f"sha256:{sha256(data).hexdigest()}"
    config = hub_asset(filename="sub/a.zip", unpack=True, unpack_format="zip", checksum=digest)
    assert contents(fetching.path(config)) == {"in/a.txt": b"a", "b.txt": b"b"}
    assert fetching.staged() == []


def test_a_broken_archive_of_the_hub_leaves_nothing(hub: Hub, fetching: Fetching) -> None:
    hub.put_repo("org/model", {"a.zip": b"no archive"})
    with pytest.raises(AssetUnpackError):
        fetching.path(hub_asset(filename="a.zip", unpack=True, unpack_format="zip"))
    assert fetching.staged() == []


# Which commit


def test_a_branch_that_moves_on_leaves_the_copy_a_hit_until_it_is_forced(
    hub: Hub, fetching: Fetching
) -> None:
    for config in (hub_asset("file", filename="config.json"), hub_asset("all")):
        old = hub.put_repo("org/model", FILES)
        fetching.path(config)
        new = hub.put_repo("org/model", {"config.json": b"new"})
        asked = len(hub.server.requests)
        assert not fetching.hit(config).was_transferred
        assert (len(hub.server.requests), fetching.info(config).commit) == (asked, old)
        assert fetching.hit(config, force_download=True).was_transferred
        assert fetching.info(config).commit == new
        assert contents(fetching.layout.version_folder(config)) == {"config.json": b"new"}


def test_the_status_and_the_list_show_the_commit(hub: Hub, tmp_path: Path) -> None:
    commit = hub.put_repo("org/model", FILES)
    folder = ProjectFolder(tmp_path / "project")
    folder.declare({"name": "a", "source": {"type": "hf", "repo_id": "org/model"}})
    [before] = json.loads(folder.invoke("list", "--json").stdout)
    assert (before["status"], before.get("commit")) == ("not_cached", None)
    assert folder.invoke("download", "a").exit_code == 0
    [after] = json.loads(folder.invoke("list", "--json").stdout)
    assert (after["status"], after["commit"], after["source"]) == ("cached", commit, "hf://org/model@main")
    with AssetManager(project(hub_asset("a")), cache_dir=folder.cache_path) as manager:
        assert manager.ask(GetAssetStatus(name="a")).get(timeout=10).commit == commit


# What an earlier attempt left


def test_a_failed_snapshot_is_gone_on_with_from_its_whole_files(hub: Hub, fetching: Fetching) -> None:
    refuse = {"config.json": {"faults": [Fault(status=403)]}}
    hub.put_repo("org/model", FILES, lfs=LFS, served=refuse)
    config = hub_asset()
    with pytest.raises(TransferError):
        fetching.path(config)
    part = next(fetching.layout.staging.glob("*/*/*/*/hub"))
    # The library fetches several at once: how far the others came is its own affair.
    before = gets(hub, "model.safetensors")
    has_weights = (part / "model.safetensors").exists()
    hub.put_repo("org/model", FILES, lfs=LFS)
    assert contents(fetching.path(config)) == FILES
    assert gets(hub, "model.safetensors") - before == (0 if has_weights else 1)
    assert fetching.staged() == []


def kill_amid(hub: Hub, config: Any, tmp_path: Path, *, whole_path: str) -> Path:
    """Kill a process once it has a whole file and half of `large`; where its files are."""
    folder = CacheLayout(tmp_path / "cache").staging

    with Program(
        FETCH_UNTIL_KILLED,
        tmp_path,
        config.model_dump_json(),
        PARTS,
        env=hub_variables(hub, tmp_path / "home"),
    ) as child:
        hub.server.wait_for(
            lambda server: any(
                request.method == "GET"
                and request.path.endswith("/large")
                and request.bytes_sent > CHUNK_BYTES
                for request in server.requests
            )
        )
        for line in child.lines():
            if line == "half and whole":
                break
        child.kill9()
    [path] = folder.glob("*/*/*/*/hub")
    assert (path / whole_path).is_file()
    return path


PARTS = Path(hub_asset.__code__.co_filename).parent
# It looks at the disk as the progress comes: the chunk that is told of is written after.
FETCH_UNTIL_KILLED = """
    import sys, threading
    from pathlib import Path
    folder, config, parts = sys.argv[1:]
    sys.path.append(parts)
    from fetching import Fetching
    from openmas_assets.messages.asset_config import AssetConfig

    def look():
        while True:
            staging = Path(folder, "cache", ".staging")
            try:
                half = [path for path in staging.rglob("*.incomplete") if path.stat().st_size]
                whole = [path for path in staging.rglob("whole") if path.parent.name == "hub"]
            except OSError:  # a folder came or went meanwhile
                continue
            if half and whole:
                print("half and whole", flush=True)
                return

    threading.Thread(target=look, daemon=True).start()
    Fetching(Path(folder)).hit(AssetConfig.model_validate_json(config))
"""


def test_what_a_killed_process_left_whole_is_used_and_the_rest_swept(
    hub: Hub, fetching: Fetching, tmp_path: Path
) -> None:
    files = {"whole": WEIGHTS, "large": LARGE}
    hub.put_repo("org/model", files, lfs=files, served={"large": STALL})
    config = hub_asset()
    left_path = kill_amid(hub, config, tmp_path, whole_path="whole")
    [half] = left_path.rglob("*.incomplete")
    seen: list[bool] = []
    folder = fetching.layout.staging_folder(config)
    hit = fetching.hit(
        config,
        on_progress=lambda progress: seen.append(progress.bytes_done > 0 and any(folder.rglob(half.name))),
    )
    assert contents(hit.path) == files
    assert (gets(hub, "whole"), gets(hub, "large")) == (1, 2)
    assert not any(seen)
    assert fetching.staged() == []


def test_what_was_left_whole_but_has_been_damaged_costs_another_transfer_but_no_attempt(
    hub: Hub, fetching: Fetching, tmp_path: Path
) -> None:
    files = {"whole": WEIGHTS, "large": LARGE}
    hub.put_repo("org/model", files, lfs=files, served={"large": STALL})
    config = hub_asset()
    whole_path = kill_amid(hub, config, tmp_path, whole_path="whole") / "whole"
    status = whole_path.stat()
    whole_path.write_bytes(bytes(len(WEIGHTS)))
    os.utime(whole_path, ns=(status.st_atime_ns, status.st_mtime_ns))  # as after a power failure
    assert contents(fetching.path(config)) == files
    assert gets(hub, "whole") == 2
    assert fetching.staged() == []


def test_what_was_left_of_a_commit_before_does_not_get_into_the_next_one(
    hub: Hub, fetching: Fetching, tmp_path: Path
) -> None:
    files = {"whole": WEIGHTS, "large": LARGE}
    hub.put_repo("org/model", files, lfs=files, served={"large": STALL})
    config = hub_asset()
    kill_amid(hub, config, tmp_path, whole_path="whole")
    hub.put_repo("org/model", {"other": b"other"})
    assert contents(fetching.path(config)) == {"other": b"other"}
    assert fetching.staged() == []


def test_a_leftover_whose_bytes_have_changed_is_not_handed_out(hub: Hub, fetching: Fetching) -> None:
    files = {"a": WEIGHTS}
    hub.put_repo("org/model", files, lfs=files)
    config = hub_asset()
    staging = Staging.claim(fetching.layout.staging_folder(config), config.fingerprint)
    staging.hub_path.mkdir()
    (staging.hub_path / "a").write_bytes(bytes(len(WEIGHTS)))
    staging.write_journal(Journal(fingerprint=config.fingerprint, validator="an earlier commit"))
    staging.release()
    assert any(name.endswith(".free/hub/a") for name in fetching.staged())
    assert contents(fetching.path(config)) == files


def test_an_archive_that_was_being_unpacked_is_not_fetched_again(
    hub: Hub, fetching: Fetching, tmp_path: Path
) -> None:
    items = [file(f"{number}.txt", bytes(10_000)) for number in range(20)]
    data = write_archive(tmp_path / "a.zip", "zip", items).read_bytes()
    hub.put_repo("org/model", {"sub/a.zip": data}, lfs={"sub/a.zip"})
    config = hub_asset(filename="sub/a.zip", unpack=True, unpack_format="zip")
    unpacking = BackgroundFetch(fetching, config, pause_at="unpacking")
    unpacking.wait_for("unpacking")
    assert isinstance(unpacking.abort(), JobAbortedError)
    assert len(contents(fetching.path(config))) == 20
    assert gets(hub, "a.zip") == 1
    assert fetching.staged() == []


# Stopping


def join_left_threads() -> None:
    """Block until the library has noticed that nobody waits for it."""
    for thread in threading.enumerate():
        if thread.name == "openmas-hub":
            thread.join(30)
            assert not thread.is_alive()


@pytest.mark.parametrize("fields", [{"filename": "large"}, {}], ids=["a file", "a snapshot"])
def test_a_stalled_transfer_is_left_and_does_not_confuse_the_next_one(
    hub: Hub, fetching: Fetching, fields: dict[str, Any]
) -> None:
    gate = threading.Event()
    held = {"faults": [Fault(stall_after=100, times=1, gate=gate)]}
    hub.put_repo("org/model", {"large": LARGE}, lfs={"large"}, served={"large": held})
    config = hub_asset(**fields)
    stalled = BackgroundFetch(fetching, config)
    hub.server.wait_for(
        lambda server: any(
            request.path.endswith("/large") and request.bytes_sent == 100 for request in server.requests
        )
    )
    assert isinstance(stalled.abort(), JobAbortedError)
    assert fetching.staged() != []  # the library may write there still
    hit = fetching.hit(config)
    assert hit.was_transferred
    path = hit.path if hit.path.is_file() else hit.path / "large"
    assert path.read_bytes() == LARGE
    gate.set()
    join_left_threads()
    assert path.read_bytes() == LARGE


def test_a_slow_transfer_stops_at_the_next_chunk_and_leaves_nothing(hub: Hub, fetching: Fetching) -> None:
    gate = threading.Event()
    held = {"faults": [Fault(stall_after=100, gate=gate, times=1)]}
    hub.put_repo("org/model", {"large": LARGE}, served={"large": held})
    config = hub_asset(filename="large")
    slow = BackgroundFetch(fetching, config, pause_at="downloading")
    slow.wait_for("downloading")
    gate.set()
    assert isinstance(slow.abort(), JobAbortedError)
    assert fetching.staged() == []
    assert fetching.path(config).read_bytes() == LARGE


def test_closing_the_manager_ends_a_stalled_transfer(hub: Hub, tmp_path: Path) -> None:
    gate = threading.Event()
    held = {"faults": [Fault(stall_after=CHUNK_BYTES + 1, times=1, gate=gate)]}
    hub.put_repo("org/model", {"large": LARGE}, served={"large": held})
    manager = AssetManager(project(hub_asset(filename="large")), cache_dir=tmp_path / "cache")
    answer = manager.ask(GetAssetPath(name="llama"))
    hub.server.wait_for(lambda server: any(request.bytes_sent > CHUNK_BYTES for request in server.requests))
    manager.close()
    with pytest.raises(Exception, match="closed"):
        answer.get(timeout=1)
    gate.set()
    join_left_threads()


# Progress


def test_the_progress_counts_each_byte_once(hub: Hub, fetching: Fetching) -> None:
    for config, size_bytes in (
        (hub_asset("one", filename="large"), len(LARGE)),
        (hub_asset(), len(LARGE) + 2),
    ):
        hub.put_repo("org/model", {"large": LARGE, "small": b"{}"}, lfs={"large"})
        fetching.hit(config)
        told = [progress.bytes_done for progress in fetching.progress if progress.bytes_total is not None]
        assert told == sorted(told)
        assert told[-1] == size_bytes
        assert {progress.bytes_total for progress in fetching.progress} == {None, size_bytes}


def test_a_transfer_leaves_no_thread_behind(hub: Hub, fetching: Fetching) -> None:
    hub.put_repo("org/model", FILES)
    before = set(threading.enumerate())
    for _ in range(2):
        fetching.hit(hub_asset(), force_download=True)
    left = {thread for thread in set(threading.enumerate()) - before if "loopback" not in thread.name}
    assert left == set()


def test_the_meter_counts_what_two_bars_count_once() -> None:
    from openmas_assets.actors.sources.hub_meter import hub_meter

    told: list[tuple[int, int]] = []
    with hub_meter(
        lambda done, total: told.append((done, total)), 100, file_name=None, draws_bars=False
    ) as meter:
        received, written, files = meter(unit="B"), meter(unit="B", initial=10), meter(unit="it", total=2)
        received.update(30)
        written.update(30)
        files.update(1)
        written.update(90)
    assert told == [(30, 100), (40, 100), (40, 100), (100, 100)]


@pytest.mark.parametrize("progress_report", [True, False])
def test_progress_is_told_unless_it_is_not_wanted(
    hub: Hub, open_manager: Callable[..., AssetManager], progress_report: bool
) -> None:
    hub.put_repo("org/model", FILES, lfs=LFS)
    probe = ProgressProbe()
    manager = open_manager(project(hub_asset(progress_report=progress_report)), on_progress=probe)
    manager.ask(GetAssetPath(name="llama")).get(timeout=30)
    manager.close()  # after that everything has been told
    assert probe.phases("llama") == (["downloading", "finished"] if progress_report else [])


BARS = """
import sys
from huggingface_hub import hf_hub_download
from openmas_assets.actors import AssetManager
from openmas_assets.messages.manager import GetAssetPath
from openmas_assets.messages.project import ProjectConfig

asset = {"name": "llama", "source": {"type": "hf", "repo_id": "org/model"}}
asset["progress_report"] = sys.argv[2] == "shown"
if sys.argv[3:]:
    asset["source"]["filename"] = sys.argv[3]
with AssetManager(ProjectConfig.model_validate({"assets": [asset]}), cache_dir=sys.argv[1]) as manager:
    print(manager.ask(GetAssetPath(name="llama")).get(timeout=30).path.name)
print("of another user:")
hf_hub_download("org/model", "model.safetensors", local_dir=sys.argv[1] + "-other")
"""


@pytest.fixture
def bars_of(hub: Hub, tmp_path: Path, home_path: Path) -> Callable[..., tuple[str, str]]:
    """What a program shows on a terminal: while we fetch, and while it uses the library itself."""

    def bars_of(*arguments: str, **variables: str) -> tuple[str, str]:
        hub.put_repo("org/model", FILES, lfs=LFS)
        script = tmp_path / "bars.py"
        script.write_text(BARS)
        environment = {**hub_variables(hub, home_path), **variables}
        with Terminal(script, str(tmp_path / "cache"), *arguments, env=environment) as terminal:
            assert terminal.wait() == 0, terminal.text
        ours, _, others = terminal.text.partition("of another user:")
        return ours, others

    return bars_of


def test_a_quiet_asset_shows_no_bar_and_another_user_of_the_library_keeps_its_bars(
    bars_of: Callable[..., tuple[str, str]],
) -> None:
    ours, others = bars_of("quiet")
    assert ours == "latest\n"
    assert "model.safetensors: 100%" in others


def test_a_file_shows_the_librarys_bar_and_no_second_one_and_no_bar_stays(
    bars_of: Callable[..., tuple[str, str]],
) -> None:
    ours, _ = bars_of("shown", "model.safetensors")
    assert "\rmodel.safetensors:   0%|" in ours
    assert "llama" not in ours
    assert screen(ours, columns=80) == ["model.safetensors"]


def test_a_snapshot_shows_the_librarys_bars(bars_of: Callable[..., tuple[str, str]]) -> None:
    ours, _ = bars_of("shown")
    assert "Downloading bytes" in ours
    assert "llama" not in ours
    assert screen(ours, columns=80) == ["latest"]


def test_the_librarys_bar_shows_no_signature_of_the_cdn(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home_path: Path
) -> None:
    script = tmp_path / "bars.py"
    script.write_text(BARS.partition('print("of another')[0])
    with open_hub(monkeypatch, home_path, cdn=True) as hub:
        hub.put_repo("org/model", FILES, lfs=LFS)
        arguments = (str(tmp_path / "cache"), "shown", "model.safetensors")
        with Terminal(script, *arguments, env=hub_variables(hub, home_path)) as terminal:
            assert terminal.wait() == 0, terminal.text
    assert "\rmodel.safetensors:   0%|" in terminal.text
    assert SIGNATURE[-5:] not in terminal.text


def test_who_has_switched_the_librarys_bars_off_sees_none(bars_of: Callable[..., tuple[str, str]]) -> None:
    ours, _ = bars_of("shown", HF_HUB_DISABLE_PROGRESS_BARS="1")
    assert ours == "latest\n"


# Together


def test_eight_agents_share_one_transfer(hub: Hub, open_manager: Callable[..., AssetManager]) -> None:
    hub.put_repo("org/model", FILES, lfs=LFS)
    manager = open_manager(project(hub_asset()))
    answers: list[AssetPath] = []

    def agent() -> None:
        answers.append(manager.ask(GetAssetPath(name="llama")).get(timeout=30))

    threads = [threading.Thread(target=agent) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer.path for answer in answers}) == 1
    assert [gets(hub, name) for name in FILES] == [1, 1, 1]


def test_a_full_disk_is_not_taken_for_the_network(hub: Hub, fetching: Fetching, tmp_path: Path) -> None:
    hub.put_repo("org/model", {"large": LARGE})
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))"
    variables = hub_variables(hub, tmp_path / "home")
    prelude = f"import os; os.environ.update({ {k: v for k, v in variables.items() if v}!r}); {limit}"
    with fetch_program(tmp_path, hub_asset(filename="large"), prelude=prelude) as program:
        done = program.wait()
    assert "the file is larger than the disk or a limit allows" in done.stdout
    assert fetching.staged() == []


@pytest.mark.parametrize("status", [500, 404])
def test_a_leftover_of_another_size_does_not_pass_where_the_hub_does_not_give_the_file(
    hub: Hub, fetching: Fetching, status: int
) -> None:
    """The library answers with what is there when it cannot ask."""
    hub.put_repo("org/model", {"a": WEIGHTS}, served={"a": {"status": status}})
    config = hub_asset()
    staging = Staging.claim(fetching.layout.staging_folder(config), config.fingerprint)
    staging.hub_path.mkdir()
    (staging.hub_path / "a").write_bytes(WEIGHTS[:-1])
    staging.write_journal(Journal(fingerprint=config.fingerprint, validator="an earlier commit"))
    staging.release()
    with pytest.raises(TransferError, match="a did not arrive whole") as caught:
        fetching.hit(config)
    assert caught.value.is_retryable
    assert fetching.staged() == []
