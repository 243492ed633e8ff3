"""Fuzzes what killed transfers leave: whatever stands there, a request ends in the right bytes."""

import hashlib
import shutil
from pathlib import Path

from fetching import Fetching
from fuzz_input import JSON_PIECES, Choices, json_bytes, mutated_bytes, mutated_value
from fuzz_oracle import BrokenPromiseError, check, check_error
from loopback import LoopbackServer
from openmas_assets.actors.cache.owner import Owner
from openmas_assets.actors.sources.fetched import TransferError
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.errors import AssetError, AssetVerificationError
from projects import asset


class PartTarget:
    """What killed transfers leave, made up and changed; then a fetch of the same file.

    Args:
        folder: An empty folder.
    """

    _DATA = bytes(range(256)) * 300

    def __init__(self, folder_path: Path) -> None:
        self._server = LoopbackServer()
        url = self._server.put("/a.bin", self._DATA, etag='"v1"')
        checksum = f"sha256:{hashlib.sha256(self._DATA).hexdigest()}"
        self._plain = asset("plain", url)
        self._sure = asset("sure", url, checksum=checksum)
        self._fetching = Fetching(folder_path, timeout_seconds=20)

    def run(self, choices: Choices) -> str:
        """See `fuzzing.Target`."""
        # Without a checksum nobody can tell: then the bytes are right and only what is said of them is not.
        config = choices.pick((self._plain, self._sure))
        is_sure = config.checksum is not None
        for _ in range(1 + choices.below(2)):
            self._leave_part(choices, config, is_sure=is_sure)
        # What is no folder is nobody's part, and is left alone.
        is_foreign = choices.chance(5)
        if is_foreign:
            self._leave_rubbish(choices, config)
        said = self._fetch(config)
        check(self._fetching.path(config).read_bytes() == self._DATA, "wrong bytes")
        left = self._fetching.staged()
        check(is_foreign or not left, f"in the staging folder is left {left[:5]}")
        shutil.rmtree(self._fetching.layout.root)
        return said

    def close(self) -> None:
        """See `fuzzing.Target`."""
        self._fetching.network.close()
        self._server.close()

    def _fetch(self, config: AssetConfig) -> str:
        sent_before = self._server.bytes_sent("/a.bin")
        try:
            self._fetching.path(config)
        except TransferError as error:
            check(isinstance(error.error, AssetVerificationError), f"{error.error!r}")
            check_error(error.error)
            return "wrong parts were found out by the checksum"
        except AssetError as error:
            raise BrokenPromiseError(f"a part keeps the file from being fetched: {error!r}") from error
        sent_bytes = self._server.bytes_sent("/a.bin") - sent_before
        return "a part was gone on with" if sent_bytes < len(self._DATA) else "a part was dropped"

    def _leave_part(self, choices: Choices, config: AssetConfig, *, is_sure: bool) -> None:
        name = self._part_name(choices)
        path = self._fetching.layout.staging_folder(config) / name
        try:
            path.mkdir(parents=True)
        except (OSError, ValueError):
            return
        (path / "journal.json").write_bytes(self._journal(choices, config))
        data = self._DATA[
            : choices.pick((0, 1, 76_000, len(self._DATA) - 1, len(self._DATA), choices.below(76_800)))
        ]
        if is_sure and choices.chance(50):
            data = mutated_bytes(choices, data)
        (path / "data").write_bytes(data)

    def _journal(self, choices: Choices, config: AssetConfig) -> bytes:
        size = len(self._DATA)
        cuts = sorted({choices.below(size + 1) for _ in range(2 * choices.below(4))})
        journal = {
            "fingerprint": config.fingerprint,
            "validator": '"v1"',
            "bytes_total": size,
            "arrived": [list(pair) for pair in zip(cuts[::2], cuts[1::2], strict=False)]
            if choices.chance(60)
            else None,
            "boot": Owner.current().boot,
        }
        match choices.below(5):
            case 0:
                return json_bytes(journal)
            case 1 | 2:
                return json_bytes(mutated_value(choices, journal))
            case 3:
                return mutated_bytes(choices, json_bytes(journal), (*JSON_PIECES, b"76800", b"768001"))
            case _:
                odd = choices.pick(
                    ('"v2"', 'W/"v1"', '"v1"\r\nX: y', "\u2028", '"é"', "Wed, 21 Oct 2015 07:28:00 GMT", "")
                )
                return json_bytes(
                    {
                        **journal,
                        "validator": odd,
                        "bytes_total": choices.pick((None, 0, -5, size + 1, 10**30)),
                    }
                )

    def _part_name(self, choices: Choices) -> str:
        """Of a part that is free, or of a process that has ended, or of nobody there can be."""
        owner = Owner.current()
        match choices.below(6):
            case 0 | 1 | 2:
                return f"{choices.below(2**32):08x}.free"
            case 3:
                return f"{choices.below(2**32):08x}.{owner._replace(pid=2**22 + 5)}"
            case 4:
                return f"{choices.below(2**32):08x}.{owner._replace(boot='0123456789')}"
            case _:
                pid = choices.pick((2**31 - 1, 2**63, 10**50))
                return choices.pick(
                    (
                        f"x.{owner._replace(pid=pid)}",
                        "x.a-b-c-1",
                        "x.a-b-c-d-e",
                        "x.",
                        "x..",
                        "x.é",
                        "x.\udcff",
                    )
                )

    def _leave_rubbish(self, choices: Choices, config: AssetConfig) -> None:
        folder_path = self._fetching.layout.staging_folder(config)
        match choices.below(4):
            case 0:
                (folder_path / "a file.free").write_bytes(b"text")
            case 1:
                (folder_path / "link.free").symlink_to("/etc")
            case 2:
                for path in folder_path.glob("*/data"):
                    path.unlink()
                    path.mkdir()
            case _:
                for path in folder_path.glob("*/journal.json"):
                    path.unlink()
                    path.mkdir()
