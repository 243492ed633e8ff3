"""Absence: what a look-up answers where nothing is; None may be a value."""

from typing import Final

ABSENT: Final = object()
"""Nothing is there. Compare with `is`."""
