"""What all transfers of a manager have in common."""

from pathlib import Path
from typing import NamedTuple

from openmas_assets.actors.cache.layout import CacheLayout
from openmas_assets.actors.cache.unpack_limits import UnpackLimits
from openmas_assets.actors.sources.http_network import HttpNetwork


class TransferSettings(NamedTuple):
    """Where assets go, and within which limits.

    Attributes:
        layout: The cache.
        project_root: What a relative local source is relative to.
        limits: How large an archive may become.
        timeout_seconds: How long a server may be silent.
        network: The connections and limits that the transfers share.
        draws_bars: Whether a library that has progress bars of its own may draw them; False by default.
    """

    layout: CacheLayout
    project_root: Path
    limits: UnpackLimits
    timeout_seconds: float
    network: HttpNetwork
    draws_bars: bool = False
