"""The project file is found, read, and its folders are told."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from openmas_assets.actors.project import (
    Project,
    cache_dir,
    find_project_file,
    load_project,
    resolve_local_path,
)
from openmas_assets.actors.project_document import ProjectDocument
from openmas_assets.messages.authentication import Authentication, HttpAuthentication
from openmas_assets.messages.errors import AssetConfigurationError
from openmas_assets.messages.project import ProjectConfig
from openmas_assets.messages.source import HttpSource, HubSource, LocalSource

DIGEST = "0123456789abcdef" * 4

GUIDE_EXAMPLE = f"""\
name: "my_project"
version: "0.1.0"
assets:
  - name: "llama3-8b"
    version: "1.0"
    asset_type: "model"
    description: "Llama 3 8B model weights"
    source:
      type: "hf"
      repo_id: "meta-llama/Llama-3-8B"
      filename: "model.safetensors"
      revision: "main"
    checksum: "sha256:{DIGEST}"
    authentication:
      strategy: "env_token"
      hf:
        token_env_var: "HUGGING_FACE_HUB_TOKEN"
    retries: 3
    retry_delay_seconds: 10
    progress_report: true
  - name: "prompt-templates"
    version: "latest"
    asset_type: "template"
    source:
      type: "http"
      url: "https://example.com/assets/prompt-templates.zip"
    checksum: "sha256:{DIGEST.upper()}"
    unpack: true
    unpack_format: "zip"
    authentication:
      strategy: "env_token"
      http:
        token_env_var: "MY_API_KEY"
        scheme: "Bearer"
        header_name: "Authorization"
    progress_report: true
    progress_report_interval_mb: 10
  - name: "knowledge-index"
    version: "2023-06"
    asset_type: "index"
    source:
      type: "local"
      path: "/opt/shared-assets/knowledge-index.bin"
    checksum: "sha256:{DIGEST}"
settings:
  assets:
    cache_dir: "/app/data/asset-cache"  # Optional, defaults to ~/.openmas/assets/
agents:
  rag_agent:
    module: "agents.rag_agent"
    class: "RAGAgent"
    required_assets:
      - "llama3-8b"
      - "knowledge-index"
  template_agent:
    module: "agents.template_agent"
    class: "TemplateAgent"
    required_assets:
      - "prompt-templates"
"""

OPENMAS_022_EXAMPLE = """\
name: old
version: 0.1.0
agents:
  plain: agents/plain.py
  full: {module: agents.full, class: Full, communicator: http, options: {port: 8080}, prompts: null}
shared_paths: [shared]
default_config: &defaults
  log_level: INFO
  service_urls: {}
communicator_defaults:
  <<: *defaults
assets:
  - name: weights
    version: null
    asset_type: null
    checksum: null
    unpack: null
    unpack_format: null
    description: null
    retries: 2
    source:
      type: http
      url: https://example.com/download?id=7
      filename: weights.bin
      repo_id: null
      revision: null
      path: null
      authentication:
        http: {token_env_var: MY_API_KEY, scheme: Token}
      progress_report: false
      progress_report_interval_mb: 20
  - name: tokenizer
    source: {type: hf, repo_id: org/model, filename: tokenizer.json, revision: null}
  - name: index
    source: {type: local, path: data/index.bin, filename: index-v2.bin}
settings:
  assets:
    cache_dir: null
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(content: str, name: str = "openmas_project.yml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
        return path

    return write_file


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("OPENMAS_ASSETS_DIR", "MY_API_KEY"):
        # Set before it is deleted, so that what a `.env` file sets is undone too.
        monkeypatch.setenv(variable, "")
        monkeypatch.delenv(variable)


def test_the_example_of_the_guide_loads(write: Write) -> None:
    path = write(GUIDE_EXAMPLE)

    project = load_project(path)

    assert (project.path, project.root) == (path, path.parent)
    config = project.config
    assert (config.name, config.version) == ("my_project", "0.1.0")
    model, templates, index = config.assets
    assert (model.key, model.retries, model.retry_delay_seconds) == ("model/llama3-8b/1.0", 3, 10.0)
    assert model.source == HubSource(repo_id="meta-llama/Llama-3-8B", filename="model.safetensors")
    assert model.authentication == Authentication()
    assert model.description == "Llama 3 8B model weights"
    assert templates.source == HttpSource(url="https://example.com/assets/prompt-templates.zip")
    assert (templates.unpack, templates.unpack_format, templates.checksum) == (
        True,
        "zip",
        f"sha256:{DIGEST}",
    )
    assert templates.authentication == Authentication(http=HttpAuthentication(token_env_var="MY_API_KEY"))
    assert templates.progress_report_interval_mb == 10.0
    assert index.source == LocalSource(path=Path("/opt/shared-assets/knowledge-index.bin"))
    assert index.key == "index/knowledge-index/2023-06"
    assert config.required_assets("rag_agent") == ("llama3-8b", "knowledge-index")
    assert config.settings.assets.cache_dir == Path("/app/data/asset-cache")


def test_a_project_file_for_openmas_022_loads_unchanged(write: Write) -> None:
    config = load_project(write(OPENMAS_022_EXAMPLE)).config

    weights, tokenizer, index = config.assets
    assert (weights.key, weights.unpack, weights.retries) == ("model/weights/latest", False, 2)
    assert weights.source == HttpSource(url="https://example.com/download?id=7", filename="weights.bin")
    assert (weights.progress_report, weights.progress_report_interval_mb) == (False, 20.0)
    assert weights.authentication is not None
    assert weights.authentication.http == HttpAuthentication(token_env_var="MY_API_KEY", scheme="Token")
    assert tokenizer.source == HubSource(repo_id="org/model", filename="tokenizer.json", revision="main")
    assert index.source.file_name == "index-v2.bin"
    assert config.required_assets("plain") == ()


def test_the_file_is_found_from_the_working_folder_upwards(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("name: outer")
    inner_path = write("name: inner", "inner/openmas_project.yml")
    deep = path.parent / "inner" / "a" / "b"
    deep.mkdir(parents=True)

    monkeypatch.chdir(deep)
    assert find_project_file() == inner_path
    monkeypatch.chdir(path.parent)
    assert find_project_file() == path


def test_the_file_is_found_by_its_folder_or_by_itself(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("name: a")
    other = write("name: b", "other.yml")

    assert find_project_file(path.parent) == path
    assert find_project_file(other) == other
    monkeypatch.chdir(path.parent)
    assert find_project_file(Path("other.yml")) == other


def test_a_folder_named_by_itself_is_not_searched_upwards(write: Write) -> None:
    inner = write("name: outer").parent / "inner"
    inner.mkdir()

    with pytest.raises(AssetConfigurationError, match=f"no openmas_project.yml in {inner}"):
        find_project_file(inner)


def test_a_missing_file_is_told_with_the_place_and_the_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(
        AssetConfigurationError, match=f"{tmp_path} and in the folders above it. Go to"
    ) as caught:
        find_project_file()
    assert "-C PATH" in str(caught.value)
    with pytest.raises(AssetConfigurationError, match="no file or folder"):
        find_project_file(tmp_path / "nowhere.yml")


def test_a_working_folder_that_is_gone_is_a_readable_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    with pytest.raises(AssetConfigurationError, match="the working folder cannot be looked at"):
        find_project_file()


def test_a_relative_local_path_is_relative_to_the_project_file(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = load_project(write("assets: [{name: a, source: {type: local, path: data/a.bin}}]"))
    source = project.config.asset("a").source
    assert isinstance(source, LocalSource)
    monkeypatch.chdir("/")

    assert source.path == Path("data/a.bin")
    assert resolve_local_path(source, project.root) == project.root / "data/a.bin"


def test_a_local_path_may_be_absolute_or_begin_at_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")

    assert resolve_local_path(LocalSource(path=Path("/a/b")), tmp_path) == Path("/a/b")
    assert resolve_local_path(LocalSource(path=Path("~/b")), tmp_path) == Path("/home/somebody/b")
    with pytest.raises(AssetConfigurationError, match="Write it as an absolute path"):
        resolve_local_path(LocalSource(path=Path("~nobody-of-that-name/b")), tmp_path)


def test_the_cache_folder_is_the_first_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    configured = ProjectConfig.model_validate({"settings": {"assets": {"cache_dir": "cache"}}})
    default = Project(ProjectConfig(), tmp_path / "openmas_project.yml")
    project = Project(configured, tmp_path / "openmas_project.yml")

    assert cache_dir(default) == Path("/home/somebody/.openmas/assets")
    assert cache_dir(project) == tmp_path / "cache"
    monkeypatch.setenv("OPENMAS_ASSETS_DIR", "")
    assert cache_dir(project) == tmp_path / "cache"
    monkeypatch.setenv("OPENMAS_ASSETS_DIR", "~/elsewhere")
    assert cache_dir(project) == Path("/home/somebody/elsewhere")
    assert cache_dir(project, override=Path("/here")) == Path("/here")


def test_a_cache_folder_relative_to_the_project_does_not_follow_the_working_folder(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = load_project(write("settings: {assets: {cache_dir: ./cache}}"))
    monkeypatch.chdir("/")

    assert cache_dir(project) == project.root / "cache"


def test_the_env_file_beside_the_project_file_is_loaded(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("name: a")
    write("MY_API_KEY=from-file\nOPENMAS_ASSETS_DIR=/from-file\n", ".env")
    monkeypatch.chdir("/")

    project = load_project(path)

    assert os.environ["MY_API_KEY"] == "from-file"
    assert cache_dir(project) == Path("/from-file")


def test_the_real_environment_wins_over_the_env_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "real")
    write("MY_API_KEY=from-file\n", ".env")

    load_project(write("name: a"))

    assert os.environ["MY_API_KEY"] == "real"


def test_a_wrong_project_file_leaves_the_environment_alone(write: Write) -> None:
    write("MY_API_KEY=from-file\n", ".env")

    with pytest.raises(AssetConfigurationError):
        load_project(write("assets: 1"))

    assert "MY_API_KEY" not in os.environ


def test_a_local_folder_has_neither_checksum_nor_archive(write: Write, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "file.zip").touch()
    path = write(f"""\
assets:
- name: folder
  source: {{type: local, path: data}}
  checksum: sha256:{DIGEST}
  unpack: true
  unpack_format: zip
- name: file
  source: {{type: local, path: file.zip}}
  checksum: sha256:{DIGEST}
  unpack: true
  unpack_format: zip
- name: ..
  source: {{type: local, path: file.zip}}
""")

    with pytest.raises(AssetConfigurationError) as caught:
        load_project(path)

    checksum, unpack, name = caught.value.problems
    assert checksum.startswith(
        "line 4: assets[0].checksum: is of one file, but the source is a folder; remove it"
    )
    assert unpack.startswith(
        "line 5: assets[0].unpack: is for an archive, but the source is a folder; remove it"
    )
    assert name.startswith("line 12: assets[2].name: is '..'")


def test_a_local_path_in_the_home_of_nobody_is_the_trouble_of_its_own_asset(write: Write) -> None:
    project = load_project(
        write("""\
assets:
- name: nobodys
  source: {type: local, path: "~no-such-user/data"}
- name: good
  source: {type: local, path: data}
""")
    )
    assert [asset.name for asset in project.config.assets] == ["nobodys", "good"]


def test_a_folder_in_the_place_of_the_file_is_a_readable_error(tmp_path: Path) -> None:
    (tmp_path / "openmas_project.yml").mkdir()

    with pytest.raises(AssetConfigurationError, match="it is a folder; name a file"):
        load_project(tmp_path)


def test_a_file_that_cannot_be_read_is_a_readable_error(tmp_path: Path) -> None:
    path = tmp_path / "openmas_project.yml"
    path.symlink_to(path)

    with pytest.raises(AssetConfigurationError, match=r"it cannot be read \(.+\); check that it exists"):
        ProjectDocument(path)
