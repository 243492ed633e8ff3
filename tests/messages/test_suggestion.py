"""A suggestion names what may have been meant, and takes a bounded time and space."""

from openmas_assets.messages.suggestion import closest, listed


def test_the_closest_candidate_is_suggested() -> None:
    assert closest("unpack_fromat", ["unpack", "unpack_format", "retries"]) == "unpack_format"


def test_nothing_is_suggested_where_nothing_is_close() -> None:
    assert closest("zebra", ["unpack", "retries"]) is None


def test_a_word_too_long_to_compare_gets_no_suggestion() -> None:
    assert closest("a" * 101, ["a" * 100]) is None


def test_a_list_names_twenty_and_counts_the_rest() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed([]) == "none"
    assert listed([str(number) for number in range(25)]).endswith("18, 19, and 5 more")


def test_a_list_cuts_long_names() -> None:
    assert len(listed(["a" * 5000])) < 200
