"""The future of our actors: for threads, for asyncio, and for other actors."""

import concurrent.futures
import contextlib
import copy
import os
import sys
import threading
import time
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any, ClassVar, Generic, TypeVar, cast

import pykka

from openmas_assets.actors.crash import log_bug
from openmas_assets.actors.gate import Gate, take_gate
from openmas_assets.actors.loop_waker import Sleeper, sleeper
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.manager import AssetFailed

T = TypeVar("T")
U = TypeVar("U")
Outcome = tuple[Any, "_ExcInfo | None"]
"""How a reply was settled: the answer, or the error in its place."""

_ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


class ActorClosedError(AssetError, pykka.ActorDeadError):
    """The actor that was asked has stopped: closed, or crashed by a bug."""

    def __init__(
        self,
        problem: str = "the asset manager is closed",
        *,
        fix: str = "Open a new one, or ask before closing it.",
    ) -> None:
        super().__init__(problem, fix=fix)


def stayed_behind(asked: str, process_id: int) -> ActorClosedError:
    """What whoever asks is told in a forked child, which has none of its parent's threads.

    Args:
        asked: Who was asked, such as `the asset manager`.
        process_id: Where that runs.
    """
    return ActorClosedError(
        f"{asked} runs in process {process_id}, of which this one is a fork",
        fix="Open another one in this process.",
    )


_process_id = os.getpid()


def _note_fork() -> None:
    global _process_id  # noqa: PLW0603 - each reply looks at it, and nothing is quicker to look at
    _process_id = os.getpid()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork either
    os.register_at_fork(after_in_child=_note_fork)


class Reply(pykka.ThreadingFuture[T], Generic[T]):
    """An answer that is there now or will be.

    A thread calls `get(timeout=…)`, a coroutine `await`s, an actor has it piped to its own inbox. No
    thread is spent on a waiter: whoever settles the reply runs its callbacks.

    It differs from `pykka.ThreadingFuture` in that

    * the first answer wins and later ones are dropped, so that a cancelled reply can still be answered;
    * a reply that is set to another reply follows that one: an actor answers later by returning a `Reply`;
    * awaiting does not block the event loop;
    * a dead actor's `ActorDeadError` arrives as an `AssetError` ("closed");
    * each `get` and `await` that fails raises an instance of its own of an `AssetError`.

    It keeps none of that class's state, and its own in slots: two locks and a dictionary less for each
    waiter, and a round trip is quicker.

    What pykka derives from a reply (by `map`, `filter`, `join`, `reduce`, `ActorRef.stop(block=False)`) asks
    when it is asked: it can be awaited too, which costs a thread, and cannot be cancelled.

    Attributes:
        is_cancelled: Whether whoever waited has given up.
        asked: Who answers, for the error that says it is closed. A subclass names another.
    """

    __slots__ = (
        "_callbacks",
        "_followed",
        "_lock",
        "_outcome",
        "_process_id",
        "_waiting_count",
        "is_cancelled",
    )

    asked: ClassVar[str] = "the asset manager"
    # What `pykka.Future.__init__` would set; only a derived reply has use for it.
    _get_hook: Callable[[float | None], T] | None = None

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process_id = _process_id
        self._outcome: Outcome | None = None
        self._callbacks: list[Callable[[Reply[T]], object]] | None = None  # until there is one
        self._waiting_count = 0
        self._followed: Reply[T] | None = None
        self.is_cancelled = False

    @classmethod
    def failed(cls, error: Exception) -> "Reply[T]":
        """A reply that is settled with an error already.

        Args:
            error: What `get` and `await` will raise.
        """
        reply = cls()
        reply.set_exception((type(error), error, None))
        return reply

    @property
    def is_done(self) -> bool:
        """Whether the answer, an error or a cancellation is there."""
        self._fail_if_forked()
        return self._outcome is not None

    def get(self, *, timeout: float | None = None) -> T:
        """Wait for the answer. Blocks; for threads other than an event loop's or an actor's.

        Args:
            timeout: How many seconds to wait at the most; None for as long as it takes. Whoever runs out of
                time has not given up: the answer may still be got. To give up, `cancel`.

        Raises:
            pykka.Timeout: There is no answer yet.
            AssetError: What stands in the answer's place.
            concurrent.futures.CancelledError: This very reply was cancelled.
        """
        if self._outcome is None:
            if self._get_hook is not None:
                return pykka.Future.get(self, timeout=timeout)
            self._wait(timeout)
        value, exc_info = cast("Outcome", self._outcome)
        if exc_info is None:
            return cast("T", value)
        kind, error, traceback = exc_info
        if isinstance(error, AssetError):
            error, traceback = copy.copy(error), None
        elif error is None:
            error = cast("type[BaseException]", kind)()
        try:
            raise error.with_traceback(traceback)
        finally:
            del error, exc_info  # the traceback holds this frame

    def _wait(self, timeout: float | None) -> None:
        if self._process_id != _process_id:
            self._fail_if_forked()
        gate = take_gate()
        with self._lock:
            if self._outcome is not None:
                gate.leave()
                return
            self._remember(gate.open)
            self._waiting_count += 1
        try:
            self._wait_at(gate, timeout)
        finally:
            if self._outcome is None:
                self._leave()
                with self._lock:
                    if self._callbacks and gate.open in self._callbacks:  # pragma: no branch - settled now
                        self._callbacks.remove(gate.open)
            gate.leave()

    def _wait_at(self, gate: Gate, timeout: float | None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._outcome is None:
            seconds = None if deadline is None else deadline - time.monotonic()
            if seconds is not None and seconds <= 0:
                raise pykka.Timeout(f"{timeout} seconds")
            gate.wait(seconds)

    def set(self, value: Any = None) -> None:
        """Settle with an answer, or follow `value` where that is a reply itself. Any thread.

        Args:
            value: The answer.
        """
        if isinstance(value, Reply):
            self._follow(value)
        else:
            self.settle((value, None))

    def set_exception(self, exc_info: _ExcInfo | None = None) -> None:
        """Settle with an error. Any thread.

        Args:
            exc_info: As of `sys.exc_info()`; the exception being handled where it is None.
        """
        exc_info = exc_info or sys.exc_info()
        error = exc_info[1]
        if isinstance(error, AssetError):
            # An instance of its own for each waiter: a shared one would collect every waiter's traceback.
            exc_info = (type(error), copy.copy(error), None)
        elif isinstance(error, pykka.ActorDeadError):
            exc_info = (ActorClosedError, ActorClosedError(f"{self.asked} is closed"), None)
        self.settle((None, exc_info))

    def set_get_hook(self, func: "Callable[[float | None], T]") -> None:
        """Have the answer asked for when it is asked for. What pykka derives from a reply works so.

        Args:
            func: Gets the timeout in seconds, returns the answer.
        """
        pykka.Future.__init__(self)
        pykka.Future.set_get_hook(self, func)

    def cancel(self) -> bool:
        """Give up waiting: whoever works for this reply alone may stop. Never blocks; any thread.

        Returns:
            Whether it is cancelled; False if there was an answer before.
        """
        self._fail_if_forked()
        error = concurrent.futures.CancelledError()
        self.settle((None, (type(error), error, None)), is_cancelled=True)
        # `_follow` looks at these two in the other order, so that one of both sees the other's change.
        if self.is_cancelled and self._followed is not None:
            self._stop_following()
        return self.is_cancelled

    def add_done_callback(self, callback: "Callable[[Reply[T]], object]") -> None:
        """Have `callback(reply)` called once the reply is settled; now, if it is.

        Args:
            callback: Runs in the thread that settles the reply, usually an actor's, and so must not block.
                What it raises is logged.
        """
        if self._get_hook is not None:
            self._asked_in_thread().add_done_callback(callback)
            return
        self._fail_if_forked()
        with self._lock:
            if self._outcome is None:
                self._remember(callback)
                return
        self._call(callback)

    def then(self, work: "Callable[[T], U | Reply[U]]") -> "Reply[U]":
        """The reply that is settled with `work(answer)` once the answer is there, or with its error.

        Args:
            work: Runs in the thread that settles this reply, usually an actor's, and so must not block. May
                return another reply, which is then followed.

        Returns:
            Another reply. To cancel it cancels this one.
        """
        result: Reply[U] = Reply()

        def settle(reply: Reply[T]) -> None:
            try:
                result.set(work(reply.get()))
            except Exception as error:  # noqa: BLE001 - whatever it is, it stands in the answer's place
                result.set_exception((type(error), error, error.__traceback__))

        self.add_done_callback(settle)
        result.add_done_callback(lambda reply: reply.is_cancelled and self.cancel())
        return result

    def pipe_to(self, actor_ref: pykka.ActorRef[Any]) -> None:
        """Have the answer told to an actor; an error arrives as an `AssetFailed`.

        This is how an actor asks without blocking its own inbox. A dead actor is not told, and nobody is
        told that the reply was cancelled.

        Args:
            actor_ref: Who is told.
        """

        def tell(reply: Reply[T]) -> None:
            try:
                answer: Any = reply.get()
            except concurrent.futures.CancelledError:
                return
            except AssetError as error:
                answer = AssetFailed(name=error.asset_name, error=error)
            except Exception as error:  # noqa: BLE001 - a bug of who was asked: who asked is told, not stopped
                answer = AssetFailed(name=None, error=AssetError(f"a bug: {type(error).__name__}: {error}"))
            with contextlib.suppress(pykka.ActorDeadError):
                actor_ref.tell(answer)

        self.add_done_callback(tell)

    def __await__(self) -> Generator[Any, None, T]:
        if self._outcome is None:
            one = sleeper()
            self._wake_when_done(one)
            try:
                yield from one.future
            except GeneratorExit:  # the coroutine was thrown away, which takes nothing back
                self._leave()
                raise
            except BaseException:
                # Several may wait for one reply; only the last to leave takes the request back.
                if self._leave() == 0:
                    self.cancel()
                raise
        return self.get(timeout=0)

    def _wake_when_done(self, one: Sleeper) -> None:
        if self._process_id != _process_id:
            self._fail_if_forked()
        with self._lock:
            self._waiting_count += 1
            if self._outcome is None and self._get_hook is None:
                self._remember(one)
                return
        self.add_done_callback(one)

    def _fail_if_forked(self) -> None:
        """In a forked child: who was asked before the fork answers in the parent only."""
        if self._process_id == _process_id:
            return
        error = stayed_behind(self.asked, self._process_id)
        # A thread that is not here may have held the lock. Whom the callbacks tell is not here either.
        self._process_id, self._lock, self._callbacks = _process_id, threading.Lock(), None
        self.settle((None, (type(error), error, None)))

    def _leave(self) -> int:
        """Note that one who waited does so no more; how many are left."""
        self._fail_if_forked()
        with self._lock:
            self._waiting_count -= 1
            return self._waiting_count

    def _follow(self, other: "Reply[T]") -> None:
        self._followed = other
        other.add_follower(self)
        if self.is_cancelled:  # before the actor came to answer
            self._stop_following()

    def _stop_following(self) -> None:
        with self._lock:  # once: who is followed by many counts them
            followed, self._followed = self._followed, None
        if followed is not None:  # pragma: no branch - cancelled twice in one moment
            followed.remove_follower(self)

    def add_follower(self, follower: "Reply[T]") -> None:
        """Settle another reply as this one is settled. Called by that one.

        Args:
            follower: The other one.
        """
        self.add_done_callback(follower.adopt)

    def remove_follower(self, follower: "Reply[T]") -> None:  # noqa: ARG002 - a subclass has more than one
        """Note that whoever waited for it by another reply has given up. Called by that one, once.

        Args:
            follower: The other one.
        """
        self.cancel()

    def adopt(self, other: "Reply[T]") -> None:
        """Settle as another reply is settled. Blocks until it is; any thread.

        Args:
            other: The other one.
        """
        try:
            self.set(other.get())
        except Exception as error:  # noqa: BLE001 - whatever the answer is, it is passed on
            self.set_exception((type(error), error, error.__traceback__))

    def settle(self, outcome: Outcome, *, is_cancelled: bool = False) -> None:
        """Settle with what another reply was settled with. Any thread.

        Args:
            outcome: The answer, or the error in its place.
            is_cancelled: Whether nobody waits for it any more.
        """
        with self._lock:
            if self._outcome is not None or self._get_hook is not None:
                return
            self._outcome = outcome
            self.is_cancelled = is_cancelled
            callbacks, self._callbacks = self._callbacks, None
        for callback in callbacks or ():
            self._call(callback)

    def _remember(self, callback: "Callable[[Reply[T]], object]") -> None:
        if self._callbacks is None:
            self._callbacks = [callback]
        else:
            self._callbacks.append(callback)

    def _call(self, callback: "Callable[[Reply[T]], object]") -> None:
        try:
            callback(self)
        except BaseException as error:  # noqa: BLE001
            # It runs in an actor's thread, and others wait: somebody else's bug, or exit, must not end it.
            log_bug("a done-callback of a reply failed", error)

    def _asked_in_thread(self) -> "Reply[T]":
        """For a derived reply, which nobody settles: its answer has to be asked for, and that blocks."""
        reply: Reply[T] = Reply()
        threading.Thread(target=reply.adopt, args=[self], name="reply-asked", daemon=True).start()
        return reply
