import threading

import pytest

from openmas_assets.actors.abort import JobAbortedError
from openmas_assets.actors.sources.http_line import Line, current_line


def test_a_connection_that_opens_after_the_line_was_cut_is_closed() -> None:
    line, may_open, is_closed = Line(), threading.Event(), threading.Event()

    def connect() -> None:
        line.cut()
        assert may_open.wait(30)

    with pytest.raises(JobAbortedError):
        line.open(connect, is_closed.set)
    assert not is_closed.is_set()
    may_open.set()
    assert is_closed.wait(30)


def test_a_connection_that_opens_in_time_stays_open_and_its_failure_is_raised() -> None:
    line, calls = Line(), list[str]()
    line.open(lambda: calls.append("opened"), lambda: calls.append("closed"))
    assert calls == ["opened"]

    def fail() -> None:
        raise ConnectionRefusedError

    with pytest.raises(ConnectionRefusedError):
        line.open(fail, lambda: calls.append("closed"))
    assert calls == ["opened"]


def test_a_line_that_was_cut_opens_and_takes_nothing() -> None:
    line = Line()
    line.cut()
    with pytest.raises(JobAbortedError):
        line.open(lambda: pytest.fail("it is opened"), lambda: None)
    with pytest.raises(JobAbortedError):
        line.take(object())


def test_a_line_is_its_threads_until_its_end() -> None:
    assert current_line() is None
    with Line() as line:
        assert current_line() is line
    assert current_line() is None
