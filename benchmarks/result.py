"""A result: one line of the table, and how it is written."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Unit = Literal["s", "ms", "us", "MiB", "B", ""]

_LINE = "{:<9} {:<46} {:>10} {:>10} {:>6} {:>9}  {}"
_ROUNDED_FROM = 100


@dataclass(frozen=True)
class Result:
    """What was measured, and whether that meets the issue's target.

    Attributes:
        row: The benchmark it belongs to, as `--rows` names it.
        what: What was measured.
        ours: The figure of ours: a median, in `unit`.
        unit: Of `ours`, of `reference`, and of `limit` where there is no reference; empty for a count.
        limit: What the ratio, or `ours` where there is no reference, may be at the most; None for a figure
            that is only told.
        reference: The figure that ours is compared with.
        ratio: The median of the pairs' ratios, ours by the reference; None without a reference.
    """

    row: str
    what: str
    ours: float
    unit: Unit
    limit: float | None
    reference: float | None = None
    ratio: float | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.limit is None:
            return None
        return (self.ours if self.ratio is None else self.ratio) <= self.limit

    @property
    def line(self) -> str:
        """The line of the table, at most 100 columns wide."""
        limit_unit = self.unit if self.ratio is None else "x"
        return _LINE.format(
            self.row,
            self.what,
            _figure(self.ours, self.unit),
            "-" if self.reference is None else _figure(self.reference, self.unit),
            "-" if self.ratio is None else _number(self.ratio),
            "-" if self.limit is None else f"{self.limit:g} {limit_unit}".strip(),
            {True: "yes", False: "NO", None: "-"}[self.is_met],
        ).rstrip()


@dataclass(frozen=True)
class Unmeasured:
    """A benchmark that has no result.

    Attributes:
        row: The benchmark, as `--rows` names it.
        reason: Why.
        is_failed: Whether it was tried and failed; else it was skipped.
    """

    row: str
    reason: str
    is_failed: bool = False

    @property
    def line(self) -> str:
        """The line of the table."""
        return f"{self.row:<9} {'FAILED' if self.is_failed else 'skipped'}: {self.reason}"


HEADING = _LINE.format("row", "what", "ours", "reference", "ratio", "limit", "met")
"""The first line of the table."""


def compared(  # noqa: PLR0913 - a line has as many columns
    row: str,
    what: str,
    pairs: Sequence[tuple[float, float]],
    *,
    unit: Unit,
    limit: float | None,
    scale: float = 1,
) -> Result:
    """Make the result of pairs of measurements.

    Args:
        row: See `Result`.
        what: See `Result`.
        pairs: Ours and the reference, measured one right after the other.
        unit: See `Result`.
        limit: See `Result`.
        scale: What a measured figure is multiplied with to be in `unit`.
    """
    ours, reference = (statistics.median(column) * scale for column in zip(*pairs, strict=True))
    ratio = statistics.median(our / other for our, other in pairs)
    return Result(row, what, ours, unit, limit, reference=reference, ratio=ratio)


def _figure(value: float, unit: Unit) -> str:
    return (f"{value:,.0f} {unit}" if unit in ("", "B") else f"{_number(value)} {unit}").strip()


def _number(value: float) -> str:
    # Two decimals of a large number say nothing, and would not fit.
    return f"{value:,.2f}" if value < _ROUNDED_FROM else f"{value:,.0f}"
