"""The sweep: every failure and every success with known secrets, and then a search in all that is shown."""

import base64
import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from loopback import Fault, LoopbackServer
from openmas_assets.actors import AssetManager
from openmas_assets.actors.credentials import http_credential
from openmas_assets.actors.project import load_project
from openmas_assets.messages.downloader import DownloadAsset, DownloadFailed, DownloadProgress
from openmas_assets.messages.errors import AssetConfigurationError, AssetError
from openmas_assets.messages.manager import ClearAllAssets, GetAssetPath, ListAssets, VerifyAsset
from project_folder import ProjectFolder, http
from secrets_found import forms, shown_texts
from tls_front import tls_front

DATA = bytes(range(256)) * 100
# With characters that other spellings of them differ in.
TOKEN = "t0ken/of+the~Be4rer"
USER, PASSWORD = "n4me-of-us", "p4ss/word+of~us"
URL_USER, URL_PASSWORD = "us3rinfo", "p4ssword~of~url"
SIGNATURE = "s1gnature~of-the~query"
HEADER_VARIABLE, BASIC_VARIABLE = "SWEEP_TOKEN", "SWEEP_BASIC"
SECRETS = (
    TOKEN,
    *(USER, PASSWORD, f"{USER}:{PASSWORD}"),
    *(URL_USER, URL_PASSWORD, f"{URL_USER}:{URL_PASSWORD}"),
    SIGNATURE,
)
SPELLINGS = {form for secret in SECRETS for form in forms(secret)}

AUTHENTICATIONS: dict[str, dict[str, Any]] = {
    "bearer": {"http": {"token_env_var": HEADER_VARIABLE}},
    "key": {"http": {"token_env_var": HEADER_VARIABLE, "header_name": "X-API-Key", "scheme": ""}},
    "basic": {"http": {"token_env_var": BASIC_VARIABLE, "scheme": "Basic"}},
    "userinfo": {},
}
FAULTS = {
    "none": Fault(),
    "401": Fault(status=401, headers={"WWW-Authenticate": f'Bearer realm="{SIGNATURE}"'}),
    "403": Fault(status=403),
    "404": Fault(status=404),
    "503": Fault(status=503),
    "cut": Fault(cut_after=500),
    "reset": Fault(cut_after=500, is_reset=True),
    "silent": Fault(hang_before_headers=True),
    "stalled": Fault(stall_after=500),
    "circle": Fault(status=302, headers={"Location": f"?again={SIGNATURE}"}),
    "to-nobody": Fault(
        status=302,
        headers={"Location": f"http://{URL_USER}:{URL_PASSWORD}@nobody.invalid/?sig={SIGNATURE}"},
    ),
    "to-a-file": Fault(status=302, headers={"Location": f"file:///x?sig={SIGNATURE}"}),
    "garbage": Fault(garbage=b"no HTTP " + SIGNATURE.encode() + b"\r\n"),
    "too-large": Fault(wrong_length=10**16),
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(HEADER_VARIABLE, TOKEN)
    monkeypatch.setenv(BASIC_VARIABLE, f"{USER}:{PASSWORD}")
    monkeypatch.setenv("OPENMAS_ASSETS_TIMEOUT", "0.3")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("OPENMAS_ASSETS_DIR", "OPENMAS_ASSETS_DEBUG", "NETRC", "SWEEP_UNSET"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def folder(tmp_path: Path, server: LoopbackServer) -> Iterator[ProjectFolder]:
    """A project in which everything that goes wrong with a web server does, with each kind of credential."""
    folder = ProjectFolder(tmp_path / "project")
    with tls_front(server.origin) as origin:
        folder.declare(*_assets(server, origin))
        yield folder


def secret_url(url: str) -> str:
    return url.replace("//", f"//{URL_USER}:{URL_PASSWORD}@") + f"?sig={SIGNATURE}"


def _assets(server: LoopbackServer, tls_origin: str) -> Iterator[dict[str, Any]]:
    options: dict[str, dict[str, Any]] = {
        "503": {"retries": 1, "retry_delay_seconds": 0},
        "cut": {"retries": 1, "retry_delay_seconds": 0},
    }
    urls = {name: server.put(f"/{name}.bin", DATA, etag='"v"', faults=[FAULTS[name]]) for name in FAULTS}
    urls |= {
        "wrong-checksum": server.put("/wrong-checksum.bin", DATA),
        "bad-archive": server.put("/bad-archive.zip", DATA),
        "bad-tls": f"{tls_origin}/none.bin",
        "unknown-host": "http://nobody.invalid/a.bin",
        "refused": "http://127.0.0.1:1/a.bin",
    }
    options["wrong-checksum"] = {"checksum": "sha256:" + "0" * 64}
    options["bad-archive"] = {"unpack": True, "unpack_format": "zip"}
    for (name, url), (kind, authentication) in itertools.product(urls.items(), AUTHENTICATIONS.items()):
        fields = {"authentication": authentication} if authentication else {}
        yield http(f"{name}-{kind}", secret_url(url), **fields, **options.get(name, {}))
    unset = {"http": {"token_env_var": "SWEEP_UNSET"}}
    yield http("unset-variable", secret_url(server.put("/a.bin", DATA)), authentication=unset)


def leaks(texts: Iterable[tuple[str, str]]) -> list[str]:
    """Every place that shows a secret in one of its spellings."""
    return [
        f"{place} has {spelling}: {text[:2000]}"
        for place, text in texts
        for spelling in SPELLINGS
        if spelling in text
    ]


def files(folder: Path) -> Iterator[tuple[str, str]]:
    """The names and the contents of all files."""
    for path in folder.rglob("*"):
        yield "a file name", str(path.relative_to(folder))
        if path.is_file():
            yield str(path), path.read_bytes().decode("latin-1")


def shown_as(value: object) -> Iterator[tuple[str, str]]:
    yield f"str of a {type(value).__name__}", str(value)
    yield f"repr of a {type(value).__name__}", repr(value)
    yield f"format of a {type(value).__name__}", f"{value}"


def test_the_search_knows_every_spelling() -> None:
    header = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    for text in (f"Bearer {TOKEN}", "t0ken%2Fof%2Bthe~Be4rer", header, "?a=1&sig=" + SIGNATURE):
        assert leaks([("here", text)])
    assert leaks([("here", "nothing of the kind")]) == []


def test_no_failure_and_no_success_of_a_manager_shows_a_secret_anywhere(
    folder: ProjectFolder, server: LoopbackServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    for name in ("openmas_assets", "pykka", "urllib3", "requests", "filelock"):
        caplog.set_level(1, logger=name)
    progress: list[DownloadProgress] = []
    answers: list[object] = []
    errors: dict[str, AssetError] = {}
    with AssetManager.from_project(folder.path, pool_size=16, on_progress=progress.append) as manager:
        names = [asset.name for asset in manager.project.assets]
        for command in (GetAssetPath, VerifyAsset):
            replies = {name: manager.ask(command(name=name)) for name in names}
            for name, reply in replies.items():
                try:
                    answers.append(reply.get(timeout=60))
                except AssetError as error:
                    errors.setdefault(name, error)
            answers.append(manager.ask(ListAssets()).get(timeout=30))
        in_cache = list(files(folder.cache_path))
        answers.append(manager.ask(ClearAllAssets()).get(timeout=30))
        config = manager.project
    # The sweep has swept something: all failed that should, credentials were sent, there are files and logs.
    assert set(names) - errors.keys() == {f"none-{kind}" for kind in AUTHENTICATIONS}
    headers = [request.headers for request in server.requests]
    assert {f"Bearer {TOKEN}", None} < {header["Authorization"] for header in headers}
    assert {TOKEN, None} == {header["X-API-Key"] for header in headers}
    places = [place.rpartition("/")[2] for place, _ in in_cache]
    assert places.count(".asset_info.json") == len(AUTHENTICATIONS)
    assert "journal.json" in places
    assert len(progress) > len(names)
    assert any("/503.bin" in record.getMessage() for record in caplog.records)

    messages = [config, *config.assets, *(asset.source for asset in config.assets), *progress, *answers]
    messages += [DownloadAsset.model_construct(job_id=1, config=asset) for asset in config.assets]
    messages += [DownloadFailed(job_id=1, error=error) for error in errors.values()]
    messages += [http_credential(asset) for asset in config.assets if asset.name != "unset-variable"]
    texts = [
        *(text for message in messages for text in shown_as(message)),
        *(text for error in errors.values() for text in shown_texts(error, ())),
        *shown_texts(None, caplog.records),
        *in_cache,
    ]
    assert leaks(texts) == []


def test_a_cache_that_cannot_be_written_shows_none(
    folder: ProjectFolder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    folder.cache_path.write_text("no folder")
    with AssetManager.from_project(folder.path) as manager:
        reply = manager.ask(GetAssetPath(name="none-bearer"))
        with pytest.raises(AssetError) as caught:
            reply.get(timeout=30)
    assert leaks(shown_texts(caught.value, caplog.records)) == []


@pytest.mark.parametrize("debug", ["", "1"])
def test_the_terminal_shows_none(folder: ProjectFolder, monkeypatch: pytest.MonkeyPatch, debug: str) -> None:
    monkeypatch.setenv("OPENMAS_ASSETS_DEBUG", debug)
    with folder.program("download", "--all") as program:
        done = program.wait(60)
    texts = [("stdout of download", done.stdout), ("stderr of download", done.stderr)]
    assert len([line for line in done.stderr.splitlines() if line.startswith("Error: ")]) > len(FAULTS)
    texts += files(folder.cache_path)
    for arguments in (
        ["list"],
        ["list", "--json"],
        ["verify"],
        ["clear-cache", "--asset", "none-bearer"],
        ["clear-cache", "--all", "--yes"],
    ):
        result = folder.invoke(*arguments)
        assert result.stdout, (arguments, result.stderr)
        texts.append((" ".join(arguments), result.output))
    texts += files(folder.cache_path)
    assert leaks(texts) == []


URL = f"https://{URL_USER}:{URL_PASSWORD}@example.com/a?sig={SIGNATURE}"
HTTP_TYPO, HTTP_PORT = URL.replace("https", "htps"), URL.replace(".com", ".com:port")
_AUTHENTICATION = "{type: http, url: 'https://example.com/a'}, authentication: "
# What stands for an asset's source, and behind it.
WRONG_SOURCES: Mapping[str, str] = {
    "a typo in the scheme": f"{{type: http, url: '{HTTP_TYPO}'}}",
    "a port that is none": f"{{type: http, url: '{HTTP_PORT}'}}",
    "a space in the URL": f"{{type: http, url: ' {URL}'}}",
    "no scheme": f"{{type: http, url: '{URL.removeprefix('https:')}'}}",
    "a URL for a source": f"'{URL}'",
    "a URL for a type": f"{{type: '{URL}'}}",
    "a URL beside a path": f"{{type: local, path: a, url: '{URL}'}}",
    "a URL for a repository": f"{{type: hf, repo_id: '{URL}'}}",
    "a URL for a version": f"{{type: local, path: a}}, version: '{URL}'",
    "a URL for a checksum": f"{{type: local, path: a}}, checksum: '{URL}'",
    "a URL for a number": f"{{type: local, path: a}}, retries: '{URL}'",
    "a URL as a key": f"{{type: http, {URL}: }}",
    "a URL in a list": f"{{type: http, url: ['{URL}']}}",
    "the token for the variable": f"{_AUTHENTICATION}{{http: {{token_env_var: '{TOKEN}'}}}}",
    "an unknown key": f"{_AUTHENTICATION}{{http: {{token_env_var: A, token: '{TOKEN}'}}}}",
    "the token as a key": f"{_AUTHENTICATION}{{http: {{token_env_var: A, '{TOKEN}': 1}}}}",
    "a header with its value": f"{_AUTHENTICATION}{{http: {{token_env_var: A, header_name: 'X: {TOKEN}'}}}}",
    "a scheme with its token": f"{_AUTHENTICATION}{{http: {{token_env_var: A, scheme: 'Bearer {TOKEN}'}}}}",
    "the token for the mapping": f"{_AUTHENTICATION}{{http: '{TOKEN}'}}",
    "the token for it all": f"{_AUTHENTICATION}'{TOKEN}'",
    "the token for the strategy": f"{_AUTHENTICATION}{{strategy: '{TOKEN}'}}",
    "a quote that is open": f"{{type: http, url: '{URL}}}",
    "a brace that is open": f"{{type: http, url: {URL}",
    "a tag": f"!{SIGNATURE} x",
    "an alias": f"*{SIGNATURE}",
    "the same key twice": f"{{type: http, url: '{URL}', url: '{URL}'}}",
}
WRONG_PROJECTS: Mapping[str, str] = {
    **{case: f"assets:\n  - {{name: a, source: {text}}}" for case, text in WRONG_SOURCES.items()},
    "a URL for a name": f"assets:\n  - name: '{URL}'\n    source: {{type: local, path: a}}",
    "a URL for an asset": f"assets:\n  - {URL}",
    "a URL for the cache": f"settings: {{assets: {{cache_dir: ['{URL}']}}}}",
    "a tab": f"assets:\n\t- {URL}",
}


@pytest.mark.parametrize("text", WRONG_PROJECTS.values(), ids=WRONG_PROJECTS)
def test_a_project_file_that_is_wrong_shows_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    caplog.set_level(1)
    folder = ProjectFolder(tmp_path / "project")
    (folder.path / "openmas_project.yml").write_text(text)
    with pytest.raises(AssetConfigurationError) as caught:
        load_project(folder.path)
    result = folder.invoke("list")
    assert result.exit_code == 1
    texts = [*shown_texts(caught.value, caplog.records), ("the terminal", result.output)]
    assert leaks(texts) == []


def test_a_hub_token_in_the_place_of_its_variable_is_refused_and_not_shown(tmp_path: Path) -> None:
    token = "hf_" + "aBcDeF1234" * 3
    folder = ProjectFolder(tmp_path / "project")
    source = {"type": "hf", "repo_id": "org/model", "filename": "a"}
    folder.declare({"name": "a", "source": source, "authentication": {"hf": {"token_env_var": token}}})
    result = folder.invoke("list")
    assert result.exit_code == 1
    assert "never the token itself" in result.output
    assert token not in result.output
