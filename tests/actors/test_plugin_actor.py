"""Each plugin is an actor of its own, and each call runs in a thread: nobody waits for who is slow."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pykka
import pytest

from openmas_assets.actors import AssetManager, AssetStore, PluginDispatcher, Reply
from openmas_assets.actors.manager_actor import AssetManagerActor
from openmas_assets.actors.plugin_actor import PluginActor
from openmas_assets.messages.plugin import AbortCommand, CallPlugin, PluginAnswered
from openmas_assets.messages.supervision import WaitOver
from plugins import Door, config, error_of, message, response_of, threads, wait_until_over
from projects import asset, project
from special_assets import BuggyOnce, special

PLACES = 64
READERS = 64
TIMEOUT_SECONDS = 30


@pytest.fixture
def store() -> Iterator[AssetStore]:
    with AssetStore() as store:
        yield store


@pytest.fixture
def plugins(store: AssetStore) -> Iterator[PluginDispatcher]:
    with PluginDispatcher(store) as plugins:
        yield plugins


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    yield door
    door.open()


def ask(
    plugins: PluginDispatcher, command: str = "go", *, timeout_seconds: float | None = None, **more: Any
) -> Reply[PluginAnswered]:
    return plugins.ask(CallPlugin(message=message(command, **more), timeout_seconds=timeout_seconds))


def answer_to(reply: Reply[PluginAnswered]) -> dict[str, Any]:
    return reply.get(timeout=TIMEOUT_SECONDS).message


class Nested:
    """Calls itself and the plugin `other` in turn, down to a depth, and counts."""

    def __init__(self, plugins: PluginDispatcher) -> None:
        self._plugins = plugins

    def command(self, name: str, param: Any) -> Any:
        depth = param["depth"]
        return 1 + self._plain(self._plugins.call(self._next(name, depth))) if depth else 0

    @staticmethod
    def _plain(answer: dict[str, Any]) -> Any:
        assert answer["content_type"] == "command", answer["content"]["error"]["message"]
        return answer["content"]["response"]

    @staticmethod
    def _next(name: str, depth: int) -> dict[str, Any]:
        plugin = "lab" if depth % 3 else "other"
        return message(name, {"depth": depth - 1}, plugin=plugin)


class AsyncNested(Nested):
    """The same as a coroutine."""

    async def command(self, name: str, param: Any) -> Any:
        depth = param["depth"]
        return 1 + self._plain(await self._plugins.acall(self._next(name, depth))) if depth else 0


# One slow call delays nobody


def test_a_handler_that_blocks_delays_no_other_plugin_and_no_other_call(
    plugins: PluginDispatcher, door: Door
) -> None:
    plugins.register(config(hold=None, go=None), {"hold": door.pass_through, "go": lambda param: param})
    plugins.register(config("other", go=None), lambda _command, param: param)
    held = ask(plugins, "hold")
    door.wait_for()
    assert response_of(answer_to(ask(plugins, param=1))) == 1
    assert response_of(answer_to(ask(plugins, plugin="other", param=2))) == 2
    assert not held.is_done
    door.open()
    assert response_of(answer_to(held)) is None


def test_a_reference_that_takes_long_to_resolve_delays_no_other_call(
    plugins: PluginDispatcher, store: AssetStore, door: Door
) -> None:
    class Slow:
        @property
        def view(self) -> str:
            door.pass_through()
            return "seen"

    store.allow_properties(Slow, "view")
    store.put(Slow(), asset_id="slow")
    plugins.register(config(go={"type": "any", "asset_ref_acceptable": True}), lambda _command, param: param)
    held = ask(plugins, param="asset://slow/content/view")
    door.wait_for()
    assert response_of(answer_to(ask(plugins, param=1))) == 1
    assert not held.is_done
    door.open()
    assert response_of(answer_to(held)) == "seen"


def test_who_gives_up_waiting_for_a_reference_has_it_read_no_more(
    plugins: PluginDispatcher, store: AssetStore, door: Door
) -> None:
    class Views:
        def __init__(self) -> None:
            self.seen: list[str] = []

        @property
        def slow(self) -> str:
            door.pass_through()
            return "slow"

        @property
        def quick(self) -> str:
            self.seen.append("quick")
            return "quick"

    views, ran = Views(), list[Any]()
    store.allow_properties(Views, "slow", "quick")
    store.put(views, asset_id="views")
    plugins.register(
        config(go={"type": "list", "asset_ref_acceptable": True}), lambda _command, param: ran.append(param)
    )
    # As many as the store reads at a time.
    held = ask(plugins, param=["asset://views/content/slow"] * READERS)
    door.wait_for(READERS)
    ask(plugins, param=["asset://views/content/quick"]).cancel()
    for number in range(2):  # the plugin has heard of it and of its end by then
        assert response_of(answer_to(ask(plugins, param=[number]))) is None
    door.open()
    assert response_of(answer_to(held)) is None
    assert response_of(answer_to(ask(plugins, param=["asset://views/content/slow"]))) is None
    assert views.seen == []
    assert ran == [[0], [1], ["slow"] * READERS, ["slow"]]


def test_a_bug_of_who_resolves_a_reference_fails_that_call_alone(
    open_manager: Callable[..., AssetManager], door: Door, tmp_path: Path
) -> None:
    bad = special(BuggyOnce, asset("a", tmp_path / "a"), AssetManagerActor, good_for=0)
    with (
        AssetStore(asset_manager=open_manager(project(bad))) as store,
        PluginDispatcher(store) as plugins,
    ):
        accepting = {"type": "any", "asset_ref_acceptable": True}
        plugins.register(
            config(hold=None, go=accepting), {"hold": door.pass_through, "go": lambda param: param}
        )
        held = ask(plugins, "hold")
        door.wait_for()
        error = error_of(answer_to(ask(plugins, param="asset://a/path")))
        assert error == {
            "type": "ZeroDivisionError",
            "message": "the reference at param does not resolve: ZeroDivisionError: a bug in the key",
            "param": "param",
        }
        door.open()
        assert response_of(answer_to(held)) is None


# What is called with belongs to the caller, who may change it


class Restless(str):
    """A key whose dict grows whenever it is looked at, as if another thread wrote to it all the time."""

    __slots__ = ("owner",)
    owner: dict[str, Any]

    def __hash__(self) -> int:
        if (owner := getattr(self, "owner", None)) is not None:
            owner[f"{len(owner)}"] = None
        return super().__hash__()


def test_a_parameter_that_is_changed_while_it_is_read_fails_that_call_alone(
    plugins: PluginDispatcher, door: Door
) -> None:
    plugins.register(config(hold=None, go=None), {"hold": door.pass_through, "go": lambda param: param})
    held = ask(plugins, "hold")
    door.wait_for()
    key, param = Restless("key"), dict[str, Any]()
    param[key] = None
    key.owner = param
    error = error_of(answer_to(ask(plugins, param=param)))
    assert error["message"].startswith("the parameter was changed while it was read: dictionary changed size")
    door.open()
    assert response_of(answer_to(held)) is None


# Places


def test_sixty_four_calls_run_at_a_time_and_the_next_waits_for_a_place(
    plugins: PluginDispatcher, door: Door
) -> None:
    plugins.register(config(hold=None, go=None), {"hold": door.pass_through, "go": lambda param: param})
    held = [ask(plugins, "hold") for _ in range(PLACES)]
    door.wait_for(PLACES)
    waiting = ask(plugins, "hold")
    # One from within a handler has a place in any case; and when it runs, the one before it could.
    nested = plugins.ask(CallPlugin(message=message("hold"), depth=1))
    door.wait_for()
    assert len(threads("plugin-handler")) == PLACES + 1
    door.open()
    for reply in [*held, waiting, nested]:
        assert response_of(answer_to(reply)) is None


def test_calls_from_within_a_handler_take_nobodys_place(plugins: PluginDispatcher, door: Door) -> None:
    plugins.register(config(go=None), door.pass_through)
    replies = [plugins.ask(CallPlugin(message=message(), depth=1)) for _ in range(PLACES)]
    door.wait_for(PLACES)
    replies += [ask(plugins) for _ in range(PLACES)]
    door.wait_for(PLACES)
    door.open()
    assert {response_of(answer_to(reply)) for reply in replies} == {None}


def test_who_gives_up_waiting_for_a_place_is_passed_over(plugins: PluginDispatcher, door: Door) -> None:
    ran: list[object] = []
    plugins.register(config(hold=None, go=None), {"hold": door.pass_through, "go": ran.append})
    held = [ask(plugins, "hold") for _ in range(PLACES)]
    door.wait_for(PLACES)
    first, second = ask(plugins, param=1), ask(plugins, param=2)
    first.cancel()
    late = ask(plugins, param=3, timeout_seconds=0.05)
    assert error_of(answer_to(late))["type"] == "Timeout"
    door.open()
    assert response_of(answer_to(second)) is None
    for reply in held:
        answer_to(reply)
    answer_to(ask(plugins, param=4))
    assert ran == [2, 4]


def test_sixty_four_handlers_that_all_call_their_own_plugin_do_not_wait_for_each_other(
    plugins: PluginDispatcher, door: Door
) -> None:
    def call(_param: Any) -> Any:
        door.pass_through()
        answers = [plugins.call(message("go")), answer_to(plugins.ask(CallPlugin(message=message("go"))))]
        return [response_of(answer) for answer in answers]

    plugins.register(config(call=None, go=None), {"call": call, "go": lambda _param: "inner"})
    replies = [ask(plugins, "call") for _ in range(PLACES)]
    door.wait_for(PLACES)
    door.open()
    for reply in replies:
        assert response_of(answer_to(reply)) == ["inner", "inner"]


# Timeouts


@pytest.mark.parametrize("of", ["the plugin", "the call"])
def test_a_call_that_takes_too_long_is_answered_with_an_error(
    plugins: PluginDispatcher, door: Door, of: str
) -> None:
    plugins.register(config(go=None), door.pass_through, timeout_seconds=0.05 if of == "the plugin" else None)
    answer = plugins.call(message(), timeout_seconds=0.05 if of == "the call" else None)
    assert error_of(answer) == {
        "type": "Timeout",
        "message": "'lab' did not answer within 0.05 seconds. "
        "Ask for less at a time, or give the call more time.",
        "param": None,
    }


def test_a_time_that_is_up_after_the_answer_disturbs_nobody(plugins: PluginDispatcher) -> None:
    plugins.register(config(go=None), lambda _command, param: param)
    assert response_of(answer_to(ask(plugins, param=1, timeout_seconds=TIMEOUT_SECONDS))) == 1
    plugins.actor_ref.tell(WaitOver(job_id=1))  # what the first alarm says when it rings
    assert response_of(answer_to(ask(plugins, param=2))) == 2


def test_a_farewell_that_crosses_the_answer_disturbs_nobody(plugins: PluginDispatcher) -> None:
    plugins.register(config(go=None), lambda _command, param: param)
    assert response_of(answer_to(ask(plugins, param=1))) == 1
    [plugin_ref] = pykka.ActorRegistry.get_by_class(PluginActor)
    plugin_ref.tell(
        AbortCommand(call_id=1)
    )  # what the dispatcher says when the caller of the first one leaves
    assert response_of(answer_to(ask(plugins, param=2))) == 2


def test_a_plugin_without_a_timeout_is_waited_for_as_long_as_it_takes(
    plugins: PluginDispatcher, door: Door
) -> None:
    before = set(threads("Alarm"))
    plugins.register(config(go=None), door.pass_through, timeout_seconds=None)
    held = ask(plugins)
    door.wait_for()
    assert set(threads("Alarm")) <= before
    door.open()
    assert response_of(answer_to(held)) is None


def test_a_function_that_has_timed_out_keeps_its_place_and_its_late_answer_is_dropped(
    plugins: PluginDispatcher, store: AssetStore, door: Door
) -> None:
    def hold(_command: str, _param: Any) -> set[int]:
        door.pass_through()
        return {1}

    plugins.register(config(go=None), hold)
    held = [ask(plugins, timeout_seconds=0.05) for _ in range(PLACES)]
    for reply in held:
        assert error_of(answer_to(reply))["type"] == "Timeout"
    door.wait_for(PLACES)
    waiting = ask(plugins)
    nested = plugins.ask(CallPlugin(message=message(), depth=1))
    door.wait_for()
    assert len(threads("plugin-handler")) == PLACES + 1
    door.open()
    heard = [answer_to(reply)["content"]["asset_id"] for reply in (waiting, nested)]
    wait_until_over(*threads("plugin-handler"))
    heard.append(answer_to(ask(plugins))["content"]["asset_id"])  # the dispatcher has heard of all by then
    assert [error_of(answer_to(reply))["type"] for reply in held] == ["Timeout"] * PLACES
    # Of the sets that came too late none is kept: nobody could ever refer to one.
    assert set(store) == set(heard)


# Calls within calls


@pytest.mark.parametrize("nested", [Nested, AsyncNested])
def test_plugins_call_themselves_and_each_other_ten_deep(
    plugins: PluginDispatcher, nested: type[Nested]
) -> None:
    for name in ("lab", "other"):
        plugins.register(config(name, go=None), nested(plugins))
    assert response_of(plugins.call(message(param={"depth": 10}), raise_errors=True)) == 10


@pytest.mark.parametrize("nested", [Nested, AsyncNested])
def test_calls_thirty_two_deep_run_and_one_deeper_ends_in_an_error(
    plugins: PluginDispatcher, nested: type[Nested]
) -> None:
    for name in ("lab", "other"):
        plugins.register(config(name, go=None), nested(plugins))
    assert response_of(plugins.call(message(param={"depth": 32}), raise_errors=True)) == 32
    for depth in (33, 1000):
        error = error_of(plugins.call(message(param={"depth": depth})))
        assert "plugins call each other more than 32 deep" in error["message"]
    assert response_of(plugins.call(message(param={"depth": 1}))) == 1


async def test_many_nested_coroutines_share_a_loop_without_deadlock(plugins: PluginDispatcher) -> None:
    for name in ("lab", "other"):
        plugins.register(config(name, go=None), AsyncNested(plugins))
    calls = (plugins.acall(message(param={"depth": 5}), raise_errors=True) for _ in range(20))
    assert [response_of(answer) for answer in await asyncio.gather(*calls)] == [5] * 20
