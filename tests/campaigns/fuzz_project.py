"""Fuzzes project files and the `.env` files beside them."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fuzz_input import CANARY, SECRET_URL, Choices, mutated_bytes
from fuzz_oracle import check, check_error
from fuzz_yaml import hostile_yaml
from openmas_assets.actors.cache.layout import CacheLayout
from openmas_assets.actors.project import Project, cache_dir, load_project, resolve_local_path
from openmas_assets.messages.errors import AssetConfigurationError, UnknownAssetError
from openmas_assets.messages.project import ProjectConfig
from openmas_assets.messages.source import HttpSource, LocalSource

_HTTP: dict[str, Any] = {"type": "http", "url": SECRET_URL}
_HUB: dict[str, Any] = {
    "type": "hf",
    "repo_id": "org/model",
    "filename": "onnx/model.onnx",
    "revision": "main",
}
_LOCAL: dict[str, Any] = {"type": "local", "path": "shared/index"}
PROJECTS: tuple[Any, ...] = (
    {
        "name": "fuzz",
        "version": "0.1.0",
        "assets": [
            {
                "name": "model",
                "version": "1.0",
                "asset_type": "model",
                "source": _HTTP,
                "authentication": {
                    "http": {"token_env_var": "FUZZ_TOKEN", "scheme": "Token", "header_name": "X-Key"}
                },
                "checksum": "sha256:" + "0a" * 32,
                "retries": 3,
                "retry_delay_seconds": 0.5,
                "description": "text",
            },
            {"name": "hub", "source": _HUB, "authentication": {"hf": {"token_env_var": "FUZZ_TOKEN"}}},
        ],
        "agents": {"agent": {"module": "agents.agent", "required_assets": ["model", "hub"]}},
        "settings": {"assets": {"cache_dir": "cache", "max_connections": 4, "max_bandwidth_mb_s": 1.5}},
    },
    {
        "assets": [
            {
                "name": "zip",
                "source": _HTTP,
                "unpack": True,
                "unpack_format": "zip",
                "unpack_destination_is_file": True,
            },
            {"name": "local", "source": _LOCAL, "progress_report": False, "progress_report_interval_mb": 1},
        ],
        "agents": {"agent": "agents.agent", "other": {"required_assets": ["local"]}},
        "settings": {
            "assets": {"max_unpacked_members": 5, "max_unpacked_bytes": 10, "max_unpack_ratio": 2.5}
        },
    },
    {"assets": []},
)
_ENVIRONMENT = (
    f'FUZZ_TOKEN={CANARY}\nexport OTHER="{CANARY} $FUZZ_TOKEN"\n# text\n'
    "THIRD='a\nb'\nFOURTH=${OTHER:-x}\n"
)
_ENVIRONMENT_PIECES = (
    *(b"\0", b"=", b"\n", b"'", b'"', b"${", b"}", b"$", b"\\", b"#", b"export ", b"\xff", b"\r", b"A="),
    b"\xef\xbb\xbf",
)


class ProjectTarget:
    """A folder with a project file, read again and again.

    Args:
        folder: An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "openmas_project.yml"
        self._environment_path = folder / ".env"

    def run(self, choices: Choices) -> str:
        """See `fuzzing.Target`."""
        is_about_environment = choices.chance(15)
        content = b"{assets: []}" if is_about_environment else hostile_yaml(choices, PROJECTS)
        self._path.write_bytes(content)
        self._environment_path.write_bytes(
            _environment(choices) if is_about_environment else _ENVIRONMENT.encode()
        )
        before = dict(os.environ)
        try:
            project = load_project(self._path)
            check_project(project)
        finally:
            if os.environ != before:
                os.environ.clear()
                os.environ.update(before)
        return "an environment was read" if is_about_environment else _said(project.config)

    def close(self) -> None:
        """See `fuzzing.Target`."""


def check_project(project: Project) -> None:
    """What was read is what it says, and leads nowhere but where it may.

    Raises:
        BrokenPromiseError: It does.
    """
    config = project.config
    check(
        ProjectConfig.model_validate(config.model_dump()) == config, "what was read reads as something else"
    )
    check(ProjectConfig.model_validate_json(config.model_dump_json()) == config, "what was read is no JSON")
    layout = CacheLayout(Path("/cache"))
    for asset in config.assets:
        folder = layout.version_folder(asset)
        check(
            Path(os.path.normpath(folder)) == folder and folder.parts[:2] == ("/", "cache"),
            f"{folder} leads away",
        )
        check(
            len(folder.parts) == 5 and not folder.parts[2].startswith("."), f"{folder} is no version folder"
        )
        check(len(asset.fingerprint) == 64, "no fingerprint")
        if isinstance(asset.source, LocalSource):
            with suppress(AssetConfigurationError):
                resolve_local_path(asset.source, project.root)
        else:
            # A change may have made it the host or the path, which are no secrets.
            is_open = isinstance(asset.source, HttpSource) and CANARY in _open_part(asset.source.url)
            check(is_open or CANARY not in asset.source.shown, f"a secret is shown: {asset.source.shown}")
    for agent in config.agents:
        for name in config.required_assets(agent):
            config.asset(name)
    with suppress(AssetConfigurationError):
        cache_dir(project)
    try:
        config.asset("no such asset")
    except UnknownAssetError as error:
        check_error(error)


def _open_part(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}{parts.path}"


def _said(config: ProjectConfig) -> str:
    types = sorted({asset.source.type for asset in config.assets})
    return f"a project was read with {', '.join(types) or 'no assets'}"


def _environment(choices: Choices) -> bytes:
    match choices.below(5):
        case 0:
            count, times = choices.pick((3, 12, 30, 60)), choices.pick((1, 2, 10))
            return b"A0=x\n" + b"".join(
                b"A%d=%s\n" % (i, b"${A%d}" % (i - 1) * times) for i in range(1, count)
            )
        case 1:
            return "\n".join(f"{choices.text()}={choices.text()}" for _ in range(4)).encode(
                "utf-8", "surrogatepass"
            )
        case 2:
            return _ENVIRONMENT.encode(choices.pick(("utf-16", "utf-8-sig", "utf-32")))
        case _:
            return mutated_bytes(choices, _ENVIRONMENT.encode(), _ENVIRONMENT_PIECES)
