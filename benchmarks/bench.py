"""How fast it is: each row of the table in `docs/performance.md`, measured on this machine.

`python benchmarks/bench.py` runs all of them, in some minutes, and prints ours, the figure it is compared
with, the ratio, the limit and whether that is met. `--rows cold,small` runs some; `--quick` only sees that
they work.
"""

import argparse
import dataclasses
import itertools
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import archive
import cold
import limited
import listing
import processes
import small
import store
import unpack
import waiters
import warm
from nginx import find_nginx
from openmas_assets.messages import AssetError
from result import HEADING, Result, Unmeasured
from workbench import Workbench

ROWS: dict[str, ModuleType] = {
    "cold": cold,
    "limited": limited,
    "small": small,
    "warm": warm,
    "waiters": waiters,
    "processes": processes,
    "unpack": unpack,
    "archive": archive,
    "list": listing,
    "store": store,
}
"""Each has `TOOLS`, the programs it needs, and `results(bench)`, which yields the lines of the table."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write JSON where that is asked for.

    Args:
        arguments: Of the command line.

    Returns:
        The exit status: 0 once everything was measured, met or not; 1 if a row failed.
    """
    options = _options(arguments)
    with Workbench(pair_count=options.pairs, is_quick=options.quick) as bench:
        print(_introduction(bench))
        print(HEADING)
        lines = []
        for line in itertools.chain.from_iterable(_measure(row, bench) for row in options.rows):
            print(line.line, flush=True)
            lines.append(line)
    if options.json is not None:
        options.json.write_text(json.dumps(_document(options, lines), indent=2) + "\n")
    return int(any(isinstance(line, Unmeasured) and line.is_failed for line in lines))


def _measure(row: str, bench: Workbench) -> Iterator[Result | Unmeasured]:
    missing = [tool for tool in ROWS[row].TOOLS if not _is_installed(tool)]
    if missing:
        yield Unmeasured(row, f"{', '.join(missing)} not installed")
        return
    try:
        yield from ROWS[row].results(bench)
    except (AssetError, OSError, RuntimeError) as error:  # those of one row say nothing of the others
        print(error, file=sys.stderr)
        yield Unmeasured(row, str(error).strip().rpartition("\n")[2], is_failed=True)


def _is_installed(tool: str) -> bool:
    return (find_nginx() if tool == "nginx" else shutil.which(tool)) is not None


def _introduction(bench: Workbench) -> str:
    kind = "memory-backed" if bench.is_in_memory else "on a disk, whose noise is in the figures"
    lines = [
        _machine(),
        f"Medians of {bench.pair_count} interleaved pairs, in {bench.folder} ({kind}).",
    ]
    if bench.is_quick:
        lines.append("Quick: sizes are too small for the limits to say anything.")
    return "\n".join(lines) + "\n"


def _machine() -> str:
    return f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}"


def _document(options: argparse.Namespace, lines: Sequence[Result | Unmeasured]) -> dict[str, object]:
    results = [
        {**dataclasses.asdict(line), **({"is_met": line.is_met} if isinstance(line, Result) else {})}
        for line in lines
    ]
    return {"machine": _machine(), "pairs": options.pairs, "is_quick": options.quick, "rows": results}


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure how fast openmas-assets is on this machine.")
    parser.add_argument(
        "--rows", type=_rows, default=list(ROWS), help=f"some of {','.join(ROWS)}; all by default"
    )
    parser.add_argument("--pairs", type=_count, default=5, help="of measurements a row; 5 by default")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there as well")
    return parser.parse_args(arguments)


def _rows(text: str) -> list[str]:
    rows = text.split(",")
    if unknown := [row for row in rows if row not in ROWS]:
        raise argparse.ArgumentTypeError(f"no such row: {', '.join(unknown)}; there are {', '.join(ROWS)}")
    return rows


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number of pairs; give 1 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
