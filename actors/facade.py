"""What the facades have in common: asking an actor, and opening and closing."""

import contextlib
import os
import threading
from types import TracebackType
from typing import Any, Self, cast

import pykka

from openmas_assets.actors.reply import Reply, stayed_behind


class Facade:
    """A handle on an actor, for any thread and any event loop of the process that has opened it.

    Its actors run in daemon threads; close it with `close`, `with` or `async with`. A program that forgets to
    may still exit. In a forked child, which has none of these threads, whoever asks gets an error that says
    so, and to close it does nothing.

    Args:
        actor_ref: The actor, already running.

    Attributes:
        actor_ref: The actor, for other actors of pykka.
    """

    def __init__(self, actor_ref: pykka.ActorRef[Any]) -> None:
        self.actor_ref = actor_ref
        self._process_id = os.getpid()
        # Whoever interrupts `close` with a signal handler that closes as well must not wait for himself.
        self._close_lock = threading.RLock()
        self._is_closed = False

    def close(self) -> None:
        """Stop: every waiter gets an error. Idempotent; whoever comes second waits for the first.

        Any thread but the actors' own, so not from a done-callback of a reply.
        """
        if self._is_forked:  # and a thread that is not here may hold the lock
            return
        with self._close_lock:
            if not self._is_closed:
                self._is_closed = True
                self._close()

    def _close(self) -> None:
        with contextlib.suppress(pykka.ActorDeadError):
            self.actor_ref.stop()

    @property
    def _is_forked(self) -> bool:
        return self._process_id != os.getpid()

    def _refuse_if_forked(self, asked: str) -> None:
        """For what changes the facade and asks nobody.

        Args:
            asked: Whose facade it is, such as `the asset store`.

        Raises:
            AssetError: This is a forked child.
        """
        if self._is_forked:
            raise stayed_behind(asked, self._process_id)

    def _ask(self, command: object) -> Reply[Any]:
        """Send a command. Never blocks; any thread."""
        reply = cast("Reply[Any]", self.actor_ref.ask(command, block=False))
        if not self.actor_ref.is_alive():
            # It may have stopped between the look whether it lives and the message's arrival, and then nobody
            # would answer. If it has answered, the first answer stands.
            reply.set_exception((pykka.ActorDeadError, pykka.ActorDeadError(), None))
        return reply

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A thread of its own: those of `asyncio.to_thread` may all be waiting for answers that `close` gives.
        closed: Reply[None] = Reply()

        def close() -> None:
            try:
                self.close()
            finally:
                closed.set()

        threading.Thread(target=close, name=f"{type(self).__name__}-close", daemon=True).start()
        await closed
