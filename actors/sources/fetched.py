"""What every source hands over."""

from typing import NamedTuple

from openmas_assets.messages.errors import AssetError


class Fetched(NamedTuple):
    """The bytes of an asset, in its staging folder.

    Attributes:
        sha256: Digest of the file's bytes, 64 hex digits; None where the source is a folder.
        digests: Of a folder: the digest of each file, by its path relative to the version folder.
        source_state: What identifies the state of a local source; None for others.
        commit: Of the Hub: the commit that the revision meant, 40 hex digits; None for others.
    """

    sha256: str | None
    digests: dict[str, str] | None = None
    source_state: str | None = None
    commit: str | None = None


class TransferError(Exception):
    """One attempt at a transfer failed; the downloader makes an `AssetError` of it.

    Args:
        error: What to tell the user.
        is_retryable: Whether another attempt may fare better.
        retry_after_seconds: How long the server asks to wait before that.
    """

    def __init__(
        self, error: AssetError, *, is_retryable: bool = False, retry_after_seconds: float = 0.0
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.is_retryable = is_retryable
        self.retry_after_seconds = retry_after_seconds
