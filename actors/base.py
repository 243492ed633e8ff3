"""What all our actors have in common."""

import contextlib
import logging
import queue
import sys
from types import TracebackType
from typing import Any

import pykka

from openmas_assets.actors.crash import crash_cause
from openmas_assets.actors.fork import stays_behind
from openmas_assets.actors.reply import Reply
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.supervision import WorkerGone

logger = logging.getLogger("openmas_assets")


class AssetActor(pykka.ThreadingActor):
    """An actor that answers with a `Reply`, and an expected failure with an `AssetError`.

    A subclass handles its protocol in `_receive`, one `match` whose last arm is `self._on_unknown(message)`.
    """

    # A program that forgets `close()` must still exit. What a thread that is cut off at exit leaves behind is
    # what a kill leaves behind, and the next run heals that.
    use_daemon_thread = True

    @staticmethod
    def _create_actor_inbox() -> "queue.SimpleQueue[Any]":
        # It is written in C and holds no locks of Python: a round trip is a fifth quicker than with pykka's.
        return queue.SimpleQueue()

    @staticmethod
    def _create_future() -> Reply[Any]:
        return Reply()

    def _start_actor_loop(self) -> None:
        try:
            stays_behind(self)
            super()._start_actor_loop()
        except BaseException:
            # There is no thread left, perhaps. pykka has registered the actor already, and
            # `ActorRegistry.stop_all()` would wait forever for one that never ran.
            self._leave()
            raise

    def _actor_loop(self) -> None:
        try:
            super()._actor_loop()
        except BaseException:  # noqa: BLE001 - whatever ends the thread, those who wait are told
            self._handle_failure(*sys.exc_info())
            self.on_failure(*sys.exc_info())
            self._actor_loop_teardown()

    def _handle_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Where standard error is closed, to log an error is one more; those who wait are told all the same.
        with contextlib.suppress(Exception):
            super()._handle_failure(exception_type, exception_value, traceback)
        self._leave()

    def _leave(self) -> None:
        pykka.ActorRegistry.unregister(self.actor_ref)
        self.actor_stopped.set()

    def _stop(self) -> None:
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, Exception):
            raise error  # pykka would go on to stop every actor of the process
        super()._stop()

    def on_receive(self, message: Any) -> Any:
        """Handle one message, in the actor's own thread.

        Args:
            message: A message of the actor's protocol.

        Returns:
            The answer, or a `Reply` that will be settled with it. An `AssetError` of a handler becomes the
            answer and is no crash, so that a `tell` of a bad request cannot stop the actor.

        Raises:
            RuntimeError: In the place of what would end a thread or the program: pykka would answer nobody
                who has asked, and stop every actor of the process.
        """
        try:
            return self._receive(message)
        except AssetError as error:
            return Reply.failed(error)
        except Exception:
            raise
        except BaseException as error:
            raise RuntimeError(f"an actor does not exit: {crash_cause(error)}") from error

    def _receive(self, message: Any) -> Any:
        raise NotImplementedError

    def _on_unknown(self, message: Any) -> Any:
        name = type(self).__name__
        logger.warning("%s does not understand a %s, dropped it", name, type(message).__name__)
        raise AssetError(f"{name} does not understand a message of type {type(message).__name__}")


class WorkerActor(AssetActor):
    """An actor with a supervisor, which it tells when it ends, however it ends.

    Args:
        supervisor_ref: Whom to tell; it gets a `WorkerGone`.
    """

    def __init__(self, supervisor_ref: pykka.ActorRef[Any]) -> None:
        super().__init__()
        self._supervisor_ref = supervisor_ref

    def on_stop(self) -> None:
        """Tell the supervisor that this worker was stopped. The actor's own thread."""
        self._tell_supervisor(WorkerGone(worker_urn=self.actor_urn))

    def on_failure(
        self,
        exception_type: type[BaseException] | None,  # noqa: ARG002 - pykka's signature
        exception_value: BaseException | None,
        traceback: TracebackType | None,  # noqa: ARG002 - pykka's signature
    ) -> None:
        """Tell the supervisor that a bug has ended this worker. The actor's own thread."""
        self._tell_supervisor(WorkerGone(worker_urn=self.actor_urn, cause=crash_cause(exception_value)))

    def _tell_supervisor(self, message: Any) -> None:
        # A supervisor that is gone has answered its waiters and needs no more news.
        with contextlib.suppress(pykka.ActorDeadError):
            self._supervisor_ref.tell(message)
