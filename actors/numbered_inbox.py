"""An inbox that tells which messages had arrived at a given moment."""

import queue
from typing import Any


class NumberedInbox(queue.SimpleQueue[Any]):
    """Numbers its messages from 1, in the order in which they arrive.

    Attributes:
        current: The number of the message that was taken last: the one that its actor works on.
    """

    def __init__(self) -> None:
        self.current = 0

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Take the next message. Blocks until there is one; the actor's own thread.

        Args:
            block: See `queue.SimpleQueue`.
            timeout: See `queue.SimpleQueue`, in seconds.
        """
        message = super().get(block, timeout)
        self.current += 1
        return message

    @property
    def newest(self) -> int:
        """The number of the last one that has arrived. The actor's own thread."""
        return self.current + self.qsize()
