"""A source: where an asset's bytes come from."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from openmas_assets.messages.declaration import Declaration, PathText
from openmas_assets.messages.segment import check_file_name, check_relative_path

# huggingface_hub.utils.validate_repo_id: letters, digits, '-', '_' and '.'; '-' and '.' stand inside only.
_REPO_ID = re.compile(r"([A-Za-z0-9_]([\w.-]*\w)?/)?[A-Za-z0-9_]([\w.-]*\w)?", re.ASCII)
_MAX_REPO_ID_LENGTH = 96
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]")

# Project files for OpenMAS 0.2.2 may carry the keys of the other types, as long as nothing stands there.
_ALL_SOURCE_KEYS = frozenset({"type", "url", "repo_id", "filename", "revision", "path"})

_FileName = Annotated[str, AfterValidator(check_file_name)]


def _is_left_to_the_source(info: ValidationInfo) -> bool:
    # A filename that was refused is not in info.data: its own error is enough.
    return info.data.get("filename", "refused") is None


class HttpSource(Declaration):
    """A file on a web server.

    Its `repr` shows the URL without userinfo and query, which may be secrets.

    Attributes:
        type: `http`, for https too.
        filename: What the file is called in the cache; by default what the URL calls it.
        url: Where it is.
    """

    _idle_keys: ClassVar[frozenset[str]] = _ALL_SOURCE_KEYS

    type: Literal["http"] = "http"
    # Before `url`, whose validator asks whether a file name was given.
    filename: _FileName | None = None
    url: str

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str, info: ValidationInfo) -> str:
        _check_http_url(value)
        if _is_left_to_the_source(info):
            try:
                check_file_name(_name_in_url(value))
            except ValueError as error:
                raise ValueError(
                    f"has a last segment that {error}, or add a filename to the source"
                ) from None
        return value

    @property
    def file_name(self) -> str:
        """What the file is called: `filename`, else the URL's last segment, decoded; else `asset`."""
        return self.filename if self.filename is not None else _name_in_url(self.url)

    @property
    def shown(self) -> str:
        """The URL for people: without userinfo, query and fragment."""
        return urlsplit(self._url_without_userinfo)._replace(query="", fragment="").geturl()

    @property
    def identity(self) -> Mapping[str, Any]:
        """What, when it changes, makes these other bytes; who asks for them (the userinfo) does not."""
        return {"type": self.type, "filename": self.file_name, "url": self._url_without_userinfo}

    @property
    def _url_without_userinfo(self) -> str:
        parts = urlsplit(self.url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Show what is harmless: pydantic builds `repr()` and `str()` from these, of outer models too."""
        yield "type", self.type
        yield "url", self.shown
        yield "filename", self.filename


def _check_http_url(value: str) -> None:
    fix = "write it as https://host/path"
    # urlsplit silently drops some of these, so they are refused before it is asked.
    if _UNPRINTABLE.search(value) or value != value.strip() or "\\" in value:
        raise ValueError(f"holds a space at an end, a control character or a backslash; {fix}")
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        # The reason that urllib gives may repeat the userinfo.
        raise ValueError(f"is not a valid URL (look at the host and the port); {fix}") from None
    if parts.scheme not in {"http", "https"}:
        raise ValueError(f"is not an http or https URL; {fix}")
    if not host or " " in parts.netloc:
        raise ValueError(f"names no host; {fix}")


def _name_in_url(url: str) -> str:
    return unquote(urlsplit(url).path.rpartition("/")[2]) or "asset"


def _check_repo_id(value: str) -> str:
    is_well_formed = _REPO_ID.fullmatch(value) and "--" not in value and ".." not in value
    if not is_well_formed or len(value) > _MAX_REPO_ID_LENGTH or value.endswith(".git"):
        raise ValueError("is not a repository of the Hugging Face Hub; write it as organization/model")
    return value


def _check_revision(value: str) -> str:
    # The Hub's own cache keeps a file of this name, with folders for the slashes of `refs/pr/1`.
    segments = value.split("/")
    has_bad_segment = any(segment in {"", ".", ".."} for segment in segments)
    if has_bad_segment or value != value.strip() or "\\" in value or _UNPRINTABLE.search(value):
        raise ValueError("is not a branch, tag or commit; write one such as main")
    return value


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


_Patterns = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]


class HubSource(Declaration):
    """A file of a Hugging Face Hub repository, or a snapshot of it.

    Attributes:
        type: `hf`.
        repo_id: `organization/model`.
        filename: The file's path in the repository, which the cache keeps; None for the whole snapshot.
        revision: A branch, tag or commit.
        allow_patterns: Of a snapshot, only the files that match one of these globs.
        ignore_patterns: Of a snapshot, not the files that match one of these globs.
    """

    _idle_keys: ClassVar[frozenset[str]] = _ALL_SOURCE_KEYS

    type: Literal["hf"] = "hf"
    repo_id: Annotated[str, AfterValidator(_check_repo_id)]
    filename: Annotated[str, AfterValidator(check_relative_path)] | None = None
    revision: Annotated[str, AfterValidator(_check_revision)] = "main"
    allow_patterns: _Patterns | None = None
    ignore_patterns: _Patterns | None = None

    @field_validator("allow_patterns", "ignore_patterns")
    @classmethod
    def _choose_from_a_snapshot(cls, value: _Patterns | None, info: ValidationInfo) -> _Patterns | None:
        if value is not None and info.data.get("filename") is not None:
            raise ValueError(
                "chooses files of a snapshot, but filename names one file; remove one of the two"
            )
        return value

    @property
    def file_name(self) -> str | None:
        """Where the file is below the version folder, with forward slashes; None for a snapshot."""
        return self.filename

    @property
    def shown(self) -> str:
        """`hf://organization/model/file@revision`."""
        return f"hf://{self.repo_id}{f'/{self.filename}' if self.filename else ''}@{self.revision}"

    @property
    def identity(self) -> Mapping[str, Any]:
        """What, when it changes, makes these other bytes."""
        return self.model_dump(mode="json", exclude_none=True)


class LocalSource(Declaration):
    """A file or folder that this machine can read.

    Attributes:
        type: `local`.
        filename: What it is called in the cache; by default what its path calls it.
        path: As it stands in the project file: relative to that file, `~` not yet expanded.
    """

    _idle_keys: ClassVar[frozenset[str]] = _ALL_SOURCE_KEYS

    type: Literal["local"] = "local"
    # Before `path`, whose validator asks whether a file name was given.
    filename: _FileName | None = None
    path: PathText

    @field_validator("path")
    @classmethod
    def _check_path(cls, value: PathText, info: ValidationInfo) -> PathText:
        if _is_left_to_the_source(info):
            try:
                check_file_name(value.name)
            except ValueError as error:
                raise ValueError(
                    f"has a last segment that {error}, or add a filename to the source"
                ) from None
        return value

    @property
    def file_name(self) -> str:
        """What the file or folder is called: `filename`, else the last segment of its path."""
        return self.filename if self.filename is not None else self.path.name

    @property
    def shown(self) -> str:
        """The path as it stands in the project file."""
        return str(self.path)

    @property
    def identity(self) -> Mapping[str, Any]:
        """What, when it changes, makes these other bytes; whether the file itself changed, the disk knows."""
        return {"type": self.type, "filename": self.file_name, "path": str(self.path)}


Source = Annotated[HttpSource | HubSource | LocalSource, Field(discriminator="type")]
"""Where an asset comes from; `type` says which of the three it is."""

SOURCE_MODELS: Mapping[str, type[HttpSource] | type[HubSource] | type[LocalSource]] = {
    "http": HttpSource,
    "hf": HubSource,
    "local": LocalSource,
}
"""The three sources by what `type` says."""
