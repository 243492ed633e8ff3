"""A program that has closed its standard error, as a daemon does: there, to log an error is one more."""

import io
import logging
import sys

import pytest


def break_log(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Have a logger write to what is closed, where a handler's complaint fails as its record does.

    Args:
        monkeypatch: The test's.
        name: Of the logger.
    """
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    monkeypatch.setattr(logging.getLogger(name), "handlers", [logging.StreamHandler(closed)])
