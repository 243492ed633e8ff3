"""The Inspector actor: looks at the disk for the manager, which must not wait for one.

Its looks take a millisecond. They are not a downloader's work because they must never queue behind a
transfer: an agent that asks for a cached asset is answered while four others wait for gigabytes.
"""

import os
from pathlib import Path
from typing import Any

import pykka

from openmas_assets.actors.base import WorkerActor
from openmas_assets.actors.cache.inspection import Inspection, doubtful_path, inspect
from openmas_assets.actors.cache.layout import CacheLayout
from openmas_assets.actors.cache.sweep import sweep_leftovers
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.inspector import AssetInspected, InspectAsset


class InspectorActor(WorkerActor):
    """Looks at one asset at a time and tells its supervisor how it stands.

    Args:
        supervisor_ref: The manager.
        layout: The cache.
        project_root: What a relative local source is relative to.
    """

    def __init__(self, supervisor_ref: pykka.ActorRef[Any], layout: CacheLayout, project_root: Path) -> None:
        super().__init__(supervisor_ref)
        self._layout = layout
        self._project_root = project_root

    def _receive(self, message: Any) -> None:
        match message:
            case InspectAsset():
                self._on_inspect_asset(message)
            case _:
                self._on_unknown(message)

    def _on_inspect_asset(self, command: InspectAsset) -> None:
        was_locked = False
        try:
            was_locked = os.path.exists(self._layout.lock_path(command.config))  # noqa: PTH110 - never raises
            inspection = inspect(self._layout, command.config, self._project_root)
        except AssetError:
            # A local source that cannot even be located: whoever fetches it will say why.
            inspection = Inspection("stale")
        doubtful = doubtful_path(self._layout, command.config, inspection)
        self._tell_supervisor(
            AssetInspected(
                inspection_id=command.inspection_id,
                status="cached" if doubtful is not None else inspection.status,
                size_bytes=inspection.size_bytes,
                path=doubtful or inspection.path,
                must_be_read=doubtful is not None,
                commit=inspection.info.commit if inspection.info is not None else None,
                witnesses=inspection.witnesses,
            )
        )
        sweep_leftovers(self._layout, command.config, was_locked=was_locked)
