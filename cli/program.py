"""A program: a click group as a console script, with our exit codes, signals, logs and error texts."""

import contextlib
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

import click

from openmas_assets.cli.screen import DEBUG_VARIABLE, is_debugging, is_terminal, logs_on_standard_error, note
from openmas_assets.cli.stop import Stopped, stoppable
from openmas_assets.cli.text import printable_lines

_FAILURE = 1
_BUG = 70  # EX_SOFTWARE of sysexits.h


class HandOver:
    """What a command returns to have another program take its place.

    Args:
        run: Does not return.
    """

    def __init__(self, run: Callable[[], NoReturn]) -> None:
        self.run = run


class Program(click.Group):
    """A group that can be the whole program. As a subgroup of another it behaves like any group."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run, and exit.

        With 0; 1 if something failed; 2 for wrong usage; 70 for a bug; 128 + N if signal N stopped it.

        Args:
            args: As click's.
            extra: As click's.
        """
        outcome = _outcome(lambda: super(Program, self).main(*args, **{**extra, "standalone_mode": False}))
        if isinstance(outcome, HandOver):
            outcome.run()
        sys.exit(outcome)


def fail(error: Exception) -> None:
    """Show an error that somebody can do something about.

    Args:
        error: Its text says what.
    """
    note(f"Error: {printable_lines(str(error))}")


def _outcome(run: Callable[[], Any]) -> HandOver | int:
    """What a run comes to; click itself ends it quietly when the reader of a pipe has left."""
    # A terminal that knows ASCII only gets escapes instead of a crash.
    with contextlib.suppress(AttributeError):
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr] # AttributeError is meant
    try:
        with stoppable(), logs_on_standard_error():
            return run() or 0
    except Stopped as stop:
        # The terminal has shown ^C and left the cursor behind it.
        note(f"\n{stop}" if is_terminal(sys.stderr) else str(stop))
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the last one who can say it to people
        return _failure(error)


def _failure(error: Exception) -> int:
    # Imported here: without a failure, `--help` and `--version` get by without pydantic.
    from openmas_assets.messages.errors import AssetError

    if isinstance(error, AssetError):
        fail(error)
        return _FAILURE
    if isinstance(error, OSError):
        note(f"Error: the output cannot be written: {error.strerror}")
        return _FAILURE
    if is_debugging():
        traceback.print_exception(error)
    # Not its text: nobody has looked whether that holds a secret.
    note(f"Error: a bug in openmas-assets ({type(error).__name__}); {DEBUG_VARIABLE}=1 shows the traceback")
    return _BUG
