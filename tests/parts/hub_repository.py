"""One commit of a model repository, as the test's Hub describes it and lets clients in."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from functools import cached_property
from hashlib import sha1, sha256
from pathlib import PurePosixPath
from typing import Any

from loopback import Resource

Refusal = Callable[[Message], Resource | None]


@dataclass(frozen=True, kw_only=True)
class Repository:
    """One commit of a model.

    Attributes:
        repo_id: `name` or `organization/name`.
        files: Content by path in the repository.
        lfs: The paths that are in LFS: their etag is their sha256, otherwise the git blob's sha1.
        revisions: Branches and tags that point to this commit.
        gated: Files need `token`, otherwise GatedRepo: 401 without a token, 403 with another. As on the real
            Hub, where a gated model's page and listing are public.
        private: Everything needs `token`, otherwise RepoNotFound: 401 without a token, 404 with another.
        token: The repository's one token, sent as `Authorization: Bearer <token>`.
        served: Fields of `Resource` by path, for what really carries the bytes (on the CDN, if there):
            `faults`, `bytes_per_second`, or `data` for other bytes than those announced. Faults are
            counted for each revision's URL apart; `snapshot_download` uses the commit's.
        files_per_page: After so many the listing goes on in another page.
    """

    repo_id: str
    files: Mapping[str, bytes]
    lfs: Collection[str] = ()
    revisions: Sequence[str] = ("main",)
    gated: bool = False
    private: bool = False
    token: str | None = field(default=None, repr=False)
    served: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    files_per_page: int = 1000

    @cached_property
    def commit(self) -> str:
        """40 hexadecimal digits, others for other files."""
        blobs = {path: _git_sha1(data) for path, data in self.files.items()}
        return sha1(json.dumps([self.repo_id, blobs]).encode()).hexdigest()

    def etag(self, path: str) -> str:
        """Return a file's etag, without quotes: sha256 in LFS, otherwise the git blob's sha1."""
        data = self.files[path]
        return sha256(data).hexdigest() if path in self.lfs else _git_sha1(data)

    def info(self) -> dict[str, object]:
        """Return what the API says of the repository."""
        return {
            "id": self.repo_id,
            "modelId": self.repo_id,
            "sha": self.commit,
            "private": self.private,
            "gated": "manual" if self.gated else False,
            "siblings": [{"rfilename": path} for path in self.files],
        }

    def pages(self, folder: str = "") -> Iterator[list[dict[str, object]]]:
        """Yield the pages of the listing of what is below a folder (`onnx/`), at least one."""
        entries = [self._entry(path) for path in self.files if path.startswith(folder)]
        for start in range(0, max(1, len(entries)), self.files_per_page):
            yield entries[start : start + self.files_per_page]

    def folders(self) -> set[str]:
        """Return the folders of the repository, `onnx/` for example; the root is the empty text."""
        parents = {parent for path in self.files for parent in PurePosixPath(path).parents}
        return {f"{parent}/" if parent.parts else "" for parent in parents}

    def refusal_of_listing(self) -> Refusal | None:
        """Return who may not know of the repository, as `Resource.instead` has it."""
        return refusal(self.token, "RepoNotFound", 404) if self.private else None

    def refusal_of_files(self) -> Refusal | None:
        """Return who may not have a file, as `Resource.instead` has it."""
        if self.gated and not self.private:
            return refusal(self.token, "GatedRepo", 403)
        return self.refusal_of_listing()

    def _entry(self, path: str) -> dict[str, object]:
        data = self.files[path]
        entry: dict[str, object] = {"type": "file", "path": path, "size": len(data), "oid": _git_sha1(data)}
        if path in self.lfs:
            entry["lfs"] = {"oid": self.etag(path), "size": len(data), "pointerSize": 134}
        return entry


def refusal(token: str | None, code: str, status: int) -> Refusal:
    """Return what answers everyone who does not send `token`: 401 without a credential, else `status`."""
    anonymous, stranger = error(401, code), error(status, code)

    def instead(headers: Message) -> Resource | None:
        sent = headers.get("Authorization")
        if sent is None:
            return anonymous
        return None if token is not None and sent == f"Bearer {token}" else stranger

    return instead


def error(status: int, code: str, headers: Mapping[str, str] | None = None, **options: Any) -> Resource:
    """Return an error as the Hub has it: the client goes by `X-Error-Code`."""
    message = f"{code} at the test's Hub"
    named = {"X-Error-Code": code, "X-Error-Message": message, **(headers or {})}
    return answer({"error": message}, status=status, headers=named, **options)


def answer(content: object, headers: Mapping[str, str] | None = None, **options: Any) -> Resource:
    """Return an answer of the API, with the `options` of a `Resource`."""
    typed = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
    return Resource(data=json.dumps(content).encode(), headers=typed, **options)


def _git_sha1(data: bytes) -> str:
    return sha1(b"blob %d\0%s" % (len(data), data)).hexdigest()
