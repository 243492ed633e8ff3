"""What supervising actors are told about their workers, their waiters and the passing of time."""

from openmas_assets.messages.base import Message


class WorkerGone(Message):
    """A worker has ended: stopped, or crashed by a bug.

    Attributes:
        worker_urn: The pykka URN of the worker.
        cause: The exception that ended it, as text; None where it was stopped.
    """

    worker_urn: str
    cause: str | None = None


class WaiterGone(Message):
    """The last of those who waited for an asset has given up; others may have come since.

    Attributes:
        key: The asset's key.
    """

    key: str


class WaitOver(Message):
    """The pause before the next attempt at a job is over.

    Attributes:
        job_id: The job that paused.
    """

    job_id: int


SupervisionEvent = WorkerGone | WaiterGone | WaitOver
