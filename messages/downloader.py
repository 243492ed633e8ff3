"""The protocol of the Downloader actors, the leaf workers that touch network and disk.

The manager tells a downloader one command at a time; the downloader tells the manager what became of it.
Each answer repeats the `job_id` it answers.
"""

from pathlib import Path
from typing import Literal

from pydantic import ConfigDict

from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.base import Message
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.manager import VerificationOutcome
from openmas_assets.messages.status import Witness


class DownloadAsset(Message):
    """Bring the asset into the cache: one attempt.

    Answers: `AssetDownloaded`, `AssetLocked`, `DownloadFailed` or `JobAborted`.

    Attributes:
        job_id: Repeated in every answer.
        config: The asset.
        force_download: Transfer it even if the cache holds it.
    """

    job_id: int
    config: AssetConfig
    force_download: bool = False


class AssetDownloaded(Message):
    """The asset is in the cache, complete and verified.

    Attributes:
        job_id: Of the command.
        path: What is handed out.
        was_transferred: False where the cache turned out to hold it already.
        witnesses: What must not change for the copy to stay a hit; None where only a full look can tell.
    """

    job_id: int
    path: Path
    was_transferred: bool
    witnesses: tuple[Witness, ...] | None


class AssetLocked(Message):
    """Another process holds the asset; nothing was done.

    Attributes:
        job_id: Of the command.
        holder: Who holds it, `process 4711`; None where it cannot be told.
        bytes_done: How many bytes the holder has transferred.
        bytes_total: How many there will be, None if unknown.
    """

    job_id: int
    holder: str | None = None
    bytes_done: int = 0
    bytes_total: int | None = None


class DownloadFailed(Message):
    """The attempt failed.

    Attributes:
        job_id: Of the command.
        error: Why.
        is_retryable: Whether another attempt may fare better.
        retry_after_seconds: How long the server asks to wait before that, 0 where it does not ask.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    job_id: int
    error: AssetError
    is_retryable: bool = False
    retry_after_seconds: float = 0.0


class JobAborted(Message):
    """The command was stopped on request; what had been transferred is kept.

    Attributes:
        job_id: Of the command.
    """

    job_id: int


DownloadPhase = Literal[
    "downloading", "verifying", "unpacking", "waiting", "retrying", "finished", "failed", "stopped"
]
"""What a transfer is doing.

`verifying` re-reads bytes that are on disk already, `waiting` means for another process, `retrying` for the
next attempt; `finished`, `failed` and `stopped` are each the last word on a transfer.
"""


class DownloadProgress(Message):
    """How far a transfer is. Sent about ten times a second while bytes move, and at each change of phase.

    Attributes:
        name: The asset's name.
        phase: What is being done.
        bytes_done: Bytes of this phase that are done.
        bytes_total: Bytes of this phase in all, None if unknown.
        detail: A few words for people: who is waited for, why it is tried again. May be empty.
    """

    name: str
    phase: DownloadPhase
    bytes_done: int = 0
    bytes_total: int | None = None
    detail: str = ""


class VerifyCopy(Message):
    """Hash the cached copy of an asset and compare. Answers: `CopyVerified`, `JobFailed` or `JobAborted`.

    Attributes:
        job_id: Repeated in every answer.
        config: The asset.
    """

    job_id: int
    config: AssetConfig


class CopyVerified(Message):
    """What hashing the copy showed.

    Attributes:
        job_id: Of the command.
        outcome: See `AssetVerified`.
        detail: Which file differs and how; empty unless it failed.
    """

    job_id: int
    outcome: VerificationOutcome
    detail: str = ""


class SyncCopy(Message):
    """Write an asset's copy to the disk itself, and say so in its metadata.

    Answers: `CopySynced`, `JobFailed` or `JobAborted`.

    Attributes:
        job_id: Repeated in every answer.
        config: The asset.
    """

    job_id: int
    config: AssetConfig


class CopySynced(Message):
    """The copy survives a power failure, or there is none that needs it.

    Attributes:
        job_id: Of the command.
        metadata: What the file system says of the metadata before and after that was noted; None where
            nothing was.
    """

    job_id: int
    metadata: tuple[Witness, Witness] | None


class RemoveCopy(Message):
    """Remove an asset's copy and its parts. Answers: `CopiesRemoved`, `AssetLocked` or `JobFailed`.

    Attributes:
        job_id: Repeated in every answer.
        config: The asset.
    """

    job_id: int
    config: AssetConfig


class RemoveAllCopies(Message):
    """Remove everything of ours from the cache folder. Answers: `CopiesRemoved` or `JobFailed`.

    Attributes:
        job_id: Repeated in every answer.
    """

    job_id: int


class CopiesRemoved(Message):
    """What is gone. The fields are those of `AssetsCleared`.

    Attributes:
        job_id: Of the command.
        removed: `asset_type/name/version` of each copy that is gone.
        bytes_freed: Bytes that the removed files held.
        kept: What was left alone.
    """

    job_id: int
    removed: tuple[str, ...]
    bytes_freed: int
    kept: tuple[Path, ...] = ()


class JobFailed(Message):
    """A command other than a download failed.

    Attributes:
        job_id: Of the command.
        error: Why.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    job_id: int
    error: AssetError


DownloaderCommand = DownloadAsset | VerifyCopy | SyncCopy | RemoveCopy | RemoveAllCopies
DownloaderAnswer = (
    AssetDownloaded
    | AssetLocked
    | DownloadFailed
    | JobAborted
    | CopyVerified
    | CopySynced
    | CopiesRemoved
    | JobFailed
)
