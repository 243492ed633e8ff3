"""The alarm clock rings whatever happens to its thread; test_pool.py has when."""

import ctypes
import queue
import threading
from collections.abc import Callable, Iterator

import pytest

from broken_log import break_log
from openmas_assets.actors.alarm import Alarm

NewAlarm = Callable[[Callable[[int], None]], Alarm]


@pytest.fixture
def new_alarm() -> Iterator[NewAlarm]:
    alarms: list[Alarm] = []

    def make(ring: Callable[[int], None]) -> Alarm:
        alarms.append(Alarm(ring))
        return alarms[-1]

    yield make
    for alarm in alarms:
        alarm.stop()


def failing_once(error: type[BaseException], rung: "queue.Queue[int]") -> Callable[[int], None]:
    """What an alarm rings: it raises the first time, and then notes what it rings with."""
    tries = iter([error])

    def ring(alarm_id: int) -> None:
        for failure in tries:
            raise failure
        rung.put(alarm_id)

    return ring


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit])
def test_it_goes_on_after_an_error(
    new_alarm: NewAlarm, caplog: pytest.LogCaptureFixture, error: type[BaseException]
) -> None:
    rung: queue.Queue[int] = queue.Queue()
    alarm = new_alarm(failing_once(error, rung))
    ids = [alarm.set(0), alarm.set(0)]
    assert [rung.get(timeout=10), rung.get(timeout=10)] == ids
    assert "the alarm clock failed, going on" in caplog.text


def test_it_goes_on_where_no_log_can_be_written(new_alarm: NewAlarm, monkeypatch: pytest.MonkeyPatch) -> None:
    rung: queue.Queue[int] = queue.Queue()
    break_log(monkeypatch, "openmas_assets")
    set_id = new_alarm(failing_once(ZeroDivisionError, rung)).set(0)
    assert rung.get(timeout=10) == set_id


@pytest.mark.untraced  # CPython 3.11: with one pending for another thread, a traced thread spins for ever
def test_it_goes_on_whatever_strikes_its_thread(new_alarm: NewAlarm) -> None:
    rung: queue.Queue[tuple[int, threading.Thread]] = queue.Queue()
    alarm = new_alarm(lambda alarm_id: rung.put((alarm_id, threading.current_thread())))
    alarm.set(0)
    _, thread = rung.get(timeout=10)
    for error in (ZeroDivisionError, SystemExit, KeyboardInterrupt):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(error))
        set_id = alarm.set(0)
        while rung.get(timeout=10)[0] != set_id:  # struck just after it rang, it rings again
            pass
