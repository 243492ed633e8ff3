"""An asset's configuration: one entry of `assets` in the project file."""

import functools
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, ValidationInfo, field_validator

from openmas_assets.messages.authentication import Authentication
from openmas_assets.messages.declaration import Amount, Count, Declaration, PositiveAmount
from openmas_assets.messages.segment import check_segment
from openmas_assets.messages.source import HttpSource, HubSource, Source

UnpackFormat = Literal["zip", "tar", "tar.gz", "tar.bz2"]
"""The archives that are unpacked."""

HOISTED_KEYS = ("authentication", "progress_report", "progress_report_interval_mb")
"""What OpenMAS 0.2.2 reads inside `source`, and the guide has on the asset."""

_CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}")


def _check_checksum(value: str) -> str:
    lowered = value.lower()
    if not _CHECKSUM.fullmatch(lowered):
        raise ValueError(
            "is not a SHA-256 checksum; write sha256: and 64 hex digits, as sha256sum prints them"
        )
    return lowered


def _check_asset_type(value: str) -> str:
    if value.startswith("."):
        raise ValueError("starts with a dot, and such folders of the cache are its own; write it without")
    return check_segment(value)


_Segment = Annotated[str, AfterValidator(check_segment)]


class AssetConfig(Declaration):
    """What a project declares about one asset.

    Attributes:
        name: What agents ask for; unique in the project.
        version: The version that is wanted, as a name.
        asset_type: What kind of thing it is.
        source: Where the bytes come from.
        checksum: `sha256:` and 64 hex digits in lower case, of the bytes as they come: an archive's, not
            that of what it holds.
        unpack_format: What kind of archive it is; needed with `unpack`.
        unpack: Whether the source is an archive that is to be unpacked.
        unpack_destination_is_file: Whether the archive holds one file, whose path is wanted.
        description: For people.
        authentication: How the source is told who asks.
        retries: How many more attempts follow a failed one.
        retry_delay_seconds: How long to wait between attempts.
        progress_report: Whether progress is shown.
        progress_report_interval_mb: About how many megabytes lie between two lines of progress in a log.
    """

    # Several messages hold one: those that are built later take its validator instead of making their own.
    model_config = ConfigDict(defer_build=False)

    name: _Segment
    version: _Segment = "latest"
    asset_type: Annotated[str, AfterValidator(_check_asset_type)] = "model"
    source: Source
    checksum: Annotated[str, AfterValidator(_check_checksum)] | None = None
    # Before `unpack`, whose validator asks whether a format was given.
    unpack_format: UnpackFormat | None = None
    unpack: bool = False
    unpack_destination_is_file: bool = False
    description: str | None = None
    authentication: Authentication | None = None
    retries: Count = 0
    retry_delay_seconds: Amount = 5.0
    progress_report: bool = True
    progress_report_interval_mb: PositiveAmount = 5.0

    # These are field validators that look at `info.data`, not model validators: they run although
    # another field is wrong, so that all problems of an asset are found at once.

    @field_validator("checksum")
    @classmethod
    def _checksum_is_of_one_file(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and _is_snapshot(info):
            raise ValueError(
                "is of one file, but without a filename the source is a folder; remove it or add one"
            )
        return value

    @field_validator("unpack")
    @classmethod
    def _unpack_has_an_archive(cls, value: bool, info: ValidationInfo) -> bool:
        if value and info.data.get("unpack_format", "refused") is None:
            raise ValueError("needs a format; add unpack_format: zip, tar, tar.gz or tar.bz2")
        if value and _is_snapshot(info):
            raise ValueError(
                "is for one archive, but without a filename the source is a folder; add a filename"
            )
        return value

    @field_validator("authentication")
    @classmethod
    def _authentication_fits_the_source(
        cls, value: Authentication | None, info: ValidationInfo
    ) -> Authentication | None:
        if value is not None and value.http is None and isinstance(info.data.get("source"), HttpSource):
            raise ValueError(
                "has no http block, which an http source needs; add http: {token_env_var: MY_API_KEY}"
            )
        return value

    @classmethod
    def _prepared(cls, data: Mapping[Any, Any]) -> Any:
        return super()._prepared(_hoisted(data))

    def __copy__(self) -> Self:
        """As pydantic has it. `model_copy` starts from this, and what it changes changes the fingerprint."""
        copied = super().__copy__()
        copied.__dict__.pop("_computed_fingerprint", None)
        return copied

    @property
    def key(self) -> str:
        """`asset_type/name/version`: the asset's folder in the cache."""
        return f"{self.asset_type}/{self.name}/{self.version}"

    @property
    def fingerprint(self) -> str:
        """A digest (64 hex digits) of all whose change means to download again, and of nothing else.

        That is the source with its query, the checksum and how it is unpacked. Not how often it is tried,
        who asks and what is shown.
        """
        return self._computed_fingerprint

    # Each transfer asks for it some times, and taking a URL apart takes long.
    @functools.cached_property
    def _computed_fingerprint(self) -> str:
        unpacking = [self.unpack_format, self.unpack_destination_is_file] if self.unpack else None
        content = {"source": self.source.identity, "checksum": self.checksum, "unpacking": unpacking}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _is_snapshot(info: ValidationInfo) -> bool:
    source = info.data.get("source")
    return isinstance(source, HubSource) and source.filename is None


def _hoisted(data: Mapping[Any, Any]) -> Mapping[Any, Any]:
    # A key that stands in both places with different values stays where it is, and is refused there.
    source = data.get("source")
    if not isinstance(source, Mapping):
        return data
    asset, source = dict(data), dict(source)
    for key in HOISTED_KEYS:
        if source.get(key) is None or asset.get(key) in (None, source[key]):
            value = source.pop(key, None)
            asset[key] = value if asset.get(key) is None else asset[key]
    asset["source"] = source
    return asset
