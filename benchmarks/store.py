"""The in-memory store: what a reference costs."""

import statistics
from collections.abc import Iterator

from echo import echo, round_trip_seconds, seconds
from openmas_assets.actors import AssetStore
from openmas_assets.messages import Asset, AssetRef
from openmas_assets.messages.resolution import resolve_asset
from result import Result, compared
from workbench import Workbench

TOOLS = ()

_LEAVES = 10_000


def results(bench: Workbench) -> Iterator[Result]:
    """Compare `resolve` with a bare pykka echo; the resolver without an actor and `flatten` are absolute."""
    asks, calls = bench.sized(2_000, 50), bench.sized(20_000, 50)
    rows = [{f"column-{column}": row * column for column in range(100)} for row in range(_LEAVES // 100)]
    with AssetStore() as store, echo() as echo_ref:
        whole = store.put({"rows": rows}, asset_id="table")
        part = AssetRef.parse("asset://table/content/rows/7")
        pairs = bench.pairs(
            lambda: round_trip_seconds(lambda: store.resolve(part), asks),
            lambda: round_trip_seconds(lambda: echo_ref.ask(part), asks),
        )
        yield compared("store", "resolve, by an echo's ask", pairs, unit="us", limit=1.3, scale=1e6)

        asset = Asset(content={"rows": rows}, asset_id="table")
        pure = [seconds(lambda: _resolve(asset), calls) for _ in range(bench.pair_count)]
        what = "parse and resolve a URL of three steps"
        yield Result("store", what, statistics.median(pure) * 1e6, "us", 10)

        flat = [seconds(lambda: store.flatten(whole), 1) for _ in range(bench.pair_count)]
        yield Result("store", f"flatten {_LEAVES:,} leaves", statistics.median(flat) * 1e3, "ms", 30)


def _resolve(asset: Asset) -> object:
    return resolve_asset(asset, AssetRef.parse("asset://table/content/rows/7").field_path)
