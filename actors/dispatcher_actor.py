"""The PluginDispatcher actor: routes calls to plugins, supervises those, and lets no caller wait forever."""

import contextlib
import copy
import itertools
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import pykka

from openmas_assets.actors.alarm import Alarm
from openmas_assets.actors.base import AssetActor
from openmas_assets.actors.crash import crash_cause, crash_error
from openmas_assets.actors.plugin_actor import PluginActor
from openmas_assets.actors.plugin_registry import Plugin, PluginRegistry
from openmas_assets.actors.plugin_responses import PluginResponses
from openmas_assets.actors.reply import ActorClosedError, Reply
from openmas_assets.actors.restarts import RestartBudget
from openmas_assets.actors.store import AssetStore
from openmas_assets.messages.errors import AssetError, PluginCallError
from openmas_assets.messages.plugin import (
    AbortCommand,
    CallerGone,
    CallPlugin,
    CommandFailed,
    CommandRun,
    PluginAnswered,
    RunCommand,
)
from openmas_assets.messages.plugin_message import PluginCall, caller_of, error_answer
from openmas_assets.messages.store import DeleteAsset
from openmas_assets.messages.supervision import WaitOver, WorkerGone

MAX_CALL_DEPTH = 32
"""How deep plugins may call each other."""


class DispatcherReply(Reply[PluginAnswered]):
    """An answer of the plugin dispatcher."""

    asked = "the plugin dispatcher"


@dataclass(frozen=True, eq=False)
class _Pending:
    """A call whose answer is still to come."""

    call: PluginCall
    reply: DispatcherReply
    plugin: Plugin
    plugin_ref: pykka.ActorRef[Any]
    timeout_seconds: float | None


class PluginDispatcherActor(AssetActor):
    """Answers `CallPlugin`, and supervises one actor for each plugin, started when it is first called.

    Args:
        registry: The plugins.
        store: Where references are resolved.
        responses: Decides which responses become assets.
    """

    def __init__(self, registry: PluginRegistry, store: AssetStore, responses: PluginResponses) -> None:
        super().__init__()
        self._registry = registry
        self._store = store
        self._responses = responses
        self._call_ids = itertools.count(1)
        self._pending: dict[int, _Pending] = {}
        self._plugin_refs: dict[str, pykka.ActorRef[Any]] = {}
        self._restarts: dict[str, RestartBudget] = {}
        self._alarm = Alarm(lambda alarm_id: self._tell_self(WaitOver(job_id=alarm_id)))
        self._due: dict[int, int] = {}

    @staticmethod
    def _create_future() -> Reply[Any]:
        return DispatcherReply()

    def on_stop(self) -> None:
        """Answer everybody who waits, stop the plugins. The actor's own thread."""
        self._end(ActorClosedError("the plugin dispatcher is closed"))

    def on_failure(
        self,
        exception_type: type[BaseException] | None,  # noqa: ARG002 - pykka's signature
        exception_value: BaseException | None,
        traceback: TracebackType | None,  # noqa: ARG002 - pykka's signature
    ) -> None:
        """Answer everybody who waits, stop the plugins. The actor's own thread."""
        self._end(crash_error("the plugin dispatcher", crash_cause(exception_value)))

    def _receive(self, message: Any) -> Any:  # noqa: PLR0911 - one arm for each message
        match message:
            case CallPlugin():
                return self._on_call_plugin(message)
            case CommandRun():
                return self._on_command_run(message)
            case CommandFailed():
                return self._on_command_failed(message)
            case CallerGone():
                return self._on_caller_gone(message)
            case WaitOver():
                return self._on_wait_over(message)
            case WorkerGone():
                return self._on_worker_gone(message)
            case _:
                return self._on_unknown(message)

    def _on_call_plugin(self, command: CallPlugin) -> PluginAnswered | DispatcherReply:
        try:
            call = PluginCall.parse(command.message)
        except PluginCallError as error:
            caller = caller_of(command.message)
            answer = error_answer(error, plugin=error.plugin, command=error.command, caller=caller)
            return PluginAnswered(message=answer, error=error)
        try:
            if command.depth > MAX_CALL_DEPTH:
                raise PluginCallError(
                    f"plugins call each other more than {MAX_CALL_DEPTH} deep",
                    plugin=call.plugin,
                    command=call.command,
                    fix="Look for a plugin that calls itself without end.",
                )
            return self._start_call(command, call, self._registry.plugin(call.plugin))
        except AssetError as error:
            return _failed(call, error)

    def _start_call(self, command: CallPlugin, call: PluginCall, plugin: Plugin) -> DispatcherReply:
        plugin_ref = self._plugin_ref(plugin)
        call_id, reply = next(self._call_ids), DispatcherReply()
        timeout_seconds = (
            plugin.timeout_seconds if command.timeout_seconds is None else command.timeout_seconds
        )
        self._pending[call_id] = _Pending(call, reply, plugin, plugin_ref, timeout_seconds)
        if timeout_seconds is not None:
            self._due[self._alarm.set(timeout_seconds)] = call_id

        def note_if_gone(reply: Reply[PluginAnswered]) -> None:
            if reply.is_cancelled:
                self._tell_self(CallerGone(call_id=call_id))

        reply.add_done_callback(note_if_gone)
        # A plugin that has stopped in this moment says so itself, and then the call fails.
        with contextlib.suppress(pykka.ActorDeadError):
            plugin_ref.tell(RunCommand(call_id=call_id, call=call, depth=command.depth))
        return reply

    def _on_command_run(self, answer: CommandRun) -> None:
        pending = self._pending.pop(answer.call_id, None)
        if pending is None or pending.reply.is_cancelled:
            if answer.asset_id is not None:  # which nobody will ever refer to
                self._store.ask(DeleteAsset(asset_id=answer.asset_id))
            return
        call = pending.call
        if answer.asset_id is not None:
            message = call.asset_answer(answer.asset_id)
        else:
            message = call.answer(answer.response)
        pending.reply.set(PluginAnswered(message=message))

    def _on_command_failed(self, answer: CommandFailed) -> None:
        if (pending := self._pending.pop(answer.call_id, None)) is not None:
            pending.reply.set(_failed(pending.call, answer.error))

    def _on_caller_gone(self, event: CallerGone) -> None:
        self._abort(event.call_id)

    def _on_wait_over(self, event: WaitOver) -> None:
        pending = self._abort(self._due.pop(event.job_id, 0))
        if pending is not None:
            error = PluginCallError(
                f"'{pending.call.plugin}' did not answer within {pending.timeout_seconds:g} seconds",
                kind="Timeout",
                fix="Ask for less at a time, or give the call more time.",
            )
            pending.reply.set(_failed(pending.call, error))

    def _on_worker_gone(self, event: WorkerGone) -> None:
        for name, plugin_ref in list(self._plugin_refs.items()):
            if plugin_ref.actor_urn == event.worker_urn:
                del self._plugin_refs[name]
                cause = event.cause or "it was stopped from outside"
                self._fail_calls(plugin_ref, self._restarts[name].record(cause))

    def _fail_calls(self, plugin_ref: pykka.ActorRef[Any], error: AssetError) -> None:
        lost = [call_id for call_id, pending in self._pending.items() if pending.plugin_ref == plugin_ref]
        for call_id in lost:
            pending = self._pending.pop(call_id)
            pending.reply.set(_failed(pending.call, error))

    def _abort(self, call_id: int) -> _Pending | None:
        if (pending := self._pending.pop(call_id, None)) is not None:
            with contextlib.suppress(pykka.ActorDeadError):
                pending.plugin_ref.tell(AbortCommand(call_id=call_id))
        return pending

    def _plugin_ref(self, plugin: Plugin) -> pykka.ActorRef[Any]:
        name = plugin.config.name
        if name not in self._plugin_refs:
            restarts = self._restarts.setdefault(name, RestartBudget(f"the plugin '{name}'"))
            self._plugin_refs[name] = restarts.start(
                lambda: PluginActor.start(
                    self.actor_ref, plugin.config, plugin.handler, self._store, self._responses
                )
            )
        return self._plugin_refs[name]

    def _end(self, error: AssetError) -> None:
        self._alarm.stop()
        for plugin_ref in self._plugin_refs.values():
            plugin_ref.stop(block=False)
        self._registry.close()
        for pending in self._pending.values():
            pending.reply.set_exception((type(error), error, None))

    def _tell_self(self, message: Any) -> None:
        """From another thread: a dispatcher that has stopped need not hear it."""
        with contextlib.suppress(pykka.ActorDeadError):
            self.actor_ref.tell(message)


def _failed(call: PluginCall, error: AssetError) -> PluginAnswered:
    if isinstance(error, PluginCallError):
        error = copy.copy(error)  # it may be shared with others
        error.plugin, error.command = error.plugin or call.plugin, error.command or call.command
    return PluginAnswered(message=call.error_answer(error), error=error)
