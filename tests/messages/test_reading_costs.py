"""What it costs to read references and to flatten, counted in calls of Python functions."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from openmas_assets.messages.asset import Asset
from openmas_assets.messages.asset_meta import flatten_asset
from openmas_assets.messages.asset_ref import AssetRef
from openmas_assets.messages.resolution import resolve_asset

ROWS = [{f"column-{column}": row * column for column in range(100)} for row in range(10)]


def calls_of(work: Callable[[], object]) -> int:
    """How often a Python function is entered, a generator resumed."""
    count = 0

    def note(_: FrameType, event: str, __: Any) -> None:
        nonlocal count
        count += event == "call"

    work()  # what is only made once is made
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def test_a_url_of_three_steps_is_read_and_resolved_in_some_thirty_calls() -> None:
    asset = Asset(content={"rows": ROWS}, asset_id="table")
    url = "asset://table/content/rows/7"
    assert calls_of(lambda: resolve_asset(asset, AssetRef.parse(url).field_path)) <= 33


def test_a_leaf_is_flattened_in_five_calls() -> None:
    asset = Asset(content={"rows": ROWS}, asset_id="table")
    assert calls_of(lambda: flatten_asset(asset)) / 1_000 < 5.5
