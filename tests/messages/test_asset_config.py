"""An asset's configuration: defaults, what is refused, and what it is told apart by."""

from typing import Any

import pytest
from pydantic import ValidationError

from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.authentication import Authentication, HttpAuthentication
from openmas_assets.messages.source import HttpSource

URL = "https://example.com/a.zip"
DIGEST = "0123456789abcdef" * 4


def asset(**fields: Any) -> AssetConfig:
    return AssetConfig.model_validate({"name": "a", "source": {"type": "http", "url": URL}} | fields)


def refused_fields(**fields: Any) -> set[str]:
    with pytest.raises(ValidationError) as caught:
        asset(**fields)
    return {str(error["loc"][0]) for error in caught.value.errors()}


def test_the_defaults_are_those_of_the_guide() -> None:
    assert asset() == AssetConfig(
        name="a",
        version="latest",
        asset_type="model",
        source=HttpSource(url=URL),
        checksum=None,
        unpack=False,
        unpack_format=None,
        unpack_destination_is_file=False,
        description=None,
        authentication=None,
        retries=0,
        retry_delay_seconds=5.0,
        progress_report=True,
        progress_report_interval_mb=5.0,
    )


def test_a_key_without_a_value_has_its_default() -> None:
    optional = set(AssetConfig.model_fields) - {"name", "source"}

    assert asset(**dict.fromkeys(optional)) == asset()


def test_its_key_is_its_folder() -> None:
    assert asset(version="1.0", asset_type="index").key == "index/a/1.0"


def test_a_checksum_is_kept_in_lower_case() -> None:
    assert asset(checksum=f"SHA256:{DIGEST.upper()}").checksum == f"sha256:{DIGEST}"


@pytest.mark.parametrize(
    "checksum",
    ["", DIGEST, f"md5:{DIGEST}", f"sha256:{DIGEST[1:]}", f"sha256:{DIGEST}0", "sha256:a1b2c3d4e5f6..."],
)
def test_a_malformed_checksum_is_refused(checksum: str) -> None:
    assert refused_fields(checksum=checksum) == {"checksum"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("retries", -1),
        ("retries", 1.5),
        ("retries", True),
        ("retries", "many"),
        ("retry_delay_seconds", -0.1),
        ("retry_delay_seconds", float("inf")),
        ("progress_report_interval_mb", 0),
        ("progress_report_interval_mb", float("nan")),
        ("unpack", "perhaps"),
        ("unpack_format", "rar"),
        ("description", 3),
        ("version", 1.0),
        ("asset_type", ".locks"),
        ("asset_type", ".."),
        ("name", "a/b"),
    ],
)
def test_a_value_out_of_its_range_is_refused(field: str, value: object) -> None:
    assert refused_fields(**{field: value}) == {field}


def test_unpack_needs_a_format_whatever_else_is_wrong() -> None:
    assert refused_fields(unpack=True) == {"unpack"}
    assert refused_fields(unpack=True, name="..", retries=-1) == {"unpack", "name", "retries"}
    assert refused_fields(unpack=True, unpack_format="rar") == {"unpack_format"}


def test_a_snapshot_has_neither_checksum_nor_archive() -> None:
    snapshot = {"type": "hf", "repo_id": "org/model"}

    refused = refused_fields(source=snapshot, checksum=f"sha256:{DIGEST}", unpack=True, unpack_format="zip")

    assert refused == {"checksum", "unpack"}
    assert asset(source=snapshot | {"filename": "a.zip"}, checksum=f"sha256:{DIGEST}").checksum


def test_an_http_source_needs_the_http_block_of_its_authentication() -> None:
    assert refused_fields(authentication={"hf": {"token_env_var": "KEY"}}) == {"authentication"}
    hub = {"type": "hf", "repo_id": "org/model"}
    assert asset(source=hub, authentication={"strategy": "env_token"}).authentication == Authentication()


def test_what_openmas_022_reads_inside_the_source_moves_to_the_asset() -> None:
    inside = {
        "authentication": {"http": {"token_env_var": "KEY"}},
        "progress_report": False,
        "progress_report_interval_mb": 2,
    }

    moved = asset(source={"type": "http", "url": URL} | inside)

    assert moved.authentication == Authentication(http=HttpAuthentication(token_env_var="KEY"))
    assert (moved.progress_report, moved.progress_report_interval_mb) == (False, 2.0)


def test_a_value_in_both_places_must_be_the_same() -> None:
    source = {"type": "http", "url": URL, "progress_report": False}

    assert asset(source=source, progress_report=False).progress_report is False
    assert refused_fields(source=source, progress_report=True) == {"source"}
    assert asset(source=source | {"progress_report": None}, progress_report=False).progress_report is False


def test_unknown_keys_are_refused() -> None:
    assert refused_fields(unpack_fromat="zip") == {"unpack_fromat"}
    assert refused_fields(source={"type": "http", "url": URL, "revison": "x"}) == {"source"}


@pytest.mark.parametrize(
    "change",
    [
        {"source": {"type": "http", "url": f"{URL}?v=2"}},
        {"source": {"type": "http", "url": URL, "filename": "b.zip"}},
        {"source": {"type": "local", "path": "a.zip"}},
        {"checksum": f"sha256:{DIGEST}"},
        {"unpack": True, "unpack_format": "zip"},
        {"unpack": True, "unpack_format": "zip", "unpack_destination_is_file": True},
    ],
)
def test_the_fingerprint_changes_with_what_must_be_downloaded_again(change: dict[str, Any]) -> None:
    assert asset(**change).fingerprint != asset().fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"name": "b"},
        {"version": "2"},
        {"description": "d"},
        {"retries": 3},
        {"retry_delay_seconds": 1},
        {"progress_report": False},
        {"progress_report_interval_mb": 1},
        {"authentication": {"http": {"token_env_var": "KEY"}}},
        {"source": {"type": "http", "url": "https://user:password@example.com/a.zip"}},
        {"source": {"type": "http", "url": URL, "filename": "a.zip"}},
    ],
)
def test_the_fingerprint_stays_with_all_else(change: dict[str, Any]) -> None:
    assert asset(**change).fingerprint == asset().fingerprint


def test_each_way_to_unpack_has_its_own_fingerprint() -> None:
    ways = [
        {"unpack": True, "unpack_format": "zip"},
        {"unpack": True, "unpack_format": "tar"},
        {"unpack": True, "unpack_format": "zip", "unpack_destination_is_file": True},
    ]

    assert len({asset(**way).fingerprint for way in ways}) == 3


def test_a_changed_copy_has_a_key_and_a_fingerprint_of_its_own() -> None:
    config = AssetConfig.model_validate({"name": "a", "source": {"type": "http", "url": "https://host/a"}})
    before = (config.key, config.fingerprint)
    changed = config.model_copy(update={"version": "2", "checksum": f"sha256:{'0' * 64}"})
    assert changed.key == "model/a/2"
    assert changed.fingerprint != config.fingerprint
    assert (config.key, config.fingerprint) == before
    assert config == config.model_copy()
    assert dict(config).keys() == AssetConfig.model_fields.keys()
