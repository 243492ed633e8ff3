"""A handler may be whatever can be called; what it raises is an answer, and its coroutines share a loop."""

import asyncio
import contextlib
import contextvars
import functools
import threading
from collections.abc import Awaitable, Callable, Generator, Iterator
from typing import Any

import pytest

from openmas_assets.actors import AssetStore, PluginDispatcher
from openmas_assets.messages.errors import AssetConfigurationError, AssetRefError, PluginCallError
from openmas_assets.messages.plugin import CallPlugin
from plugins import Door, config, error_of, message, response_of, threads, wait_until_over

TIMEOUT_SECONDS = 30


@pytest.fixture
def plugins() -> Iterator[PluginDispatcher]:
    with AssetStore() as store, PluginDispatcher(store) as plugins:
        yield plugins


class Object:
    """A plugin as an object. What else can be called in it does not matter."""

    def command(self, name: str, param: Any) -> Any:
        return [name, param]

    def __call__(self) -> None:
        raise AssertionError


class AsyncObject:
    """A plugin as an object whose method is a coroutine function."""

    async def command(self, name: str, param: Any) -> Any:
        await asyncio.sleep(0)
        return [name, param]


class Promise:
    """Can be awaited, and is no coroutine."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __await__(self) -> Generator[Any, None, Any]:
        yield from asyncio.sleep(0).__await__()
        return self._value


async def coroutine(command: str, param: Any) -> Any:
    await asyncio.sleep(0)
    return [command, param]


async def takes_param(param: Any) -> Any:
    return ["go", param]


SHAPES: dict[str, Any] = {
    "a function": lambda command, param: [command, param],
    "a coroutine function": coroutine,
    "a partial of a coroutine function": functools.partial(coroutine),
    "a function that returns an awaitable": lambda command, param: Promise([command, param]),
    "a mapping": {"go": lambda param: ["go", param]},
    "a mapping to coroutine functions": {"go": takes_param},
    "an object": Object(),
    "an object with a coroutine function": AsyncObject(),
}


@pytest.mark.parametrize("handler", SHAPES.values(), ids=SHAPES)
def test_a_handler_is_called_whatever_its_shape(plugins: PluginDispatcher, handler: Any) -> None:
    plugins.register(config(go=None), handler)
    assert response_of(plugins.call(message(param={"a": 1}), raise_errors=True)) == ["go", {"a": 1}]


def test_a_mapping_must_fit_the_config_and_every_misfit_is_told(plugins: PluginDispatcher) -> None:
    handler = {"crop": len, "negativ": len, "print": 7, 5: len}
    with pytest.raises(AssetConfigurationError) as raised:
        plugins.register(config(crop=None, negative=None, print=None), handler)
    assert "the handler does not fit the config of plugin 'lab'" in str(raised.value)
    assert raised.value.problems == (
        "negative: the config has this command, the handler has not",
        "negativ: the handler has this command, the config has not; did you mean 'negative'?",
        "print: what stands for this command cannot be called",
        "5: the handler has this command, the config has not; its commands are crop, negative, print",
    )


@pytest.mark.parametrize("handler", [None, 7, "handler", ["handler"]])
def test_what_cannot_be_called_is_no_handler(plugins: PluginDispatcher, handler: object) -> None:
    with pytest.raises(AssetConfigurationError, match="the handler of plugin 'lab' cannot be called"):
        plugins.register(config(go=None), handler)


def test_a_mapping_that_is_changed_afterwards_changes_nothing(plugins: PluginDispatcher) -> None:
    handler = {"go": lambda _param: "first"}
    plugins.register(config(go=None), handler)
    handler.clear()
    assert response_of(plugins.call(message())) == "first"


# Failures


class UnspeakableError(Exception):
    """Cannot be put into words."""

    def __str__(self) -> str:
        raise RuntimeError


class LeavingError(Exception):
    """Ends the thread of whoever puts it into words."""

    def __str__(self) -> str:
        raise SystemExit


FAILURES: dict[str, tuple[BaseException, str, str]] = {
    "an error": (ValueError("no such style"), "ValueError", "the plugin failed: ValueError: no such style"),
    "an exit": (SystemExit(3), "SystemExit", "the plugin failed: SystemExit: 3"),
    "Ctrl-C": (KeyboardInterrupt(), "KeyboardInterrupt", "the plugin failed: KeyboardInterrupt: "),
    "a generator's end": (GeneratorExit(), "GeneratorExit", "the plugin failed: GeneratorExit: "),
    "a cancellation": (asyncio.CancelledError(), "CancelledError", "the plugin failed: CancelledError"),
    "one without words": (UnspeakableError(), "UnspeakableError", "the plugin failed: UnspeakableError"),
    "one that exits when asked": (LeavingError(), "SystemExit", "the plugin failed, and so did saying how"),
    "one of ours": (
        AssetRefError("it is gone"),
        "AssetRefError",
        "the plugin failed: AssetRefError: it is gone",
    ),
    "one for the caller": (PluginCallError("too big", parameter="size", kind="Size"), "Size", "too big"),
}


def raising(error: BaseException) -> Callable[[str, Any], Any]:
    def handler(_command: str, _param: Any) -> Any:
        raise error

    return handler


def raising_later(error: BaseException) -> Callable[[str, Any], Awaitable[Any]]:
    async def handler(_command: str, _param: Any) -> Any:
        await asyncio.sleep(0)
        raise error

    return handler


@pytest.mark.parametrize("make_handler", [raising, raising_later], ids=["function", "coroutine"])
@pytest.mark.parametrize(("error", "kind", "text"), FAILURES.values(), ids=FAILURES)
def test_what_a_handler_raises_is_an_answer_and_the_next_call_runs(
    plugins: PluginDispatcher, make_handler: Any, error: BaseException, kind: str, text: str
) -> None:
    plugins.register(config(go=None), make_handler(error), timeout_seconds=TIMEOUT_SECONDS)
    for _ in range(2):
        told = error_of(plugins.call(message()))
        assert told["type"] == kind
        assert told["message"].startswith(text)
        assert told["param"] == getattr(error, "parameter", None)


def test_a_failure_can_be_raised_with_its_kind(plugins: PluginDispatcher) -> None:
    plugins.register(config(go=None), raising(ValueError("no such style")))
    with pytest.raises(PluginCallError, match="no such style") as raised:
        plugins.call(message(), raise_errors=True)
    assert (raised.value.plugin, raised.value.command, raised.value.kind) == ("lab", "go", "ValueError")


def test_a_task_that_exits_beside_a_coroutine_does_not_end_the_loop(plugins: PluginDispatcher) -> None:
    async def leave() -> None:
        raise SystemExit

    async def handler(_command: str, _param: Any) -> Any:
        task = asyncio.create_task(leave())
        with contextlib.suppress(SystemExit):
            await task
        return "still here"

    plugins.register(config(go=None), handler, timeout_seconds=TIMEOUT_SECONDS)
    for _ in range(2):
        assert response_of(plugins.call(message())) == "still here"


def test_an_error_of_a_call_that_the_handler_makes_is_not_taken_for_one_of_its_own(
    plugins: PluginDispatcher,
) -> None:
    plugins.register(config("inner", go={"type": {"size": {"type": "int"}}}), lambda _command, _param: None)
    plugins.register(
        config("outer", go=None),
        lambda _command, _param: plugins.call(message(plugin="inner", param={}), raise_errors=True),
    )
    with pytest.raises(
        PluginCallError, match=r"the plugin failed: PluginCallError: .*size: is missing"
    ) as raised:
        plugins.call(message(plugin="outer"), raise_errors=True)
    assert (raised.value.plugin, raised.value.parameter) == ("outer", None)


# The loop


async def test_all_coroutines_of_a_plugin_run_in_one_loop_that_is_not_the_callers(
    plugins: PluginDispatcher,
) -> None:
    loops: list[tuple[asyncio.AbstractEventLoop, threading.Thread]] = []
    met = asyncio.Event()

    async def handler(_command: str, _param: Any) -> None:
        loops.append((asyncio.get_running_loop(), threading.current_thread()))
        if len(loops) == 10:
            met.set()
        await met.wait()

    plugins.register(config(go=None), handler)
    await asyncio.gather(*(plugins.acall(message()) for _ in range(10)))
    await plugins.acall(message())
    assert len(loops) == 11
    assert len(set(loops)) == 1
    assert loops[0][0] is not asyncio.get_running_loop()


def test_plugins_have_loops_of_their_own(plugins: PluginDispatcher) -> None:
    async def handler(_command: str, _param: Any) -> int:
        return id(asyncio.get_running_loop())

    for name in "ab":
        plugins.register(config(name, go=None), handler)
    loops = {response_of(plugins.call(message(plugin=name))) for name in "ab"}
    assert len(loops) == 2


def test_a_handler_sees_no_variables_of_the_caller_or_of_another_call(plugins: PluginDispatcher) -> None:
    variable = contextvars.ContextVar("variable", default="fresh")

    async def handler(_command: str, _param: Any) -> str:
        seen = variable.get()
        variable.set("spoilt")
        return seen

    variable.set("spoilt")
    plugins.register(config(go=None), handler)
    assert [response_of(plugins.call(message())) for _ in range(2)] == ["fresh", "fresh"]


class Sleeper:
    """A coroutine that sleeps until it is cancelled, and then takes its time."""

    def __init__(self) -> None:
        self.is_started, self.is_cancelled = threading.Event(), threading.Event()
        self.may_end = threading.Event()

    async def command(self, _name: str, _param: Any) -> None:
        self.is_started.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.is_cancelled.set()
            await asyncio.to_thread(self.may_end.wait, TIMEOUT_SECONDS)


async def test_to_cancel_an_awaited_call_cancels_the_coroutine(plugins: PluginDispatcher) -> None:
    sleeper = Sleeper()
    plugins.register(config(go=None), sleeper)
    call = asyncio.create_task(plugins.acall(message()))
    assert await asyncio.to_thread(sleeper.is_started.wait, TIMEOUT_SECONDS)
    call.cancel()
    assert await asyncio.to_thread(sleeper.is_cancelled.wait, TIMEOUT_SECONDS)
    sleeper.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await call


def test_a_timeout_cancels_the_coroutine_and_does_not_wait_for_its_end(plugins: PluginDispatcher) -> None:
    sleeper, timeout_seconds = Sleeper(), 0.05
    plugins.register(config(go=None), sleeper)
    while not sleeper.is_started.is_set():  # on a busy machine it takes longer
        answer = plugins.call(message(), timeout_seconds=timeout_seconds)
        assert error_of(answer)["type"] == "Timeout"
        timeout_seconds *= 2
    assert sleeper.is_cancelled.wait(TIMEOUT_SECONDS)
    # The thread that keeps its place goes on until it really is over.
    assert threads("plugin-handler")
    sleeper.may_end.set()
    wait_until_over(*threads("plugin-handler"))


async def test_calls_that_are_cancelled_at_once_leave_no_coroutine_that_was_never_awaited(
    plugins: PluginDispatcher,
) -> None:
    plugins.register(config(go=None), coroutine)
    for _ in range(100):
        call = asyncio.create_task(plugins.acall(message()))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert response_of(await plugins.acall(message())) == ["go", {}]


def test_a_coroutine_that_a_function_returns_after_its_call_was_cancelled_is_cancelled_too(
    plugins: PluginDispatcher,
) -> None:
    door = Door()

    def hold(_param: Any) -> Awaitable[Any]:
        door.pass_through()
        return asyncio.sleep(TIMEOUT_SECONDS * 10)

    plugins.register(config(hold=None, go=None), {"hold": hold, "go": lambda param: param})
    reply = plugins.ask(CallPlugin(message=message("hold")))
    door.wait_for()
    assert reply.cancel()
    plugins.call(message())  # the plugin has heard of it by then
    door.open()
    wait_until_over(*threads("plugin-handler"))


def test_closing_cancels_coroutines_and_ends_all_threads() -> None:
    before = set(threading.enumerate())
    sleeper = Sleeper()
    sleeper.may_end.set()
    with AssetStore() as store:
        plugins = PluginDispatcher(store)
        for name in "ab":
            plugins.register(config(name, go=None), sleeper if name == "a" else coroutine)
        plugins.call(message(plugin="b"))
        plugins.ask(CallPlugin(message=message(plugin="a")))
        assert sleeper.is_started.wait(TIMEOUT_SECONDS)
        plugins.close()
    assert sleeper.is_cancelled.wait(TIMEOUT_SECONDS)
    wait_until_over(*set(threading.enumerate()) - before)


def test_closing_while_many_coroutines_begin_leaves_no_thread() -> None:
    for _ in range(20):
        before = set(threading.enumerate())
        with AssetStore() as store, PluginDispatcher(store) as plugins:
            plugins.register(config(go=None), coroutine)
            replies = [plugins.ask(CallPlugin(message=message())) for _ in range(20)]
            replies[0].get(timeout=TIMEOUT_SECONDS)
        wait_until_over(*set(threading.enumerate()) - before)


# Waiting in a coroutine


def test_a_coroutine_that_would_block_its_loop_by_a_call_is_refused(plugins: PluginDispatcher) -> None:
    async def handler(_command: str, _param: Any) -> Any:
        return plugins.call(message(plugin="inner"))

    plugins.register(config("inner", go=None), lambda _command, _param: 1)
    plugins.register(config(go=None), handler)
    assert (
        "must not wait for another call in its event loop. Use `await"
        in error_of(plugins.call(message()))["message"]
    )


def test_a_coroutine_may_call_in_a_thread_of_its_own(plugins: PluginDispatcher) -> None:
    async def handler(_command: str, _param: Any) -> Any:
        return await asyncio.to_thread(plugins.call, message(plugin="inner"))

    plugins.register(config("inner", go=None), lambda _command, _param: 1)
    plugins.register(config(go=None), handler)
    assert response_of(response_of(plugins.call(message()))) == 1


def test_a_coroutine_that_is_held_up_keeps_no_function_waiting(plugins: PluginDispatcher) -> None:
    door = Door()

    async def hold(_param: Any) -> None:
        door.pass_through()

    plugins.register(config(hold=None, go=None), {"hold": hold, "go": lambda param: param})
    held = plugins.ask(CallPlugin(message=message("hold")))
    door.wait_for()
    assert response_of(plugins.call(message())) == {}
    door.open()
    assert response_of(held.get(timeout=TIMEOUT_SECONDS).message) is None


def test_the_traceback_of_a_handler_is_in_the_log_for_who_wrote_it(
    plugins: PluginDispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(command: str, param: object) -> None:
        raise ValueError(f"{command} {param}")

    caplog.set_level("INFO", logger="openmas_assets")
    plugins.register(config(go=None), fail)
    answer = plugins.call(message())
    assert "Traceback" not in error_of(answer)["message"]
    [record] = [each for each in caplog.records if "plugin 'lab', command 'go' failed" in each.getMessage()]
    assert record.exc_info is not None
    assert record.exc_info[0] is ValueError
