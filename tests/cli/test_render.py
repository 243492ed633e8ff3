import json
from pathlib import Path
from typing import Any

import pytest

from openmas_assets.cli.render import asset_table, assets_json, verification_line
from openmas_assets.cli.text import width
from openmas_assets.messages.manager import AssetVerified
from openmas_assets.messages.status import AssetStatus

CACHED_PATH = "/home/me/.openmas/assets/model/llama3-8b/1.0/model.safetensors"
URL = "https://example.com/assets/prompt-templates.zip"


def status(**fields: Any) -> AssetStatus:
    defaults = {
        "name": "prompt-templates",
        "version": "latest",
        "asset_type": "template",
        "source": URL,
        "checksum": "sha256:" + "ab" * 32,
        "status": "not_cached",
        "size_bytes": None,
        "path": None,
    }
    return AssetStatus.model_validate(defaults | fields)


ASSETS = [
    status(name="llama3-8b", status="cached", size_bytes=16_060_522_240, path=Path(CACHED_PATH)),
    status(),
    status(name="模型-日本語", source="hf://organization/model@main", checksum=None, status="partial"),
]


def test_without_a_terminal_an_asset_is_a_line_and_nothing_is_cut() -> None:
    heading, *lines = asset_table(ASSETS, None).splitlines()
    assert heading.split() == ["NAME", "VERSION", "TYPE", "SOURCE", "CHECKSUM", "STATUS", "SIZE", "PATH"]
    assert len(lines) == 3
    assert lines[0].split() == [
        *("llama3-8b", "latest", "template", URL, "sha256:" + "ab" * 32),
        *("cached", "16.1", "GB", CACHED_PATH),
    ]
    assert lines[1].split()[-4:] == ["not", "cached", "-", "-"]


@pytest.mark.parametrize("columns", [80, 100, 120, 150, 170])
def test_on_a_terminal_only_a_path_is_wider_than_its_columns(columns: int) -> None:
    lines = asset_table(ASSETS, columns).splitlines()
    assert all(width(line) <= columns for line in lines if CACHED_PATH not in line)
    assert any(line.endswith(CACHED_PATH) for line in lines)


def test_80_columns_have_the_source_and_the_path_below_the_asset() -> None:
    assert asset_table(ASSETS, 80).splitlines() == [
        "NAME              VERSION  TYPE      CHECKSUM          STATUS         SIZE",
        "llama3-8b         latest   template  sha256:abababab…  cached      16.1 GB",
        f"  source  {URL}",
        f"  path    {CACHED_PATH}",
        "prompt-templates  latest   template  sha256:abababab…  not cached        -",
        f"  source  {URL}",
        "模型-日本語       latest   template  -                 partial           -",
        "  source  hf://organization/model@main",
    ]


def test_a_wider_terminal_shows_more() -> None:
    # First the source comes back to the line, then the path, then the whole checksum.
    assert "SOURCE" not in asset_table(ASSETS, 80)
    assert "SOURCE" in asset_table(ASSETS, 110)
    assert "PATH" not in asset_table(ASSETS, 110)
    assert "PATH" in asset_table(ASSETS, 200)
    assert "sha256:" + "ab" * 32 not in asset_table(ASSETS, 200)
    assert "sha256:" + "ab" * 32 in asset_table(ASSETS, 300)


def test_a_name_that_leaves_no_room_is_cut_in_its_middle() -> None:
    lines = asset_table([status(name="a" * 60 + "b" * 60, source="s" * 200)], 80).splitlines()
    assert all(width(line) == 80 for line in lines)
    assert lines[1].startswith("aaaaaaaaa")
    assert "…b" in lines[1]


def test_what_could_command_the_terminal_is_escaped_in_the_table() -> None:
    table = asset_table([status(source="https://example.com/\x1b]0;owned\x07")], None)
    assert "\\x1b]0;owned\\x07" in table
    assert "\x1b" not in table


def test_the_json_has_null_for_what_is_unknown_and_is_ascii() -> None:
    text = assets_json(ASSETS)
    assert text.isascii()
    cached, _, partial = json.loads(text)
    assert cached == {
        "name": "llama3-8b",
        "version": "latest",
        "asset_type": "template",
        "source": URL,
        "checksum": "sha256:" + "ab" * 32,
        "status": "cached",
        "size_bytes": 16_060_522_240,
        "path": CACHED_PATH,
        "commit": None,
    }
    assert partial["name"] == "模型-日本語"
    assert [partial[key] for key in ("checksum", "size_bytes", "path")] == [None, None, None]
    assert json.loads(assets_json([])) == []


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"outcome": "verified", "has_checksum": True}, "a: verified"),
        (
            {"outcome": "verified", "has_checksum": False},
            "a: verified (no checksum declared; same as when downloaded)",
        ),
        ({"outcome": "not_cached", "has_checksum": False}, "a: not cached"),
        (
            {"outcome": "failed", "has_checksum": True, "detail": "m.bin has other bytes"},
            "a: failed: m.bin has other bytes",
        ),
    ],
)
def test_verify_says_it_in_a_line(fields: dict[str, Any], line: str) -> None:
    assert verification_line(AssetVerified(name="a", **fields)) == line
