"""Gates: where threads wait for their replies."""

import signal
import sys
import threading
from collections.abc import Callable

import pykka
import pytest

from openmas_assets.actors.gate import EventGate, Gate, LockGate, take_gate
from openmas_assets.actors.reply import Reply
from programs import Program

KINDS: list[Callable[[], Gate]] = [LockGate, *([EventGate] if sys.platform == "linux" else [])]


@pytest.mark.parametrize("kind", KINDS)
def test_who_waits_goes_on_when_another_thread_opens_it(kind: Callable[[], Gate]) -> None:
    gate = kind()
    thread = threading.Thread(target=gate.wait, args=[None], daemon=True)
    thread.start()
    assert thread.is_alive()
    gate.open(None)
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seconds", [0.001, 1e9, float("inf")])
def test_who_waits_for_a_time_goes_on_as_well(kind: Callable[[], Gate], seconds: float) -> None:
    gate = kind()
    if seconds > 1:
        gate.open(None)
    gate.wait(seconds)  # or this test hangs


def test_more_threads_than_there_are_gates_of_the_kernel_get_their_answers() -> None:
    replies, are_waiting = [Reply[int]() for _ in range(60)], threading.Barrier(61)
    answers: list[int] = []

    def get(reply: Reply[int]) -> None:
        are_waiting.wait(10)
        answers.append(reply.get(timeout=10))

    threads = [threading.Thread(target=get, args=[reply]) for reply in replies]
    for thread in threads:
        thread.start()
    are_waiting.wait(10)
    for number, reply in enumerate(replies):
        reply.set(number)
    for thread in threads:
        thread.join()
    assert sorted(answers) == list(range(60))


@pytest.mark.skipif(sys.platform != "linux", reason="eventfd")
def test_there_are_so_many_descriptors_for_gates_and_no_more() -> None:
    gates = [take_gate() for _ in range(60)]
    assert 1 <= sum(isinstance(gate, EventGate) for gate in gates) <= 16
    for gate in gates:
        gate.leave()


@pytest.mark.skipif(sys.platform != "linux", reason="eventfd")
def test_where_there_is_no_descriptor_a_lock_will_do() -> None:
    code = """
        import os, resource, threading
        from openmas_assets.actors.reply import Reply
        used = len(os.listdir("/proc/self/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (used - 1, used - 1))
        reply = Reply()
        threading.Timer(0.01, reply.set, ["an answer"]).start()
        print(reply.get(timeout=10))
    """
    with Program(code) as program:
        assert program.wait().stdout == "an answer\n"


def test_a_gate_that_somebody_else_opens_late_gives_nobody_an_answer_that_is_not_there() -> None:
    gate = take_gate()
    gate.leave()
    gate.open(None)
    reply: Reply[str] = Reply()
    with pytest.raises(pykka.Timeout):
        reply.get(timeout=0.01)
    threading.Timer(0.01, reply.set, ["the answer"]).start()
    assert reply.get() == "the answer"


@pytest.mark.skipif(sys.platform == "win32", reason="pthread_kill")
def test_signals_that_are_handled_end_no_wait() -> None:
    reply: Reply[str] = Reply()
    main_id = threading.get_ident()

    def interrupt() -> None:
        for _ in range(10):  # some before it waits, most while it does
            signal.pthread_kill(main_id, signal.SIGUSR1)
            threading.Event().wait(0.001)
        reply.set("the answer")

    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        threading.Thread(target=interrupt).start()
        assert reply.get() == "the answer"
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.skipif(sys.platform != "linux", reason="eventfd")
def test_a_forked_child_opens_no_gate_of_its_parents() -> None:
    code = """
        import os
        from openmas_assets.actors.gate import EventGate, take_gate
        gate = take_gate()
        gate.leave()
        child_id = os.fork()
        if not child_id:
            child_gate = take_gate()
            assert isinstance(child_gate, EventGate)
            child_gate.open(None)
            os._exit(0)
        assert os.waitpid(child_id, 0)[1] == 0
        assert take_gate() is gate
        print("open" if gate._poll.poll(0) else "closed")
    """
    with Program(code) as program:
        assert program.wait().stdout == "closed\n"
