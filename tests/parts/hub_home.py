"""The Hub's client in this process, turned to a test's Hub and away from the user's home."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from hub import Hub
from openmas_assets.messages.asset_config import AssetConfig

TOKEN = "hf_kn0wn"
OTHER_TOKEN = "hf_0ther"
VARIABLE = "HUGGING_FACE_HUB_TOKEN"


@contextmanager
def open_hub(monkeypatch: pytest.MonkeyPatch, home_path: Path, *, cdn: bool = False) -> Iterator[Hub]:
    """Open a Hub that the client asks from now on; what it keeps for itself goes to `home_path`."""
    for name in ("HF_TOKEN", VARIABLE):
        monkeypatch.delenv(name, raising=False)
    with Hub(cdn=cdn) as hub:
        # The client has read its environment already, when it was imported.
        monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
        template = f"{hub.endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HOME", str(home_path))
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home_path / "hub"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home_path / "token"))
        monkeypatch.setattr(constants, "HF_STORED_TOKENS_PATH", str(home_path / "stored_tokens"))
        monkeypatch.setattr(constants, "AGENT_HARNESSES_PATH", str(home_path / ".agent_harnesses.json"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield hub


def hub_asset(name: str = "llama", repo_id: str = "org/model", /, **fields: Any) -> AssetConfig:
    """Declare an asset of the Hub; `source` fields such as `filename` stand among the others."""
    keys = ("filename", "revision", "allow_patterns", "ignore_patterns")
    source = {key: fields.pop(key) for key in keys if key in fields}
    return AssetConfig.model_validate(
        {"name": name, "source": {"type": "hf", "repo_id": repo_id, **source}, **fields}
    )


def hub_variables(hub: Hub, home_path: Path) -> dict[str, str | None]:
    """The environment of a child process whose client is to be so too."""
    return {
        "HF_ENDPOINT": hub.endpoint,
        "HF_HOME": str(home_path),
        "HOME": str(home_path),
        "HF_TOKEN": None,
        "HF_HUB_OFFLINE": None,
        VARIABLE: None,
    }


def contents(folder: Path) -> dict[str, bytes]:
    """The files of an asset by relative path, without our metadata."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != ".asset_info.json"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
