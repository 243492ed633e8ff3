"""One answer that many wait for, each with a reply of their own."""

from typing import Generic, TypeVar, cast

from openmas_assets.actors.reply import Outcome, Reply

T = TypeVar("T")


class SharedReply(Reply[T], Generic[T]):
    """What an actor returns to each of many who ask for the same.

    Whoever asks has a reply of their own, which follows this one and may be cancelled alone. When the last is
    cancelled, this one is.
    """

    __slots__ = ("_followers",)

    def __init__(self) -> None:
        super().__init__()
        # A dictionary, so that thousands may leave one by one.
        self._followers: dict[Reply[T], None] | None = {}

    def admit(self) -> bool:
        """Count one more who is going to follow. The actor's thread, before it returns this reply.

        Returns:
            False if there is nothing to wait for any more: it is settled, or the last one has just left.
        """
        with self._lock:
            if self._outcome is None:
                self._waiting_count += 1
            return self._outcome is None

    def add_follower(self, follower: Reply[T]) -> None:
        """As in `Reply`. It was admitted before.

        Args:
            follower: The other one.
        """
        with self._lock:
            if self._followers is not None:
                self._followers[follower] = None
                return
        follower.adopt(self)

    def remove_follower(self, follower: Reply[T]) -> None:
        """As in `Reply`: the last to leave cancels this reply.

        Args:
            follower: The other one.
        """
        with self._lock:
            if self._followers is not None:
                self._followers.pop(follower, None)
            self._waiting_count -= 1
            is_last = self._waiting_count == 0
        if is_last:
            self.cancel()

    def settle(self, outcome: Outcome, *, is_cancelled: bool = False) -> None:
        """As in `Reply`, and those who follow.

        Args:
            outcome: The answer, or the error in its place.
            is_cancelled: Whether nobody waits for it any more.
        """
        super().settle(outcome, is_cancelled=is_cancelled)
        with self._lock:
            followers, self._followers = self._followers, None
        for follower in followers or ():
            follower.settle(cast("Outcome", self._outcome))
