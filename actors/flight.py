"""An asset on its way: who waits for it, and what has been tried."""

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from openmas_assets.actors.reply import Reply
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.manager import AssetPath

if TYPE_CHECKING:
    from openmas_assets.actors.pool import Job


class _Waiter(NamedTuple):
    reply: Reply[AssetPath]
    is_forced: bool


class Flight:
    """One asset that is being looked for or fetched. Lives in the manager's thread.

    Whoever asks meanwhile joins it: the one waiter list of an asset is all the deduplication that a process
    needs.

    Args:
        config: The asset.

    Attributes:
        config: The asset.
        attempts: What went wrong so far, one clause for each attempt.
        job: The transfer; None until there is one.
        is_forced: Whether somebody has asked for a new transfer.
        is_looked_for: Whether the cache is being looked at.
        may_be_cached: False once a look has found nothing.
    """

    def __init__(self, config: AssetConfig) -> None:
        self.config = config
        self.attempts: list[str] = []
        self.job: Job | None = None
        self.is_forced = False
        self.is_looked_for = False
        self.may_be_cached = True
        self._waiters: dict[int, _Waiter] = {}

    @property
    def has_waiters(self) -> bool:
        """Whether anybody still waits."""
        return bool(self._waiters)

    def join(self, waiter_id: int, on_gone: Callable[[], None], *, is_forced: bool) -> Reply[AssetPath]:
        """Wait for the asset.

        Args:
            waiter_id: No two waiters of a process have the same: an old one's farewell may arrive late.
            on_gone: Called if the waiter gives up, in the thread in which it does.
            is_forced: Whether only a new transfer will do.

        Returns:
            What will be settled when the flight lands or fails.
        """
        reply: Reply[AssetPath] = Reply()
        self._waiters[waiter_id] = _Waiter(reply, is_forced)
        self.is_forced = self.is_forced or is_forced
        reply.add_done_callback(lambda settled: on_gone() if settled.is_cancelled else None)
        return reply

    def leave(self, waiter_id: int) -> None:
        """Stop waiting.

        Args:
            waiter_id: As in `join`.
        """
        self._waiters.pop(waiter_id, None)

    def land(self, answer: AssetPath, *, was_transferred: bool) -> None:
        """Hand the path to everybody who waits for it.

        Args:
            answer: The answer.
            was_transferred: If not, those who asked for a new transfer wait on.
        """
        waiters = self._waiters
        self._waiters = {} if was_transferred else {key: w for key, w in waiters.items() if w.is_forced}
        for waiter_id, waiter in waiters.items():
            if waiter_id not in self._waiters:
                waiter.reply.set(answer)

    def fail(self, error: AssetError) -> None:
        """Tell everybody who waits that there is no path.

        Args:
            error: Why. It may be shared with other flights: what is particular of this one goes on a copy.
        """
        error = copy.copy(error)
        error.asset_name = error.asset_name or self.config.name
        if len(self.attempts) > 1:
            error.attempts = tuple(self.attempts)
        waiters, self._waiters = self._waiters, {}
        for waiter in waiters.values():
            waiter.reply.set_exception((type(error), error, None))
