"""What is there of a file that comes over HTTP, of which version that is, and what asks for the rest."""

import contextlib
import hashlib
import shutil
from collections.abc import Iterator
from io import BytesIO, FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from openmas_assets.actors.cache.checksum import hash_file
from openmas_assets.actors.cache.info import now_text
from openmas_assets.actors.cache.owner import Owner
from openmas_assets.actors.cache.staging import Journal, Staging
from openmas_assets.actors.monitor import Monitor
from openmas_assets.actors.sources.http_headers import (
    content_encoding,
    content_length,
    content_range,
    validator,
)
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.errors import AssetCacheError

if TYPE_CHECKING:
    import requests

# What is no longer comes as quickly again as it could be gone on with: it is written when it is there.
_SMALL_BYTES = 64 * 1024
# What is shorter is not worth a second connection.
_LONG_BYTES = 8 << 20
_OK, _PARTIAL_CONTENT, _RANGE_NOT_SATISFIABLE = 200, 206, 416


class HttpPart:
    """The bytes of one file: what is there, what is hashed, what is still to come. The worker's thread.

    Args:
        config: The asset.
        staging: Where the bytes are.
        monitor: Is told how far the hashing is.

    Attributes:
        bytes_done: How many bytes of the file, from its start, are there and hashed.
        bytes_total: How many there will be, None if unknown.
        missing: Start and end of what is not there, if that is more than all from `bytes_done` on.
        is_small: Whether it is written all at once, when it is there or will not be.
    """

    def __init__(self, config: AssetConfig, staging: Staging, monitor: Monitor) -> None:
        self._config = config
        self._staging = staging
        self._monitor = monitor
        self._journal: Journal | None = None
        self.bytes_total: int | None = None
        self._digest = hashlib.sha256()
        self.bytes_done = 0
        self.missing: tuple[tuple[int, int], ...] = ()
        self.is_small = False
        self._is_untouched = staging.is_new

    @property
    def path(self) -> Path:
        """The file."""
        return self._staging.data_path

    @property
    def is_complete(self) -> bool:
        """Whether all is there, as far as the server said how much that is."""
        return self.bytes_total in (None, self.bytes_done)

    @property
    def is_long(self) -> bool:
        """Whether what is still to come is worth sharing."""
        return self.bytes_left > _LONG_BYTES

    @property
    def sha256(self) -> str:
        """Digest of the bytes that are there, 64 hex digits."""
        return self._digest.hexdigest()

    def reopen(self) -> None:
        """Hash what an earlier attempt left, so that the transfer can go on behind it.

        Raises:
            OSError: The disk refused.
            JobAbortedError: The job is to stop.
        """
        if self._is_untouched:
            return
        journal = self._staging.journal
        if journal is None or journal.validator is None or not self._staging.bytes_done:
            return
        self._journal, self.bytes_total = journal, journal.bytes_total
        self.missing = self._staging.missing
        if self.missing:
            self.bytes_done = self.missing[0][0]  # without a start there is nothing to begin with
        else:
            self._cut_surplus(journal)
        hashed = 0

        def on_bytes(count: int) -> None:
            nonlocal hashed
            hashed += count
            self._monitor.report("verifying", hashed, self.bytes_done)

        hash_file(self._staging.data_path, on_bytes, self._digest, self.bytes_done)

    def _cut_surplus(self, journal: Journal) -> None:
        self.bytes_done = self._staging.bytes_done
        if journal.bytes_total is not None and self.bytes_done >= journal.bytes_total:
            # Of a complete part the last byte is asked for again: the answer to that is a plain 206, and
            # says whether the file is still the same one.
            self.bytes_done = max(journal.bytes_total - 1, 0)
        with self._staging.data_path.open("r+b") as file:
            file.truncate(self.bytes_done)
        if journal.arrived is not None:
            self.note(None)

    @property
    def next_headers(self) -> dict[str, str]:
        """What asks for the next bytes of the same version, else for all of the new one."""
        if not self.bytes_done:
            return {}
        return self.range_headers(self.bytes_done, self.missing[0][1] if self.missing else None)

    def range_headers(self, start: int, end: int | None) -> dict[str, str]:
        """What asks for a range of the same version, else for all of the new one (RFC 9110, 13.1.5).

        Args:
            start: The first byte.
            end: The one behind the last byte; None for the end of the file.
        """
        version = self._journal.validator if self._journal is not None else None
        if version is None:  # pragma: no cover - then no range is asked for
            return {}
        last = "" if end in (None, self.bytes_total) else str(end - 1)
        return {"Range": f"bytes={start}-{last}", "If-Range": version}

    @property
    def awaited_status(self) -> int:
        """The status of the answer that brings what is still to come."""
        return _PARTIAL_CONTENT if self.bytes_done else _OK

    def is_outdated_by(self, response: "requests.Response") -> bool:
        """Whether the answer says that what is there cannot be gone on with. Two versions are never mixed.

        Args:
            response: The answer to `range_headers`.
        """
        if not self.bytes_done:
            return False
        if response.status_code == _PARTIAL_CONTENT:
            return not self.is_continued_by(response, self.bytes_done)
        # Any other status tells nothing of the file; a 5xx must not throw away what has arrived.
        return response.status_code in (_OK, _RANGE_NOT_SATISFIABLE)

    def is_continued_by(self, response: "requests.Response", position: int) -> bool:
        """Whether an answer brings bytes of the same version. Any thread.

        Args:
            response: The answer.
            position: Where they must begin.
        """
        if response.status_code != _PARTIAL_CONTENT:
            return False
        start, bytes_total = content_range(response)
        if start != position or content_encoding(response) or self._journal is None:
            return False
        if None not in (bytes_total, self.bytes_total) and bytes_total != self.bytes_total:
            return False
        known = self._journal.validator or ""
        header = "ETag" if known.startswith('"') else "Last-Modified"
        return response.headers.get(header) in (None, known)

    def can_be_shared(self, response: "requests.Response") -> bool:
        """Whether several connections may fetch what is still to come.

        Args:
            response: The answer that the first one got.
        """
        if self._journal is None or self._journal.validator is None or self.bytes_total is None:
            return False
        says_so = response.headers.get("Accept-Ranges", "").strip().lower() == "bytes"
        return says_so or response.status_code == _PARTIAL_CONTENT

    def start_over(self) -> None:
        """Forget what is there.

        Raises:
            OSError: The disk refused.
        """
        if not self._is_untouched:
            self._staging.start_over()
        self._staging.is_resumed = False
        self._journal, self.bytes_total, self.bytes_done, self.missing = None, None, 0, ()
        self._digest = hashlib.sha256()

    def begin(self, response: "requests.Response") -> None:
        """Note what an answer brings.

        Args:
            response: An answer of the `awaited_status`.

        Raises:
            AssetCacheError: There is not enough room.
            OSError: The disk refused.
        """
        if not self.bytes_done:
            self._begin(response)
        elif self.bytes_total is None:
            _, self.bytes_total = content_range(response)
        self._check_room()

    @property
    def bytes_left(self) -> int:
        """How many bytes are still to come; 0 if unknown."""
        if self.missing:
            return sum(end - start for start, end in self.missing)
        return (self.bytes_total or 0) - self.bytes_done

    def note(self, arrived: tuple[tuple[int, int], ...] | None) -> None:
        """Have the journal say which ranges have arrived; to be done before there are holes.

        Args:
            arrived: See `Journal.arrived`.

        Raises:
            OSError: The disk refused.
        """
        if self._journal is not None and self._journal.arrived != arrived:
            boot = self._boot if arrived is None else Owner.current().boot
            self._journal = self._journal.model_copy(update={"arrived": arrived, "boot": boot})
            self._staging.write_journal(self._journal)

    @contextlib.contextmanager
    def writing(self) -> Iterator[FileIO | BytesIO]:
        """In this context `append` can be called with what this gives. Unbuffered, unless it is small.

        Raises:
            OSError: The disk refused.
        """
        if not self.is_small:
            with self.path.open("ab", buffering=0) as file:
                yield file
            return
        held = BytesIO()
        try:
            yield held
        finally:
            self.path.write_bytes(held.getbuffer())

    def append(self, chunk: bytes | memoryview, file: FileIO | BytesIO) -> None:
        """Write the next bytes, and hash them while the processor has them at hand.

        Args:
            chunk: The bytes.
            file: What `writing` has given.

        Raises:
            OSError: The disk refused.
        """
        view = memoryview(chunk)
        while view:  # an unbuffered write may be a short one
            view = view[file.write(view) :]
        self._digest.update(chunk)
        self.bytes_done += len(chunk)

    def hash_up_to(self, position: int, file: FileIO, buffer: bytearray) -> None:
        """Hash what connections have written elsewhere than at the end of the file.

        Args:
            position: Everything before it is there.
            file: The file.
            buffer: To read into.

        Raises:
            OSError: The disk refused.
        """
        view = memoryview(buffer)
        file.seek(self.bytes_done)
        while self.bytes_done < position:
            count = file.readinto(view[: position - self.bytes_done])
            self._digest.update(view[:count])
            self.bytes_done += count

    def _begin(self, response: "requests.Response") -> None:
        self.start_over()
        is_encoded = bool(content_encoding(response))
        # Of an encoded body the length is that of its encoding, and no range of it is one of the file.
        self.bytes_total = None if is_encoded else content_length(response)
        self._journal = Journal(
            fingerprint=self._config.fingerprint,
            validator=None if is_encoded else validator(response),
            bytes_total=self.bytes_total,
            boot=self._boot,
            begun_at=now_text(),
        )
        self._is_untouched = False
        self.is_small = self.bytes_total is not None and self.bytes_total <= _SMALL_BYTES
        if self.is_small:
            self._staging.note_journal(self._journal)
        else:
            self._staging.write_journal(self._journal)

    @property
    def _boot(self) -> str | None:
        return None if self._config.checksum else Owner.current().boot

    def _check_room(self) -> None:
        if self.is_small:
            return
        needed_bytes = self.bytes_left
        usage = shutil.disk_usage(self._staging.path)
        # Some network file systems report no size at all.
        if needed_bytes > usage.free and usage.total:
            raise AssetCacheError(
                f"the disk of {self._staging.path} is too full: "
                f"{needed_bytes:,} bytes are to come, {usage.free:,} are free",
                path=self._staging.path,
                asset_name=self._config.name,
                fix="Make room, or set OPENMAS_ASSETS_DIR to a folder on a larger disk.",
            )
