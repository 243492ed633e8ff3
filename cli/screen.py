"""The screen: the one place that writes to the terminal, so that lines and progress bars do not collide."""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from typing import Any

import click

from openmas_assets.cli.text import printable_lines

DEBUG_VARIABLE = "OPENMAS_ASSETS_DEBUG"
"""The environment variable that asks for tracebacks and debug logs."""


def say(text: str | bytes = "") -> None:
    """Write a line of the command's result to standard output.

    Args:
        text: The line. Bytes are written as they are, for paths.
    """
    with _bars_aside():
        click.echo(text)


def note(text: str) -> None:
    """Write a line for people to standard error.

    Args:
        text: The line or lines, printable.
    """
    with _bars_aside():
        click.echo(text, err=True)


def is_debugging() -> bool:
    """Whether the user wants tracebacks and debug logs."""
    return bool(os.environ.get(DEBUG_VARIABLE))


def is_terminal(stream: Any) -> bool:
    """Whether somebody looks at a stream; one that is closed (`>&-`) has nobody.

    Args:
        stream: `sys.stdout` or `sys.stderr`.
    """
    return stream is not None and stream.isatty()


def is_coloured() -> bool:
    """Whether standard output takes colour: it is a terminal, and nobody said NO_COLOR (https://no-color.org)."""
    return is_terminal(sys.stdout) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def coloured(text: str, colour: str | None) -> str:
    """The text in a colour, where standard output takes colour.

    Args:
        text: The text.
        colour: As click names it; None for none.
    """
    return click.style(text, fg=colour) if colour is not None and is_coloured() else text


@contextlib.contextmanager
def logs_on_standard_error() -> Iterator[None]:
    """While in this context, our logs are plain lines on standard error.

    Where bars show how transfers go, only warnings; else their progress too. Of a crashed actor, which pykka
    logs with a traceback, one line.
    """
    handler = _LineHandler()
    ours, pykka = logging.getLogger("openmas_assets"), logging.getLogger("pykka")
    level = logging.WARNING if is_terminal(sys.stderr) else logging.INFO
    before = [(logger, logger.level, logger.propagate) for logger in (ours, pykka)]
    ours.setLevel(logging.DEBUG if is_debugging() else level)
    pykka.setLevel(logging.ERROR)
    for logger in (ours, pykka):
        logger.addHandler(handler)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, old_level, was_propagated in before:
            logger.removeHandler(handler)
            logger.setLevel(old_level)
            logger.propagate = was_propagated


class _LineHandler(logging.Handler):
    """Writes a line for each record; a traceback only for those who asked for it."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            note(self.format(record))
        except Exception:  # noqa: BLE001 - what logging wants a handler to do
            self.handleError(record)

    def format(self, record: logging.LogRecord) -> str:
        level = f"{record.levelname.capitalize()}: " if record.levelno >= logging.WARNING else ""
        if is_debugging():
            return printable_lines(level + super().format(record))
        text = record.getMessage().removesuffix(":")
        hint = f" ({DEBUG_VARIABLE}=1 shows the traceback)" if record.exc_info else ""
        return printable_lines(f"{level}{text}{hint}")


@contextlib.contextmanager
def _bars_aside() -> Iterator[None]:
    """Clear the progress bars while something is written, and draw them again below it."""
    if "tqdm" not in sys.modules or not is_terminal(sys.stderr):
        yield
        return
    from tqdm import tqdm

    with tqdm.external_write_mode(file=sys.stderr):
        yield
