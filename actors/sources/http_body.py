"""The body of an HTTP answer on its way to the disk: hashed as it comes, resumed where the server allows."""

import contextlib
import hashlib
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

from openmas_assets.actors.cache.checksum import hash_file
from openmas_assets.actors.cache.decompression import (
    GZIP_WINDOW_BITS,
    BrokenStreamError,
    Inflater,
    decompress_streams,
)
from openmas_assets.actors.cache.staging import Journal, Staging
from openmas_assets.actors.monitor import Monitor
from openmas_assets.actors.sources.http_failure import broken_body, connection_failure, unknown_encoding
from openmas_assets.actors.sources.http_headers import (
    content_encoding,
    content_length,
    content_range,
    validator,
)
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.errors import AssetCacheError
from openmas_assets.messages.source import HttpSource

if TYPE_CHECKING:
    import requests

_CHUNK_BYTES = 1 << 20
_OK, _PARTIAL_CONTENT, _RANGE_NOT_SATISFIABLE = 200, 206, 416


class HttpBody:
    """The bytes of one transfer: what is there, what is hashed, what is still to come.

    Args:
        config: The asset.
        source: Its source.
        staging: Where the bytes are.
        monitor: Is told of each chunk.

    Attributes:
        bytes_done: How many bytes of the file are there.
    """

    def __init__(self, config: AssetConfig, source: HttpSource, staging: Staging, monitor: Monitor) -> None:
        self._config = config
        self._source = source
        self._staging = staging
        self._monitor = monitor
        self._journal: Journal | None = None
        self._bytes_total: int | None = None
        self._digest = hashlib.sha256()
        self.bytes_done = 0

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
        journal = self._staging.journal
        if journal is None or journal.validator is None or not self._staging.bytes_done:
            return
        self._journal, self._bytes_total = journal, journal.bytes_total
        self.bytes_done = self._staging.bytes_done
        if journal.bytes_total is not None and self.bytes_done >= journal.bytes_total:
            # Of a complete part the last byte is asked for again: the answer to that is a plain 206, and
            # says whether the file is still the same one.
            self.bytes_done = max(journal.bytes_total - 1, 0)
        with self._staging.data_path.open("r+b") as file:
            file.truncate(self.bytes_done)
        hashed = 0

        def on_bytes(count: int) -> None:
            nonlocal hashed
            hashed += count
            self._monitor.report("verifying", hashed, self.bytes_done)

        hash_file(self._staging.data_path, on_bytes, self._digest)

    @property
    def range_headers(self) -> dict[str, str]:
        """What asks for the rest of the same version, else for all of the new one (RFC 9110, 13.1.5)."""
        if not self.bytes_done or self._journal is None or self._journal.validator is None:
            return {}
        return {"Range": f"bytes={self.bytes_done}-", "If-Range": self._journal.validator}

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
            return not self._is_continued_by(response)
        # Any other status tells nothing of the file; a 5xx must not throw away what has arrived.
        return response.status_code in (_OK, _RANGE_NOT_SATISFIABLE)

    def _is_continued_by(self, response: "requests.Response") -> bool:
        start, bytes_total = content_range(response)
        if start != self.bytes_done or content_encoding(response) or self._journal is None:
            return False
        if None not in (bytes_total, self._bytes_total) and bytes_total != self._bytes_total:
            return False
        known = self._journal.validator or ""
        header = "ETag" if known.startswith('"') else "Last-Modified"
        return response.headers.get(header) in (None, known)

    def start_over(self) -> None:
        """Forget what is there.

        Raises:
            OSError: The disk refused.
        """
        self._staging.start_over()
        self._journal, self._bytes_total, self.bytes_done = None, None, 0
        self._digest = hashlib.sha256()

    def receive(self, response: "requests.Response", timeout_seconds: float) -> None:
        """Write and hash the body as it arrives. Unbuffered: what has arrived outlives the process.

        Args:
            response: An answer of the `awaited_status`.
            timeout_seconds: The time-out that was set, for the texts of errors.

        Raises:
            TransferError: The body is not whole.
            AssetCacheError: There is not enough room.
            OSError: The disk refused.
            JobAbortedError: The job is to stop.
        """
        if not self.bytes_done:
            self._begin(response)
        elif self._bytes_total is None:
            _, self._bytes_total = content_range(response)
        self._check_room()

        def unblock() -> None:
            # Too late is no error: the response may have ended at this very moment.
            with contextlib.suppress(Exception):
                response.raw.shutdown()

        with self._monitor.unblocking(unblock), self._staging.data_path.open("ab", buffering=0) as file:
            for chunk in self._chunks(response, timeout_seconds):
                # An abort shuts the socket; what is read after that is not trusted.
                self._monitor.check()
                view = memoryview(chunk)
                while view:  # an unbuffered write may be a short one
                    view = view[file.write(view) :]
                self._digest.update(chunk)
                self.bytes_done += len(chunk)
                self._monitor.report("downloading", self.bytes_done, self._bytes_total)
        self._monitor.check()
        if self._bytes_total not in (None, self.bytes_done):
            problem = f"it ended after {self.bytes_done:,} of {self._bytes_total:,} bytes"
            raise broken_body(self._config.name, self._source.shown, problem)

    def _begin(self, response: "requests.Response") -> None:
        self._staging.start_over()
        is_encoded = bool(content_encoding(response))
        # Of an encoded body the length is that of its encoding, and no range of it is one of the file.
        self._bytes_total = None if is_encoded else content_length(response)
        self._journal = Journal(
            fingerprint=self._config.fingerprint,
            validator=None if is_encoded else validator(response),
            bytes_total=self._bytes_total,
        )
        self._staging.write_journal(self._journal)

    def _check_room(self) -> None:
        needed_bytes = (self._bytes_total or 0) - self.bytes_done
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

    def _chunks(self, response: "requests.Response", timeout_seconds: float) -> Iterator[bytes]:
        raw = self._raw_chunks(response, timeout_seconds)
        match content_encoding(response):
            case "":
                yield from raw
            case "gzip" | "x-gzip":
                try:
                    yield from decompress_streams(lambda: Inflater(GZIP_WINDOW_BITS), raw)
                except BrokenStreamError as error:
                    self._monitor.check()
                    raise broken_body(self._config.name, self._source.shown, f"its gzip {error}") from None
            case _:
                raise unknown_encoding(self._config.name, self._source.shown)

    def _raw_chunks(self, response: "requests.Response", timeout_seconds: float) -> Iterator[bytes]:
        while chunk := self._read(response, timeout_seconds):
            yield chunk

    def _read(self, response: "requests.Response", timeout_seconds: float) -> bytes:
        from urllib3.exceptions import HTTPError

        try:
            chunk: bytes = response.raw.read1(_CHUNK_BYTES, decode_content=False)
        except (HTTPError, OSError, ValueError) as error:
            failure = connection_failure(self._config.name, self._source.shown, error, timeout_seconds)
        else:
            return chunk
        # Raised outside the handler: what urllib3 says may quote the URL with its query.
        self._monitor.check()
        raise failure
