import pytest

from openmas_assets.actors.sources.http_ramp import Ramp

MB = 1_000_000


class Wire:
    """A pure model of a network: what each connection brings, and what they bring together at the most."""

    def __init__(self, each: float, all_together: float) -> None:
        self._each = each
        self._all_together = all_together

    def settled(self, most: int = 16) -> Ramp:
        ramp = Ramp(min(self._each, self._all_together), most, window_seconds=0.1)
        done = 0.0
        for tick in range(200):
            ramp.look(tick * 0.05, int(done), ramp.wanted)
            done += 0.05 * min(ramp.wanted * self._each, self._all_together)
        assert ramp.is_settled
        return ramp


@pytest.mark.parametrize(
    ("each", "all_together", "connections"),
    [
        (20 * MB, 1000 * MB, 16),
        (20 * MB, 80 * MB, 5),
        (20 * MB, 100 * MB, 6),
        (20 * MB, 30 * MB, 2),
        (20 * MB, 20 * MB, 1),
        (1000 * MB, 1100 * MB, 1),
    ],
)
def test_there_are_as_many_connections_as_bring_more(
    each: float, all_together: float, connections: int
) -> None:
    assert Wire(each, all_together).settled().wanted == connections


@pytest.mark.parametrize("most", [1, 2, 5, 16])
def test_there_are_never_more_than_there_may_be(most: int) -> None:
    assert Wire(20 * MB, 10_000 * MB).settled(most).wanted == most


def test_all_are_opened_as_soon_as_the_second_one_has_an_answer() -> None:
    ramp = Ramp(MB, 16, window_seconds=0.1)
    assert ramp.wanted == 2
    ramp.look(0.0, 0, 1)
    assert ramp.wanted == 2
    ramp.look(0.0, 0, 2)
    assert ramp.wanted == 16


def test_a_burst_in_one_of_the_windows_is_enough_to_keep_them() -> None:
    ramp = Ramp(20 * MB, 16, window_seconds=0.1)
    for now, done in ((0.0, 0), (0.0, 0), (0.1, 0), (0.2, 0), (0.31, 40 * MB)):
        assert not ramp.is_settled
        ramp.look(now, done, 16)
    assert (ramp.wanted, ramp.is_settled) == (16, True)


def test_where_nobody_knows_what_one_brings_all_are_kept() -> None:
    ramp = Ramp(0.0, 16, window_seconds=0.1)
    for now, done in ((0.0, 0), (0.0, 0), (0.2, MB)):
        ramp.look(now, done, 16)
    assert (ramp.wanted, ramp.is_settled) == (16, True)


def test_connections_that_wait_for_their_answer_are_not_judged() -> None:
    ramp = Ramp(MB, 16, window_seconds=0.1)
    for tick in range(1000):
        ramp.look(float(tick), 0, 1)
    assert (ramp.wanted, ramp.is_settled) == (2, False)


def test_after_a_failure_there_are_as_many_as_are_left() -> None:
    ramp = Ramp(MB, 16, window_seconds=0.1)
    ramp.settle(0)
    assert (ramp.wanted, ramp.is_settled) == (1, True)
    ramp.look(1.0, 0, 1)
    ramp.look(9.0, 90 * MB, 1)
    assert ramp.wanted == 1
