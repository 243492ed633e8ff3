import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from fetching import BackgroundFetch, Fetching, fetch_program
from loopback import Fault, LoopbackServer, RecordedRequest, Resource
from loopback_answer import Answer
from openmas_assets.actors.abort import JobAbortedError
from openmas_assets.actors.cache.staging import Journal
from openmas_assets.actors.sources import http_pace
from openmas_assets.actors.sources.fetched import TransferError
from openmas_assets.actors.sources.http_slots import MOST_PER_HOST
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.errors import AssetCacheError
from projects import asset

MIB = 1 << 20
# No two pieces of it are alike.
DATA = b"".join(number.to_bytes(8, "big") for number in range(3 * MIB // 2))
OTHER = DATA[::-1]
CHECKSUM = "sha256:" + hashlib.sha256(DATA).hexdigest()
# So slow that any machine waits for it.
SLOW: dict[str, Any] = {"etag": '"v1"', "bytes_per_second": 3 * MIB}
# What a slow connection is judged by, made so that a machine which is busy itself judges the same.
JUDGEMENT = {"_LEAST_SLEEP_SHARE": -100.0, "_LEAST_SECONDS_LEFT": 0.0}
_RANGE = re.compile(r"bytes=([0-9]+)-([0-9]*)")


@pytest.fixture(autouse=True)
def _is_judged_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in JUDGEMENT.items():
        monkeypatch.setattr(http_pace, name, value)


def asked_ranges(requests: Sequence[RecordedRequest]) -> list[tuple[int, int]]:
    """Start and end, half-open, of each range that was asked for."""
    matches = [_RANGE.fullmatch(request.range or "bytes=0-") for request in requests]
    return [(int(match[1]), int(match[2] or len(DATA) - 1) + 1) for match in matches if match is not None]


def most_at_once(requests: Sequence[RecordedRequest]) -> int:
    return len({request.client_port for request in requests})


def slow(server: LoopbackServer, path: str = "/a", **options: Any) -> AssetConfig:
    return asset("a", server.put(path, DATA, **(SLOW | options)), checksum=CHECKSUM)


def journal(fetching: Fetching) -> Journal:
    return Journal.model_validate_json(fetching.part().with_name("journal.json").read_bytes())


def test_a_slow_file_comes_over_several_connections_and_each_asks_for_the_same_version(
    fetching: Fetching, server: LoopbackServer
) -> None:
    config = slow(server)
    assert fetching.path(config).read_bytes() == DATA
    assert fetching.info(config).sha256 == CHECKSUM.removeprefix("sha256:")
    first, *others = server.requests
    assert first.range is None
    assert {request.status for request in others} == {206}
    assert {request.headers["If-Range"] for request in others} == {'"v1"'}
    assert 2 <= most_at_once(server.requests) <= 16
    # A piece has a mebibyte at least, and is asked for once; only ends are given to somebody else.
    starts = [start for start, _ in asked_ranges(server.requests)]
    assert len(starts) == len(set(starts)) <= len(DATA) // MIB
    assert fetching.progress[-1].bytes_done == fetching.progress[-1].bytes_total == len(DATA)
    assert fetching.staged() == []


@pytest.mark.parametrize(
    "options",
    [
        {"etag": None},
        {"etag": 'W/"v1"'},
        {"ranges": False},
        {"framing": "chunked"},
        {"content_encoding": "gzip"},
    ],
)
def test_without_a_validator_ranges_or_a_length_it_stays_one_connection(
    fetching: Fetching, server: LoopbackServer, options: dict[str, Any]
) -> None:
    assert fetching.path(slow(server, **options)).read_bytes() == DATA
    assert len(server.requests) == 1


def test_a_file_that_is_nearly_there_is_not_worth_a_second_connection(
    fetching: Fetching, server: LoopbackServer
) -> None:
    config = asset("a", server.put("/a", DATA[: 4 * MIB], **SLOW))
    assert fetching.path(config).read_bytes() == DATA[: 4 * MIB]
    assert len(server.requests) == 1


REFUSALS: dict[str, dict[str, Any]] = {
    "too many requests": {"status": 429},
    "overloaded": {"status": 503},
    "forbidden": {"status": 403},
    "everything again": {"data": DATA, "etag": '"v1"', "ranges": False},
    "another version": {"data": OTHER, "etag": '"v2"'},
    "another range": {"data": DATA, "etag": '"v1"', "faults": [Fault(wrong_range=(0, 99))]},
    "no bytes": {"data": DATA, "etag": '"v1"', "faults": [Fault(cut_after=0)]},
    "no HTTP": {"data": DATA, "faults": [Fault(garbage=b"nonsense\r\n")]},
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_a_second_connection_that_is_refused_leaves_the_first_one_alone(
    fetching: Fetching, server: LoopbackServer, refusal: dict[str, Any]
) -> None:
    first = Resource(data=DATA, **SLOW)
    config = asset("a", server.put_sequence("/a", [first, Resource(**refusal)]), checksum=CHECKSUM)
    if refusal.get("faults") and refusal["faults"][0].cut_after == 0:
        # It has shown that it gives ranges, so the first one has given a share away, which never comes.
        with pytest.raises(TransferError) as caught:
            fetching.hit(config)
        assert caught.value.is_retryable
        return
    assert fetching.path(config).read_bytes() == DATA
    assert len(server.requests) == 2


def test_a_server_that_gives_next_to_nothing_of_a_range_is_not_asked_for_ever(
    fetching: Fetching, server: LoopbackServer
) -> None:
    def one_byte(answer: Answer) -> list[bytes | float]:
        first = answer.part[0]
        head = f"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {first}-{first}/{len(DATA)}\r\n"
        return [f"{head}Content-Length: 1\r\n\r\n".encode() + answer.body()[:1]]

    first = Resource(data=DATA, **SLOW)
    stingy = Resource(data=DATA, **SLOW, faults=[Fault(script=one_byte, is_kept=True)])
    config = asset("a", server.put_sequence("/a", [first, stingy]), checksum=CHECKSUM)
    with pytest.raises(TransferError, match="a range of it ended after 1 of ") as caught:
        fetching.hit(config)
    assert caught.value.is_retryable
    assert len(server.requests) <= 2 * MOST_PER_HOST


def test_a_file_that_changes_on_the_way_comes_anew_and_is_never_mixed(
    fetching: Fetching, server: LoopbackServer
) -> None:
    old = Resource(data=DATA, **SLOW)
    url = server.put_sequence("/a", [old, old, Resource(data=OTHER, etag='"v2"')])
    config = asset("a", url)
    assert fetching.path(config).read_bytes() == OTHER
    assert fetching.info(config).sha256 == hashlib.sha256(OTHER).hexdigest()
    # A range that was on its way when all began anew may reach the server later.
    assert [request.range for request in server.requests].count(None) == 2


def test_a_connection_that_breaks_leaves_its_piece_to_the_others(
    fetching: Fetching, server: LoopbackServer
) -> None:
    slow_one = Resource(data=DATA, **SLOW)
    broken = Resource(data=DATA, **SLOW, faults=[Fault(cut_after=MIB, is_reset=True)])
    url = server.put_sequence("/a", [slow_one, slow_one, broken, slow_one])
    assert fetching.path(asset("a", url, checksum=CHECKSUM)).read_bytes() == DATA
    assert server.bytes_sent("/a") < 1.5 * len(DATA)


def test_a_disk_that_fails_one_connection_ends_all_of_them(
    fetching: Fetching, server: LoopbackServer
) -> None:
    def without_a_file(answer: Answer) -> Iterator[bytes | float]:
        for path in fetching.layout.staging.rglob("data"):
            path.unlink(missing_ok=True)  # the first connection has it open
        yield answer.head() + answer.body()[:1000]

    broken = Resource(data=DATA, **SLOW, faults=[Fault(script=without_a_file)])
    config = asset("a", server.put_sequence("/a", [Resource(data=DATA, **SLOW), broken]), checksum=CHECKSUM)
    with pytest.raises(AssetCacheError):
        fetching.hit(config)
    assert server.bytes_sent("/a") < len(DATA)
    assert fetching.staged() == []


def test_a_damaged_range_spoils_the_whole_file(fetching: Fetching, server: LoopbackServer) -> None:
    """Others may have written what was meant as the size of a chunk."""

    def damaged(answer: Answer) -> Iterator[bytes | float]:
        first, last = answer.part[0], answer.part[-1]
        head = f"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {first}-{last}/{len(DATA)}\r\n"
        yield f"{head}Transfer-Encoding: chunked\r\n\r\n7\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n".encode()

    slow_one = Resource(data=DATA, **SLOW)
    broken = Resource(data=DATA, **SLOW, faults=[Fault(script=damaged)])
    config = asset("a", server.put_sequence("/a", [slow_one, broken, slow_one]))
    with pytest.raises(TransferError, match="the body is not in the chunks") as caught:
        fetching.hit(config)
    assert caught.value.is_retryable
    assert fetching.staged() == []


def test_connections_that_add_next_to_nothing_are_closed_again(
    fetching: Fetching, server: LoopbackServer
) -> None:
    fast = Resource(data=DATA, **SLOW)
    dripping = Resource(data=DATA, **(SLOW | {"bytes_per_second": MIB // 16}))
    url = server.put_sequence("/a", [fast, *[dripping] * 4, fast])
    assert fetching.path(asset("a", url, checksum=CHECKSUM)).read_bytes() == DATA
    # At their pace a piece would have taken them a quarter of a minute.
    assert len(server.requests) > 5
    assert all(each.bytes_sent < MIB for each in server.requests[1:5])


def arrived_and_missing(fetching: Fetching) -> tuple[int, list[tuple[int, int]]]:
    """How much of an interrupted transfer is there, and where its holes are."""
    ranges = journal(fetching).arrived
    assert ranges is not None
    arrived = sum(end - start for start, end in ranges)
    starts, ends = [0, *(end for _, end in ranges)], [*(start for start, _ in ranges), len(DATA)]
    return arrived, [gap for gap in zip(starts, ends, strict=True) if gap[0] < gap[1]]


def assert_only_these_are_asked_for(
    requests: Sequence[RecordedRequest], missing: Sequence[tuple[int, int]]
) -> None:
    for start, end in asked_ranges(requests):
        assert any(first <= start and end <= last for first, last in missing)


def wait_for_parallel(server: LoopbackServer) -> None:
    server.wait_for(
        lambda server: len([each for each in server.requests if each.bytes_sent > MIB // 2]) >= 2, 30
    )


def test_an_aborted_transfer_over_several_connections_goes_on_with_what_is_missing(
    fetching: Fetching, server: LoopbackServer
) -> None:
    config = slow(server)
    running = BackgroundFetch(fetching, config)
    wait_for_parallel(server)
    assert isinstance(running.abort(), JobAbortedError)
    _, missing = arrived_and_missing(fetching)
    assert len(missing) > 1
    before = len(server.requests)
    assert fetching.path(config).read_bytes() == DATA
    assert_only_these_are_asked_for(server.requests[before:], missing)
    assert fetching.staged() == []


def test_a_killed_transfer_over_several_connections_goes_on_with_what_is_missing(
    fetching: Fetching, server: LoopbackServer, tmp_path: Path
) -> None:
    config = slow(server)
    prelude = f"from openmas_assets.actors.sources import http_pace; vars(http_pace).update({JUDGEMENT})"
    with fetch_program(tmp_path, config, prelude=prelude) as program:
        wait_for_parallel(server)
        program.kill9()
    arrived, missing = arrived_and_missing(fetching)
    assert arrived > 0
    before = len(server.requests)
    assert fetching.path(config).read_bytes() == DATA
    assert_only_these_are_asked_for(server.requests[before:], missing)
    assert fetching.staged() == []


@pytest.mark.parametrize("status", [503, 403])
def test_trouble_at_the_next_attempt_does_not_cost_what_has_arrived(
    fetching: Fetching, server: LoopbackServer, status: int
) -> None:
    config = slow(server)
    running = BackgroundFetch(fetching, config)
    wait_for_parallel(server)
    running.abort()
    arrived, missing = arrived_and_missing(fetching)
    slow(server, faults=[Fault(status=status)])
    with pytest.raises(TransferError):
        fetching.hit(config)
    assert arrived_and_missing(fetching) == (arrived, missing)


def test_holes_of_an_older_version_are_not_filled_with_the_new_one(
    fetching: Fetching, server: LoopbackServer
) -> None:
    config = asset("a", server.put("/a", DATA, **SLOW))
    running = BackgroundFetch(fetching, config)
    wait_for_parallel(server)
    running.abort()
    before = len(server.requests)
    server.put("/a", OTHER, etag='"v2"')
    assert fetching.path(config).read_bytes() == OTHER
    assert [request.status for request in server.requests[before:]] == [200]


def test_every_range_is_asked_for_at_the_configured_url_and_a_token_goes_to_no_other_origin(
    fetching: Fetching, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "secret")
    with LoopbackServer() as other:
        url = server.put("/a", redirect=other.put("/b", DATA, **SLOW))
        config = asset("a", url, checksum=CHECKSUM, authentication={"http": {"token_env_var": "TOKEN"}})
        assert fetching.path(config).read_bytes() == DATA
        assert len(other.requests) > 2
        assert len(server.requests) == len(other.requests)
        assert {request.headers["Authorization"] for request in server.requests} == {"Bearer secret"}
        assert {request.headers["Authorization"] for request in other.requests} == {None}
