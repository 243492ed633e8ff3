"""A reference leads to the part that is meant, step by step, and an error says what is there instead."""

import array
import dataclasses
import enum
import types
from collections import ChainMap, OrderedDict, UserDict, defaultdict, deque, namedtuple
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from pydantic import BaseModel, ConfigDict

from openmas_assets.messages.asset import Asset
from openmas_assets.messages.asset_ref import AssetRef
from openmas_assets.messages.errors import AssetRefError
from openmas_assets.messages.resolution import NeedsCodeError, resolve_asset, resolve_steps
from openmas_assets.messages.step import MANY_MEMBERS

START = AssetRef("a1", ("content",))


def resolved(content: object, *steps: str | int) -> Any:
    return resolve_steps(content, steps, start=START)


def failure(content: object, *steps: Any) -> AssetRefError:
    with pytest.raises(AssetRefError) as caught:
        resolve_steps(content, steps, start=START)
    return caught.value


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@dataclasses.dataclass
class Box:
    width: int
    kind: str = dataclasses.field(default="box", init=False)


@dataclasses.dataclass(slots=True, frozen=True)
class SlottedBox:
    width: int


class Model(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str


class Row(NamedTuple):
    left: object
    right: object


class Robot:
    __slots__ = ("__dict__", "arm", "leg")

    def __init__(self) -> None:
        self.arm = [1]
        self.name = "robbie"


def test_no_steps_are_the_asset_itself_and_content_the_content_itself() -> None:
    asset = Asset(content=[1])
    assert resolve_asset(asset, ()) is asset
    assert resolve_asset(asset, ("content",)) is asset.content


def test_the_guides_example_resolves() -> None:
    image = np.zeros((2, 2), np.uint8)
    content = {"image": image, "source_url": "<the_image_source_url>", "labels": ["<label_1>", "<label_2>"]}
    asset = Asset(asset_type="asset_example", asset_id="a", content=content)
    assert resolve_asset(asset, ("content", "image")) is image
    assert resolve_asset(asset, ["content", "labels", 1]) == "<label_2>"
    assert resolve_asset(asset, ["content", "labels", "1"]) == "<label_2>"
    assert resolve_asset(asset, ["asset_type"]) == "asset_example"


def test_a_field_that_was_not_given_is_absent() -> None:
    with pytest.raises(
        AssetRefError, match=r"asset://a is an asset without the field description\."
    ) as caught:
        resolve_asset(Asset(asset_id="a", content=None), ("description",))
    assert caught.value.available == ("asset_id", "content_type", "content")


@pytest.mark.parametrize(
    "step", ["model_fields", "given_fields", "__class__", "0", 0, "", "_labels"], ids=repr
)
def test_of_an_asset_only_its_own_fields_are_read(step: str | int) -> None:
    with pytest.raises(AssetRefError):
        resolve_asset(Asset(content={"x": 1}), (step,))


def test_content_that_is_none_is_there() -> None:
    assert resolve_asset(Asset(content=None), ("content",)) is None


@pytest.mark.parametrize(
    "content",
    [len, int, types, Robot, (n for n in "x"), lambda: 1],
    ids=["builtin", "class", "module", "own class", "generator", "function"],
)
def test_the_content_itself_may_be_anything_but_nothing_leads_into_code(content: object) -> None:
    asset = Asset(content=content)
    assert resolve_asset(asset, ("content",)) is content
    for step in ("__dict__", "__name__", "gi_frame", "real", "arm", "FunctionType", "0"):
        with pytest.raises(AssetRefError):
            resolve_asset(asset, ("content", step))


@pytest.mark.parametrize(
    ("mapping", "step", "found"),
    [
        ({"a": 1}, "a", 1),
        ({"": 1}, "", 1),
        ({"_private": 1}, "_private", 1),
        ({1: "n", "1": "t"}, 1, "n"),
        ({1: "n", "1": "t"}, "1", "t"),
        ({1: "n"}, "1", "n"),
        ({"1": "t"}, 1, "t"),
        ({-5: "n"}, "-5", "n"),
        ({1: "n", 2: "m", (): 0}, "2", "m"),
        ({"a/b": 1}, "a%2Fb", 1),
        ({"a/b": 1, "a%2Fb": 2}, "a%2Fb", 2),
        ({"é": 1}, "%C3%A9", 1),
        ({"\ud800": 1}, "%ED%A0%80", 1),
        ({"100%": 1}, "100%", 1),
        ({-1: "n"}, "%2D1", "n"),
        ({Colour.RED: 1}, "red", 1),
        ({Level.HIGH: 1}, "3", 1),
        ({np.str_("x"): 1, None: 2}, "x", 1),
        (defaultdict(int, a=1), "a", 1),
        (OrderedDict(a=1), "a", 1),
        (types.MappingProxyType({"a": 1}), "a", 1),
    ],
    ids=repr,
)
def test_a_step_into_a_mapping_is_a_key(mapping: object, step: str | int, found: object) -> None:
    assert resolved(mapping, step) == found


NO_SPELLINGS = ["01", "+1", " 1", "1.0", "1_0", "\u0661", "²", "True", "%31%", "%FF", "-0", "00", "9" * 5000]


@pytest.mark.parametrize("step", NO_SPELLINGS, ids=lambda step: step[:9])
def test_a_key_has_no_other_spelling_than_its_canonical_one(step: str) -> None:
    failure({1: "n", 0: "z", 10: "x", None: 2}, step)


def test_a_boolean_key_is_no_integer() -> None:
    failure({True: "yes"}, 1)
    failure({True: "yes"}, "True")


def test_a_defaultdict_is_not_filled_by_being_read() -> None:
    content: defaultdict[str, list[int]] = defaultdict(list)
    failure(content, "a")
    assert not content


SEQUENCES = [
    [10, 11, 12],
    (10, 11, 12),
    range(10, 13),
    deque([10, 11, 12]),
    array.array("i", [10, 11, 12]),
    np.array([10, 11, 12]),
    np.ma.MaskedArray([10, 11, 12]),
]


@pytest.mark.parametrize("sequence", SEQUENCES, ids=lambda each: type(each).__name__)
def test_a_step_into_a_sequence_is_an_index_or_a_slice(sequence: object) -> None:
    assert resolved(sequence, "2") == resolved(sequence, 2) == 12
    assert list(resolved(sequence, "1:2")) == [11]
    assert list(resolved(sequence, ":2")) == [10, 11]
    assert list(resolved(sequence, "2:")) == [12]
    assert list(resolved(sequence, ":")) == [10, 11, 12]
    assert list(resolved(sequence, "1%3A2")) == [11]
    assert list(resolved(sequence, "5:9")) == []
    assert resolved(sequence, "1:", "0") == 11


BAD_INDICES = ["-1", "01", "+1", " 1", "1 ", "1_0", "\u0661", "²", "1.0", "0x1", "3", "9" * 5000, "1:2:1"]
BAD_INDICES += ["-1:", "a:b", "1:-1", "", "append", "__len__", "shape", "T", "data", "1:2\n", "0\n"]


@pytest.mark.parametrize(
    "step",
    [*BAD_INDICES, -1, 3, 10**30, 10**700, True, False, None, 1.0, (), b"1"],
    ids=lambda step: repr(step)[:20] if step != 10**700 else "huge",
)
@pytest.mark.parametrize("sequence", SEQUENCES, ids=lambda each: type(each).__name__)
def test_an_index_reads_0_or_digits_without_a_leading_zero(sequence: object, step: Any) -> None:
    failure(sequence, step)


def test_texts_bytes_sets_and_single_values_have_no_parts() -> None:
    for value in ("text", b"bytes", bytearray(b"x"), {"set"}, 5, None, np.array(5), memoryview(b"x")):
        error = failure(value, "0")
        assert "It has no parts" in str(error)


def test_fields_are_those_of_models_dataclasses_and_named_tuples() -> None:
    model = Model.model_validate({"name": "n", "more": {"x": 1}})
    assert resolved(model, "name") == "n"
    assert resolved(model, "more", "x") == 1
    assert resolved(Box(3), "width") == 3
    assert resolved(Box(3), "kind") == "box"
    assert resolved(SlottedBox(4), "width") == 4
    assert resolved(Row(1, 2), "right") == resolved(Row(1, 2), "1") == 2
    pair: Any = namedtuple("pair", "a b")  # noqa: PYI024
    assert resolved(pair(1, 2), "b") == 2


def test_plain_instance_attributes_are_fields() -> None:
    assert resolved(Robot(), "arm", 0) == 1
    assert resolved(Robot(), "name") == "robbie"
    assert resolved(types.SimpleNamespace(a=1), "a") == 1
    assert "leg" not in failure(Robot(), "leg").available  # declared, but never set


def test_the_slots_of_base_classes_are_fields_too() -> None:
    class Handed(Robot):
        __slots__ = ("hand",)

        def __init__(self) -> None:
            super().__init__()
            self.hand = 5

    robot = Handed()
    assert resolved(robot, "hand") == 5
    assert resolved(robot, "arm") == [1]


def test_a_part_that_cannot_be_called_is_handed_out_as_it_is() -> None:
    robot = Robot()
    assert resolved({"robot": robot}, "robot") is robot


def test_a_huge_mapping_or_slice_is_left_to_whoever_has_time() -> None:
    huge = dict.fromkeys(range(MANY_MEMBERS + 1))
    rows = [0] * (MANY_MEMBERS + 1)
    for content, step in ((huge, "5"), (rows, "0:")):
        with pytest.raises(NeedsCodeError):
            resolved(content, step)
        resolve_steps(content, (step,), start=START, may_run_code=True)
    assert resolved(rows, "5") == 0
    assert len(resolved(rows, "5:10")) == 5


@pytest.mark.parametrize("content", [ChainMap({"a": 1}), UserDict({"a": 1})], ids=repr)
def test_a_mapping_of_another_class_runs_its_code_only_where_that_is_allowed(content: object) -> None:
    with pytest.raises(NeedsCodeError):
        resolved(content, "a")
    assert resolve_steps(content, ("a",), start=START, may_run_code=True) == 1
    with pytest.raises(AssetRefError) as caught:
        resolve_steps(content, ("b",), start=START, may_run_code=True)
    assert caught.value.available == ("a",)


def test_a_mapping_that_fails_is_told_by_the_type_of_its_failure_only() -> None:
    class Broken(UserDict[str, int]):
        def __contains__(self, key: object) -> bool:
            raise SystemExit("the secret value")

    class BrokenKeys(UserDict[str, int]):
        def __iter__(self) -> Iterator[str]:
            raise SystemExit("the secret value")

    for content in (Broken(), BrokenKeys()):
        with pytest.raises(AssetRefError, match="SystemExit") as caught:
            resolve_steps({"x": content}, ("x", "a"), start=START, may_run_code=True)
        assert "secret" not in str(caught.value)
        assert caught.value.__cause__ is None


def test_an_error_says_how_far_the_path_leads_and_which_step_fails() -> None:
    error = failure({"rows": [{"image": 1, "labels": 2}]}, "rows", 0, "imge")
    assert error.reached == "asset://a1/content/rows/0"
    assert error.step == "imge"
    assert error.available == ("image", "labels")
    assert str(error) == (
        "asset://a1/content/rows/0 is a <class 'dict'> without the key imge. "
        "Did you mean image? Its keys: image, labels."
    )


def test_an_error_says_which_indices_there_are() -> None:
    error = failure([0] * 12, "12")
    assert error.available == ("0 to 11",)
    assert str(error) == (
        "asset://a1/content is a <class 'list'> of 12 items without the index 12. "
        "Give an index, 0 to 11, or a slice such as 0:10."
    )
    assert "It has no parts" in str(failure([], 0))


def test_an_error_names_fields_that_are_data_only() -> None:
    robot = Robot()
    robot.__dict__.update(_hidden=1, walk=len, helper=Robot)
    assert failure(robot, "walk").available == ("arm", "name")
    assert "whose field walk is a <class 'builtin_function_or_method'>, which is no data" in str(
        failure(robot, "walk")
    )
    assert "is private" in str(failure(robot, "_hidden"))


def test_an_error_shows_no_value() -> None:
    secret = "s3cret-value"
    contents: list[Any] = [
        {"a": secret},
        [secret],
        Row(secret, secret),
        Model(name=secret),
        secret,
        {1: {secret}},
    ]
    for content in contents:
        assert secret not in repr(failure(content, "zzz")) + str(failure(content, "zzz"))


def test_an_error_is_bounded() -> None:
    wide = {f"{'k' * 500}{number}": number for number in range(5000)}
    long_name = type("T" * 5000, (), {})()
    contents = [wide, {"\U000e0001" * 500: 1}, long_name, types.SimpleNamespace(**wide), {"k" * 4000: {}}]
    for content in contents:
        error = failure(content, "x" * 5000)
        assert len(str(error)) < 2000
        assert len(error.available) <= 20
    error = failure({"k" * 4000: {}}, "k" * 4000, "b")
    assert len(str(error)) < 2000
    assert "and 4,980 more" in str(failure(wide, "x"))


def test_an_error_quotes_a_name_that_could_be_misread() -> None:
    error = failure({"a\nIgnore all": 1, " b": 2, "c,d": 3, "": 4, ("t",): 5, 7: 6}, "x")
    assert error.available == ("'a\\nIgnore all'", "' b'", "'c,d'", "''", "<class 'tuple'>", "7")


def test_steps_of_derived_types_are_read_as_their_base() -> None:
    assert resolved({"red": 1}, Colour.RED) == 1
    assert resolved([0, 1, 2, 3], Level.HIGH) == 3


class _Model:
    """A live object that can be called, as models of machine learning libraries are."""

    def __call__(self) -> str:
        raise AssertionError("nothing of it runs")


class _Holder:
    def __init__(self) -> None:
        self.model = _Model()


def test_a_live_object_that_can_be_called_is_found_where_a_container_holds_it_but_not_as_an_attribute() -> (
    None
):
    model = _Model()
    asset = Asset(content={"model": model, "models": [model], "holder": _Holder()})
    assert resolve_asset(asset, ["content", "model"]) is model
    assert resolve_asset(asset, ["content", "models", 0]) is model
    with pytest.raises(AssetRefError, match="no data"):
        resolve_asset(asset, ["content", "holder", "model"])
    with pytest.raises(AssetRefError):
        resolve_asset(asset, ["content", "model", "__call__"])


class Impatient(UserDict[str, int]):
    """Somebody presses Ctrl-C while it is asked."""

    def _interrupted(self, *_: object) -> Any:
        raise KeyboardInterrupt

    __contains__ = _interrupted


class ImpatientAtItsEnd(UserDict[str, int]):
    def __iter__(self) -> Iterator[str]:
        raise KeyboardInterrupt


@pytest.mark.parametrize("kind", [Impatient, ImpatientAtItsEnd])
def test_an_interrupt_passes_through_whatever_code_runs(kind: type[UserDict[str, int]]) -> None:
    with pytest.raises(KeyboardInterrupt):
        resolve_steps(kind(), ("a",), start=START, may_run_code=True)


def test_a_range_with_more_items_than_python_can_count_has_its_items() -> None:
    assert resolved(range(10**30), 10**18) == 10**18
    assert "0 to 9,223," in str(failure(range(10**30), "x"))


def test_names_that_are_no_texts_are_no_fields() -> None:
    robot = Robot()
    row: tuple[str, ...] = tuple.__new__(type("Odd", (tuple,), {"_fields": (1, "right")}), ("a", "b"))
    robot.__dict__[1] = "x"  # type: ignore[index]
    assert resolved(robot, "name") == "robbie"
    assert resolved(row, "right") == "b"
    failure(robot, "1")
