"""The actor of one plugin: resolves the references of a call, checks it, and has the handler run it."""

import contextlib
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pykka

from openmas_assets.actors.base import WorkerActor
from openmas_assets.actors.crash import crash_cause
from openmas_assets.actors.plugin_handler import PluginHandler
from openmas_assets.actors.plugin_responses import PluginResponses
from openmas_assets.actors.reply import Reply
from openmas_assets.actors.store import AssetStore
from openmas_assets.messages.errors import AssetError, PluginCallError
from openmas_assets.messages.parameter_check import check_parameter
from openmas_assets.messages.parameter_place import ReferencePlace, reference_places, with_replaced
from openmas_assets.messages.parameter_type import Parameter
from openmas_assets.messages.plugin import (
    AbortCommand,
    CommandFailed,
    CommandRun,
    ReferencesResolved,
    RunCommand,
)
from openmas_assets.messages.plugin_config import PluginCommand, PluginConfig
from openmas_assets.messages.store import AssetRefResolved, ResolveAssetRef

logger = logging.getLogger("openmas_assets")

MAX_CONCURRENT_CALLS = 64
"""How many calls of one plugin run at a time; those from within a handler come on top."""


@dataclass
class _Call:
    """One call on its way through the plugin."""

    command: PluginCommand
    message: RunCommand
    param: Any
    replies: dict[ReferencePlace, Reply[AssetRefResolved]] = field(default_factory=dict)
    cancel: Callable[[], None] = lambda: None


class PluginActor(WorkerActor):
    """Runs a plugin's commands: each in a thread of its own, so that none waits for another.

    Args:
        supervisor_ref: The dispatcher, which is told how each call ends.
        config: The plugin.
        handler: Its handler.
        store: Where references are resolved.
        responses: Decides which responses become assets.
    """

    def __init__(
        self,
        supervisor_ref: pykka.ActorRef[Any],
        config: PluginConfig,
        handler: PluginHandler,
        store: AssetStore,
        responses: PluginResponses,
    ) -> None:
        super().__init__(supervisor_ref)
        self._config = config
        self._handler = handler
        self._store = store
        self._responses = responses
        self._calls: dict[int, _Call] = {}
        self._queued: deque[int] = deque()
        # Of calls from outside, also of those that nobody waits for any more: a thread cannot be ended.
        self._running: set[int] = set()

    def _receive(self, message: Any) -> Any:
        match message:
            case RunCommand():
                return self._on_run_command(message)
            case ReferencesResolved():
                return self._on_references_resolved(message)
            case CommandRun() | CommandFailed():
                return self._on_command_ended(message)
            case AbortCommand():
                return self._on_abort_command(message)
            case _:
                return self._on_unknown(message)

    def _on_run_command(self, message: RunCommand) -> None:
        call_id = message.call_id
        try:
            command = self._config.command(message.call.command)
            places = reference_places(command.parameter, message.call.param)
            # The handler gets one of its own: it may change it, and so may the caller.
            param = _copied(message.call.param)
        except AssetError as error:
            self._fail(call_id, error)
            return
        except RuntimeError as error:
            self._fail(call_id, PluginCallError(f"the parameter was changed while it was read: {error}"))
            return
        call = self._calls[call_id] = _Call(command, message, param)
        for place in places:
            call.replies[place] = self._store.ask(ResolveAssetRef(ref=place.ref))
        self._await_next(call)

    def _await_next(self, call: _Call) -> None:
        """Have this actor told when the last reference is resolved; one at a time, as all are under way."""
        call_id = call.message.call_id
        for reply in call.replies.values():
            if not reply.is_done:
                reply.add_done_callback(lambda _: self._tell_self(ReferencesResolved(call_id=call_id)))
                return
        self._on_references_resolved(ReferencesResolved(call_id=call_id))

    def _on_references_resolved(self, message: ReferencesResolved) -> None:
        if (call := self._calls.get(message.call_id)) is None:
            return
        if any(not reply.is_done for reply in call.replies.values()):
            self._await_next(call)
            return
        # A call from within a handler must not wait for that handler's own place.
        if call.message.depth == 0 and len(self._running) >= MAX_CONCURRENT_CALLS:
            self._queued.append(message.call_id)
        else:
            self._start(call)

    def _start(self, call: _Call) -> None:
        call_id = call.message.call_id
        try:
            param = _checked_param(call)
        except AssetError as error:
            self._fail(call_id, error)
            return

        def on_end(response: object, error: BaseException | None) -> None:
            self._tell_self(self._outcome(call.message, response, error))

        try:
            call.cancel = self._handler.start(call.command.name, param, call.message.depth, on_end)
        except RuntimeError as error:  # the system gives no more threads
            self._fail(call_id, PluginCallError(f"there is no thread to run it in: {error}"))
            return
        if call.message.depth == 0:
            self._running.add(call_id)

    def _on_command_ended(self, message: CommandRun | CommandFailed) -> None:
        self._running.discard(message.call_id)
        self._calls.pop(message.call_id, None)
        self._tell_supervisor(message)
        self._start_queued()

    def _on_abort_command(self, message: AbortCommand) -> None:
        if (call := self._calls.pop(message.call_id, None)) is not None:
            for reply in call.replies.values():
                reply.cancel()
            call.cancel()

    def _start_queued(self) -> None:
        while self._queued and len(self._running) < MAX_CONCURRENT_CALLS:
            if (call := self._calls.get(self._queued.popleft())) is not None:
                self._start(call)

    def _outcome(
        self, message: RunCommand, response: object, error: BaseException | None
    ) -> CommandRun | CommandFailed:
        """What becomes of what a handler has returned or raised. In the handler's thread; never raises."""
        call_id, call = message.call_id, message.call
        # One of another call, which the handler has made, says nothing to this one's caller.
        if isinstance(error, PluginCallError) and error.plugin in {None, call.plugin}:
            return CommandFailed(call_id=call_id, error=error)
        try:
            if error is not None:
                # For who wrote the plugin; who called it gets the text only.
                logger.info("plugin '%s', command '%s' failed", call.plugin, call.command, exc_info=error)
                failed = PluginCallError(
                    f"the plugin failed: {crash_cause(error)}", kind=type(error).__name__
                )
                return CommandFailed(call_id=call_id, error=failed)
            asset_id = self._responses.keep(call.plugin, call.command, response)
        except AssetError as refused:
            return CommandFailed(call_id=call_id, error=refused)
        except BaseException as bug:  # noqa: BLE001 - a `__str__` that exits: somebody waits all the same
            unknown = PluginCallError("the plugin failed, and so did saying how", kind=type(bug).__name__)
            return CommandFailed(call_id=call_id, error=unknown)
        return CommandRun(
            call_id=call_id, response=None if asset_id is not None else response, asset_id=asset_id
        )

    def _fail(self, call_id: int, error: AssetError) -> None:
        self._calls.pop(call_id, None)
        self._tell_supervisor(CommandFailed(call_id=call_id, error=error))

    def _tell_self(self, message: Any) -> None:
        """From another thread: a plugin that has stopped need not hear it."""
        with contextlib.suppress(pykka.ActorDeadError):
            self.actor_ref.tell(message)


def _resolved(place: ReferencePlace, reply: Reply[AssetRefResolved]) -> object:
    try:
        return reply.get(timeout=0).value
    except AssetError as error:
        problem, kind, fix = error.problem, type(error).__name__, error.fix
    except Exception as error:  # noqa: BLE001 - a bug of the store's is no reason to fail all other calls
        problem, kind, fix = crash_cause(error), type(error).__name__, None
    raise PluginCallError(
        f"the reference at {place} does not resolve: {problem}", parameter=str(place), kind=kind, fix=fix
    )


def _checked_param(call: _Call) -> Any:
    declared = call.command.parameter
    resolved = {place: _resolved(place, reply) for place, reply in call.replies.items()}
    param = with_replaced(call.param, resolved)
    if not (call.message.call.is_param_absent and _may_be_absent(declared)):
        check_parameter(declared, param)
    return param


def _may_be_absent(declared: Parameter) -> bool:
    try:
        check_parameter(declared, None)
    except PluginCallError:
        return False
    return True


def _copied(value: Any) -> Any:
    # Only the containers that JSON knows: an object of another class is passed on itself.
    kind = type(value)
    if kind is dict:
        return {key: _copied(member) for key, member in value.items()}
    if kind is list:
        return [_copied(member) for member in value]
    return tuple(_copied(member) for member in value) if kind is tuple else value
