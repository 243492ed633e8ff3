"""Credentials go where the project file says, stay on there, and go nowhere else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fetching import Fetching
from loopback import Fault, LoopbackServer
from openmas_assets.actors import AssetManager
from openmas_assets.actors.sources.fetched import TransferError
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.errors import AssetAuthenticationError, AssetDownloadError
from openmas_assets.messages.manager import GetAssetPath
from project_folder import ProjectFolder, http
from projects import asset, project
from tls_front import CERTIFICATE_PATH, tls_front

DATA = bytes(range(256)) * 1000
TOKEN = "s3cret-T0ken"
VARIABLE = "MODELS_TOKEN"
USERINFO_HEADER = "Basic dTpwdw=="  # u:pw


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, TOKEN)
    monkeypatch.setenv("HOME", str(tmp_path))  # whoever runs the tests may have a ~/.netrc
    monkeypatch.delenv("NETRC", raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE_PATH))


@pytest.fixture
def other_server() -> Iterator[LoopbackServer]:
    """A server on another port."""
    with LoopbackServer() as other_server:
        yield other_server


class Kind(NamedTuple):
    """A way to say who asks."""

    header_name: str
    header_value: str
    http: dict[str, str] | None

    def asset(self, url: str, **fields: Any) -> AssetConfig:
        """An asset at this URL that says so."""
        if self.http is None:
            return asset("llama", url.replace("//", "//u:pw@"), **fields)
        authentication = {"http": {"token_env_var": VARIABLE, **self.http}}
        return asset("llama", url, authentication=authentication, **fields)


KINDS = {
    "Authorization": Kind("Authorization", f"Bearer {TOKEN}", {}),
    "X-API-Key": Kind("X-API-Key", TOKEN, {"header_name": "X-API-Key", "scheme": ""}),
    "userinfo": Kind("Authorization", USERINFO_HEADER, None),
}
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def sent(server: LoopbackServer, kind: Kind) -> list[str | None]:
    """What each request said in the header."""
    return [request.headers.get(kind.header_name) for request in server.requests]


@pytest.mark.parametrize(
    ("http", "header"),
    [
        ({}, ("Authorization", f"Bearer {TOKEN}")),
        ({"scheme": "Token"}, ("Authorization", f"Token {TOKEN}")),
        ({"scheme": "", "header_name": "X-API-Key"}, ("X-API-Key", TOKEN)),
        ({"header_name": "Private-Token"}, ("Private-Token", f"Bearer {TOKEN}")),
    ],
)
def test_the_token_is_sent_as_the_project_file_says(
    fetching: Fetching, server: LoopbackServer, http: dict[str, str], header: tuple[str, str]
) -> None:
    authentication = {"http": {"token_env_var": VARIABLE, **http}}
    fetching.hit(asset("llama", server.put("/a", DATA), authentication=authentication))
    assert server.requests[0].headers[header[0]] == header[1]
    assert header[0] == "Authorization" or "Authorization" not in server.requests[0].headers


def test_basic_sends_a_user_and_a_password_encoded(
    fetching: Fetching, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "u:pw")
    authentication = {"http": {"token_env_var": VARIABLE, "scheme": "Basic"}}
    fetching.hit(asset("llama", server.put("/a", DATA), authentication=authentication))
    assert server.requests[0].headers["Authorization"] == USERINFO_HEADER


def test_authentication_in_the_source_is_the_same(fetching: Fetching, server: LoopbackServer) -> None:
    source = {
        "type": "http",
        "url": server.put("/a", DATA),
        "authentication": {"http": {"token_env_var": VARIABLE}},
    }
    fetching.hit(AssetConfig.model_validate({"name": "llama", "source": source}))
    assert server.requests[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_the_next_asset_of_the_same_downloader_is_asked_for_without_it(
    fetching: Fetching, server: LoopbackServer
) -> None:
    for kind in KINDS.values():
        fetching.hit(kind.asset(server.put("/a", DATA)), force_download=True)
    fetching.hit(asset("open", server.put("/b", DATA)))
    assert "Authorization" not in server.requests[-1].headers
    assert "X-API-Key" not in server.requests[-1].headers


# --- redirects ---


@every_kind
@pytest.mark.parametrize("is_absolute", [True, False])
def test_within_the_origin_it_stays_on(
    fetching: Fetching, server: LoopbackServer, kind: Kind, *, is_absolute: bool
) -> None:
    server.put("/b", redirect="/c", status=307)
    server.put("/c", DATA)
    fetching.hit(kind.asset(server.put("/a", redirect=server.url("/b") if is_absolute else "b")))
    assert sent(server, kind) == [kind.header_value] * 3


@every_kind
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_to_another_port_it_does_not_go(
    fetching: Fetching, server: LoopbackServer, other_server: LoopbackServer, kind: Kind, status: int
) -> None:
    url = server.put("/a", redirect=other_server.put("/b", DATA), status=status)
    assert fetching.path(kind.asset(url)).read_bytes() == DATA
    assert sent(server, kind) == [kind.header_value]
    assert sent(other_server, kind) == [None]


@every_kind
def test_to_another_name_of_the_same_machine_it_does_not_go(
    fetching: Fetching, server: LoopbackServer, kind: Kind
) -> None:
    server.put("/b", DATA)
    url = server.put("/a", redirect=server.url("/b").replace("127.0.0.1", "localhost"))
    fetching.hit(kind.asset(url))
    assert sent(server, kind) == [kind.header_value, None]


@every_kind
@pytest.mark.parametrize("schemes", [("https", "http"), ("http", "https")])
def test_to_another_scheme_it_does_not_go_even_on_the_same_port(
    fetching: Fetching, server: LoopbackServer, kind: Kind, schemes: tuple[str, str]
) -> None:
    with tls_front(server.origin, serves_plain=True) as origin:
        here, there = (origin.replace("https", scheme) for scheme in schemes)
        server.put("/a", redirect=f"{there}/b")
        server.put("/b", DATA)
        fetching.hit(kind.asset(f"{here}/a"))
    assert sent(server, kind) == [kind.header_value, None]


@every_kind
def test_it_does_not_come_back_after_a_detour(
    fetching: Fetching, server: LoopbackServer, other_server: LoopbackServer, kind: Kind
) -> None:
    other_server.put("/b", redirect=server.put("/c", DATA))
    fetching.hit(kind.asset(server.put("/a", redirect=other_server.url("/b"))))
    assert sent(other_server, kind) == [None]
    assert sent(server, kind) == [kind.header_value, None]


@every_kind
def test_an_origin_that_only_looks_like_it_is_another_one(
    fetching: Fetching, server: LoopbackServer, other_server: LoopbackServer, kind: Kind
) -> None:
    target = other_server.put("/b", DATA).replace("//", f"//{server.origin.removeprefix('http://')}@")
    fetching.hit(kind.asset(server.put("/a", redirect=target)))
    assert sent(other_server, kind) == [None]


# --- ~/.netrc ---


@pytest.fixture(params=["HOME", "NETRC"])
def _netrc(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / (".netrc" if request.param == "HOME" else "elsewhere")
    path.write_text("machine 127.0.0.1 login net password rc\nmachine localhost login net password rc\n")
    path.chmod(0o600)
    if request.param == "NETRC":
        monkeypatch.setenv("NETRC", str(path))


@every_kind
@pytest.mark.usefixtures("_netrc")
def test_netrc_neither_overrides_the_project_file_nor_goes_along_a_redirect(
    fetching: Fetching, server: LoopbackServer, other_server: LoopbackServer, kind: Kind
) -> None:
    server.put("/b", redirect=other_server.put("/c", DATA).replace("127.0.0.1", "localhost"))
    fetching.hit(kind.asset(server.put("/a", redirect="/b")))
    assert sent(server, kind) == [kind.header_value] * 2
    expected = kind.header_value if kind.header_name == "Authorization" else None
    assert [request.headers.get("Authorization") for request in server.requests] == [expected] * 2
    assert "Authorization" not in other_server.requests[0].headers


@pytest.mark.usefixtures("_netrc")
def test_netrc_serves_an_asset_without_authentication_at_its_own_origin_only(
    fetching: Fetching, server: LoopbackServer, other_server: LoopbackServer
) -> None:
    fetching.hit(asset("llama", server.put("/a", redirect=other_server.put("/b", DATA))))
    assert server.requests[0].headers["Authorization"] == "Basic bmV0OnJj"
    assert "Authorization" not in other_server.requests[0].headers


# --- requests that go on ---


@every_kind
def test_a_resumed_request_carries_it_and_so_does_the_one_that_starts_over(
    fetching: Fetching, server: LoopbackServer, kind: Kind
) -> None:
    config = kind.asset(server.put("/a", DATA, etag='"v1"'))
    fetching.leave_part(config, DATA[:1000], validator='"v1"')
    fetching.hit(config)
    assert server.requests[0].range == "bytes=1000-"
    fetching.leave_part(config, DATA[:1000], validator='"v0"')
    fetching.hit(config, force_download=True)
    assert sent(server, kind) == [kind.header_value] * len(server.requests)


@every_kind
def test_a_repeated_request_carries_it(server: LoopbackServer, tmp_path: Path, kind: Kind) -> None:
    url = server.put("/a", DATA, faults=[Fault(status=503, times=1), Fault(cut_after=500, times=1)])
    config = kind.asset(url, retries=3, retry_delay_seconds=0)
    with AssetManager(project(config), cache_dir=tmp_path / "cache") as manager:
        assert path_of(manager).read_bytes() == DATA
    assert sent(server, kind) == [kind.header_value] * 3


# --- a variable that holds nothing ---


@pytest.mark.parametrize("value", [None, "", f"{TOKEN}\r\nX-Evil: 1"])
def test_without_a_token_there_is_no_request_and_what_had_arrived_is_neither_read_nor_lost(
    fetching: Fetching, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    config = KINDS["Authorization"].asset(server.put("/a", DATA, etag='"v1"'))
    fetching.leave_part(config, DATA[:1000], validator='"v1"')
    monkeypatch.delenv(VARIABLE) if value is None else monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(AssetAuthenticationError, match=rf"asset 'llama'.*{VARIABLE}.*\.env") as caught:
        fetching.hit(config)
    assert TOKEN not in str(caught.value)
    assert server.requests == []
    assert fetching.progress == []
    assert fetching.part().stat().st_size == 1000


# --- 401 and 403 ---


def refusal(fetching: Fetching, config: AssetConfig) -> AssetDownloadError:
    with pytest.raises(TransferError) as caught:
        fetching.hit(config)
    error = caught.value.error
    assert isinstance(error, AssetAuthenticationError)
    assert not caught.value.is_retryable
    return error


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_says_which_token_was_sent_and_how(
    fetching: Fetching, server: LoopbackServer, status: int
) -> None:
    url = server.put("/a", status=status)
    text = str(refusal(fetching, KINDS["X-API-Key"].asset(url)))
    assert f"the server answered {status} " in text
    assert f"It was sent the token from {VARIABLE}, in the header X-API-Key." in text
    assert TOKEN not in text


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_says_that_no_token_was_sent(
    fetching: Fetching, server: LoopbackServer, status: int
) -> None:
    text = str(refusal(fetching, asset("llama", server.put("/a", status=status))))
    assert "no token was sent: the project file names none" in text
    assert "token_env_var" in text


def test_a_refusal_says_that_a_user_and_a_password_were_sent(
    fetching: Fetching, server: LoopbackServer
) -> None:
    text = str(refusal(fetching, KINDS["userinfo"].asset(server.put("/a", status=401))))
    assert "It was sent the user name and password of the URL" in text
    assert "u:pw" not in text


@every_kind
def test_a_refusal_of_another_origin_says_that_nothing_was_sent_there(
    fetching: Fetching, server: LoopbackServer, other_server: LoopbackServer, kind: Kind
) -> None:
    url = server.put("/a", redirect=other_server.put("/b", status=401))
    text = str(refusal(fetching, kind.asset(url)))
    what = "user name and password of the URL" if kind.http is None else f"token from {VARIABLE}"
    assert f"It was not sent the {what}" in text
    assert "redirected to another server" in text


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_not_repeated(server: LoopbackServer, tmp_path: Path, status: int) -> None:
    config = KINDS["Authorization"].asset(server.put("/a", status=status), retries=3, retry_delay_seconds=0)
    with (
        AssetManager(project(config), cache_dir=tmp_path / "cache") as manager,
        pytest.raises(AssetAuthenticationError, match=VARIABLE),
    ):
        path_of(manager)
    assert len(server.requests) == 1


# --- .env ---


@pytest.mark.parametrize(
    ("in_environment", "expected"), [(None, "from-the-file"), ("from-outside", "from-outside")]
)
def test_the_env_file_beside_the_project_file_supplies_the_variable_and_the_environment_wins(
    server: LoopbackServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    in_environment: str | None,
    expected: str,
) -> None:
    monkeypatch.setenv(VARIABLE, in_environment or "")
    if in_environment is None:
        monkeypatch.delenv(VARIABLE)
    folder = ProjectFolder(tmp_path / "project")
    authentication = {"http": {"token_env_var": VARIABLE}}
    folder.declare(http("llama", server.put("/a", DATA), authentication=authentication))
    (folder.path / ".env").write_text(f"{VARIABLE}=from-the-file\n")
    with AssetManager.from_project(folder.path) as manager:
        path_of(manager)
    assert server.requests[0].headers["Authorization"] == f"Bearer {expected}"


def path_of(manager: AssetManager) -> Path:
    path: Path = manager.ask(GetAssetPath(name="llama")).get(timeout=30).path
    return path
