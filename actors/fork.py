"""What becomes of actors in a forked child. It has their objects but not their threads: they stay behind."""

import os
import threading
import weakref
from typing import Any

import pykka

from openmas_assets.actors.reply import Reply, stayed_behind

# Those that may be running in this process. An actor that has ended goes with its thread.
_actors: "weakref.WeakSet[pykka.Actor]" = weakref.WeakSet()


class _NobodysInbox:
    """What stands in a child where the inbox of its parent's actor was. Whoever asks is told at once."""

    def __init__(self) -> None:
        self._process_id = os.getppid()

    def put(self, envelope: Any) -> None:
        reply = envelope.reply_to
        if not isinstance(reply, Reply):
            raise stayed_behind("the actor", self._process_id)
        error = stayed_behind(reply.asked, self._process_id)
        reply.set_exception((type(error), error, None))

    def get(self) -> Any:  # pragma: no cover - a child without its main thread saves no figures
        raise SystemExit  # it was the actor's own thread that has forked, and now it runs a second time

    def empty(self) -> bool:  # pragma: no cover - as `get`
        return True


def stays_behind(actor: pykka.Actor) -> None:
    """Have those told who ask an actor in a forked child. Its parent is not disturbed.

    Args:
        actor: It is about to start.
    """
    _actors.add(actor)


def _leave_behind() -> None:
    # A thread that is not here may have held it; new actors register in the child.
    pykka.ActorRegistry._actor_refs_lock = threading.RLock()  # noqa: SLF001 - pykka knows nothing of forks
    for actor in list(_actors):
        actor.actor_inbox = actor.actor_ref.actor_inbox = _NobodysInbox()
    _actors.clear()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork either
    os.register_at_fork(after_in_child=_leave_behind)
