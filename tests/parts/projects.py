"""Declarations for tests, as short as the tests need them."""

from pathlib import Path
from typing import Any

from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.project import ProjectConfig


def asset(name: str, url_or_path: str | Path, /, **fields: Any) -> AssetConfig:
    """Declare an asset: an http source for what begins with `http://` or `https://`, else a local one.

    Args:
        name: Its name.
        url_or_path: Where it comes from.
        fields: Fields of `AssetConfig` besides; `filename` goes to the source.
    """
    is_url = isinstance(url_or_path, str) and url_or_path.startswith(("http://", "https://"))
    source = {"type": "http", "url": url_or_path} if is_url else {"type": "local", "path": url_or_path}
    source["filename"] = fields.pop("filename", None)
    return AssetConfig.model_validate({"name": name, "source": source, **fields})


def project(*assets: AssetConfig, **fields: Any) -> ProjectConfig:
    """Declare a project of these assets; `fields` are those of `ProjectConfig` besides."""
    return ProjectConfig(assets=assets, **fields)
