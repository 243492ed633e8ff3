"""Progress bars on a terminal: tqdm's, kept from disturbing each other. Imports tqdm late."""

import sys
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm

# Those that may be moved: other parts of the program may have bars as well.
_open_bars: "weakref.WeakSet[tqdm[Any]]" = weakref.WeakSet()


def bar_options() -> dict[str, Any]:
    """What all bars have in common, as arguments of tqdm's."""
    return {"unit": "B", "unit_scale": True, "leave": False, "dynamic_ncols": True, "file": sys.stderr}


def adopt_bar(bar: Any) -> None:
    """Have a bar that was just opened keep to the others' rules, until `close_bar`.

    Args:
        bar: One that draws. (Any: the stubs do not know what becomes of `dynamic_ncols`.)
    """
    if bar.dynamic_ncols:  # pragma: no branch - tqdm does not know each system's terminal
        bar.dynamic_ncols = _with_room_for_echo(bar.dynamic_ncols)
    _open_bars.add(bar)


def close_bar(bar: Any, close: Callable[[], None]) -> None:
    """Close a bar, and leave no trace of it and no gap.

    Args:
        bar: One of those adopted.
        close: tqdm's own way to close it.
    """
    # tqdm forgets a bar before it wipes it: a line printed in between would be mixed with its remains.
    with bar.get_lock():
        _open_bars.discard(bar)
        close()
        # tqdm leaves a gap where the bar was: the lowest of ours moves up into it.
        lowest: Any = max(_open_bars, key=lambda other: other.pos, default=bar)
        if lowest.pos > bar.pos:
            lowest.clear(nolock=True)
            lowest.pos = bar.pos
            lowest.refresh(nolock=True)
        # Any bar but the topmost leaves the cursor at the end of the blanks that it is overwritten with.
        bar.fp.write("\r")
        bar.fp.flush()


def _with_room_for_echo(shape: Callable[[Any], tuple[int, int]]) -> Callable[[Any], tuple[int, int]]:
    """A terminal's shape, made narrower: its `^C` behind a full line would break that and shift all bars."""

    def narrower(stream: Any) -> tuple[int, int]:
        columns, lines = shape(stream)
        return columns and columns - len("^C^C"), lines

    return narrower
