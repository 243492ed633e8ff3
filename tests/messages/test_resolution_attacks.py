"""No reference reads what is no data, and nothing of a hostile object runs by being read."""

import array
import asyncio
import contextlib
import functools
import sys
import threading
import types
import weakref
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from hostile import Journal, hostile, hostile_class
from openmas_assets.messages.asset import Asset
from openmas_assets.messages.asset_ref import AssetRef
from openmas_assets.messages.errors import AssetRefError
from openmas_assets.messages.property_table import PropertyTable
from openmas_assets.messages.resolution import resolve_asset, resolve_steps

START = AssetRef("a1", ("content",))


class Agent:
    limit = 5

    def __init__(self) -> None:
        self.name = "agent"
        self.callback = self.run
        self.kind = Agent
        self.helper = sys
        self._token = "token"
        self.partial = functools.partial(print, "x")

    def run(self) -> None: ...

    @property
    def environment(self) -> object:
        raise AssertionError("a property was evaluated")

    @functools.cached_property
    def cached(self) -> object:
        raise AssertionError("a property was evaluated")


def generator() -> Iterator[object]:
    secret = Agent()
    yield secret


def coroutine() -> Any:
    async def inner() -> None: ...

    made = inner()
    made.close()
    return made


def frame_of_a_generator() -> types.FrameType:
    frame: types.FrameType = generator().gi_frame  # type: ignore[attr-defined]
    return frame


def traceback() -> types.TracebackType:
    with pytest.raises(ValueError, match="x") as caught:
        int("x")
    return caught.tb


class Model(BaseModel):
    name: str = "m"
    _hidden: int = 1


class Slotted:
    __slots__ = ("_hidden", "shown")


ATTACKS: list[tuple[object, str]] = [
    (Agent(), "run/__globals__/sys/modules/os/environ"),
    (Agent(), "run"),
    (Agent(), "callback/__func__/__globals__"),
    (Agent(), "callback/__self__/_token"),
    (Agent(), "kind/__init__/__globals__"),
    (Agent(), "kind"),
    (Agent(), "helper/modules"),
    (Agent(), "helper"),
    (Agent(), "partial"),
    (Agent(), "partial/func"),
    (Agent(), "_token"),
    (Agent(), "environment"),
    (Agent(), "cached"),
    (Agent(), "limit"),
    (Agent(), "__class__/__mro__/1/__subclasses__"),
    (Agent(), "__dict__/_token"),
    (Agent(), "__dict__"),
    (Agent(), "__doc__"),
    (Agent(), "__module__"),
    (Agent(), "__init__/__code__/co_consts"),
    (Agent(), "__reduce__"),
    (Agent(), "name/__class__"),
    (Agent(), "name/format"),
    (Agent(), "name/0"),
    (Agent(), "%5Ftoken"),
    (Agent(), "n%61me"),
    ({"agent": Agent()}, "agent/_token"),
    ([Agent()], "0/run"),
    ((Agent(),), "0/__class__"),
    (generator(), "gi_frame/f_locals"),
    ([generator()], "0"),
    ([coroutine()], "0"),
    ([coroutine()], "0/cr_frame"),
    ([frame_of_a_generator()], "0"),
    (frame_of_a_generator(), "f_globals"),
    (frame_of_a_generator(), "f_builtins"),
    (traceback(), "tb_frame"),
    ([traceback()], "0"),
    (ValueError("x"), "__traceback__/tb_frame"),
    (ValueError("x"), "args"),
    (functools.partial(print, 1), "func"),
    (functools.partial(print, 1), "args"),
    (functools.partial(print, 1), "keywords"),
    (functools.lru_cache(generator), "cache_parameters"),
    (property(len), "fget"),
    ([property(len)], "0"),
    ([staticmethod(len)], "0"),
    ([classmethod(type)], "0"),
    (staticmethod(len), "__wrapped__"),
    (memoryview(b"secret"), "obj"),
    (memoryview(b"secret"), "0"),
    (np.zeros(3), "data"),
    (np.zeros(3), "ctypes"),
    (np.zeros((3, 3))[1:], "base"),
    (np.zeros(3), "flags"),
    (np.zeros(3), "shape"),
    (np.zeros(3), "tolist"),
    (np.zeros(3), "__array_interface__"),
    (np.array([print]), "0"),
    (np.zeros(3).dtype, "fields"),
    ([np.add], "0"),
    (array.array("i", [1]), "buffer_info"),
    (deque([1]), "maxlen"),
    (range(3), "start"),
    (slice(1, 2), "start"),
    ([len], "0"),
    ([[].append], "0"),
    ([str.upper], "0"),
    ([int.__add__], "0"),
    ([(1).__add__], "0"),
    ([dict.fromkeys], "0"),
    ([type.__dict__["__mro__"]], "0"),
    ([Slotted.__dict__["shown"]], "0"),
    ([int], "0"),
    ([list[int]], "0"),
    ([sys], "0"),
    (sys, "modules"),
    (sys, "__dict__"),
    (types.ModuleType("m"), "__name__"),
    (Agent, "limit"),
    (Agent, "run"),
    (Agent, "__dict__"),
    (Agent.run, "__globals__"),
    (Agent.run.__code__, "co_consts"),
    ([Agent.run.__code__], "0"),
    (vars(Agent), "run"),
    (vars(Agent), "environment"),
    (vars(Agent), "cached/func"),
    (vars(Agent), "__dict__"),
    (vars(Model), "model_fields"),
    (Model(), "_hidden"),
    (Model(), "__pydantic_private__/_hidden"),
    (Model(), "__pydantic_extra__"),
    (Model(), "model_fields"),
    (Model(), "model_config"),
    (Model(), "model_dump"),
    (Model(), "copy"),
    (Slotted(), "_hidden"),
    (Slotted(), "shown"),
    (weakref.ref(Agent), "__callback__"),
    (threading.Thread(target=print), "_target"),
    (threading.Thread(target=print), "run"),
    (Asset(content=1), "model_fields"),
    (Asset(content=1), "given_fields"),
    (AssetRef("a"), "url"),
    (AssetRef("a"), "resolve"),
    ("text", "join"),
    (5, "real"),
    (5, "numerator"),
    (b"x", "0"),
    (None, "__class__"),
    ({}, "keys"),
    ({}, "__class__"),
    ([], "append"),
    ((), "__class__"),
    (object(), "__class__"),
    (type("Cell", (), {"__dict__": functools.partial})(), "func"),
]


@pytest.mark.parametrize(
    ("content", "path"), ATTACKS, ids=[f"{number}-{path}" for number, (_, path) in enumerate(ATTACKS)]
)
@pytest.mark.parametrize("may_run_code", [False, True])
def test_a_step_to_what_is_no_data_is_refused(content: object, path: str, *, may_run_code: bool) -> None:
    asset = Asset(asset_id="a1", content=content)
    with pytest.raises(AssetRefError) as caught:
        resolve_asset(asset, ("content", *path.split("/")), may_run_code=may_run_code)
    assert "token" not in str(caught.value).replace("_token", "").replace("%5Ftoken", "")


@contextlib.contextmanager
def nothing_called() -> Iterator[Journal]:
    journal = Journal()
    yield journal
    assert journal.calls == []


STEPS: list[str | int] = [
    "value",
    "secret",
    "shape",
    "length",
    "0",
    0,
    "0:1",
    "__class__",
    "_x",
    "name",
    "",
    5,
]


def is_error(found: object) -> bool:
    return isinstance(found, str) and found.startswith(START.url)


def attempted(content: object, *steps: str | int) -> object:
    """What steps lead to, or the text of the error."""
    try:
        return resolve_steps(
            content, steps, start=START, properties=PropertyTable().with_type(Agent, ["unused"])
        )
    except AssetRefError as error:
        return str(error)


BASES: list[tuple[type, tuple[Any, ...]]] = [
    (object, ()),
    (list, ([1, 2],)),
    (dict, ({"a": 1},)),
    (tuple, ([1, 2],)),
    (str, ("ab",)),
    (bytes, (b"x",)),
    (int, (5,)),
    (float, (5.5,)),
    (set, ()),
    (deque, ()),
    (array.array, ("i",)),
    (np.ndarray, ((3,),)),
    (types.SimpleNamespace, ()),
    (Exception, ()),
    (BaseException, ()),
]


@pytest.mark.parametrize(
    ("base", "arguments"),
    BASES,
    ids=lambda each: each.__name__ if isinstance(each, type) else "",
)
def test_nothing_of_a_hostile_object_runs(base: type, arguments: tuple[Any, ...]) -> None:
    with nothing_called() as journal:
        evil = hostile(journal, base, arguments=arguments)
        journal.open()
        for step in STEPS:
            attempted(evil, step)
            attempted({"evil": evil}, "evil", step)
            attempted([evil], 0, step)


def test_members_of_hostile_containers_are_read_by_their_base() -> None:
    with nothing_called() as journal:
        numbers = hostile(journal, list, arguments=([1, 2],))
        named = hostile(journal, dict, arguments=({"value": 7, None: 1, 3: 8},))
        views: Any = np.arange(3).view(hostile_class(journal, np.ndarray))
        journal.open()
        assert attempted(numbers, "1") == 2
        assert attempted(named, "value") == 7
        assert attempted(named, "3") == 8
        assert attempted(views, "2") == 2
        assert type(attempted(views, "1:")) is np.ndarray


def test_hostile_keys_are_neither_compared_nor_hashed() -> None:
    with nothing_called() as journal:
        likeness = [hostile(journal, str, arguments=("name",), reads_as="name")]
        likeness += [hostile(journal, object, reads_as="name"), hostile(journal, tuple, reads_as="name")]
        mapping: dict[Any, int] = {key: number for number, key in enumerate(likeness)}
        robot = Agent()
        robot.__dict__.update(mapping)
        journal.open()
        assert attempted(mapping, "name") == 0
        assert is_error(attempted(mapping, "nome"))
        assert is_error(attempted(types.MappingProxyType(mapping), "x"))
        attempted(robot, "name")
        attempted(robot, "x")


def test_a_class_whose_dict_is_its_own_is_read_by_nobody() -> None:
    with nothing_called() as journal:
        evil = hostile(journal, Agent)
        object.__setattr__(evil, "name", "plain")
        journal.open()
        # What lies in the instance is found by the base class's descriptor, not by the override.
        assert attempted(evil, "name") == "plain"
        assert is_error(attempted(evil, "secret"))


def test_a_class_that_lies_about_itself_is_what_it_is() -> None:
    class Liar:
        @property  # type: ignore[misc]
        def __class__(self) -> Any:
            return dict

        def __getitem__(self, key: str) -> object:
            raise AssertionError("asked")

    assert is_error(attempted(Liar(), "x"))


def test_a_class_named_like_an_array_is_none() -> None:
    fake = type(
        "ndarray", (), {"__module__": "numpy", "__getitem__": lambda *_: 1, "ndim": 1, "__len__": len}
    )
    assert repr(fake) == "<class 'numpy.ndarray'>"
    assert is_error(attempted(fake(), "0"))


def test_a_task_and_its_coroutine_are_out_of_reach() -> None:
    async def run() -> None:
        task = asyncio.current_task()
        for step in ("get_coro", "_coro", "result", "cancel", "get_loop"):
            assert is_error(attempted({"task": task}, "task", step))

    asyncio.run(run())


def test_a_path_through_a_cycle_ends_with_its_steps() -> None:
    content: dict[str, Any] = {}
    content["self"] = content
    assert attempted(content, *["self"] * 200) is content
