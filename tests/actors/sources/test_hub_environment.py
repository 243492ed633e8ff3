"""The variables that the Hub's library reads when it is imported, so each in a process of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub import Hub
from hub_home import hub_variables
from programs import Program

# Where nobody listens: port 9 (discard) is refused on any usual machine.
NOBODY = "http://127.0.0.1:9"
FILES = {"model.safetensors": b"weights", "config.json": b"{}"}
FETCH = """
    import sys
    from openmas_assets.actors import AssetManager
    from openmas_assets.messages import AssetError, GetAssetPath, ProjectConfig

    source = {"type": "hf", "repo_id": "org/model", "filename": "model.safetensors"}
    asset = {"name": "llama", "retries": 0, "source": source}
    with AssetManager(ProjectConfig.model_validate({"assets": [asset]}), cache_dir=sys.argv[1]) as manager:
        try:
            print(manager.ask(GetAssetPath(name="llama")).get(timeout=60).path.read_text())
        except AssetError as error:
            print(error)
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as hub:
        hub.put_repo("org/model", FILES, lfs={"model.safetensors"})
        yield hub


@pytest.fixture
def said_with(hub: Hub, tmp_path: Path) -> Callable[..., str]:
    """What a process says that fetches with these variables over those of a plain one."""

    def said_with(**variables: str) -> str:
        environment = {**hub_variables(hub, tmp_path / "home"), **variables}
        with Program(FETCH, tmp_path / "cache", env=environment) as program:
            ended = program.wait()
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    return said_with


def test_the_endpoint_is_where_it_is_fetched_from(hub: Hub, said_with: Callable[..., str]) -> None:
    assert said_with() == "weights\n"
    assert hub.server.requests != []


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_the_proxy_is_asked_instead_of_the_endpoint(
    hub: Hub, said_with: Callable[..., str], variable: str
) -> None:
    assert said_with(HF_ENDPOINT="http://models.invalid", **{variable: hub.endpoint}) == "weights\n"
    assert {request.headers["Host"] for request in hub.server.requests} == {"models.invalid"}


def test_an_endpoint_that_needs_no_proxy_is_asked_itself(said_with: Callable[..., str]) -> None:
    assert said_with(HTTP_PROXY=NOBODY, NO_PROXY="127.0.0.1") == "weights\n"


def test_a_proxy_that_is_not_there_is_an_error_which_names_the_asset(
    hub: Hub, said_with: Callable[..., str]
) -> None:
    said = said_with(HF_ENDPOINT="http://models.invalid", HTTP_PROXY=NOBODY)
    assert said.startswith("asset 'llama': ")
    assert "HTTPS_PROXY" in said
    assert hub.server.requests == []


def test_offline_nothing_is_asked_and_what_is_cached_is_handed_out(
    hub: Hub, said_with: Callable[..., str]
) -> None:
    assert "HF_HUB_OFFLINE is set" in said_with(HF_HUB_OFFLINE="1")
    assert hub.server.requests == []
    assert said_with() == "weights\n"
    requests_before = len(hub.server.requests)
    assert said_with(HF_HUB_OFFLINE="1") == "weights\n"
    assert len(hub.server.requests) == requests_before


def test_the_password_of_an_endpoint_is_not_shown(hub: Hub, said_with: Callable[..., str]) -> None:
    endpoint = hub.endpoint.replace("//", "//user:passw0rd@")
    refused = said_with(HF_ENDPOINT=endpoint.replace("127.0.0.1", "models.invalid"))
    assert "http://models.invalid" in refused
    assert "passw0rd" not in refused
