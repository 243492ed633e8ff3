"""How a fetch from the Hub fails: in words that help, and without a secret anywhere."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from fetching import Fetching
from hub import SIGNATURE, Hub
from hub_home import OTHER_TOKEN, TOKEN, VARIABLE, hub_asset, open_hub
from hub_repository import answer, error
from loopback import Fault, Resource
from openmas_assets.actors import AssetManager
from openmas_assets.actors.credentials import hub_token
from openmas_assets.actors.sources.fetched import TransferError
from openmas_assets.actors.sources.hub_failure import hub_failure
from openmas_assets.messages.errors import (
    AssetAuthenticationError,
    AssetDownloadError,
    AssetVerificationError,
)
from openmas_assets.messages.manager import GetAssetPath
from openmas_assets.messages.source import HubSource
from projects import project
from secrets_found import appearances

WEIGHTS = bytes(range(256)) * 500
FILES = {"model.safetensors": WEIGHTS, "config.json": b"{}"}
LFS = {"model.safetensors"}
INFO = "/api/models/org/model/revision/main"
# The library's own question, once in a process, and without a token: which programs are agents.
HARNESSES = "/api/agent-harnesses"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    with open_hub(monkeypatch, tmp_path / "home", cdn=True) as hub:
        yield hub


def failure(fetching: Fetching, **fields: Any) -> TransferError:
    with pytest.raises(TransferError) as caught:
        fetching.path(hub_asset(**fields))
    assert fetching.staged() == []
    assert "'llama'" in str(caught.value.error)
    return caught.value


def use_token(monkeypatch: pytest.MonkeyPatch, token: str | None) -> None:
    if token is not None:
        monkeypatch.setenv(VARIABLE, token)


# Who may have it


@pytest.mark.parametrize("fields", [{"filename": "model.safetensors"}, {}], ids=["a file", "a snapshot"])
@pytest.mark.parametrize(
    ("options", "token", "error_type", "status", "problem"),
    [
        ({"gated": True}, None, AssetAuthenticationError, 401, "org/model is gated"),
        ({"gated": True}, OTHER_TOKEN, AssetAuthenticationError, 403, "org/model is gated"),
        ({"private": True}, None, AssetAuthenticationError, 401, "org/model does not exist, or is private"),
        ({"private": True}, OTHER_TOKEN, AssetDownloadError, 404, "org/model does not exist, or is private"),
    ],
)
def test_who_may_not_have_it_is_told_what_was_sent_and_what_to_do(  # noqa: PLR0913, PLR0917
    hub: Hub,
    fetching: Fetching,
    monkeypatch: pytest.MonkeyPatch,
    fields: dict[str, Any],
    options: dict[str, bool],
    token: str | None,
    error_type: type[AssetDownloadError],
    status: int,
    problem: str,
) -> None:
    hub.put_repo("org/model", FILES, lfs=LFS, token=TOKEN, **options)
    use_token(monkeypatch, token)
    caught = failure(fetching, **fields)
    refused = caught.error
    assert (type(refused), caught.is_retryable) == (error_type, False)
    assert isinstance(refused, AssetDownloadError)
    assert (refused.status_code, problem in refused.problem) == (status, True)
    sent = "The token from HUGGING_FACE_HUB_TOKEN was sent" if token else "No token of ours was sent"
    assert sent in str(refused)
    assert VARIABLE in str(refused)
    assert (f"Accept its licence on {hub.endpoint}/org/model" in str(refused)) == ("gated" in options)


@pytest.mark.parametrize("options", [{"gated": True}, {"private": True}])
@pytest.mark.parametrize("variable", [VARIABLE, "HF_TOKEN", "MY_TOKEN"])
def test_who_has_the_token_gets_it_and_the_cdn_does_not_get_the_token(
    hub: Hub, fetching: Fetching, monkeypatch: pytest.MonkeyPatch, options: dict[str, bool], variable: str
) -> None:
    hub.put_repo("org/model", FILES, lfs=LFS, token=TOKEN, **options)
    monkeypatch.setenv(variable, TOKEN)
    fields: dict[str, Any] = {}
    if variable == "MY_TOKEN":
        fields = {"authentication": {"strategy": "env_token", "hf": {"token_env_var": variable}}}
        monkeypatch.setenv(VARIABLE, OTHER_TOKEN)
    for config in (hub_asset("one", filename="model.safetensors", **fields), hub_asset("all", **fields)):
        fetching.path(config)
    sent = {request.headers["Authorization"] for request in hub.server.requests if request.path != HARNESSES}
    assert sent == {f"Bearer {TOKEN}"}
    assert hub.cdn is not None
    assert hub.cdn.requests
    assert not any(TOKEN in str(request.headers) for request in hub.cdn.requests)


def test_a_token_that_is_declared_but_not_set_is_missed_before_any_request(
    hub: Hub, fetching: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MY_TOKEN", raising=False)
    authentication = {"strategy": "env_token", "hf": {"token_env_var": "MY_TOKEN"}}
    with pytest.raises(AssetAuthenticationError, match=r"MY_TOKEN.*\.env"):
        fetching.path(hub_asset(filename="config.json", authentication=authentication))
    assert hub.server.requests == []


# What is not there


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.usefixtures("hub")
def test_a_missing_repository_is_named(
    fetching: Fetching, monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    use_token(monkeypatch, token)
    caught = failure(fetching)
    assert "org/model does not exist, or is private" in str(caught.error)
    assert not caught.is_retryable


@pytest.mark.parametrize("fields", [{"filename": "none.bin"}, {"filename": "no/ne.bin"}])
def test_a_missing_file_is_named(hub: Hub, fetching: Fetching, fields: dict[str, str]) -> None:
    commit = hub.put_repo("org/model", FILES)
    # As the real Hub has it of a folder that is not there.
    hub.server.put_sequence(f"/api/models/org/model/tree/{commit}/*", [error(404, "EntryNotFound")])
    caught = failure(fetching, **fields)
    assert f"org/model has no file {fields['filename']}" in str(caught.error)
    assert not caught.is_retryable


def test_a_name_that_the_cache_cannot_hold_is_refused_and_can_be_left_out(
    hub: Hub, fetching: Fetching
) -> None:
    hub.put_repo("org/model", {**FILES, ".asset_info.json": b"{}"})
    error = failure(fetching).error
    assert "has a file whose name is .asset_info.json, which the cache needs for itself" in str(error)
    assert "source.ignore_patterns" in str(error)
    folder = fetching.path(hub_asset(ignore_patterns=".asset_info.json"))
    assert (folder / "config.json").read_bytes() == FILES["config.json"]


def test_patterns_that_allow_nothing_are_an_error(hub: Hub, fetching: Fetching) -> None:
    hub.put_repo("org/model", FILES)
    assert "no file that the patterns allow" in str(failure(fetching, allow_patterns="*.none").error)


@pytest.mark.parametrize("fields", [{"filename": "config.json"}, {}])
def test_a_missing_revision_is_named(hub: Hub, fetching: Fetching, fields: dict[str, str]) -> None:
    hub.put_repo("org/model", FILES)
    caught = failure(fetching, revision="v9", **fields)
    assert "org/model has no revision v9" in str(caught.error)
    assert not caught.is_retryable


# What did not come


def test_no_network_is_said_at_once(hub: Hub, fetching: Fetching, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.close()

    def no_sleep(_: float) -> None:
        raise AssertionError("the library waits before it tries again")

    # Not of ours: the library waits half a minute where its retries are asked for.
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", no_sleep)
    caught = failure(fetching, filename="config.json")
    assert f"the connection to the Hub at {hub.endpoint} failed" in str(caught.error)
    assert "HF_ENDPOINT" in str(caught.error)
    assert caught.is_retryable


def test_offline_mode_is_named_and_asks_nothing(
    hub: Hub, fetching: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.put_repo("org/model", FILES)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    caught = failure(fetching, filename="config.json")
    assert "HF_HUB_OFFLINE is set" in str(caught.error)
    assert (caught.is_retryable, hub.server.requests) == (False, [])


@pytest.mark.parametrize(("status", "asked"), [(503, 2), (500, 2), (401, 1), (403, 1)])
def test_only_what_may_pass_is_tried_again(
    hub: Hub, open_manager: Callable[..., AssetManager], status: int, asked: int
) -> None:
    hub.put_repo("org/model", FILES)
    well = answer({"id": "org/model", "sha": "0" * 40})
    hub.server.put_sequence(INFO, [Resource(status=status), Resource(status=status), well])
    config = hub_asset(filename="config.json", retries=1, retry_delay_seconds=0)
    with pytest.raises(AssetDownloadError) as caught:
        open_manager(project(config)).ask(GetAssetPath(name="llama")).get(timeout=30)
    assert caught.value.status_code == status
    assert hub.server.count("GET", INFO) == asked


def test_a_hub_that_recovers_gives_the_asset(hub: Hub, open_manager: Callable[..., AssetManager]) -> None:
    commit = hub.put_repo("org/model", FILES)
    hub.server.put_sequence(INFO, [Resource(status=503), answer({"id": "org/model", "sha": commit})])
    manager = open_manager(project(hub_asset(filename="config.json", retries=1, retry_delay_seconds=0)))
    assert manager.ask(GetAssetPath(name="llama")).get(timeout=30).path.read_bytes() == b"{}"


@pytest.mark.parametrize("fields", [{"filename": "model.safetensors"}, {}], ids=["a file", "a snapshot"])
def test_other_bytes_of_the_same_size_are_refused_and_do_not_stay(
    hub: Hub, fetching: Fetching, fields: dict[str, str]
) -> None:
    other = {"model.safetensors": {"data": bytes(len(WEIGHTS))}}
    hub.put_repo("org/model", {"model.safetensors": WEIGHTS}, lfs=LFS, served=other)
    caught = failure(fetching, **fields)
    assert isinstance(caught.error, AssetVerificationError)
    assert caught.is_retryable
    assert not fetching.layout.version_folder(hub_asset()).exists()
    hub.put_repo("org/model", {"model.safetensors": WEIGHTS}, lfs=LFS)
    path = fetching.path(hub_asset(**fields))
    assert (path if fields else path / "model.safetensors").read_bytes() == WEIGHTS


def test_a_declared_checksum_that_differs_leaves_nothing(hub: Hub, fetching: Fetching) -> None:
    hub.put_repo("org/model", FILES, lfs=LFS)
    caught = failure(fetching, filename="model.safetensors", checksum=f"sha256:{'0' * 64}")
    assert isinstance(caught.error, AssetVerificationError)


@pytest.mark.parametrize("fields", [{"filename": "model.safetensors"}, {}], ids=["a file", "a snapshot"])
def test_a_file_that_is_too_short_did_not_arrive_whole(
    hub: Hub, fetching: Fetching, fields: dict[str, str]
) -> None:
    short = {"model.safetensors": {"data": WEIGHTS[:-1]}}
    hub.put_repo("org/model", {"model.safetensors": WEIGHTS}, lfs=LFS, served=short)
    caught = failure(fetching, **fields)
    assert "did not arrive whole" in str(caught.error)
    assert caught.is_retryable


# Secrets


LEAKY: dict[str, dict[str, Any]] = {
    "all is well": {},
    "other bytes": {"data": bytes(len(WEIGHTS))},
    "too short": {"data": WEIGHTS[:-1]},
    "cut": {"faults": [Fault(cut_after=100, times=1)]},
    "refused": {"faults": [Fault(status=403)]},
    "gone": {"faults": [Fault(status=404)]},
    "broken": {"faults": [Fault(status=500)]},
}


@pytest.mark.parametrize("served", LEAKY.values(), ids=LEAKY)
def test_neither_the_token_nor_a_signature_appears_anywhere(  # noqa: PLR0913, PLR0917
    hub: Hub,
    fetching: Fetching,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    served: dict[str, Any],
) -> None:
    hub.put_repo("org/model", FILES, lfs=LFS, private=True, token=TOKEN, served={"model.safetensors": served})
    monkeypatch.setenv(VARIABLE, TOKEN)
    caplog.set_level(logging.DEBUG)
    for config in (hub_asset("one", filename="model.safetensors"), hub_asset("all")):
        raised: BaseException | None = None
        try:
            fetching.path(config)
        except TransferError as caught:
            raised = caught
        assert (raised is None) == (served in (LEAKY["all is well"], LEAKY["cut"]))
        found = [
            find for secret in (TOKEN, SIGNATURE) for find in appearances(secret, raised, caplog.records)
        ]
        assert found == []
        assert TOKEN not in str(fetching.progress) + repr(config)
    assert caplog.records
    said = "".join(capfd.readouterr())
    stored = [path for path in fetching.layout.root.rglob("*") if path.is_file()]
    for secret in (TOKEN, SIGNATURE):
        assert secret not in said
        assert not any(secret in str(path) or secret.encode() in path.read_bytes() for path in stored)


def test_an_error_that_nobody_expects_of_the_library_is_named_without_its_text() -> None:
    config = hub_asset()
    assert isinstance(config.source, HubSource)
    found = hub_failure(config, config.source, hub_token(config), ValueError(SIGNATURE))
    assert isinstance(found, TransferError)
    assert "the Hugging Face library failed on hf://org/model@main (builtins.ValueError)" in str(found.error)
    assert SIGNATURE not in repr(found.error)
    assert not found.is_retryable
