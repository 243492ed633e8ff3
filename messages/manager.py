"""The protocol of the AssetManager actor: what agents ask it, and what it answers.

Whoever `ask`s gets the answer, or the `AssetError` that stands in its place.
"""

from pathlib import Path
from typing import Literal

from pydantic import ConfigDict

from openmas_assets.messages.base import Message
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.status import AssetStatus


class GetAssetPath(Message):
    """Answer with the local path of an asset, verified; fetch it first if need be. Answer: `AssetPath`.

    Attributes:
        name: The asset's name in the project file.
        force_download: Transfer it anew even if it is cached.
    """

    name: str
    force_download: bool = False


class AssetPath(Message):
    """The asset is at this path, complete and verified.

    Attributes:
        name: The asset's name.
        path: An absolute path: of the file, or of the folder where the asset is one.
    """

    name: str
    path: Path


class AssetFailed(Message):
    """No path: what an actor is told in place of an `AssetPath` (see `Reply.pipe_to`).

    Attributes:
        name: The asset's name, None where the failure is not about one asset.
        error: What failed, and what to do about it.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: str | None
    error: AssetError


class GetAssetStatus(Message):
    """Answer with an asset's `AssetStatus`, without hashing and without network.

    Attributes:
        name: The asset's name in the project file.
    """

    name: str


class ListAssets(Message):
    """Answer with the status of every declared asset. Answer: `AssetList`."""


class AssetList(Message):
    """Every declared asset, in the order of the project file.

    Attributes:
        assets: One status for each.
    """

    assets: tuple[AssetStatus, ...]


class VerifyAsset(Message):
    """Hash the cached copy and compare. Answer: `AssetVerified`.

    Attributes:
        name: The asset's name in the project file.
    """

    name: str


VerificationOutcome = Literal["verified", "failed", "not_cached"]


class AssetVerified(Message):
    """What `verify` found.

    Attributes:
        name: The asset's name.
        outcome: `verified`, `not_cached`, or `failed`: the copy is marked, the next request replaces it.
        has_checksum: Whether the project file declares a checksum; without one the copy was compared with
            the digests recorded when it was transferred.
        detail: For `failed`: which file differs and how. Empty otherwise.
    """

    name: str
    outcome: VerificationOutcome
    has_checksum: bool
    detail: str = ""


class ClearAsset(Message):
    """Remove an asset's cached copy and whatever of it was transferred. Answer: `AssetsCleared`.

    Attributes:
        name: The asset's name in the project file.
    """

    name: str


class ClearAllAssets(Message):
    """Remove everything of ours from the cache folder, of other projects too. Answer: `AssetsCleared`."""


class AssetsCleared(Message):
    """What was removed from the cache.

    Attributes:
        removed: `asset_type/name/version` of each copy that is gone.
        bytes_freed: Bytes that the removed files held.
        kept: Files and folders in the cache that are not ours, and in-use copies, left alone.
    """

    removed: tuple[str, ...]
    bytes_freed: int
    kept: tuple[Path, ...] = ()


class CloseAssetManager(Message):
    """Stop: no new work, running transfers abort and keep their parts, every waiter gets an error.

    Answer: `AssetManagerClosed`, once the last worker has stopped.
    """


class AssetManagerClosed(Message):
    """The manager and its workers have stopped."""


AssetManagerCommand = (
    GetAssetPath | GetAssetStatus | ListAssets | VerifyAsset | ClearAsset | ClearAllAssets | CloseAssetManager
)
AssetManagerAnswer = AssetPath | AssetStatus | AssetList | AssetVerified | AssetsCleared | AssetManagerClosed
