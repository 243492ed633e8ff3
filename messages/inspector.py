"""The protocol of the Inspector actor: a quick look at the disk, never behind a transfer."""

from pathlib import Path

from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.base import Message
from openmas_assets.messages.status import AssetState, Witness


class InspectAsset(Message):
    """Look whether the cache holds the asset, by sizes and times. Answer: `AssetInspected`.

    Attributes:
        inspection_id: Repeated in the answer.
        config: The asset.
    """

    inspection_id: int
    config: AssetConfig


class AssetInspected(Message):
    """How the asset stands.

    Attributes:
        inspection_id: Of the command.
        status: See `AssetState`.
        size_bytes: See `AssetStatus`.
        path: What can be handed out; None unless `status` is `cached`.
        commit: See `AssetStatus`.
        must_be_read: Whether a downloader has to read it first: its files look untouched but for their ctime.
        witnesses: What must not change for the copy to stay a hit; None where only a full look can tell.
    """

    inspection_id: int
    status: AssetState
    size_bytes: int | None
    path: Path | None
    commit: str | None
    must_be_read: bool = False
    witnesses: tuple[Witness, ...] | None


InspectorCommand = InspectAsset
InspectorAnswer = AssetInspected
