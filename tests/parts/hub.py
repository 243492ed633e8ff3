"""A small Hugging Face Hub on loopback for tests, which the real `huggingface_hub` client accepts.

Written after the client's own source (2.4.0: file_download.py, hf_api.py, utils/_http.py) and
https://huggingface.co/docs/hub/api. It knows models only, and no Xet storage.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Self
from urllib.parse import quote

from hub_repository import Refusal, Repository, answer, error, refusal
from loopback import LoopbackServer

__all__ = ["SIGNATURE", "Hub", "Repository"]

SIGNATURE = "c2lnbmF0dXJlLW9mLXRoZS1jZG4"


class Hub:
    """A Hub at `endpoint`, and with `cdn=True` a second origin that serves the LFS files; serves once made.

    The client reads HF_ENDPOINT, HF_HOME and HF_HUB_OFFLINE when it is imported: to test those, start a
    child process with them in its environment. In one process, pass `endpoint=hub.endpoint`, which
    `hf_hub_download`, `snapshot_download` and `HfApi` take; and always `token=` (False for none) and
    `cache_dir=`, or the client looks into the home of whoever runs the tests.

    Args:
        cdn: LFS files are redirected to another port, with a query that holds `SIGNATURE`.

    Attributes:
        endpoint: The Hub's origin.
        server: The Hub itself; it counts requests and keeps their headers.
        cdn: The other origin, or None.

    Example:
        with Hub() as hub:
            commit = hub.put_repo("org/model", {"model.safetensors": data}, lfs={"model.safetensors"})
            hf_hub_download("org/model", "model.safetensors", endpoint=hub.endpoint, token=False, ...)
    """

    def __init__(self, *, cdn: bool = False) -> None:
        self._open = ExitStack()
        self.server = self._open.enter_context(LoopbackServer())
        self.cdn = self._open.enter_context(LoopbackServer()) if cdn else None
        self.endpoint = self.server.origin
        # Without a credential the real Hub does not tell a missing repository from a private one.
        unknown = error(404, "RepoNotFound", instead=refusal(None, "RepoNotFound", 404))
        self.server.put_sequence("/*", [unknown])
        if self.cdn is not None:
            self.cdn.put("/*", status=403)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all connections of both origins; again does nothing."""
        self._open.close()

    def put_repo(self, repo_id: str, files: Mapping[str, bytes], **options: Any) -> str:
        """Serve one commit of a model from now on; with other files: the next one, and the old one stays.

        Args:
            repo_id: `name` or `organization/name`.
            files: Content by path in the repository.
            options: Fields of `Repository`: `lfs`, `revisions`, `gated`, `private`, `token`, `served`, …

        Returns:
            The commit, 40 hexadecimal digits.
        """
        repository = Repository(repo_id=repo_id, files=files, **options)
        self._put_missing(repository)
        for revision in {repository.commit, *repository.revisions}:
            self._put_api(repository, revision)
            self._put_files(repository, revision)
        return repository.commit

    def _put_missing(self, repository: Repository) -> None:
        unknown = error(404, "RevisionNotFound", instead=repository.refusal_of_listing())
        for base in (f"/{repository.repo_id}", f"/api/models/{repository.repo_id}"):
            self.server.put_sequence(f"{base}/*", [unknown])

    def _put_api(self, repository: Repository, revision: str) -> None:
        base, instead = f"/api/models/{repository.repo_id}", repository.refusal_of_listing()
        info = answer(repository.info(), instead=instead)
        self.server.put_sequence(f"{base}/revision/{quote(revision, safe='')}", [info])
        if revision == "main":
            self.server.put_sequence(base, [info])
        for folder in repository.folders():
            tree = f"{base}/tree/{quote(revision, safe='')}/{quote(folder)}".rstrip("/")
            self._put_pages(tree, list(repository.pages(folder)), instead)

    def _put_pages(self, tree: str, pages: list[list[dict[str, object]]], instead: Refusal | None) -> None:
        for number, page in enumerate(pages):
            following = self.server.url(f"{tree}?cursor={number + 1}")
            link = {"Link": f'<{following}>; rel="next"'} if number + 1 < len(pages) else {}
            address = f"{tree}?cursor={number}" if number else tree
            self.server.put_sequence(address, [answer(page, link, instead=instead)])

    def _put_files(self, repository: Repository, revision: str) -> None:
        base, instead = (
            f"/{repository.repo_id}/resolve/{quote(revision, safe='')}",
            repository.refusal_of_files(),
        )
        commit = {"X-Repo-Commit": repository.commit}
        self.server.put_sequence(f"{base}/*", [error(404, "EntryNotFound", commit, instead=instead)])
        for path, data in repository.files.items():
            etag = f'"{repository.etag(path)}"'
            content = {"data": data, "etag": etag, **repository.served.get(path, {})}
            linked = (
                {"X-Linked-Etag": etag, "X-Linked-Size": str(len(data))} if path in repository.lfs else {}
            )
            if linked and self.cdn is not None:
                address = (
                    f"/{repository.repo_id}/{repository.etag(path)}?Expires=4102444800&Signature={SIGNATURE}"
                )
                content = {"redirect": self.cdn.put(address, **content)}
            self.server.put(f"{base}/{quote(path)}", headers=commit | linked, instead=instead, **content)
