import threading

import pytest

from openmas_assets.actors.sources.http_gaps import LEAST_PIECE_BYTES, Gap, Gaps

PIECE = LEAST_PIECE_BYTES
TOTAL = 20 * PIECE


def proven(*missing: tuple[int, int], wanted: int = 2, working: int = 1) -> Gaps:
    gaps = Gaps(missing, TOTAL, is_proven=True)
    gaps.wanted = wanted
    for _ in range(working):
        gaps.join()
    return gaps


def taken(gaps: Gaps) -> Gap:
    gap = gaps.take()
    assert gap is not None
    return gap


def test_pieces_are_given_out_from_the_front_and_cover_all() -> None:
    gaps = proven((PIECE, TOTAL), working=2)
    first, second = taken(gaps), taken(gaps)
    assert (first.start, second.start) == (PIECE, first.end)
    while not gaps.is_complete:
        gap = taken(gaps)
        gaps.advance(gap, gap.size_bytes)
        for one in (first, second):
            gaps.advance(one, min(one.size_bytes, PIECE))
    assert gaps.arrived == ((0, TOTAL),)
    assert gaps.take() is None


def test_what_has_arrived_is_told_range_by_range() -> None:
    gaps = proven((0, PIECE), (5 * PIECE, 6 * PIECE))
    assert (gaps.front, gaps.bytes_done) == (0, TOTAL - 2 * PIECE)
    gaps.advance(taken(gaps), 7)
    assert gaps.arrived == ((0, 7), (PIECE, 5 * PIECE), (6 * PIECE, TOTAL))
    assert gaps.front == 7


def test_where_nothing_is_left_the_longest_piece_is_shared_and_short_ones_are_not() -> None:
    gaps = proven((0, 8 * PIECE), wanted=1, working=1)
    whole = taken(gaps)
    assert (whole.start, whole.end) == (0, 8 * PIECE)
    gaps.wanted = 2
    gaps.join()
    half = taken(gaps)
    assert (whole.end, half.start, half.end) == (4 * PIECE, 4 * PIECE, 8 * PIECE)
    gaps.advance(half, half.size_bytes)
    gaps.advance(whole, 3 * PIECE)
    waiting = threading.Thread(target=gaps.take)
    waiting.start()
    gaps.advance(whole, PIECE)
    waiting.join(30)
    assert not waiting.is_alive()
    assert gaps.is_complete


def test_a_piece_that_is_given_back_goes_to_somebody_who_waits_for_one() -> None:
    gaps = proven((0, PIECE), working=2)
    failing = taken(gaps)
    heirs: list[Gap | None] = []
    waiting = threading.Thread(target=lambda: heirs.append(gaps.take()))
    waiting.start()
    gaps.advance(failing, 5)
    gaps.give_back(failing)
    waiting.join(30)
    assert [(heir.start, heir.end) for heir in heirs if heir is not None] == [(5, PIECE)]


def test_a_connection_that_is_too_many_gets_nothing() -> None:
    gaps = proven((0, TOTAL), wanted=1, working=2)
    assert gaps.take() is None
    gaps.leave()
    assert gaps.take() is not None


def test_a_closed_one_gives_nothing_out() -> None:
    gaps = proven((0, TOTAL))
    gaps.close()
    assert gaps.take() is None
    assert not gaps.prove(Gap(0, TOTAL))


def test_the_first_connection_keeps_all_until_the_second_one_has_got_an_answer() -> None:
    gaps = Gaps([(0, TOTAL)], TOTAL, is_proven=False)
    gaps.join()
    first = gaps.take_all()
    gaps.wanted = 2
    gaps.join()
    offer = taken(gaps)
    assert (first.start, first.end) == (0, TOTAL)
    assert gaps.prove(offer)
    assert first.end == offer.start
    rest = taken(gaps)
    assert rest.start == offer.end


def test_an_answer_that_comes_too_late_is_of_no_use() -> None:
    gaps = Gaps([(0, TOTAL)], TOTAL, is_proven=False)
    gaps.join()
    first = gaps.take_all()
    gaps.wanted = 2
    gaps.join()
    offer = taken(gaps)
    gaps.advance(first, offer.start + 1)
    assert not gaps.prove(offer)
    assert first.end == TOTAL


@pytest.mark.parametrize("surplus", [0, 1, PIECE])
def test_bytes_beyond_a_share_that_was_given_away_do_no_harm(surplus: int) -> None:
    gaps = proven((0, PIECE))
    gap = taken(gaps)
    gaps.advance(gap, PIECE + surplus)
    gaps.advance(gap, surplus)
    assert gaps.arrived == ((0, TOTAL),)


@pytest.mark.parametrize("is_complete", [True, False], ids=["complete", "closed"])
def test_nobody_waits_for_what_is_over(is_complete: bool) -> None:
    gaps = proven(*[] if is_complete else [(0, TOTAL)])
    if not is_complete:
        gaps.close()
    gaps.wait(threading.TIMEOUT_MAX)
