"""The benchmarks run and say what they found. No time is asserted: that is what they are run for by hand."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from programs import Program

pytestmark = pytest.mark.untraced  # these are measurements

BENCH = Path(__file__).parent.parent / "benchmarks" / "bench.py"

TOOLS = {
    "cold": ["curl", "openssl"],
    "limited": ["aria2c"],
    "small": ["aria2c"],
    "unpack": ["bsdtar"],
    "archive": ["curl", "openssl", "bsdtar"],
}


def run(*arguments: str | Path, env: dict[str, str] | None = None) -> str:
    with Program(BENCH, "--quick", "--pairs", "1", *arguments, env=env) as program:
        finished = program.wait(timeout_seconds=100)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def lines_of(row: str, table: str) -> list[str]:
    return [line for line in table.splitlines() if line.split(" ", 1)[0] == row]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """What is printed, and what is written, for the rows that need no tool."""
    path = tmp_path_factory.mktemp("bench") / "bench.json"
    table = run("--rows", "warm,store,list", "--json", path)
    return table, json.loads(path.read_text())


def test_rows_that_are_asked_for_are_measured_and_no_others(measured: tuple[str, dict[str, Any]]) -> None:
    table, document = measured
    assert {line["row"] for line in document["rows"]} == {"warm", "store", "list"}
    warm_count = 3 if hasattr(os, "sched_setaffinity") else 2
    for row, count in {"warm": warm_count, "store": 3, "list": 2}.items():
        assert len(lines_of(row, table)) == count


def test_each_line_ends_with_whether_its_target_is_met(measured: tuple[str, dict[str, Any]]) -> None:
    table, document = measured
    shown = [line.split()[-1] for row in ("warm", "store", "list") for line in lines_of(row, table)]
    words = {True: "yes", False: "NO", None: "-"}
    assert shown == [words[line["is_met"]] for line in document["rows"]]


def test_a_target_is_met_by_the_ratio_or_where_there_is_none_by_the_figure(
    measured: tuple[str, dict[str, Any]],
) -> None:
    for line in measured[1]["rows"]:
        judged = line["ours"] if line["ratio"] is None else line["ratio"]
        assert line["is_met"] == (None if line["limit"] is None else judged <= line["limit"])


def test_a_line_fits_a_hundred_columns(measured: tuple[str, dict[str, Any]]) -> None:
    table = "\n".join(line for row in ("row", "warm", "store", "list") for line in lines_of(row, measured[0]))
    assert max(map(len, table.splitlines())) <= 100


def test_a_row_whose_tools_are_missing_is_skipped_and_says_which(tmp_path: Path) -> None:
    table = run("--rows", ",".join(TOOLS), env={"PATH": str(tmp_path)})
    for row, tools in TOOLS.items():
        (line,) = lines_of(row, table)
        assert "skipped: " in line
        assert line.endswith(" not installed")
        for tool in tools:
            assert tool in line


def test_a_row_that_fails_says_so_and_the_next_one_is_measured(tmp_path: Path) -> None:
    tool = tmp_path / "bsdtar"
    tool.write_text("#!/bin/sh\necho no space left >&2\nexit 3\n")
    tool.chmod(0o755)
    arguments = ["--quick", "--pairs", "1", "--rows", "unpack,store"]
    with Program(BENCH, *arguments, env={"PATH": str(tmp_path)}) as program:
        finished = program.wait(timeout_seconds=100)
    assert finished.returncode == 1
    (line,) = lines_of("unpack", finished.stdout)
    assert "FAILED: " in line
    assert line.endswith("no space left")
    assert len(lines_of("store", finished.stdout)) == 3


def test_a_row_that_does_not_exist_is_refused_and_the_others_are_listed() -> None:
    with Program(BENCH, "--rows", "cold,tepid") as program:
        finished = program.wait()
    assert finished.returncode == 2
    assert "no such row: tepid" in finished.stderr
    assert "processes" in finished.stderr


def test_nothing_is_left_behind() -> None:
    (folder,) = re.findall(r"pairs, in (\S+) \(", run("--rows", "store"))
    assert Path(folder).name.startswith("openmas-bench-")
    assert not Path(folder).exists()
