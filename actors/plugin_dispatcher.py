"""The facade of the PluginDispatcher actor: calls plugins, with references for what no message can hold."""

import threading
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any, Literal

from openmas_assets.actors.dispatcher_actor import PluginDispatcherActor
from openmas_assets.actors.facade import Facade
from openmas_assets.actors.plugin_file import read_plugin_config
from openmas_assets.actors.plugin_handler import PluginHandler, call_depth, is_on_plugin_loop
from openmas_assets.actors.plugin_registry import Plugin, PluginRegistry
from openmas_assets.actors.plugin_responses import PluginResponses, ResponsePolicy
from openmas_assets.actors.reply import ActorClosedError, Reply
from openmas_assets.actors.store import AssetStore
from openmas_assets.messages.errors import AssetConfigurationError, PluginCallError
from openmas_assets.messages.plugin import CallPlugin, PluginAnswered
from openmas_assets.messages.suggestion import closest, listed
from openmas_assets.messages.tool_schema import tool_names, tool_param, tool_schemas

DEFAULT_TIMEOUT_SECONDS = 60.0
"""How long a call may take unless the plugin or the call says otherwise."""


class PluginDispatcher(Facade):
    """Calls plugins by messages, in which references stand for objects of a store.

    Any thread and any event loop may use one. Each call runs in a thread of its own, so a handler must bear
    being called several times at once; a slow or failing plugin disturbs no other.

    Args:
        store: Where references are resolved, and where responses go that no message can hold. The
            dispatcher does not close it.
        response_policy: Called with a command's name, its response, and whether JSON can hold that; says
            whether the response becomes an asset. By default those do that JSON cannot hold. Runs in the
            handler's thread.
    """

    def __init__(self, store: AssetStore, *, response_policy: ResponsePolicy | None = None) -> None:
        self._registry = PluginRegistry()
        responses = PluginResponses(store, response_policy)
        super().__init__(PluginDispatcherActor.start(self._registry, store, responses))

    def register(
        self,
        config: Mapping[str, Any] | Path | str,
        handler: Any,
        *,
        timeout_seconds: float | None = DEFAULT_TIMEOUT_SECONDS,
    ) -> str:
        """Make a plugin known.

        Args:
            config: The plugin's config, or the YAML file that holds it.
            handler: A callable that takes the command's name and the parameter; or a mapping of each command
                to a callable that takes the parameter; or an object with a method `command` that takes both.
                Each may be a coroutine function: those of one plugin share an event loop in a thread of its
                own.
            timeout_seconds: How long a call may take that does not say; 60 by default, None for as long as
                it takes.

        Returns:
            The plugin's name.

        Raises:
            AssetConfigurationError: The config is broken (it lists every problem), the handler does not fit
                it, there is a plugin of that name, or the timeout is no time.
            AssetError: The dispatcher is closed, or this is a forked child.
        """
        self._refuse_if_forked("the plugin dispatcher")
        if not self.actor_ref.is_alive():
            raise ActorClosedError("the plugin dispatcher is closed")
        plugin_config = read_plugin_config(config)
        plugin_handler = PluginHandler(plugin_config, handler)
        self._registry.add(Plugin(plugin_config, plugin_handler, _checked(timeout_seconds)))
        return plugin_config.name

    def ask(self, command: CallPlugin) -> Reply[PluginAnswered]:
        """Send a call. Never blocks; any thread.

        Args:
            command: The call.

        Returns:
            The answer to come: `.get(timeout=…)` from a thread, `await` from asyncio, `.pipe_to(actor_ref)`
            from an actor. To cancel it cancels a handler that is a coroutine.
        """
        depth = max(command.depth, call_depth.get())
        return self._ask(command.model_copy(update={"depth": depth}))

    def call(
        self, message: Mapping[str, Any], *, timeout_seconds: float | None = None, raise_errors: bool = False
    ) -> dict[str, Any]:
        """Call a plugin and wait for its answer.

        Args:
            message: The call: receiver, content_type and content.
            timeout_seconds: How long it may take; None for what the plugin was registered with.
            raise_errors: Whether a failure is raised; by default it is an answer of content_type `error`.

        Returns:
            The answer, in the form of the call.

        Raises:
            PluginCallError: The call failed, where `raise_errors` asks for that; or this is a coroutine of a
                plugin, which must use `acall`.
            AssetError: The dispatcher is closed.
        """
        if is_on_plugin_loop():
            raise PluginCallError(
                "a plugin's coroutine must not wait for another call in its event loop",
                fix="Use `await dispatcher.acall(…)` there.",
            )
        return _outcome(self.ask(_command(message, timeout_seconds)).get(), raise_errors=raise_errors)

    async def acall(
        self, message: Mapping[str, Any], *, timeout_seconds: float | None = None, raise_errors: bool = False
    ) -> dict[str, Any]:
        """Call a plugin from asyncio. See `call`.

        Args:
            message: The call.
            timeout_seconds: How long it may take; None for what the plugin was registered with.
            raise_errors: Whether a failure is raised; by default it is an answer of content_type `error`.
        """
        return _outcome(await self.ask(_command(message, timeout_seconds)), raise_errors=raise_errors)

    def tool_schemas(self, dialect: Literal["openai", "anthropic"] = "openai") -> list[dict[str, Any]]:
        """The registered commands as tools for a language model.

        Args:
            dialect: `openai` for `{"type": "function", "function": {"name", "description", "parameters"}}`,
                `anthropic` for `{"name", "description", "input_schema"}`.

        Returns:
            JSON Schema definitions; parameters that accept references say so. What a model answers to them
            is made a call by `tool_call`.
        """
        return tool_schemas(self._registry.configs(), dialect)

    def tool_call(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Make a call of what a language model answered to one of the `tool_schemas`.

        Args:
            name: The tool's name.
            arguments: Its arguments.

        Returns:
            The message for `call` or `acall`.

        Raises:
            PluginCallError: There is no tool of that name.
        """
        tools = tool_names(self._registry.configs())
        if name not in tools:
            likely = closest(name, tools)
            hint = f"Did you mean '{likely}'? " if likely is not None else ""
            raise PluginCallError("there is no such tool", fix=f"{hint}The tools: {listed(list(tools))}.")
        config, command = tools[name]
        return {
            "receiver": {"role": "plugin", "name": config.name},
            "content_type": "command",
            "content": {"command": command.name, "param": tool_param(command, arguments)},
        }


def _command(message: Mapping[str, Any], timeout_seconds: float | None) -> CallPlugin:
    return CallPlugin(message=message, timeout_seconds=_checked(timeout_seconds))


def _checked(timeout_seconds: Any) -> float | None:
    if timeout_seconds is None:
        return None
    is_number = isinstance(timeout_seconds, Real) and not isinstance(timeout_seconds, bool)
    if not is_number or not 0 < timeout_seconds < threading.TIMEOUT_MAX:
        raise AssetConfigurationError(
            f"timeout_seconds is {timeout_seconds!r}", fix="Give a number of seconds above 0, or None."
        )
    return float(timeout_seconds)


def _outcome(answered: PluginAnswered, *, raise_errors: bool) -> dict[str, Any]:
    if answered.error is None or not raise_errors:
        return answered.message
    if isinstance(answered.error, PluginCallError):
        raise answered.error
    content = answered.message["content"]
    error = PluginCallError(
        answered.error.problem,
        plugin=answered.message["sender"]["name"],
        command=content["command"],
        kind=content["error"]["type"],
        fix=answered.error.fix,
    )
    raise error from answered.error
