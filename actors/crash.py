"""A crash: an actor ended by a bug, put into words for those whose request was lost in it."""

import contextlib
import logging

from openmas_assets.messages.errors import AssetError

logger = logging.getLogger("openmas_assets")


def crash_cause(error: BaseException | None) -> str:
    """What crashed an actor, in a few words.

    Args:
        error: The exception. Its text is not trusted to exist: somebody would wait forever if the news of a
            crash crashed as well.
    """
    name = type(error).__name__
    try:
        return f"{name}: {error}"
    except Exception:  # noqa: BLE001 - whatever a `__str__` may raise
        return name


def crash_error(role: str, cause: str) -> AssetError:
    """What those are told who wait for an actor that has crashed.

    Args:
        role: Who crashed, such as `the asset manager`.
        cause: See `crash_cause`.
    """
    return AssetError(
        f"{role} crashed: {cause}",
        fix="This is a bug in openmas-assets; the log has the traceback, please report it.",
    )


def log_bug(what: str, error: BaseException) -> None:
    """Log a bug. Never raises: work goes on where no log can be written.

    Args:
        what: What failed, as a clause.
        error: What it raised.
    """
    with contextlib.suppress(Exception):  # a closed standard error, or a handler of somebody else's
        logger.error(what, exc_info=error)
