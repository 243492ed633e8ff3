"""Everybody who asks: threads, coroutines of several event loops, and actors. Each is owed one answer."""

import asyncio
import concurrent.futures
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pykka

from openmas_assets.actors.reply import Reply
from openmas_assets.messages.errors import AssetError
from openmas_assets.messages.manager import AssetFailed

# What asks: it sends one command, and never blocks.
Ask = Callable[[], Reply[Any]]

_THREADS = 10
_LOOPS = 4
# One in so many coroutines gives up.
_GIVING_UP = 20


class _Collector(pykka.ThreadingActor):
    """Has answers piped to its inbox."""

    use_daemon_thread = True

    def __init__(self, note: Callable[[object], None]) -> None:
        super().__init__()
        self._note = note

    def on_receive(self, message: Any) -> None:
        self._note(message.error if isinstance(message, AssetFailed) else message)


class Askers:
    """Asks for everything at once, some in each of the ways there are.

    Args:
        asks: What they ask.
        generator: Decides who gives up.
        has_actors: Whether some are actors, which live until `wait`.
    """

    def __init__(self, asks: list[Ask], generator: random.Random, *, has_actors: bool = True) -> None:
        self._generator = generator
        self._size = len(asks)
        self._closes_after = generator.random() * 0.2
        self._lock = threading.Lock()
        self._called_back: Counter[int] = Counter()
        self._replies: list[Reply[Any]] = []
        self._piped: set[Reply[Any]] = set()
        self._answers: list[object] = []
        self._owed = 0
        self._threads: list[threading.Thread] = []
        self._collector_ref = _Collector.start(self._note)
        shares = self._dealt(asks)
        for share in shares[:_THREADS]:
            self._start(self._ask_from_thread, share)
        for share in shares[_THREADS:-2]:
            self._start(self._ask_from_loop, share)
        self._start(self._ask_from_closing_loop, shares[-2])
        for ask in shares[-1]:
            reply = self._asked(ask)
            if has_actors:
                self._piped.add(reply)
                reply.pipe_to(self._collector_ref)
        if has_actors:
            self._owe(len(shares[-1]))

    def outstanding(self) -> int:
        """How many have no answer yet."""
        return sum(not reply.is_done for reply in list(self._replies))

    def wait_until_outstanding(self, count: int) -> None:
        """Block until so many have asked and have no answer, or all have asked."""
        while self.outstanding() < count and len(self._replies) < self._size:
            time.sleep(0.001)

    def some(self, count: int) -> list[Reply[Any]]:
        """Some of the replies. Takes no lock: for a forked child, in which somebody may seem to hold it."""
        replies = list(self._replies)
        return self._generator.sample(replies, min(count, len(replies)))

    def cancel_some(self, count: int) -> None:
        """Have some give up, whoever waits for them."""
        for reply in self.some(count):
            if reply not in self._piped:  # an actor is not told that it has given up
                reply.cancel()

    def wait(self, limit_seconds: float) -> list[str]:
        """Block until everybody has an answer; who has none after that time, or more than one, in words."""
        give_up_at = time.monotonic() + limit_seconds
        for thread in self._threads:
            thread.join(max(0.0, give_up_at - time.monotonic()))
        while time.monotonic() < give_up_at and (self.outstanding() or len(self.answers()) < self._owed):
            time.sleep(0.01)
        self._collector_ref.stop()
        with self._lock:
            problems = [f"{thread.name} still waits" for thread in self._threads if thread.is_alive()]
            silent = sum(not reply.is_done for reply in self._replies)
            often = sum(self._called_back[id(reply)] != 1 for reply in self._replies)
            if silent or often > silent:
                problems.append(f"{silent} were not answered, {often - silent} not once")
            if len(self._answers) != self._owed:
                problems.append(f"{self._owed} wait, {len(self._answers)} were answered")
        return problems

    def answers(self) -> list[object]:
        """What those got who waited until the end: messages and errors."""
        with self._lock:
            return list(self._answers)

    def _dealt(self, asks: list[Ask]) -> list[list[Ask]]:
        count = _THREADS + _LOOPS + 2
        return [asks[start::count] for start in range(count)]

    def _start(self, work: Callable[[list[Ask]], None], share: list[Ask]) -> None:
        thread = threading.Thread(target=work, args=[share], name=work.__name__, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _asked(self, ask: Ask) -> Reply[Any]:
        reply = ask()
        with self._lock:
            self._replies.append(reply)
        reply.add_done_callback(self._count)
        return reply

    def _count(self, reply: Reply[Any]) -> None:
        with self._lock:
            self._called_back[id(reply)] += 1

    def _note(self, answer: object) -> None:
        with self._lock:
            self._answers.append(answer)

    def _owe(self, count: int) -> None:
        with self._lock:
            self._owed += count

    def _ask_from_thread(self, share: list[Ask]) -> None:
        self._owe(len(share))
        for reply in [self._asked(ask) for ask in share]:
            try:
                self._note(reply.get())
            except (AssetError, concurrent.futures.CancelledError) as error:
                self._note(error)
            except BaseException as error:  # noqa: BLE001 - which is no answer to anybody
                self._note(error)

    def _ask_from_loop(self, share: list[Ask]) -> None:
        self._owe(len(share))
        for answer in asyncio.run(self._gather(share)):
            self._note(answer)

    async def _gather(self, share: list[Ask]) -> list[object]:
        tasks = [asyncio.ensure_future(self._await(ask)) for ask in share]
        await asyncio.sleep(0)
        for task in tasks[::_GIVING_UP]:
            task.cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    async def _await(self, ask: Ask) -> object:
        return await self._asked(ask)

    def _ask_from_closing_loop(self, share: list[Ask]) -> None:
        """Nobody is left to be told here; all that is owed is that those who settle the replies bear it."""
        loop = asyncio.new_event_loop()
        tasks = [loop.create_task(self._await(ask)) for ask in share]
        loop.run_until_complete(asyncio.sleep(self._closes_after))
        loop.close()
        for task in tasks:
            # That it was thrown away, or has failed, is no news to anybody.
            task._log_destroy_pending = task._log_traceback = False  # type: ignore[attr-defined]
