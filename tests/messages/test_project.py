"""The project: what it holds, how it is asked, and that names fit together."""

import pytest
from pydantic import ValidationError

from openmas_assets.messages.errors import AssetConfigurationError, UnknownAssetError
from openmas_assets.messages.project import AgentConfig, AssetSettings, ProjectConfig


def entry(name: str) -> dict[str, object]:
    return {"name": name, "source": {"type": "local", "path": "a.bin"}}


def project(*names: str, **fields: object) -> ProjectConfig:
    return ProjectConfig.model_validate({"assets": [entry(name) for name in names]} | fields)


def test_an_empty_project_is_a_project() -> None:
    empty = ProjectConfig()

    assert (empty.name, empty.version, empty.assets, dict(empty.agents)) == (None, None, (), {})
    assert empty.settings.assets == AssetSettings(
        cache_dir=None, max_unpacked_members=1_000_000, max_unpacked_bytes=2**40, max_unpack_ratio=200.0
    )


def test_what_belongs_to_the_framework_is_accepted_and_dropped() -> None:
    agents = {
        "plain": "agents/plain",
        "full": {"module": "m", "class": "C", "options": {"x": 1}},
        "none": None,
    }

    loaded = project(default_config={"log_level": "INFO"}, agents=agents, settings={"telemetry": True})

    assert dict(loaded.agents) == dict.fromkeys(agents, AgentConfig())
    assert "default_config" not in loaded.model_dump()


def test_an_unknown_key_in_the_settings_of_assets_is_refused() -> None:
    with pytest.raises(ValidationError):
        project(settings={"assets": {"cachedir": "x"}})


@pytest.mark.parametrize("field", ["max_unpacked_members", "max_unpacked_bytes", "max_unpack_ratio"])
@pytest.mark.parametrize("value", [0, -1, "many", True, float("inf")])
def test_a_bound_is_a_finite_number_above_zero(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        AssetSettings.model_validate({field: value})


def test_a_key_without_a_value_has_its_default() -> None:
    keys = dict.fromkeys(["name", "version", "assets", "agents", "settings"])

    assert ProjectConfig.model_validate(keys) == ProjectConfig()
    assert ProjectConfig.model_validate({"settings": {"assets": None}}) == ProjectConfig()


def test_an_asset_is_found_by_its_name() -> None:
    assert project("a", "b").asset("b").name == "b"


def test_an_unknown_asset_is_answered_with_a_suggestion_and_the_known_names() -> None:
    with pytest.raises(UnknownAssetError) as caught:
        project("llama3-8b", "prompts").asset("lama3-8b")

    assert caught.value.asset_name == "lama3-8b"
    assert "Did you mean 'llama3-8b'?" in str(caught.value)
    assert "llama3-8b, prompts" in str(caught.value)
    assert isinstance(caught.value, KeyError)


def test_the_list_of_known_names_is_bounded() -> None:
    with pytest.raises(UnknownAssetError) as caught:
        project(*[f"asset-{number}" for number in range(500)]).asset("zebra")

    assert "and 480 more" in str(caught.value)


def test_an_agent_has_each_of_its_assets_once_and_in_order() -> None:
    loaded = project("a", "b", agents={"r": {"required_assets": ["b", "a", "b"]}, "s": "module"})

    assert loaded.required_assets("r") == ("b", "a")
    assert loaded.required_assets("s") == ()


def test_an_unknown_agent_is_answered_with_a_suggestion() -> None:
    with pytest.raises(AssetConfigurationError, match=r"no agent 'rag_agnt'. Did you mean 'rag_agent'\?"):
        project(agents={"rag_agent": "m", "other": "n"}).required_assets("rag_agnt")


def test_two_assets_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"assets\[2\].name: is the name of assets\[0\] too"):
        project("a", "b", "a")


def test_an_agent_that_requires_what_is_not_declared_is_refused() -> None:
    with pytest.raises(
        ValidationError, match=r"agents.r.required_assets\[1\]: 'bb' is the name of no asset; did you"
    ):
        project("aa", "bbb", agents={"r": {"required_assets": ["aa", "bb"]}})


def test_a_project_cannot_be_changed() -> None:
    loaded = project("a")

    with pytest.raises(ValidationError):
        loaded.assets[0].__setattr__("name", "b")


def test_no_error_of_a_project_shows_what_was_written() -> None:
    source = {"type": "http", "url": "https://user:hunter2@example.com:x/a"}

    with pytest.raises(ValidationError) as caught:
        ProjectConfig.model_validate({"assets": [{"name": "..", "source": source}]})

    assert "hunter" not in str(caught.value)


def test_the_limits_of_transfers_have_defaults_and_units() -> None:
    settings = project(settings={"assets": {"max_bandwidth_mb_s": 2.5}}).settings.assets

    assert (settings.max_connections, settings.max_bytes_per_second) == (16, 2_500_000)
    assert project().settings.assets.max_bytes_per_second is None


@pytest.mark.parametrize("key", ["max_connections", "max_bandwidth_mb_s"])
@pytest.mark.parametrize("value", [0, -1, True, "many", float("inf")])
def test_a_limit_that_lets_nothing_through_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValidationError, match=key):
        project(settings={"assets": {key: value}})
