import hashlib
from pathlib import Path

import pytest

from fetching import Fetching, fetch_program
from loopback import Fault, LoopbackServer, Resource
from openmas_assets.actors.cache.owner import Owner
from openmas_assets.actors.cache.staging import Journal
from openmas_assets.actors.sources.fetched import TransferError
from openmas_assets.messages.asset_config import AssetConfig
from power import ANOTHER_BOOT
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


@pytest.mark.parametrize("surplus", [b"", b"more than there should be"])
def test_of_a_complete_part_the_last_byte_is_asked_for_only(
    fetching: Fetching, server: LoopbackServer, surplus: bytes
) -> None:
    config = asset("a", server.put("/a", DATA, etag='"v1"'), checksum=CHECKSUM)
    fetching.leave_part(config, DATA + surplus, validator='"v1"', bytes_total=len(DATA))
    assert fetching.path(config).read_bytes() == DATA
    assert ranges(server) == [f"bytes={len(DATA) - 1}-"]
    assert server.bytes_sent("/a") == 1


def test_a_small_hole_in_a_part_is_filled(fetching: Fetching, server: LoopbackServer) -> None:
    config = asset("a", server.put("/a", DATA, etag='"v1"'))
    hole = b"\0" * 1000
    arrived = ((0, 5000), (6000, len(DATA)))
    fetching.leave_part(
        config,
        DATA[:5000] + hole + DATA[6000:],
        validator='"v1"',
        bytes_total=len(DATA),
        arrived=arrived,
        boot=Owner.current().boot,
    )
    assert fetching.path(config).read_bytes() == DATA
    assert [request.range for request in server.requests] == ["bytes=5000-5999"]


@pytest.mark.parametrize(("checksum", "first_range"), [(None, None), (CHECKSUM, f"bytes={CUT}-")])
def test_after_a_restart_of_the_machine_a_part_is_gone_on_with_where_a_checksum_will_tell(
    fetching: Fetching, server: LoopbackServer, checksum: str | None, first_range: str | None
) -> None:
    url = server.put("/a", DATA, etag='"v1"', faults=[Fault(cut_after=CUT, times=1)])
    config = asset("a", url, checksum=checksum)
    fail(fetching, config)
    journal = fetching.part().with_name("journal.json")
    journal.write_text(journal.read_text().replace(Owner.current().boot, ANOTHER_BOOT))
    assert fetching.path(config).read_bytes() == DATA
    assert ranges(server)[1:] == [first_range]


def test_a_part_of_one_byte_that_is_complete_comes_anew(fetching: Fetching, server: LoopbackServer) -> None:
    config = asset("a", server.put("/a", b"x", etag='"v1"'))
    fetching.leave_part(config, b"x", validator='"v1"', bytes_total=1)
    assert fetching.path(config).read_bytes() == b"x"


@pytest.mark.parametrize(
    "journal",
    [
        b"",
        b"{}",
        b"\xff\x00",
        b'{"fingerprint": "FINGERPRINT", "validator": "\\"v1\\"\\r\\nX-Evil: 1", "bytes_total": 512000}',
        b'{"fingerprint": "FINGERPRINT", "validator": " \\"v1\\"", "bytes_total": 512000}',
        b'{"fingerprint": "FINGERPRINT", "validator": "", "bytes_total": 512000}',
        b'{"fingerprint": "FINGERPRINT", "validator": "\\"v1\\"", "bytes_total": -1}',
        b'{"fingerprint": "FINGERPRINT", "validator": "\\u0661", "bytes_total": 512000}',
    ],
)
def test_a_part_with_a_damaged_journal_is_swept(
    fetching: Fetching, server: LoopbackServer, journal: bytes
) -> None:
    config = asset("a", server.put("/a", DATA, etag='"v1"'))
    fetching.leave_part(config, OTHER[:CUT], validator='"v1"', bytes_total=len(DATA))
    journal_path = fetching.part().with_name("journal.json")
    journal_path.write_bytes(journal.replace(b"FINGERPRINT", config.fingerprint.encode()))
    assert fetching.path(config).read_bytes() == DATA
    assert ranges(server) == [None]
    assert fetching.staged() == []


def test_a_part_of_another_configuration_is_swept(fetching: Fetching, server: LoopbackServer) -> None:
    url = server.put("/a", DATA, etag='"v1"')
    fetching.leave_part(asset("a", f"{url}?revision=1"), OTHER[:CUT], validator='"v1"')
    assert fetching.path(asset("a", f"{url}?revision=2")).read_bytes() == DATA
    assert ranges(server) == [None]
    assert fetching.staged() == []


def test_a_wrong_checksum_drops_the_part_so_that_the_next_attempt_starts_from_zero(
    fetching: Fetching, server: LoopbackServer
) -> None:
    url = server.put_sequence("/a", [Resource(data=OTHER, etag='"v1"'), Resource(data=DATA, etag='"v1"')])
    config = asset("a", url, checksum=CHECKSUM)
    wrong = fail(fetching, config)
    assert wrong.is_retryable
    assert CHECKSUM in str(wrong)
    assert hashlib.sha256(OTHER).hexdigest() in str(wrong)
    assert fetching.staged() == []
    assert not fetching.layout.version_folder(config).exists()
    assert fetching.path(config).read_bytes() == DATA
    assert ranges(server) == [None, None]


def test_a_part_that_was_damaged_on_disk_costs_another_transfer_but_no_attempt(
    fetching: Fetching, server: LoopbackServer
) -> None:
    config = asset("a", server.put("/a", DATA, etag='"v1"'), checksum=CHECKSUM)
    fetching.leave_part(config, OTHER[:CUT], validator='"v1"', bytes_total=len(DATA))
    assert fetching.path(config).read_bytes() == DATA
    assert ranges(server) == [f"bytes={CUT}-", None]
    assert fetching.staged() == []


@pytest.mark.parametrize("is_changed", [False, True], ids=["gone on with", "of another version"])
def test_bytes_that_are_wrong_all_the_same_fail_and_are_not_asked_for_again(
    fetching: Fetching, server: LoopbackServer, is_changed: bool
) -> None:
    etag = '"v2"' if is_changed else '"v1"'
    config = asset("a", server.put("/a", OTHER, etag=etag), checksum=CHECKSUM)
    fetching.leave_part(config, DATA[:CUT], validator='"v1"', bytes_total=len(DATA))
    assert "the checksum does not match" in str(fail(fetching, config))
    assert ranges(server) == ([f"bytes={CUT}-"] if is_changed else [f"bytes={CUT}-", None])
    assert fetching.staged() == []


def test_a_killed_process_leaves_a_part_that_another_one_goes_on_with(
    fetching: Fetching, server: LoopbackServer, tmp_path: Path
) -> None:
    faults = [Fault(stall_after=CUT, times=1)]
    config = asset("a", server.put("/a", DATA, etag='"v1"', faults=faults), checksum=CHECKSUM)
    with fetch_program(tmp_path, config) as program:
        assert int(next(program.lines())) > 0
        server.wait_for(lambda server: server.bytes_sent("/a") == CUT)
        program.kill9()
    arrived = fetching.part().stat().st_size
    assert 0 < arrived <= CUT
    assert fetching.path(config).read_bytes() == DATA
    assert ranges(server) == [None, f"bytes={arrived}-"]
    assert fetching.staged() == []


def test_a_part_whose_ranges_have_all_arrived_is_one_piece_from_then_on(
    fetching: Fetching, server: LoopbackServer
) -> None:
    config = asset("a", server.put("/a", DATA, etag='"v1"', faults=[Fault(status=503, times=1)]))
    arrived = ((0, CUT), (CUT, len(DATA)))
    boot = Owner.current().boot
    fetching.leave_part(config, DATA, validator='"v1"', bytes_total=len(DATA), arrived=arrived, boot=boot)
    fail(fetching, config)
    journal = Journal.model_validate_json(fetching.part().with_name("journal.json").read_bytes())
    assert journal.arrived is None  # the last byte, which is asked for once more, is cut off
    assert fetching.path(config).read_bytes() == DATA
    assert ranges(server) == [f"bytes={len(DATA) - 1}-"] * 2


def test_a_part_is_not_gone_on_with_where_the_file_has_another_size_by_now(
    fetching: Fetching, server: LoopbackServer
) -> None:
    longer = {"Content-Range": f"bytes {CUT}-{len(DATA) - 1}/{len(DATA) + 1}"}
    odd = Resource(data=DATA[CUT:], etag='"v1"', status=206, ranges=False, headers=longer)
    config = asset("a", server.put_sequence("/a", [odd, Resource(data=OTHER, etag='"v1"')]))
    fetching.leave_part(
        config, DATA[:CUT], validator='"v1"', bytes_total=len(DATA), boot=Owner.current().boot
    )
    assert fetching.path(config).read_bytes() == OTHER
    assert ranges(server) == [f"bytes={CUT}-", None]
