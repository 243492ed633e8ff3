"""An iterator runs ahead of whoever takes from it, but not far, and never longer than the `with`."""

import threading
from collections.abc import Iterator

import pytest

from openmas_assets.actors.cache.read_ahead import ReadAhead


def numbered(count: int, made: list[int]) -> Iterator[bytes]:
    for number in range(count):
        made.append(number)
        yield b"%d" % number


def others() -> set[str]:
    return {thread.name for thread in threading.enumerate()} & {"read-ahead"}


def test_all_pieces_come_in_their_order_out_of_another_thread() -> None:
    threads: list[threading.Thread] = []

    def source() -> Iterator[bytes]:
        threads.append(threading.current_thread())
        yield from (b"%d" % number for number in range(1000))

    with ReadAhead() as ahead:
        assert list(ahead.pieces(source())) == [b"%d" % number for number in range(1000)]
    assert threads[0] is not threading.current_thread()
    assert not others()


def test_no_more_than_a_few_pieces_are_made_ahead() -> None:
    made: list[int] = []
    with ReadAhead() as ahead:
        for taken, _ in enumerate(ahead.pieces(numbered(200, made)), start=1):
            assert len(made) <= taken + 5
    assert len(made) == 200


def test_an_error_of_the_source_is_raised_after_the_pieces_before_it() -> None:
    def source() -> Iterator[bytes]:
        yield b"a"
        yield b"b"
        raise OSError("the disk")

    taken: list[bytes] = []
    with ReadAhead() as ahead, pytest.raises(OSError, match="the disk"):
        taken.extend(ahead.pieces(source()))
    assert not others()
    with ReadAhead() as ahead:
        pieces = ahead.pieces(source())
        assert [next(pieces), next(pieces)] == [b"a", b"b"]
    assert not others()


def test_leaving_early_ends_the_thread_and_the_source() -> None:
    made: list[int] = []
    with ReadAhead() as ahead:
        assert next(ahead.pieces(numbered(10**9, made))) == b"0"
        assert others()
    assert not others()
    assert len(made) <= 6


def test_one_source_after_another_is_read_by_one_thread_at_a_time() -> None:
    with ReadAhead() as ahead:
        for _ in range(3):
            assert next(ahead.pieces(numbered(10**9, []))) == b"0"
            assert sum(thread.name == "read-ahead" for thread in threading.enumerate()) == 1
        assert list(ahead.pieces(numbered(3, []))) == [b"0", b"1", b"2"]
    assert not others()
