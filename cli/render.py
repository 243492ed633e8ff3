"""How the answers of the AssetManager look: the table of `list`, its JSON, a line of `verify`."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from openmas_assets.cli.screen import coloured
from openmas_assets.cli.text import ELLIPSIS, padded, printable, shortened, size, width

if TYPE_CHECKING:
    from openmas_assets.messages.manager import AssetVerified
    from openmas_assets.messages.status import AssetStatus

_HEADINGS = ("NAME", "VERSION", "TYPE", "SOURCE", "CHECKSUM", "STATUS", "SIZE", "PATH")
_UNKNOWN = "-"
_GAP = "  "
# As many hex digits as people compare at a glance; `--json` has them all.
_CHECKSUM_COLUMNS = len("sha256:") + 8
_MIN_NAME_COLUMNS = 12
_MIN_SOURCE_COLUMNS = 24
_BELOW_LABEL_COLUMNS = len("  source  ")

_STATUS_COLOURS = {"cached": "green", "partial": "yellow", "stale": "yellow", "corrupt": "red"}
_OUTCOME_COLOURS = {"verified": "green", "failed": "red"}

_Row = dict[str, str]


class _Layout(NamedTuple):
    """Which columns stand in an asset's line, and which on a line of their own below it."""

    rows: Sequence[_Row]
    inline: Sequence[str]
    below: Sequence[str]


def assets_json(assets: Sequence["AssetStatus"]) -> str:
    """The assets as a JSON array, all ASCII, null where something is unknown.

    Args:
        assets: What to show.
    """
    return json.dumps([asset.model_dump() for asset in assets], indent=2, default=str)


def asset_table(assets: Sequence["AssetStatus"], columns: int | None) -> str:
    """The assets as a table.

    Where the terminal is too narrow for a line each, first checksums are cut, then the path and then the
    source move to a line of their own, and then names are cut. A path is never cut: it is there to be copied.

    Args:
        assets: What to show.
        columns: How wide the terminal is; None to cut nothing.
    """
    rows = [_row(asset) for asset in assets]
    layout = _Layout(rows, _HEADINGS, ()) if columns is None else _fitting(rows, columns)
    widths = _widths(layout)
    lines = [_line({heading: heading for heading in _HEADINGS}, widths)]
    for row in layout.rows:
        lines.append(_line(row, widths))
        lines += [_below(heading, row) for heading in layout.below if row[heading] != _UNKNOWN]
    return "\n".join(lines)


def verification_line(answer: "AssetVerified") -> str:
    """What `verify` found, as a line.

    Args:
        answer: What it found.
    """
    word = coloured(answer.outcome.replace("_", " "), _OUTCOME_COLOURS.get(answer.outcome))
    rest = ""
    if answer.outcome == "failed":
        rest = f": {printable(answer.detail)}"
    elif answer.outcome == "verified" and not answer.has_checksum:
        rest = " (no checksum declared; same as when downloaded)"
    return f"{printable(answer.name)}: {word}{rest}"


def _row(asset: "AssetStatus") -> _Row:
    cells = (
        asset.name,
        asset.version,
        asset.asset_type,
        asset.source,
        asset.checksum or _UNKNOWN,
        asset.status.replace("_", " "),
        size(asset.size_bytes) if asset.size_bytes is not None else _UNKNOWN,
        str(asset.path) if asset.path is not None else _UNKNOWN,
    )
    return {heading: printable(cell) for heading, cell in zip(_HEADINGS, cells, strict=True)}


def _fitting(rows: Sequence[_Row], columns: int) -> _Layout:
    """The layout that shows most within so many columns."""
    if _room(layout := _Layout(rows, _HEADINGS, ()), columns) >= 0:
        return layout
    rows = [row | {"CHECKSUM": _cut_checksum(row["CHECKSUM"])} for row in rows]
    if _room(layout := _Layout(rows, _HEADINGS, ()), columns) >= 0:
        return layout
    layout = _Layout(rows, _HEADINGS[:-1], ("PATH",))
    source_columns = _widths(layout)["SOURCE"] + _room(layout, columns)
    if source_columns >= _MIN_SOURCE_COLUMNS:
        return layout._replace(rows=_cut(rows, "SOURCE", source_columns))
    layout = _Layout(rows, [name for name in _HEADINGS[:-1] if name != "SOURCE"], ("SOURCE", "PATH"))
    name_columns = _widths(layout)["NAME"] + _room(layout, columns)
    rows = _cut(rows, "NAME", max(name_columns, _MIN_NAME_COLUMNS))
    source_columns = max(columns - _BELOW_LABEL_COLUMNS, _MIN_SOURCE_COLUMNS)
    return layout._replace(rows=_cut(rows, "SOURCE", source_columns))


def _room(layout: _Layout, columns: int) -> int:
    """How many columns are left beside a layout's lines; negative if they are too wide."""
    widths = _widths(layout).values()
    return columns - sum(widths) - len(_GAP) * (len(widths) - 1)


def _widths(layout: _Layout) -> dict[str, int]:
    return {
        heading: max([width(heading), *(width(row[heading]) for row in layout.rows)])
        for heading in layout.inline
    }


def _cut(rows: Sequence[_Row], heading: str, columns: int) -> list[_Row]:
    return [row | {heading: shortened(row[heading], columns)} for row in rows]


def _cut_checksum(checksum: str) -> str:
    return checksum if checksum == _UNKNOWN else f"{checksum[:_CHECKSUM_COLUMNS]}{ELLIPSIS}"


def _below(heading: str, row: _Row) -> str:
    return padded(f"  {heading.lower()}", _BELOW_LABEL_COLUMNS) + row[heading]


def _line(row: Mapping[str, str], widths: Mapping[str, int]) -> str:
    cells = []
    for heading, columns in widths.items():
        cell = padded(row[heading], columns, is_right=heading == "SIZE")
        colour = _STATUS_COLOURS.get(row[heading]) if heading == "STATUS" else None
        cells.append(coloured(cell, colour))
    return _GAP.join(cells).rstrip()
