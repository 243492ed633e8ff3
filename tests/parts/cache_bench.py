"""A cache folder and what works on it, without actors: for tests of the cache's own files."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from fetching import Fetching
from openmas_assets.actors.cache.inspection import Inspection, inspect
from openmas_assets.actors.cache.verify import verify_copy
from openmas_assets.actors.monitor import silent_monitor
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.manager import VerificationOutcome


class CacheBench(Fetching):
    """A fetcher with its cache, which can also be looked at and verified; sources lie in `folder/sources`.

    Args:
        folder: A test's own folder.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._folder = folder

    def source(self, name: str, files: bytes | Mapping[str, bytes]) -> Path:
        """Write a source file, or a folder of files by their relative paths; its path."""
        source = self._folder / "sources" / name
        for relative, data in {"": files}.items() if isinstance(files, bytes) else files.items():
            path = source / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return source

    def inspect(self, config: AssetConfig) -> Inspection:
        """Look at an asset as the inspector does."""
        return inspect(self.layout, config, self._folder)

    def verify(self, config: AssetConfig) -> tuple[VerificationOutcome, str]:
        """Hash a copy as a downloader does."""
        return verify_copy(self.layout, config, silent_monitor())

    @contextlib.contextmanager
    def read_only(self) -> Iterator[None]:
        """While in this context nobody may write into the cache, unless it is root."""
        folders = [self.layout.root, *(path for path in self.layout.root.rglob("*") if path.is_dir())]
        for path in folders:
            path.chmod(0o555)
        try:
            yield
        finally:
            for path in folders:
                path.chmod(0o755)
