"""An asset on its way: who waits for it, and what has been tried."""

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING

from openmas_assets.actors.lock_wait import LockWait
from openmas_assets.actors.reply import Reply
from openmas_assets.actors.shared_reply import SharedReply
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.manager import AssetPath

if TYPE_CHECKING:
    from openmas_assets.actors.pool import Job


class Flight:
    """One asset that is being looked for or fetched. Lives in the manager's thread.

    Whoever asks meanwhile joins it: the one waiter list of an asset is all the deduplication that a process
    needs.

    Args:
        config: The asset.
        on_gone: Called with a cancelled reply when the last of those has given up who share it, in the thread
            in which they do.

    Attributes:
        config: The asset.
        attempts: What went wrong so far, one clause for each attempt.
        lock_wait: What is seen of another process that holds it.
        job: The transfer; None until there is one.
        is_forced: Whether somebody has asked for a new transfer.
        is_looked_for: Whether the cache is being looked at.
        may_be_cached: False once a look has found nothing.
    """

    def __init__(self, config: AssetConfig, on_gone: Callable[[Reply[AssetPath]], object]) -> None:
        self.config = config
        self._on_gone = on_gone
        self.attempts: list[str] = []
        self.lock_wait = LockWait()
        self.job: Job | None = None
        self.is_forced = False
        self.is_looked_for = False
        self.may_be_cached = True
        # What those wait for who want a new transfer, and what all others wait for.
        self._replies: dict[bool, SharedReply[AssetPath]] = {}

    @property
    def has_waiters(self) -> bool:
        """Whether anybody still waits."""
        return not all(reply.is_done for reply in self._replies.values())

    def join(self, *, is_forced: bool) -> Reply[AssetPath]:
        """Wait for the asset.

        Args:
            is_forced: Whether only a new transfer will do.

        Returns:
            What will be settled when the flight lands or fails; others may have the same.
        """
        reply = self._replies.get(is_forced)
        if reply is None or not reply.admit():
            reply = self._replies[is_forced] = SharedReply()
            reply.admit()
            reply.add_done_callback(self._on_gone)
        self.is_forced = self.is_forced or is_forced
        return reply

    def land(self, answer: AssetPath, *, was_transferred: bool) -> None:
        """Hand the path to everybody who waits for it.

        Args:
            answer: The answer.
            was_transferred: If not, those who asked for a new transfer wait on.
        """
        for is_forced in (False, True) if was_transferred else (False,):
            if (reply := self._replies.pop(is_forced, None)) is not None:
                reply.set(answer)

    def fail(self, error: AssetError) -> None:
        """Tell everybody who waits that there is no path.

        Args:
            error: Why. It may be shared with other flights: what is particular of this one goes on a copy.
        """
        error = copy.copy(error)
        error.asset_name = error.asset_name or self.config.name
        if len(self.attempts) > 1:
            error.attempts = tuple(self.attempts)
        replies, self._replies = self._replies, {}
        for reply in replies.values():
            reply.set_exception((type(error), error, None))
