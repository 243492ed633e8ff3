"""The protocols: what every message is, and that each is handled by whom it is for."""

import importlib
import inspect
import pkgutil
import queue
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pykka
import pytest
from pydantic import ValidationError

import openmas_assets.messages
from loopback import LoopbackServer
from openmas_assets.actors import AssetManager
from openmas_assets.actors.abort import AbortSignal
from openmas_assets.actors.base import AssetActor
from openmas_assets.actors.cache.layout import CacheLayout
from openmas_assets.actors.cache.unpack_limits import UnpackLimits
from openmas_assets.actors.downloader import DownloaderActor
from openmas_assets.actors.fetch import AssetFetcher
from openmas_assets.actors.inspector import InspectorActor
from openmas_assets.actors.progress import ProgressActor
from openmas_assets.actors.sources.http_network import HttpNetwork
from openmas_assets.actors.transfer_settings import TransferSettings
from openmas_assets.messages.asset import Asset
from openmas_assets.messages.base import Message
from openmas_assets.messages.downloader import (
    AssetDownloaded,
    AssetLocked,
    CopiesRemoved,
    CopySynced,
    CopyVerified,
    DownloadAsset,
    DownloaderAnswer,
    DownloaderCommand,
    DownloadFailed,
    DownloadProgress,
    JobAborted,
    JobFailed,
    RemoveAllCopies,
    RemoveCopy,
    SyncCopy,
    VerifyCopy,
)
from openmas_assets.messages.errors import AssetError, UnknownAssetError
from openmas_assets.messages.inspector import (
    AssetInspected,
    InspectAsset,
    InspectorAnswer,
    InspectorCommand,
)
from openmas_assets.messages.manager import (
    AssetManagerCommand,
    ClearAllAssets,
    ClearAsset,
    CloseAssetManager,
    GetAssetPath,
    GetAssetStatus,
    ListAssets,
    VerifyAsset,
)
from openmas_assets.messages.plugin import CallPlugin, CommandRun, PluginAnswered
from openmas_assets.messages.project import AgentConfig, ProjectConfig, Settings
from openmas_assets.messages.store import AssetFlattened, AssetMetaFound, AssetMetaList, AssetRefResolved
from openmas_assets.messages.supervision import SupervisionEvent, WaiterGone, WaitOver, WorkerGone
from projects import asset, project

OpenManager = Callable[..., AssetManager]

MESSAGE_MODULES = [
    importlib.import_module(f"openmas_assets.messages.{module.name}")
    for module in pkgutil.iter_modules(openmas_assets.messages.__path__)
]
MESSAGE_CLASSES = sorted(
    {
        member
        for module in MESSAGE_MODULES
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, Message)
    },
    key=lambda message_class: message_class.__name__,
)
# Other keys at these places belong to the agent framework that a project file is also for.
SHARED_WITH_THE_FRAMEWORK = {AgentConfig, ProjectConfig, Settings}
# Somebody else's objects, which may be anything and travel inside one process only.
HOLDS_OBJECTS = {
    Asset,
    AssetFlattened,
    AssetMetaFound,
    AssetMetaList,
    AssetRefResolved,
    CallPlugin,
    CommandRun,
    PluginAnswered,
}


@pytest.mark.parametrize("message_class", MESSAGE_CLASSES)
def test_every_message_is_frozen_and_refuses_what_is_not_declared(message_class: type[Message]) -> None:
    message = message_class.model_construct()
    for field in [*message_class.model_fields, "another"]:
        with pytest.raises(ValidationError):
            setattr(message, field, None)
    if message_class not in SHARED_WITH_THE_FRAMEWORK:
        with pytest.raises(ValidationError, match=r"Extra inputs are not permitted|and no others"):
            message_class.model_validate({"no_such_field": 1})


@pytest.mark.parametrize("message_class", MESSAGE_CLASSES)
def test_no_message_holds_a_callable_a_lock_or_a_file(message_class: type[Message]) -> None:
    text = " ".join(str(field.annotation) for field in message_class.model_fields.values())
    refused = {"Callable", "Lock", "IO", "Any", "object", "ActorRef"}
    if message_class in HOLDS_OBJECTS:
        refused -= {"Any"}
    assert not [word for word in refused if word in text]


def members(union: Any) -> set[type[Message]]:
    return set(get_args(union)) or {union}


@pytest.fixture
def manager(open_manager: OpenManager, tmp_path: Path) -> AssetManager:
    (tmp_path / "a").write_text("a")
    return open_manager(project(asset("a", tmp_path / "a")))


MANAGER_COMMANDS: list[AssetManagerCommand] = [
    GetAssetPath(name="a"),
    GetAssetStatus(name="a"),
    ListAssets(),
    VerifyAsset(name="a"),
    ClearAsset(name="a"),
    ClearAllAssets(),
    CloseAssetManager(),
]


def test_the_manager_answers_every_command_of_its_protocol(manager: AssetManager) -> None:
    assert {type(command) for command in MANAGER_COMMANDS} == members(AssetManagerCommand)
    for command in MANAGER_COMMANDS:
        answer = manager.actor_ref.ask(command, timeout=10)
        # The first paragraph of a command's docstring names its answer.
        assert type(answer).__name__ in str(type(command).__doc__)


@pytest.mark.parametrize(
    "command", [command for command in MANAGER_COMMANDS if "name" in type(command).model_fields]
)
def test_a_command_with_a_wrong_name_is_refused_and_told_rather_than_asked_stops_nobody(
    manager: AssetManager, command: Message
) -> None:
    wrong = command.model_copy(update={"name": "b"})
    manager.actor_ref.tell(wrong)
    with pytest.raises(UnknownAssetError, match="asset 'b': no asset of that name") as raised:
        manager.actor_ref.ask(wrong, timeout=10)
    assert isinstance(raised.value, KeyError)
    assert manager.ask(GetAssetPath(name="a")).get(timeout=10).path.read_text() == "a"


def test_the_manager_takes_every_answer_and_event_that_comes_too_late(
    manager: AssetManager, caplog: pytest.LogCaptureFixture
) -> None:
    """Such as an answer to a job that it has no record of any more."""
    late: list[Message] = [
        AssetDownloaded(job_id=99, path=Path("/x"), was_transferred=True, witnesses=None),
        AssetLocked(job_id=99),
        DownloadFailed(job_id=99, error=AssetError("no")),
        JobAborted(job_id=99),
        CopyVerified(job_id=99, outcome="failed"),
        CopySynced(job_id=99, metadata=None),
        CopiesRemoved(job_id=99, removed=(), bytes_freed=0),
        JobFailed(job_id=99, error=AssetError("no")),
        AssetInspected(
            inspection_id=99, status="cached", size_bytes=1, path=Path("/x"), witnesses=None, commit=None
        ),
        WorkerGone(worker_urn="urn:x", cause="a crash"),
        WaiterGone(key="model/a/latest"),
        WaitOver(job_id=99),
        DownloadProgress(name="b", phase="downloading"),
    ]
    expected = members(DownloaderAnswer) | members(InspectorAnswer) | members(SupervisionEvent)
    assert {type(message) for message in late} == expected | {DownloadProgress}
    for message in late:
        manager.actor_ref.tell(message)
    assert manager.ask(GetAssetPath(name="a")).get(timeout=10).path.read_text() == "a"
    assert not caplog.records


def test_the_manager_tells_an_asker_what_it_does_not_understand(
    manager: AssetManager, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(AssetError, match="does not understand a message of type str"):
        manager.actor_ref.ask("a", timeout=10)
    assert "does not understand a str" in caplog.text
    assert manager.actor_ref.is_alive()


class Supervisor(AssetActor):
    def __init__(self, told: "queue.Queue[Any]") -> None:
        super().__init__()
        self._told = told

    def _receive(self, message: Any) -> Any:
        self._told.put(message)


@pytest.fixture
def told() -> "queue.Queue[Any]":
    return queue.Queue()


@pytest.fixture
def supervisor(told: "queue.Queue[Any]") -> pykka.ActorRef[Supervisor]:
    return Supervisor.start(told)


@pytest.fixture
def signal() -> AbortSignal:
    return AbortSignal()


@pytest.fixture
def downloader(
    supervisor: pykka.ActorRef[Supervisor], signal: AbortSignal, cache_path: Path, tmp_path: Path
) -> Iterator[pykka.ActorRef[DownloaderActor]]:
    layout = CacheLayout(cache_path)
    fetcher = AssetFetcher(TransferSettings(layout, tmp_path, UnpackLimits(), 10, HttpNetwork()))
    ref = DownloaderActor.start(supervisor, signal, layout, fetcher)
    yield ref
    ref.stop()


def test_a_downloader_answers_every_command_of_its_protocol_with_its_id(
    downloader: pykka.ActorRef[DownloaderActor], told: "queue.Queue[Any]", tmp_path: Path
) -> None:
    (tmp_path / "a").write_text("a")
    config = asset("a", "a", progress_report=False)
    commands: list[DownloaderCommand] = [
        DownloadAsset(job_id=1, config=config),
        VerifyCopy(job_id=2, config=config),
        SyncCopy(job_id=3, config=config),
        RemoveCopy(job_id=4, config=config),
        RemoveAllCopies(job_id=5),
    ]
    assert {type(command) for command in commands} == members(DownloaderCommand)
    for command in commands:
        downloader.tell(command)
        answer = told.get(timeout=10)
        assert answer.job_id == command.job_id
        assert isinstance(answer, DownloaderAnswer)
        assert type(answer).__name__ in str(type(command).__doc__)


def test_a_downloader_does_not_begin_a_job_that_nobody_wants_any_more(
    downloader: pykka.ActorRef[DownloaderActor],
    signal: AbortSignal,
    told: "queue.Queue[Any]",
    server: LoopbackServer,
) -> None:
    config = asset("a", server.put("/a", b"a"), progress_report=False)
    signal.abort(1)
    downloader.tell(DownloadAsset(job_id=1, config=config))
    assert told.get(timeout=10) == JobAborted(job_id=1)
    downloader.tell(DownloadAsset(job_id=2, config=config))
    assert isinstance(told.get(timeout=10), AssetDownloaded)
    assert len(server.requests) == 1


def test_the_inspector_answers_every_command_of_its_protocol(
    supervisor: pykka.ActorRef[Supervisor], told: "queue.Queue[Any]", cache_path: Path, tmp_path: Path
) -> None:
    assert members(InspectorCommand) == {InspectAsset}
    inspector = InspectorActor.start(supervisor, CacheLayout(cache_path), tmp_path)
    inspector.tell(InspectAsset(inspection_id=7, config=asset("a", tmp_path)))
    answer = told.get(timeout=10)
    assert isinstance(answer, AssetInspected)
    assert (answer.inspection_id, answer.status) == (7, "not_cached")


@pytest.mark.parametrize("actor_class", [DownloaderActor, InspectorActor])
def test_a_worker_logs_what_it_does_not_understand_and_lives(
    actor_class: type[Any],
    supervisor: pykka.ActorRef[Supervisor],
    downloader: pykka.ActorRef[DownloaderActor],
    cache_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ref: pykka.ActorRef[Any] = downloader
    if actor_class is InspectorActor:
        ref = InspectorActor.start(supervisor, CacheLayout(cache_path), cache_path)
    ref.tell("a")
    with pytest.raises(AssetError, match="does not understand"):
        ref.ask("a", timeout=10)
    assert caplog.text.count(f"{actor_class.__name__} does not understand a str") == 2


def test_the_progress_actor_logs_what_it_does_not_understand_and_lives(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ref = ProgressActor.start(lambda _: None, lambda: None)
    with pytest.raises(AssetError, match="ProgressActor does not understand"):
        ref.ask("a", timeout=10)
    assert "ProgressActor does not understand a str" in caplog.text
    assert ref.is_alive()
