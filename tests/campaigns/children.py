"""The children that a worker forks for a campaign, which sends them signals."""

import os
from collections.abc import Callable


class Children:
    """Forked children. An ended one keeps its pid until it is buried: a signal must not hit somebody else.

    Attributes:
        pids: Of those that are not buried.
    """

    def __init__(self) -> None:
        self.pids: list[int] = []

    def fork(self, work: Callable[[], None], on_error: Callable[[BaseException], None]) -> None:
        """Have a child do something, and end.

        Args:
            work: What it does.
            on_error: Called, in the child, with what ended it.
        """
        child_id = os.fork()
        if child_id:
            self.pids.append(child_id)
            return
        status = 1
        try:
            work()
            status = 0
        except BaseException as error:  # noqa: BLE001 - whatever it is, it ends the child
            on_error(error)
        os._exit(status)

    def wait(self) -> list[int]:
        """Wait until all have ended; the exit status of each, or minus the signal's number."""
        return [_ended(pid) for pid in self.pids]

    def bury(self) -> None:
        """Give the pids of all back to the system."""
        while self.pids:
            os.waitpid(self.pids.pop(), 0)


def _ended(pid: int) -> int:
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert ended is not None
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
