"""The looks at the disk that the manager has asked for and has no answer to yet."""

import contextlib
import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import pykka

from openmas_assets.actors.cache.layout import CacheLayout
from openmas_assets.actors.restarts import RestartBudget
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.inspector import AssetInspected, InspectAsset


class _Inspection(NamedTuple):
    config: AssetConfig
    on_answer: Callable[[AssetInspected], None]
    on_failure: Callable[[AssetError], None]


class Inspections:
    """Starts the inspector when it is first needed, and again when it is gone.

    Not an actor: all its methods run in the manager's thread.

    Args:
        start_inspector: Starts one.
        layout: The cache.
    """

    def __init__(self, start_inspector: Callable[[], pykka.ActorRef[Any]], layout: CacheLayout) -> None:
        self._start_inspector = start_inspector
        self._layout = layout
        self._ids = itertools.count()
        self._pending: dict[int, _Inspection] = {}
        self._restarts = RestartBudget("the inspector of the cache")
        self._inspector_ref: pykka.ActorRef[Any] | None = None

    @property
    def is_stopped(self) -> bool:
        """Whether there is no inspector."""
        return self._inspector_ref is None

    def may_find(self, config: AssetConfig) -> bool:
        """Whether a look may find a copy. One `lstat`: most of what is fetched was never there.

        Args:
            config: The asset.
        """
        return self._layout.has_metadata(config)

    def submit(
        self,
        config: AssetConfig,
        on_answer: Callable[[AssetInspected], None],
        on_failure: Callable[[AssetError], None],
    ) -> None:
        """Have an asset looked at. Answers come in the order of the questions.

        Args:
            config: The asset.
            on_answer: Called with the answer.
            on_failure: Called instead if there will be none: a crash, or the end of the manager. The error is
                shared with others: whoever adds to it takes a copy.
        """
        inspection_id = next(self._ids)
        self._pending[inspection_id] = _Inspection(config, on_answer, on_failure)
        self._tell([inspection_id])

    def finish(self, answer: AssetInspected) -> None:
        """Pass an answer on to whoever asked.

        Args:
            answer: The answer.
        """
        inspection = self._pending.pop(answer.inspection_id, None)
        if inspection is not None:
            inspection.on_answer(answer)

    def lose(self, worker_urn: str, cause: str | None) -> None:
        """Note that a worker is gone; if it was the inspector, have the next one answer what it owes.

        The first question is the one it crashed on, and fails.

        Args:
            worker_urn: Its URN.
            cause: What crashed it; None if it was stopped.
        """
        if self._inspector_ref is None or worker_urn != self._inspector_ref.actor_urn:
            return
        self._inspector_ref = None
        unanswered = list(self._pending)
        if cause is not None:
            error = self._restarts.record(cause)
            if unanswered:
                self._pending.pop(unanswered.pop(0)).on_failure(error)
        self._tell(unanswered)

    def stop(self, error: AssetError) -> None:
        """Fail everything and stop the inspector.

        Args:
            error: What those who wait are told.
        """
        self._fail_all(error)
        if self._inspector_ref is not None:
            self._inspector_ref.stop(block=False)

    def _tell(self, inspection_ids: list[int]) -> None:
        if not inspection_ids:
            return
        try:
            inspector_ref = self._inspector_ref or self._restarts.start(self._start_inspector)
        except AssetError as error:
            self._fail_all(error)
            return
        self._inspector_ref = inspector_ref
        for inspection_id in inspection_ids:
            config = self._pending[inspection_id].config
            # One that has stopped in this moment says so itself, and `lose` asks again.
            with contextlib.suppress(pykka.ActorDeadError):
                inspector_ref.tell(InspectAsset(inspection_id=inspection_id, config=config))

    def _fail_all(self, error: AssetError) -> None:
        pending, self._pending = self._pending, {}
        for inspection in pending.values():
            inspection.on_failure(error)
