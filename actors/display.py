"""How transfers look: bars on a terminal, lines in a log."""

import logging
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from openmas_assets.actors.bars import adopt_bar, bar_options, close_bar
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.downloader import DownloadProgress
from openmas_assets.messages.source import HubSource

if TYPE_CHECKING:
    from tqdm import tqdm

logger = logging.getLogger("openmas_assets")

_LAST_PHASES = frozenset({"finished", "failed", "stopped"})
_IDLE_PHASES = frozenset({"waiting", "retrying"})
_DEFAULT_COLUMNS = 80
_MB = 1_000_000


class Display(Protocol):
    """What can show transfers. One thread calls it."""

    def show(self, progress: DownloadProgress) -> None:
        """Show how far a transfer is.

        Args:
            progress: The news.
        """

    def close(self) -> None:
        """Leave nothing behind."""


def has_terminal() -> bool:
    """Whether standard error is a terminal, where bars can be drawn."""
    # A program without a console has no standard error at all.
    return sys.stderr is not None and sys.stderr.isatty()


def default_display(assets: Sequence[AssetConfig]) -> Display:
    """Bars if standard error is a terminal, else log lines.

    Args:
        assets: What may be transferred. While the Hub's library brings one, that draws its own bars.
    """
    if has_terminal():
        return BarDisplay({asset.name for asset in assets if isinstance(asset.source, HubSource)})
    return LogDisplay({asset.name: asset.progress_report_interval_mb for asset in assets})


class BarDisplay:
    """One tqdm bar for each running transfer, on standard error. A bar goes when its transfer ends.

    Args:
        drawn_elsewhere: The names of assets whose bytes somebody else shows arriving; none by default.
    """

    def __init__(self, drawn_elsewhere: Collection[str] = ()) -> None:
        self._drawn_elsewhere = frozenset(drawn_elsewhere)
        self._bars: dict[str, tqdm[Any]] = {}
        self._phases: dict[str, str] = {}

    def show(self, progress: DownloadProgress) -> None:
        """Draw the transfer's bar.

        Args:
            progress: The news.
        """
        if progress.phase in _LAST_PHASES:
            self._phases.pop(progress.name, None)
            self._remove(progress.name)
            return
        if progress.phase == "downloading" and progress.name in self._drawn_elsewhere:
            self._remove(progress.name)
            return
        bar = self._bars.get(progress.name)
        if bar is None:  # (a bar without a total has no truth value)
            bar = self._bars[progress.name] = _new_bar()
        if self._phases.get(progress.name) != progress.phase:
            # The speed is that of this phase: what a resumed transfer had already did not come now.
            self._phases[progress.name] = progress.phase
            # (tqdm clears a bar only if it has printed it since it started.)
            bar.initial = progress.bytes_done
            bar.start_t = bar.last_print_t = time.time()
        bar.n, bar.total = progress.bytes_done, progress.bytes_total
        # There is nothing to measure while it waits: the whole line says for what.
        bar.bar_format = "{desc}" if progress.phase in _IDLE_PHASES else None
        bar.desc = _description(progress, bar.format_dict["ncols"] or _DEFAULT_COLUMNS)
        bar.refresh()

    def close(self) -> None:
        """Remove every bar."""
        for name in list(self._bars):
            self._remove(name)

    def _remove(self, name: str) -> None:
        if (bar := self._bars.pop(name, None)) is not None:
            close_bar(bar, bar.close)


@dataclass
class _Logged:
    """What the log says of a transfer, and what it does not say yet."""

    phase: str = ""
    bytes_logged: int = 0
    bytes_transferred: int | None = None


class LogDisplay:
    """Lines in the log of `openmas_assets`: one about every so many megabytes, and one for the end.

    Args:
        report_interval_mb: For each asset by its name: megabytes between two lines.
    """

    def __init__(self, report_interval_mb: Mapping[str, float]) -> None:
        self._report_interval_mb = report_interval_mb
        self._logged: dict[str, _Logged] = {}

    def show(self, progress: DownloadProgress) -> None:
        """Log the transfer, if enough has happened since the last line.

        Args:
            progress: The news.
        """
        logged = self._logged.setdefault(progress.name, _Logged())
        if progress.phase in _LAST_PHASES:
            self._log_end(progress, self._logged.pop(progress.name))
            return
        if progress.phase == "downloading":
            logged.bytes_transferred = progress.bytes_done
        is_new_phase = progress.phase != logged.phase
        if is_new_phase:
            logged.phase, logged.bytes_logged = progress.phase, 0
        interval_bytes = self._report_interval_mb.get(progress.name, 5.0) * _MB
        is_enough = progress.bytes_done >= logged.bytes_logged + interval_bytes
        is_all = progress.bytes_done == progress.bytes_total  # the end has a line of its own
        if (is_enough and not is_all) or (is_new_phase and progress.phase in _IDLE_PHASES):
            logged.bytes_logged = progress.bytes_done
            logger.info("%s", _line(progress))

    def close(self) -> None:
        """Nothing to clear."""

    def _log_end(self, progress: DownloadProgress, logged: _Logged) -> None:
        if progress.phase == "finished" and not logged.phase:
            return  # it was there already
        line = f"{progress.name}: {progress.phase}"
        if progress.detail:
            line += f", {progress.detail}"
        if progress.phase == "finished" and logged.bytes_transferred is not None:
            line += f", {_size(logged.bytes_transferred)}"
        logger.info("%s", line)


def _new_bar() -> "tqdm[Any]":
    # Only a transfer on a terminal needs it.
    from tqdm import tqdm

    bar = tqdm(**bar_options())
    adopt_bar(bar)
    return bar


def _description(progress: DownloadProgress, columns: int) -> str:
    from tqdm.utils import disp_len, disp_trim

    def shortened(text: str, width: int) -> str:
        return text if disp_len(text) <= width else f"{disp_trim(text, width - 1)}…"

    if progress.phase in _IDLE_PHASES:
        return shortened(f"{progress.name}: {progress.phase} {progress.detail}", columns - 1)
    phase = "" if progress.phase == "downloading" else f" ({progress.phase})"
    return f"{shortened(progress.name, columns // 3)}{phase}"


def _line(progress: DownloadProgress) -> str:
    words = [f"{progress.name}: {progress.phase}"]
    if progress.detail:
        words[0] += f" {progress.detail}"
    if progress.bytes_total:
        percent = 100 * progress.bytes_done // progress.bytes_total
        words.append(f"{_size(progress.bytes_done)} of {_size(progress.bytes_total)} ({percent}%)")
    elif progress.bytes_done:
        words.append(_size(progress.bytes_done))
    return ", ".join(words)


def _size(size_bytes: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f} {unit}"
    return f"{size_bytes} bytes"
