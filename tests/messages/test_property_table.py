"""A property is evaluated for the types that are registered for it, and for no other."""

import numpy as np
import pytest

from openmas_assets.messages.asset_ref import AssetRef
from openmas_assets.messages.errors import AssetConfigurationError, AssetRefError
from openmas_assets.messages.property_table import NO_PROPERTIES, PropertyTable
from openmas_assets.messages.resolution import NeedsCodeError, resolve_steps

START = AssetRef("a1", ("content",))


class Circle:
    def __init__(self) -> None:
        self.radius = 2

    @property
    def area(self) -> float:
        return 12.5

    @property
    def broken(self) -> float:
        raise RuntimeError("the secret value")

    @property
    def deadly(self) -> float:
        raise SystemExit("the secret value")

    @property
    def opener(self) -> object:
        return open


class Disc(Circle):
    pass


TABLE = PropertyTable().with_type(Circle, ["area", "broken", "deadly", "opener"])


def resolved(content: object, step: str, table: PropertyTable = TABLE) -> object:
    return resolve_steps(content, (step,), start=START, properties=table, may_run_code=True)


def test_a_registered_property_is_evaluated_of_derived_types_too() -> None:
    assert resolved(Circle(), "area") == resolved(Disc(), "area") == 12.5


def test_no_other_property_is() -> None:
    with pytest.raises(AssetRefError):
        resolved(Circle(), "area", NO_PROPERTIES)
    with pytest.raises(AssetRefError):
        resolved(Circle(), "area", PropertyTable().with_type(Disc, ["area"]))


def test_it_is_evaluated_only_where_code_may_run() -> None:
    with pytest.raises(NeedsCodeError):
        resolve_steps(Circle(), ("area",), start=START, properties=TABLE)
    assert resolve_steps(Circle(), ("radius",), start=START, properties=TABLE) == 2


@pytest.mark.parametrize("name", ["broken", "deadly"])
def test_its_failure_is_told_by_type_only(name: str) -> None:
    with pytest.raises(AssetRefError, match=r"RuntimeError|SystemExit") as caught:
        resolved(Circle(), name)
    assert "secret" not in str(caught.value)
    assert caught.value.reached == START.url


def test_what_it_returns_must_be_data() -> None:
    with pytest.raises(AssetRefError, match="no data"):
        resolved(Circle(), "opener")


def test_an_error_lists_it() -> None:
    with pytest.raises(AssetRefError) as caught:
        resolved(Circle(), "aria")
    assert caught.value.available == ("radius", "area", "broken", "deadly", "opener")
    assert "Did you mean area?" in str(caught.value)


def test_a_table_is_not_changed_by_adding_to_it() -> None:
    more = TABLE.with_type(Circle, "edge").with_type(np.ndarray, ["shape"])
    assert more.names_for(Circle()) == {"area", "broken", "deadly", "opener", "edge"}
    assert "edge" not in TABLE.names_for(Circle())
    assert resolved(np.zeros((2, 3)), "shape", more) == (2, 3)


@pytest.mark.parametrize("name", ["_area", "__class__", "", "a b", "a.b"])
def test_a_private_name_is_refused(name: str) -> None:
    with pytest.raises(AssetConfigurationError):
        NO_PROPERTIES.with_type(Circle, [name])
