"""Where things lie in the cache folder."""

import os
from dataclasses import dataclass
from pathlib import Path

from openmas_assets.messages.asset_config import AssetConfig

INFO_NAME = ".asset_info.json"


@dataclass(frozen=True)
class CacheLayout:
    """The places of one cache folder.

    `root/asset_type/name/version/` holds an asset and its metadata, `root/.locks/` the lock files and
    `root/.staging/` whatever is not complete yet. All on one file system, so that a commit is a rename.

    Attributes:
        root: The cache folder, absolute.
    """

    root: Path

    @property
    def locks(self) -> Path:
        """The folder of all lock files."""
        return self.root / ".locks"

    @property
    def staging(self) -> Path:
        """The folder of everything that is not complete yet."""
        return self.root / ".staging"

    def version_folder(self, config: AssetConfig) -> Path:
        """Where an asset stands once it is complete.

        Args:
            config: The asset.
        """
        return Path(f"{self.root}/{config.key}")

    def has_metadata(self, config: AssetConfig) -> bool:
        """Whether a copy of the asset may stand in its place. One `lstat`; never raises.

        Args:
            config: The asset.
        """
        return os.path.lexists(f"{self.root}/{config.key}/{INFO_NAME}")

    def staging_folder(self, config: AssetConfig) -> Path:
        """Where an asset's parts lie, one sub-folder for each.

        Args:
            config: The asset.
        """
        return Path(f"{self.root}/.staging/{config.key}")

    def lock_path(self, config: AssetConfig) -> Path:
        """The lock file that processes agree on before they change an asset.

        Args:
            config: The asset.
        """
        return Path(f"{self.root}/.locks/{config.key}.lock")
