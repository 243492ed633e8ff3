"""A plugin's handler: somebody else's code, in whichever of its shapes, called in threads of its own."""

import asyncio
import contextlib
import contextvars
import inspect
import queue
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from openmas_assets.messages.errors import AssetConfigurationError
from openmas_assets.messages.plugin_config import PluginConfig
from openmas_assets.messages.suggestion import closest, listed

T = TypeVar("T")

call_depth: contextvars.ContextVar[int] = contextvars.ContextVar("call_depth", default=0)
"""In how many handlers of plugins the running code is."""


def is_on_plugin_loop() -> bool:
    """Whether the running code is a coroutine of a handler, which must not block."""
    return isinstance(threading.current_thread(), _PluginLoop)


class PluginHandler:
    """What runs a plugin's commands.

    Args:
        config: The plugin.
        handler: A callable that takes the command's name and the parameter; or a mapping of each command to a
            callable that takes the parameter; or an object with a method `command` that takes both. Each may
            be a coroutine function: those of one plugin share an event loop in a thread of the plugin's own.

    Raises:
        AssetConfigurationError: It is none of these, or the mapping does not fit the commands.
    """

    def __init__(self, config: PluginConfig, handler: object) -> None:
        self._run = _as_function(config, handler)
        self._lock = threading.Lock()
        self._loop: _PluginLoop | None = None
        self._is_closed = False

    def start(
        self, command: str, param: object, depth: int, on_end: Callable[[Any, BaseException | None], None]
    ) -> Callable[[], None]:
        """Run a command in a thread of its own.

        Args:
            command: The command's name.
            param: What it gets.
            depth: In how many handlers the caller is.
            on_end: Called in that thread with what the handler returned and None, or with None and what it
                raised.

        Returns:
            What cancels the handler where it is a coroutine; a function runs on and is not listened to.

        Raises:
            RuntimeError: The system gives no more threads.
        """
        run = _Run(self._call_soon, on_end)

        def work() -> None:
            call_depth.set(depth + 1)
            run.work(lambda: self._run(command, param))

        # A context of its own: the handler sees neither the store's nor another call's variables.
        thread = threading.Thread(
            target=contextvars.Context().run, args=[work], name="plugin-handler", daemon=True
        )
        thread.start()
        return run.cancel

    def close(self) -> None:
        """Cancel the coroutines that still run, and end their event loop. Any thread; does not wait."""
        with self._lock:
            self._is_closed = True
            if self._loop is not None:
                self._loop.stop()
                self._loop = None

    def _call_soon(self, work: Callable[[], None]) -> None:
        # Under the lock: what comes before `close` is before its stop in the loop's queue, and so is run.
        with self._lock:
            if self._is_closed:
                raise RuntimeError("the plugin is closed")
            if self._loop is None:
                self._loop = _PluginLoop.started()
            self._loop.call_soon(work)


class _PluginLoop(threading.Thread):
    """The thread in which the event loop of one plugin runs."""

    def __init__(self) -> None:
        super().__init__(name="plugin-loop", daemon=True)
        self._loop = asyncio.new_event_loop()

    @classmethod
    def started(cls) -> "_PluginLoop":
        thread = cls()
        try:
            thread.start()
        except RuntimeError:  # the system gives no more threads
            thread._loop.close()
            raise
        return thread

    def call_soon(self, work: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(work)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    def run(self) -> None:
        asyncio.set_event_loop(self._loop)
        _insist(self._loop.run_forever)
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        ended = asyncio.gather(*tasks, return_exceptions=True)
        _insist(lambda: self._loop.run_until_complete(ended))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()


class _Run:
    """One call of a handler."""

    def __init__(
        self, call_soon: Callable[[Callable[[], None]], None], on_end: Callable[[Any, Any], None]
    ) -> None:
        self._call_soon = call_soon
        self._on_end = on_end
        self._lock = threading.Lock()
        self._is_cancelled = False
        self._task: asyncio.Task[Any] | None = None

    def work(self, run: Callable[[], Any]) -> None:
        try:
            result = run()
            if inspect.isawaitable(result):
                result = self._wait_for(result)
        except BaseException as error:  # noqa: BLE001 - somebody else's code: even an exit is an answer
            self._on_end(None, error)
        else:
            self._on_end(result, None)

    def cancel(self) -> None:
        with self._lock:
            self._is_cancelled = True
            if self._task is not None:
                with contextlib.suppress(RuntimeError):  # the loop has been closed, and the task with it
                    self._task.get_loop().call_soon_threadsafe(self._task.cancel)

    def _wait_for(self, awaitable: Awaitable[Any]) -> Any:
        coroutine = awaitable if inspect.iscoroutine(awaitable) else _awaited(awaitable)
        ended: queue.SimpleQueue[asyncio.Task[Any]] = queue.SimpleQueue()

        def begin() -> None:
            with self._lock:
                self._task = asyncio.get_running_loop().create_task(coroutine)
                self._task.add_done_callback(ended.put)
                if self._is_cancelled:
                    self._task.cancel()

        try:
            self._call_soon(begin)
        except RuntimeError:
            coroutine.close()
            raise
        # Until it really is over: a coroutine may take its time to be cancelled.
        return ended.get().result()


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


def _insist(run: Callable[[], object]) -> None:
    """Run a loop, and go on where a task raises what would end a program: the task itself has that, too."""
    while True:
        try:
            run()
        except (SystemExit, KeyboardInterrupt):
            continue
        return


def _as_function(config: PluginConfig, handler: object) -> Callable[[str, Any], Any]:
    if isinstance(handler, Mapping):
        return _from_mapping(config, handler)
    method = getattr(handler, "command", None)
    for candidate in (method, handler):
        if callable(candidate):
            return candidate  # type: ignore[no-any-return]
    raise AssetConfigurationError(
        f"the handler of plugin '{config.name}' cannot be called",
        fix="Give a callable (command, param), a mapping of commands to callables, or an object with a "
        "method command(name, param).",
    )


def _from_mapping(config: PluginConfig, handlers: Mapping[Any, Any]) -> Callable[[str, Any], Any]:
    handlers = dict(handlers)
    commands = [command.name for command in config.commands]
    problems = [
        f"{name}: the config has this command, the handler has not"
        for name in commands
        if name not in handlers
    ]
    for name, function in handlers.items():
        if name not in commands:
            likely = closest(str(name), commands)
            hint = f"; did you mean '{likely}'?" if likely else f"; its commands are {listed(commands)}"
            problems.append(f"{name}: the handler has this command, the config has not{hint}")
        elif not callable(function):
            problems.append(f"{name}: what stands for this command cannot be called")
    if problems:
        raise AssetConfigurationError(
            f"the handler does not fit the config of plugin '{config.name}'", problems=problems
        )
    return lambda command, param: handlers[command](param)
