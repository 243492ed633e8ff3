"""What the disk refused, in words."""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.errors import AssetCacheError

_DISK_REASONS: dict[int, tuple[str, str]] = {
    errno.ENOSPC: ("the disk is full", "Make room, or set OPENMAS_ASSETS_DIR to a folder on another disk."),
    errno.EROFS: ("the cache is read-only", "Set OPENMAS_ASSETS_DIR to a folder that can be written."),
    errno.EACCES: (
        "permission is missing in the cache",
        "Give this user the right to write there, or set OPENMAS_ASSETS_DIR to another folder.",
    ),
}
_DISK_REASONS[errno.EDQUOT] = ("the disk quota is used up", _DISK_REASONS[errno.ENOSPC][1])
_DISK_REASONS[errno.EFBIG] = (
    "the file is larger than the disk or a limit allows",
    _DISK_REASONS[errno.ENOSPC][1],
)
_DISK_REASONS[errno.EPERM] = _DISK_REASONS[errno.EACCES]
_DISK_REASONS[errno.ENOTDIR] = _DISK_REASONS[errno.EEXIST] = (
    "in the place of a folder there is no folder, but a file or a link that leads nowhere",
    "Remove it, mount what it leads to, or set OPENMAS_ASSETS_DIR to another folder.",
)
_DISK_REASONS[errno.ENOENT] = (
    "a file or folder of the cache was removed while it was in use",
    "Ask for it again, and see to it that nothing else cleans up the cache meanwhile.",
)


def disk_error(asset_name: str | None, folder: Path, error: OSError) -> AssetCacheError:
    """Say in words what the disk refused.

    Args:
        asset_name: The asset, None where it is not about one.
        folder: The cache folder; named where the error does not name a path.
        error: What the system said.
    """
    problem, fix = _DISK_REASONS.get(
        error.errno or 0,
        (
            f"the disk failed: {error.strerror or type(error).__name__}",
            "See what is wrong with it, or set OPENMAS_ASSETS_DIR to a folder on another disk.",
        ),
    )
    path = Path(error.filename) if isinstance(error.filename, str) else folder
    return AssetCacheError(f"{problem} ({path})", path=path, asset_name=asset_name, fix=fix)


@contextlib.contextmanager
def disk_errors(config: AssetConfig, folder: Path) -> Iterator[None]:
    """In this context what the disk refuses is raised as an AssetCacheError.

    Args:
        config: The asset that it is about.
        folder: The cache folder.
    """
    try:
        yield
    except OSError as error:
        raise disk_error(config.name, folder, error) from None
