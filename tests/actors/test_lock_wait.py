import pytest

from openmas_assets.actors.lock_wait import LockWait

USUAL, SOON, LATE = 0.1, 0.03, 0.25


def looks(*seen: tuple[int, int | None]) -> list[float]:
    """When to look again after each of these looks; they follow each other in microseconds."""
    wait = LockWait()
    return [wait.next_look_seconds(bytes_done, bytes_total) for bytes_done, bytes_total in seen]


def test_a_pace_takes_two_looks() -> None:
    assert looks((50, 100)) == [USUAL]


def test_a_holder_that_will_be_done_at_its_pace_is_looked_at_soon() -> None:
    assert looks((0, 100), (99, 100), (100, 100)) == [USUAL, SOON, SOON]


def test_a_holder_that_has_long_to_go_is_looked_at_all_the_same() -> None:
    assert looks((0, 10**18), (1, 10**18)) == [USUAL, LATE]


def test_a_holder_of_which_nobody_knows_how_much_it_fetches_is_looked_at_as_usual() -> None:
    assert looks((0, None), (10, None), (20, None)) == [USUAL, USUAL, USUAL]


def test_a_holder_that_stands_still_is_looked_at_less_and_less_often() -> None:
    assert looks((0, 100), (100, 100), *[(100, 100)] * 3) == [USUAL, SOON, 2 * SOON, USUAL, USUAL]


@pytest.mark.parametrize("bytes_total", [100, None])
def test_a_holder_whose_bytes_are_being_put_in_their_place_is_looked_at_soon(bytes_total: int | None) -> None:
    assert looks((0, 100), (60, 100), (0, bytes_total))[-1] == SOON
