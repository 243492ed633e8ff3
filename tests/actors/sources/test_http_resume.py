import hashlib
import threading
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

import pytest

from fetching import BackgroundFetch, Fetching
from loopback import Fault, LoopbackServer, Resource
from openmas_assets.actors.abort import JobAbortedError
from openmas_assets.actors.sources.fetched import TransferError
from openmas_assets.messages.asset_config import AssetConfig
from projects import asset

DATA = bytes(range(256)) * 2000
OTHER = DATA[::-1]
CHECKSUM = "sha256:" + hashlib.sha256(DATA).hexdigest()
CUT = 100_000
DATE = "Wed, 01 Jan 2025 00:00:00 GMT"


def fail(fetching: Fetching, config: AssetConfig) -> TransferError:
    with pytest.raises(TransferError) as caught:
        fetching.hit(config)
    return caught.value


def ranges(server: LoopbackServer) -> list[str | None]:
    return [request.range for request in server.requests]


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"etag": '"v1"'}, '"v1"'),
        ({"last_modified": DATE}, DATE),
        ({"etag": '"v1"', "last_modified": DATE}, '"v1"'),
        ({"etag": 'W/"v1"', "last_modified": DATE}, DATE),
        ({"etag": '"\xe4\xf6"'}, '"\xe4\xf6"'),
    ],
)
def test_what_has_arrived_survives_a_failed_attempt_and_is_gone_on_with(
    fetching: Fetching, server: LoopbackServer, headers: Mapping[str, str], validator: str
) -> None:
    config = asset("a", server.put("/a", DATA, faults=[Fault(cut_after=CUT, times=1)], **headers))
    assert fail(fetching, config).is_retryable
    assert fetching.part().stat().st_size == CUT
    assert fetching.path(config).read_bytes() == DATA
    assert ranges(server) == [None, f"bytes={CUT}-"]
    assert server.requests[1].headers["If-Range"] == validator
    assert server.bytes_sent("/a") == len(DATA)
    assert fetching.info(config).sha256 == CHECKSUM.removeprefix("sha256:")
    assert {progress.phase for progress in fetching.progress} == {"verifying", "downloading"}
    assert fetching.progress[-1].bytes_done == fetching.progress[-1].bytes_total == len(DATA)
    assert fetching.staged() == []


def test_a_small_file_is_written_when_it_is_there_or_will_not_be(
    fetching: Fetching, server: LoopbackServer
) -> None:
    gate = threading.Event()
    faults = [Fault(cut_after=9_000, times=1), Fault(stall_after=5_000, gate=gate, times=1)]
    config = asset("a", server.put("/a", DATA[:20_000], etag='"v1"', faults=faults))
    assert fail(fetching, config).is_retryable
    assert fetching.part().stat().st_size == 9_000
    assert (fetching.part().with_name("journal.json")).exists()
    resumed = BackgroundFetch(fetching, config)
    server.wait_for(lambda server: server.bytes_sent("/a") == 14_000)
    assert isinstance(resumed.abort(), JobAbortedError)
    assert 9_000 <= fetching.part().stat().st_size <= 14_000
    assert fetching.path(config).read_bytes() == DATA[:20_000]
    assert ranges(server)[:2] == [None, "bytes=9000-"]
    assert fetching.staged() == []


def test_many_cuts_cost_no_byte_twice(fetching: Fetching, server: LoopbackServer) -> None:
    faults = [Fault(cut_after=size_bytes, times=1) for size_bytes in (1, 70_000, 1, 200_000, 5)]
    config = asset("a", server.put("/a", DATA, etag='"v1"', faults=faults))
    for _ in faults:
        fail(fetching, config)
    assert fetching.path(config).read_bytes() == DATA
    assert server.bytes_sent("/a") == len(DATA)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"etag": 'W/"v1"'},
        {"etag": "v1"},
        {"etag": '"v1'},
        {"last_modified": "yesterday"},
        {"etag": '"v1"', "ranges": False},
    ],
)
def test_without_a_validator_or_without_ranges_it_starts_over(
    fetching: Fetching, server: LoopbackServer, headers: Mapping[str, Any]
) -> None:
    config = asset("a", server.put("/a", DATA, faults=[Fault(cut_after=CUT, times=1)], **headers))
    fail(fetching, config)
    assert fetching.path(config).read_bytes() == DATA
    assert server.bytes_sent("/a") == CUT + len(DATA)
    assert fetching.staged() == []


def test_a_part_that_cannot_be_gone_on_with_is_not_kept(fetching: Fetching, server: LoopbackServer) -> None:
    fail(fetching, asset("a", server.put("/a", DATA, faults=[Fault(cut_after=CUT)])))
    assert fetching.staged() == []


def test_a_file_that_changed_within_this_second_may_change_again_under_the_same_date(
    fetching: Fetching, server: LoopbackServer
) -> None:
    cut = [Fault(cut_after=CUT)]
    url = server.put("/a", DATA, last_modified=DATE, headers={"Date": DATE}, faults=cut)
    fail(fetching, asset("a", url))
    url = server.put("/b", DATA, last_modified=formatdate(4e9, usegmt=True), faults=cut)
    fail(fetching, asset("b", url))
    assert fetching.staged() == []


def test_an_encoded_body_is_not_gone_on_with(fetching: Fetching, server: LoopbackServer) -> None:
    faults = [Fault(cut_after=500, times=1)]
    config = asset("a", server.put("/a", DATA, etag='"v1"', content_encoding="gzip", faults=faults))
    fail(fetching, config)
    assert fetching.staged() == []
    assert fetching.path(config).read_bytes() == DATA
    assert ranges(server) == [None, None]


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_a_body_without_a_length_is_gone_on_with(
    fetching: Fetching, server: LoopbackServer, framing: str
) -> None:
    faults = [Fault(cut_after=CUT, is_reset=framing == "close", times=1)]
    url = server.put("/a", DATA, etag='"v1"', framing=framing, faults=faults)
    config = asset("a", url, checksum=CHECKSUM)
    fail(fetching, config)
    arrived = fetching.part().stat().st_size if fetching.staged() else 0  # a reset may swallow bytes
    assert fetching.path(config).read_bytes() == DATA
    assert ranges(server) == [None, f"bytes={arrived}-" if arrived else None]


def test_the_total_that_a_206_tells_is_believed_where_none_was_known(
    fetching: Fetching, server: LoopbackServer
) -> None:
    total = len(DATA)
    rest = Resource(
        data=DATA[CUT : CUT + 10],
        status=206,
        framing="close",
        headers={"Content-Range": f"bytes {CUT}-{total - 1}/{total}"},
    )
    first = Resource(data=DATA, etag='"v1"', framing="chunked", faults=[Fault(cut_after=CUT)])
    config = asset("a", server.put_sequence("/a", [first, rest]))
    fail(fetching, config)
    assert f"it ended after {CUT + 10:,} of {total:,} bytes" in str(fail(fetching, config))


def test_a_file_that_changed_meanwhile_comes_anew_and_is_never_mixed(
    fetching: Fetching, server: LoopbackServer
) -> None:
    versions = [
        Resource(data=DATA, etag='"v1"', faults=[Fault(cut_after=CUT)]),
        Resource(data=OTHER, etag='"v2"', faults=[Fault(cut_after=500)]),
        Resource(data=OTHER, etag='"v2"'),
    ]
    config = asset("a", server.put_sequence("/a", versions))
    fail(fetching, config)
    fail(fetching, config)
    assert fetching.path(config).read_bytes() == OTHER
    assert fetching.info(config).sha256 == hashlib.sha256(OTHER).hexdigest()
    assert ranges(server) == [None, f"bytes={CUT}-", "bytes=500-"]


CONTENT_RANGE = f"bytes {CUT}-{len(DATA) - 1}/{len(DATA)}"
WRONG_ANSWERS: dict[str, dict[str, Any]] = {
    "other entity tag": {"etag": '"v2"', "headers": {"Content-Range": CONTENT_RANGE}},
    "weak entity tag": {"etag": 'W/"v1"', "headers": {"Content-Range": CONTENT_RANGE}},
    "other total": {"headers": {"Content-Range": f"bytes {CUT}-{len(DATA)}/{len(DATA) + 1}"}},
    "from the start": {"headers": {"Content-Range": f"bytes 0-{len(DATA) - 1}/{len(DATA)}"}},
    "one byte late": {"headers": {"Content-Range": f"bytes {CUT + 1}-{len(DATA) - 1}/{len(DATA)}"}},
    "an end before the start": {"headers": {"Content-Range": f"bytes {CUT}-{CUT - 1}/{len(DATA)}"}},
    "an end behind the file": {"headers": {"Content-Range": f"bytes {CUT}-{len(DATA)}/{len(DATA)}"}},
    "another end than its length": {"headers": {"Content-Range": f"bytes {CUT}-{CUT + 9}/{len(DATA)}"}},
    "no Content-Range": {},
    "other unit": {"headers": {"Content-Range": CONTENT_RANGE.replace("bytes", "lines")}},
    "absurd Content-Range": {"headers": {"Content-Range": f"bytes {CUT}-{len(DATA) - 1}/{'9' * 5000}"}},
    "damaged Content-Range": {"headers": {"Content-Range": "bytes ?"}},
    "encoded": {"headers": {"Content-Range": CONTENT_RANGE, "Content-Encoding": "gzip"}},
}


@pytest.mark.parametrize("wrong", WRONG_ANSWERS.values(), ids=WRONG_ANSWERS)
def test_a_206_that_is_not_the_rest_of_the_same_file_is_not_used(
    fetching: Fetching, server: LoopbackServer, wrong: Mapping[str, Any]
) -> None:
    answers = [
        Resource(data=DATA, etag='"v1"', faults=[Fault(cut_after=CUT)]),
        Resource(data=OTHER[CUT:], status=206, **wrong),
        Resource(data=OTHER, etag='"v2"'),
    ]
    config = asset("a", server.put_sequence("/a", answers))
    fail(fetching, config)
    assert fetching.path(config).read_bytes() == OTHER
    assert fetching.info(config).sha256 == hashlib.sha256(OTHER).hexdigest()
    assert ranges(server) == [None, f"bytes={CUT}-", None]


@pytest.mark.parametrize("total", [str(len(DATA)), "*"])
def test_a_206_need_not_repeat_the_validator_nor_tell_the_total(
    fetching: Fetching, server: LoopbackServer, total: str
) -> None:
    rest = {"Content-Range": f"bytes {CUT}-{len(DATA) - 1}/{total}"}
    answers = [
        Resource(data=DATA, etag='"v1"', faults=[Fault(cut_after=CUT)]),
        Resource(data=DATA[CUT:], status=206, headers=rest, last_modified=DATE),
    ]
    config = asset("a", server.put_sequence("/a", answers))
    fail(fetching, config)
    assert fetching.path(config).read_bytes() == DATA


def test_a_206_with_less_than_the_rest_is_gone_on_with_in_turn(
    fetching: Fetching, server: LoopbackServer
) -> None:
    less = {"Content-Range": f"bytes {CUT}-{CUT + 9}/{len(DATA)}"}
    answers = [
        Resource(data=DATA, etag='"v1"', faults=[Fault(cut_after=CUT)]),
        Resource(data=DATA[CUT : CUT + 10], etag='"v1"', status=206, headers=less),
        Resource(data=DATA, etag='"v1"'),
    ]
    config = asset("a", server.put_sequence("/a", answers))
    fail(fetching, config)
    assert fail(fetching, config).is_retryable
    assert fetching.path(config).read_bytes() == DATA
    assert ranges(server) == [None, f"bytes={CUT}-", f"bytes={CUT + 10}-"]


def test_a_range_that_the_server_cannot_satisfy_starts_over(
    fetching: Fetching, server: LoopbackServer
) -> None:
    config = asset("a", server.put("/a", DATA, etag='"v1"'))
    fetching.leave_part(config, DATA + DATA, validator='"v1"')
    assert fetching.path(config).read_bytes() == DATA
    assert [request.status for request in server.requests] == [416, 200]


@pytest.mark.parametrize("status", [503, 404, 403, 302])
def test_a_server_that_has_trouble_meanwhile_does_not_cost_the_part(
    fetching: Fetching, server: LoopbackServer, status: int
) -> None:
    faults = [Fault(cut_after=CUT, times=1), Fault(status=status, times=1)]
    config = asset("a", server.put("/a", DATA, etag='"v1"', faults=faults))
    fail(fetching, config)
    fail(fetching, config)
    assert fetching.part().stat().st_size == CUT
    assert fetching.path(config).read_bytes() == DATA
    assert ranges(server) == [None, f"bytes={CUT}-", f"bytes={CUT}-"]
