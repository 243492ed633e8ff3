"""One answer for many: each may leave alone, and the last to leave takes the request back."""

import concurrent.futures
import threading

import pytest

from openmas_assets.actors.reply import Reply
from openmas_assets.actors.shared_reply import SharedReply
from openmas_assets.messages.errors import AssetError


def followed(count: int) -> tuple[SharedReply[int], list[Reply[int]]]:
    """A shared reply, and so many that follow it."""
    shared, replies = SharedReply[int](), [Reply[int]() for _ in range(count)]
    for reply in replies:
        assert shared.admit()
        reply.set(shared)
    return shared, replies


def test_everybody_gets_the_answer() -> None:
    shared, replies = followed(3)
    shared.set(1)
    assert [reply.get(timeout=0) for reply in replies] == [1, 1, 1]


def test_everybody_gets_an_error_of_their_own() -> None:
    shared, replies = followed(3)
    shared.set_exception((AssetError, AssetError("no"), None))
    errors = []
    for reply in replies:
        with pytest.raises(AssetError, match="no") as raised:
            reply.get(timeout=0)
        errors.append(raised.value)
    assert len({id(error) for error in errors}) == 3


def test_one_who_leaves_disturbs_nobody_and_the_last_cancels() -> None:
    shared, replies = followed(3)
    for reply in replies:
        assert not shared.is_cancelled
        reply.cancel()
        reply.cancel()  # counts once
    assert shared.is_cancelled


def test_who_left_is_forgotten() -> None:
    shared, (first, second) = followed(2)
    first.cancel()
    shared.set(1)
    with pytest.raises(concurrent.futures.CancelledError):
        first.get(timeout=0)
    assert second.get(timeout=0) == 1


def test_who_was_admitted_keeps_it_alive_before_following() -> None:
    shared, (first,) = followed(1)
    assert shared.admit()
    first.cancel()
    assert not shared.is_cancelled
    late = Reply[int]()
    late.set(shared)
    shared.set(1)
    assert late.get(timeout=0) == 1


def test_who_was_cancelled_before_following_has_left() -> None:
    shared, late = SharedReply[int](), Reply[int]()
    late.cancel()
    assert shared.admit()
    late.set(shared)
    assert shared.is_cancelled


def test_nobody_is_admitted_to_what_is_over() -> None:
    cancelled, (only,) = followed(1)
    only.cancel()
    assert not cancelled.admit()
    settled = SharedReply[int]()
    settled.set(1)
    assert not settled.admit()


def test_who_follows_what_is_settled_gets_the_answer_at_once() -> None:
    shared, late = SharedReply[int](), Reply[int]()
    assert shared.admit()
    shared.set(1)
    late.set(shared)
    assert late.get(timeout=0) == 1


def test_leaving_and_settling_at_the_same_time_leaves_nobody_without_an_answer() -> None:
    for _ in range(200):
        shared, (first, second) = followed(2)
        barrier = threading.Barrier(2)

        def leave(first: Reply[int] = first, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            first.cancel()

        thread = threading.Thread(target=leave)
        thread.start()
        barrier.wait()
        shared.set(1)
        thread.join()
        assert first.is_done
        assert second.get(timeout=0) == 1


def test_who_follows_when_it_is_settled_already_gets_the_answer_and_may_leave() -> None:
    shared, late = SharedReply[int](), Reply[int]()
    assert shared.admit()
    shared.set(1)
    late.set(shared)
    assert late.get(timeout=0) == 1
    shared.remove_follower(late)
    assert not shared.is_cancelled
