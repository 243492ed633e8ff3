"""How transfers look: bars on a real pseudo-terminal, lines in a log."""

import logging
import sys
from pathlib import Path
from textwrap import dedent
from threading import Event
from typing import Any

import pytest

from loopback import Fault, LoopbackServer
from openmas_assets.actors.display import BarDisplay, LogDisplay, default_display
from openmas_assets.messages.downloader import DownloadPhase, DownloadProgress
from screen import screen
from terminal import Terminal

MB = 1_000_000
LONG_NAME = "a-name-that-is-longer-than-anybody-would-like-it-to-be"


def output_of(code: str, tmp_path: Path, columns: int = 80) -> str:
    """What a program writes to a terminal; it has `show(name, phase, …)` and `mark(title)`."""
    script = tmp_path / "script.py"
    script.write_text(
        dedent(
            """
            import sys
            from openmas_assets.actors.display import BarDisplay
            from openmas_assets.messages.downloader import DownloadProgress

            display = BarDisplay()

            def show(name, phase, bytes_done=0, bytes_total=None, detail=""):
                display.show(
                    DownloadProgress(
                        name=name, phase=phase, bytes_done=bytes_done, bytes_total=bytes_total, detail=detail
                    )
                )

            def mark(title):
                print(end=f"\\x1b]0;{title}\\x07", flush=True)
            """
        )
        + dedent(code)
    )
    with Terminal(script, columns=columns) as terminal:
        assert terminal.wait() == 0, terminal.text
        return terminal.text


def test_each_running_transfer_has_a_bar_and_a_bar_goes_when_its_transfer_ends(tmp_path: Path) -> None:
    code = """
        for name in ("one", "two", "three"):
            show(name, "downloading", 10_000_000, 100_000_000)
        mark("three run")
        show("one", "downloading", 50_000_000, 100_000_000)
        mark("one is half done")
        show("one", "finished")
        mark("one is done")
        show("four", "downloading", 1_000_000)
        show("four", "downloading", 2_000_000)
        mark("four has come")
        show("two", "failed")
        show("three", "stopped")
        show("nobody", "finished")
        mark("four is left")
        show("four", "finished")
        print("the next line")
    """
    output = output_of(code, tmp_path)

    def names(mark: str) -> list[str]:
        lines = screen(output, mark)
        assert all(len(line) < 80 for line in lines)
        return sorted(line.partition(":")[0] for line in lines)

    assert names("three run") == ["one", "three", "two"]
    assert screen(output, "three run")[0].startswith("one:  10%|█")
    assert "10.0M/100M" in screen(output, "three run")[0]
    assert "50.0M/100M" in screen(output, "one is half done")[0]
    assert names("one is done") == ["three", "two"]
    assert names("four has come") == ["four", "three", "two"]
    assert any(line.startswith("four: 2.00MB [") for line in screen(output, "four has come"))
    assert names("four is left") == ["four"]
    assert screen(output) == ["the next line"]


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_bar_never_takes_more_than_its_line(tmp_path: Path, columns: int) -> None:
    code = f"""
        show("{LONG_NAME}", "downloading", 10_000_000, 100_000_000)
        show("other", "retrying", detail="in 5 s, 1 of 3 failed: the server answered 503 " + "x" * 300)
        show("third", "waiting", 1_000, 2_000, detail="for process 4711")
        mark("now")
    """
    lines = screen(output_of(code, tmp_path, columns), "now", columns)
    assert len(lines) == 3
    assert lines[0].startswith(LONG_NAME[: columns // 3 - 3])
    assert "10%" in lines[0]
    assert lines[1].startswith("other: retrying in 5 s, 1 of 3")
    assert lines[1].endswith("…")
    assert lines[2].startswith("third: waiting for process 4711")


def test_a_bar_says_what_is_being_done_if_it_is_no_download(tmp_path: Path) -> None:
    code = """
        show("a", "verifying", 1_000_000, 2_000_000)
        mark("first")
        show("a", "retrying", detail="in 1 s")
        mark("second")
        show("a", "unpacking", 1_000_000)
        mark("third")
        display.close()
    """
    output = output_of(code, tmp_path)
    assert screen(output, "first")[0].startswith("a (verifying):  50%|")
    assert screen(output, "second") == ["a: retrying in 1 s"]
    assert screen(output, "third")[0].startswith("a (unpacking): 1.00MB")
    assert screen(output) == []


def test_the_speed_of_a_resumed_transfer_does_not_count_what_was_there(tmp_path: Path) -> None:
    code = """
        show("a", "verifying", 900_000_000, 900_000_000)
        show("a", "downloading", 900_000_000, 1_000_000_000)
        mark("now")
    """
    assert screen(output_of(code, tmp_path), "now")[0].endswith("900M/1.00G [00:00<?, ?B/s]")


def test_the_bars_of_real_transfers_are_stacked_and_gone_in_the_end(
    server: LoopbackServer, tmp_path: Path
) -> None:
    gate = Event()
    names = ("one", "two", "three")
    urls = [
        server.put(f"/{name}", b"x" * 3 * MB, faults=[Fault(stall_after=2 * MB, gate=gate)]) for name in names
    ]
    script = tmp_path / "script.py"
    script.write_text(
        dedent(
            """
            import asyncio, sys
            from openmas_assets.actors import AssetManager
            from openmas_assets.messages import AssetConfig, ProjectConfig

            cache, *urls = sys.argv[1:]
            assets = [
                AssetConfig(name=url.rpartition("/")[2], source={"type": "http", "url": url}) for url in urls
            ]

            async def main():
                async with AssetManager(ProjectConfig(assets=assets), cache_dir=cache) as manager:
                    paths = await asyncio.gather(*(manager.get_asset_path(a.name) for a in assets))
                print("fetched", len(paths))

            asyncio.run(main())
            """
        )
    )
    with Terminal(script, str(tmp_path / "cache"), *urls) as terminal:
        for name in names:
            terminal.wait_for(f"{name}:  ")
        server.wait_for(lambda server: all(server.bytes_sent(f"/{name}") == 2 * MB for name in names))
        lines = screen(terminal.text)
        assert sorted(line.partition(":")[0] for line in lines) == sorted(names)
        assert all(line.count("|") == 2 for line in lines)
        gate.set()
        assert terminal.wait() == 0
        assert screen(terminal.text) == ["fetched 3"]


class Terminalless:
    def isatty(self) -> bool:
        return False


class Terminallike(Terminalless):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "display"), [(Terminalless(), LogDisplay), (Terminallike(), BarDisplay), (None, LogDisplay)]
)
def test_bars_are_for_terminals_only(
    monkeypatch: pytest.MonkeyPatch, stream: Any, display: type[object]
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    assert isinstance(default_display([]), display)


class Log:
    """A `LogDisplay` for an asset `a` with a line every 5 MB, and the lines that it logs."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, logger="openmas_assets")
        self._caplog = caplog
        self._display = LogDisplay({"a": 5.0, "b": 0.5})

    def show(
        self,
        phase: DownloadPhase,
        bytes_done: int = 0,
        bytes_total: int | None = None,
        detail: str = "",
        name: str = "a",
    ) -> None:
        progress = DownloadProgress(
            name=name, phase=phase, bytes_done=bytes_done, bytes_total=bytes_total, detail=detail
        )
        self._display.show(progress)

    @property
    def lines(self) -> list[str]:
        return [record.getMessage() for record in self._caplog.records]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Log:
    return Log(caplog)


def test_a_small_asset_logs_one_line(log: Log) -> None:
    log.show("downloading", 0, 1234)
    log.show("downloading", 1234, 1234)
    log.show("finished")
    assert log.lines == ["a: finished, 1.2 kB"]


def test_a_large_asset_logs_a_line_about_every_interval_and_one_for_the_end(log: Log) -> None:
    for done in range(0, 12_000_001, 500_000):
        log.show("downloading", done, 12 * MB)
    log.show("unpacking", 1 * MB)
    log.show("unpacking", 7 * MB)
    log.show("finished")
    assert log.lines == [
        "a: downloading, 5.0 MB of 12.0 MB (41%)",
        "a: downloading, 10.0 MB of 12.0 MB (83%)",
        "a: unpacking, 7.0 MB",
        "a: finished, 12.0 MB",
    ]


def test_each_asset_has_an_interval_of_its_own_and_a_size_may_be_unknown(log: Log) -> None:
    for done in (400_000, 600_000, 1_000_000, 1_200_000):
        log.show("downloading", done, name="a")
        log.show("downloading", done, name="b")
    assert log.lines == ["b: downloading, 600.0 kB", "b: downloading, 1.2 MB"]


def test_waiting_and_retrying_are_logged_when_they_begin(log: Log) -> None:
    for done in (1 * MB, 2 * MB, 7 * MB):
        log.show("waiting", done, 10 * MB, "for process 4711")
    log.show("retrying", detail="in 5 s, 1 of 3 failed: the server answered 503")
    log.show("verifying", 1 * MB, 2 * MB)
    log.show("retrying", detail="in 5 s, 2 of 3 failed: the server answered 503")
    log.show("failed", detail="the server answered 503")
    assert log.lines == [
        "a: waiting for process 4711, 1.0 MB of 10.0 MB (10%)",
        "a: waiting for process 4711, 7.0 MB of 10.0 MB (70%)",
        "a: retrying in 5 s, 1 of 3 failed: the server answered 503",
        "a: retrying in 5 s, 2 of 3 failed: the server answered 503",
        "a: failed, the server answered 503",
    ]


def test_what_was_there_already_logs_nothing_and_the_next_transfer_starts_afresh(log: Log) -> None:
    log.show("finished")
    log.show("downloading", 7 * MB, 9 * MB)
    log.show("stopped")
    log.show("downloading", 7 * MB, 9 * MB)
    assert log.lines == [
        "a: downloading, 7.0 MB of 9.0 MB (77%)",
        "a: stopped",
        "a: downloading, 7.0 MB of 9.0 MB (77%)",
    ]


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (1, "1 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (10**6, "1.0 MB"),
        (16 * 10**9, "16.0 GB"),
        (10**13, "10000.0 GB"),
    ],
)
def test_sizes_are_for_people(log: Log, size_bytes: int, text: str) -> None:
    log.show("downloading", size_bytes, size_bytes)
    log.show("finished")
    assert log.lines == [f"a: finished, {text}"]
