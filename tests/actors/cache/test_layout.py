from pathlib import Path

import pytest
from pydantic import ValidationError

from openmas_assets.actors.cache.layout import CacheLayout
from projects import asset

LAYOUT = CacheLayout(Path("/cache"))


def test_an_asset_stands_at_type_name_version() -> None:
    config = asset("llama", "https://host/a.bin", version="1.0", asset_type="model")
    assert LAYOUT.version_folder(config) == Path("/cache/model/llama/1.0")


def test_what_is_not_complete_lies_on_the_same_disk_but_never_among_the_assets() -> None:
    config = asset("llama", "https://host/a.bin", version="1.0")
    assert LAYOUT.staging_folder(config) == Path("/cache/.staging/model/llama/1.0")
    assert LAYOUT.lock_path(config) == Path("/cache/.locks/model/llama/1.0.lock")


@pytest.mark.parametrize("asset_type", [".staging", ".locks", ".anything"])
def test_no_asset_can_be_of_a_type_that_is_a_folder_of_the_cache_s_own(asset_type: str) -> None:
    with pytest.raises(ValidationError, match="starts with a dot"):
        asset("a", "https://host/a.bin", asset_type=asset_type)


def test_a_version_that_looks_like_a_lock_file_has_places_of_its_own() -> None:
    plain = asset("a", "https://host/a.bin", version="1")
    lock_like = asset("a", "https://host/a.bin", version="1.lock")
    places = [
        place(config)
        for config in (plain, lock_like)
        for place in (LAYOUT.version_folder, LAYOUT.staging_folder, LAYOUT.lock_path)
    ]
    assert len(set(places)) == len(places)
    assert not any(one in other.parents for one in places for other in places)
