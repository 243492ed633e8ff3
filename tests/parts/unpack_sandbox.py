"""A staging folder among canaries, to see that unpacking touches nothing else."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from openmas_assets.actors.cache.unpack import UnpackLimits, unpack

if TYPE_CHECKING:
    from openmas_assets.messages.asset_config import UnpackFormat

DEFAULT_LIMITS = UnpackLimits()


def contents(root: Path) -> dict[str, bytes | None]:
    """What stands below a folder: the bytes of files, None for folders."""
    paths = sorted(root.rglob("*"))
    return {
        path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else None for path in paths
    }


class UnpackSandbox:
    """Unpacks into `staging`, and fails the test if anything around it changed, whatever came of it."""

    def __init__(self, tmp_path: Path) -> None:
        self.outside = tmp_path / "outside"
        self.staging = self.outside / "staging"
        (self.outside / "sibling").mkdir(parents=True)
        self.staging.mkdir()
        (self.outside / "canary.txt").write_text("alive")
        (self.outside / "sibling" / "canary.txt").write_text("alive")
        self._before = self._snapshot()

    def __call__(
        self,
        archive_path: Path,
        archive_format: str,
        limits: UnpackLimits = DEFAULT_LIMITS,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> Path:
        """Unpack, and return the staging folder."""
        try:
            unpack(
                archive_path,
                cast("UnpackFormat", archive_format),
                self.staging,
                limits,
                on_progress=on_progress,
            )
        finally:
            assert self._snapshot() == self._before
        return self.staging

    def _snapshot(self) -> dict[str, object]:
        return {
            str(path): self._look(path) for path in sorted(self.outside.rglob("*")) if self._is_outside(path)
        }

    def _is_outside(self, path: Path) -> bool:
        return self.staging not in path.parents

    def _look(self, path: Path) -> tuple[object, ...]:
        status = path.lstat()
        if path == self.staging:
            return (status.st_mode,)
        content = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
        return (status.st_mode, status.st_nlink, status.st_mtime_ns, content)
