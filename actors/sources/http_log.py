"""Keeps what URLs hide in their queries out of the logs of the libraries below."""

import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import Any

_TALKATIVE_LOGGERS = (
    "urllib3.connection",
    "urllib3.connectionpool",
    "urllib3.poolmanager",
    "urllib3.util.retry",
)

_this_thread = threading.local()


def hide_queries() -> None:
    """Filter urllib3's records of requests that are ours; again does nothing."""
    for name in _TALKATIVE_LOGGERS:
        logging.getLogger(name).addFilter(_hide_queries)


@contextlib.contextmanager
def as_ours() -> Iterator[None]:
    """In this context what the calling thread has logged is ours."""
    _this_thread.is_ours = True
    try:
        yield
    finally:
        _this_thread.is_ours = False


def _hide_queries(record: logging.LogRecord) -> bool:
    """A filter for urllib3's loggers, which name paths with their queries; other libraries' requests pass.

    Only numbers and text up to a `?` are left of a record.
    """
    if getattr(_this_thread, "is_ours", False) and isinstance(record.args, tuple):
        record.args = tuple(_harmless(argument) for argument in record.args)
        record.exc_info = record.exc_text = None
    return True


def _harmless(argument: Any) -> Any:
    if isinstance(argument, str):
        return argument.partition("?")[0]
    return argument if isinstance(argument, int | float | None) else type(argument).__name__
