"""Whatever dies, everybody who has called gets an answer; and a closed dispatcher says that it is closed."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pykka
import pytest
from pykka.messages import ProxyCall

from openmas_assets.actors import AssetStore, PluginDispatcher
from openmas_assets.actors.plugin_actor import PluginActor
from openmas_assets.messages.errors import AssetError, PluginCallError
from openmas_assets.messages.plugin import CallPlugin
from plugins import Door, config, error_of, message, response_of, wait_until_over

TIMEOUT_SECONDS = 30
# As `RestartBudget` promises.
ALLOWED_CRASHES = 10


@pytest.fixture
def plugins() -> Iterator[PluginDispatcher]:
    with AssetStore() as store, PluginDispatcher(store) as plugins:
        yield plugins


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    yield door
    door.open()


def crash(ref: pykka.ActorRef[Any]) -> None:
    """Have an actor run into a bug."""
    with suppress(pykka.ActorDeadError):
        ref.tell(ProxyCall(attr_path=("no_such_method",), args=(), kwargs={}))


def workers() -> list[pykka.ActorRef[Any]]:
    return pykka.ActorRegistry.get_by_class(PluginActor)


def test_a_plugin_that_crashes_fails_its_calls_and_the_next_one_runs(
    plugins: PluginDispatcher, door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    plugins.register(config(hold=None, go=None), {"hold": door.pass_through, "go": lambda param: param})
    held = [plugins.ask(CallPlugin(message=message("hold"))) for _ in range(3)]
    door.wait_for(3)
    [worker] = workers()
    crash(worker)
    for reply in held:
        error = error_of(reply.get(timeout=TIMEOUT_SECONDS).message)
        assert error["type"] == "AssetError"
        assert error["message"].startswith("the plugin 'lab' crashed: AttributeError: ")
    assert response_of(plugins.call(message(param=1))) == 1
    assert "Unhandled exception in PluginActor" in caplog.text


def test_a_crash_can_be_raised_as_what_it_means_for_the_call(plugins: PluginDispatcher, door: Door) -> None:
    plugins.register(config(go=None), door.pass_through)
    caught: list[PluginCallError] = []

    def call() -> None:
        try:
            plugins.call(message(), raise_errors=True)
        except PluginCallError as error:
            caught.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    door.wait_for()
    crash(*workers())
    thread.join(TIMEOUT_SECONDS)
    [error] = caught
    assert (error.plugin, error.command, error.kind) == ("lab", "go", "AssetError")
    assert "crashed" in str(error)


def test_a_crash_harms_no_other_plugin(plugins: PluginDispatcher, door: Door) -> None:
    plugins.register(config(go=None), lambda _command, param: param)
    assert response_of(plugins.call(message(param=1))) == 1
    [bad] = workers()
    plugins.register(config("other", go=None), door.pass_through)
    held = plugins.ask(CallPlugin(message=message(plugin="other")))
    door.wait_for()
    crash(bad)
    assert bad.actor_stopped.wait(TIMEOUT_SECONDS)
    door.open()
    assert response_of(held.get(timeout=TIMEOUT_SECONDS).message) is None


def test_a_plugin_that_is_stopped_from_outside_fails_its_calls_and_the_next_one_runs(
    plugins: PluginDispatcher, door: Door
) -> None:
    plugins.register(config(hold=None, go=None), {"hold": door.pass_through, "go": lambda param: param})
    held = plugins.ask(CallPlugin(message=message("hold")))
    door.wait_for()
    [worker] = workers()
    worker.stop()
    assert "it was stopped from outside" in error_of(held.get(timeout=TIMEOUT_SECONDS).message)["message"]
    assert response_of(plugins.call(message(param=1))) == 1


def test_a_plugin_that_crashes_again_and_again_ends_in_an_error_and_the_others_live_on(
    plugins: PluginDispatcher, door: Door
) -> None:
    plugins.register(config(go=None), door.pass_through)
    plugins.register(config("other", go=None), lambda _command, param: param)
    for _ in range(ALLOWED_CRASHES + 1):
        held = plugins.ask(CallPlugin(message=message()))
        door.wait_for()
        crash(*workers())
        assert "the plugin 'lab' crashed" in error_of(held.get(timeout=TIMEOUT_SECONDS).message)["message"]
    assert workers() == []
    assert "the plugin 'lab' crashed: AttributeError" in error_of(plugins.call(message()))["message"]
    assert workers() == []
    assert response_of(plugins.call(message(plugin="other", param=1))) == 1


def test_a_dispatcher_that_crashes_tells_everybody_who_waits(plugins: PluginDispatcher, door: Door) -> None:
    plugins.register(config(go=None), door.pass_through)
    held = [plugins.ask(CallPlugin(message=message())) for _ in range(3)]
    door.wait_for(3)
    crash(plugins.actor_ref)
    for reply in held:
        with pytest.raises(AssetError, match="the plugin dispatcher crashed: AttributeError"):
            reply.get(timeout=TIMEOUT_SECONDS)
    with pytest.raises(AssetError, match="the plugin dispatcher is closed"):
        plugins.call(message())


# Closing


async def test_a_closed_dispatcher_says_so(plugins: PluginDispatcher) -> None:
    plugins.register(config(go=None), lambda _command, param: param)
    plugins.close()
    plugins.close()
    with pytest.raises(AssetError, match="the plugin dispatcher is closed"):
        plugins.call(message())
    with pytest.raises(AssetError, match="the plugin dispatcher is closed"):
        await plugins.acall(message())
    with pytest.raises(AssetError, match="the plugin dispatcher is closed"):
        plugins.ask(CallPlugin(message=message())).get(timeout=TIMEOUT_SECONDS)
    with pytest.raises(AssetError, match="the plugin dispatcher is closed"):
        plugins.register(config("late", go=None), lambda _command, param: param)


async def test_closing_answers_all_who_wait_in_threads_and_loops(
    plugins: PluginDispatcher, door: Door
) -> None:
    plugins.register(config(go=None), door.pass_through)
    awaited = asyncio.create_task(plugins.acall(message()))
    asked = [plugins.ask(CallPlugin(message=message())) for _ in range(100)]
    await asyncio.to_thread(door.wait_for, 64)
    await plugins.__aexit__(None, None, None)
    with pytest.raises(AssetError, match="the plugin dispatcher is closed"):
        await awaited
    for reply in asked:
        with pytest.raises(AssetError, match="the plugin dispatcher is closed"):
            reply.get(timeout=TIMEOUT_SECONDS)
    assert all(ref.actor_stopped.wait(TIMEOUT_SECONDS) for ref in workers())


def test_a_handler_may_close_the_dispatcher_that_calls_it(plugins: PluginDispatcher) -> None:
    plugins.register(config(go=None), lambda _command, _param: plugins.close())
    with pytest.raises(AssetError, match="the plugin dispatcher is closed"):
        plugins.call(message())


def test_closing_ends_every_thread_but_those_of_handlers_that_run(door: Door) -> None:
    before = set(threading.enumerate())
    with AssetStore() as store, PluginDispatcher(store) as plugins:
        plugins.register(config(go=None), door.pass_through)
        plugins.ask(CallPlugin(message=message()))
        door.wait_for()
    new = set(threading.enumerate()) - before
    wait_until_over(*(thread for thread in new if thread.name != "plugin-handler"))
    assert [thread.name for thread in set(threading.enumerate()) - before] == ["plugin-handler"]
