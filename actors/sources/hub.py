"""Bytes from the Hugging Face Hub, through its own library: one file of a repository, or all of it.

Imports the library late: it takes most of a second, which only a transfer from the Hub should cost.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeVar

from openmas_assets.actors.abort import JobAbortedError
from openmas_assets.actors.cache.checksum import hash_file
from openmas_assets.actors.cache.file_record import files_below
from openmas_assets.actors.cache.folders import remove_empty_folders, remove_tree
from openmas_assets.actors.cache.info import now_text
from openmas_assets.actors.cache.staging import Journal, Staging
from openmas_assets.actors.credentials import HubToken, hub_token
from openmas_assets.actors.monitor import Monitor
from openmas_assets.actors.sources.fetched import Fetched, TransferError
from openmas_assets.actors.sources.hub_failure import hub_failure
from openmas_assets.actors.sources.hub_log import hide_queries
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.errors import AssetDownloadError, AssetVerificationError
from openmas_assets.messages.segment import check_relative_path
from openmas_assets.messages.source import HubSource

if TYPE_CHECKING:
    from huggingface_hub import HfApi, RepoFile
    from huggingface_hub.utils import tqdm  # type: ignore[attr-defined] # as its docs have it

T = TypeVar("T")

# How long an abort waits for the library, which looks up only now and then, before it leaves it alone.
_ABORT_GRACE_SECONDS = 2.0
# Where the library keeps what it knows about the files, among them.
_NOTES = ".cache/huggingface/"


class HubTransfer:
    """One transfer from the Hub. For a worker's thread; the library has another one, for the sake of aborts.

    Args:
        config: The asset.
        source: Its source.
        staging: Where the files go: to its `hub_path`.
        monitor: Is told of what arrives.
        timeout_seconds: How long the Hub may be silent.
        draws_bars: Whether the library shows its own progress bars.

    Raises:
        AssetAuthenticationError: The variable that should hold the token does not.
    """

    def __init__(  # noqa: PLR0913
        self,
        config: AssetConfig,
        source: HubSource,
        staging: Staging,
        monitor: Monitor,
        timeout_seconds: float,
        *,
        draws_bars: bool,
    ) -> None:
        self._config = config
        self._source = source
        self._staging = staging
        self._monitor = monitor
        self._timeout_seconds = timeout_seconds
        self._draws_bars = draws_bars
        self._token: HubToken = hub_token(config)
        self._is_left = threading.Event()

    def fetch(self) -> Fetched:
        """Bring the file to `staging.data_path`, or the snapshot to `staging.tree_path`, digests checked.

        The Hub names the sha256 of each large file (LFS); the library compares sizes only.

        Raises:
            TransferError: The Hub did not give the bytes, or other ones.
            OSError: The disk refused.
            JobAbortedError: The job is to stop.
        """
        self._monitor.report("downloading")
        commit, files = self._call(self._resolve)
        self._prepare(commit, files)
        from openmas_assets.actors.sources.hub_meter import hub_meter

        total = sum(file.size for file in files)
        name = self._source.filename
        with hub_meter(self._tell, total, file_name=name, draws_bars=self._draws_bars) as meter:
            self._call(lambda: self._download(commit, files, meter))
        digests = {file.path: self._check(file) for file in files}
        self._monitor.check()
        if self._source.filename is not None:
            (self._staging.hub_path / self._source.filename).rename(self._staging.data_path)
            return Fetched(sha256=digests[self._source.filename], commit=commit)
        remove_tree(self._staging.hub_path / _NOTES)
        remove_empty_folders(self._staging.hub_path / ".cache", depth=1)  # a repository may have one too
        self._staging.hub_path.rename(self._staging.tree_path)
        return Fetched(sha256=None, digests=digests, commit=commit)

    def _prepare(self, commit: str, files: "list[RepoFile]") -> None:
        """Keep what the library goes on with of an earlier attempt: whole files, if they are still wanted.

        Its half ones have names that it makes anew each time: nothing would ever use or remove them.
        """
        staging = self._staging
        fingerprint = self._config.fingerprint
        staging.write_journal(Journal(fingerprint=fingerprint, validator=commit, begun_at=now_text()))
        if self._source.filename is not None and staging.data_path.exists():
            whole = staging.hub_path / self._source.filename
            whole.parent.mkdir(parents=True, exist_ok=True)
            staging.data_path.rename(whole)
        wanted = {file.path for file in files}
        for relative, path in list(files_below(staging.hub_path)) if staging.hub_path.exists() else ():
            is_half = relative.startswith(_NOTES) and relative.endswith(".incomplete")
            if is_half or not (relative.startswith(_NOTES) or relative in wanted):
                path.unlink()
                remove_empty_folders(path.parent, depth=len(PurePosixPath(relative).parts))

    def _resolve(self) -> "tuple[str, list[RepoFile]]":
        """The commit that the revision means now, and the files of it that are wanted."""
        from huggingface_hub import RepoFile
        from huggingface_hub.utils import filter_repo_objects  # type: ignore[attr-defined] # as its docs have it

        api, source = self._api(), self._source
        info = api.model_info(source.repo_id, revision=source.revision, timeout=self._timeout_seconds)
        commit = info.sha or source.revision
        folder = PurePosixPath(source.filename or "").parent.as_posix()
        entries = api.list_repo_tree(
            source.repo_id,
            path_in_repo=None if folder == "." else folder,
            recursive=source.filename is None,
            revision=commit,
        )
        files = [entry for entry in entries if isinstance(entry, RepoFile)]
        if source.filename is not None:
            files = [file for file in files if file.path == source.filename]
        files = list(
            filter_repo_objects(
                files,
                allow_patterns=list(source.allow_patterns) if source.allow_patterns is not None else None,
                ignore_patterns=list(source.ignore_patterns) if source.ignore_patterns is not None else None,
                key=lambda file: file.path,
            )
        )
        if not files:
            raise self._nothing_there(commit)
        for file in files:
            self._check_path(file.path)
        return commit, files

    def _download(self, commit: str, files: "list[RepoFile]", meter: "type[tqdm]") -> None:
        from huggingface_hub import constants, hf_hub_download, snapshot_download

        source = self._source
        token = self._token.token.get_secret_value() if self._token.token is not None else None
        if source.filename is not None:
            hf_hub_download(
                source.repo_id,
                source.filename,
                revision=commit,
                local_dir=self._staging.hub_path,
                token=token,
                etag_timeout=self._timeout_seconds,
                tqdm_class=meter,
                endpoint=constants.ENDPOINT,
            )
        else:
            snapshot_download(
                source.repo_id,
                revision=commit,
                local_dir=self._staging.hub_path,
                allow_patterns=[_literal(file.path) for file in files],
                token=token,
                etag_timeout=self._timeout_seconds,
                tqdm_class=meter,
                endpoint=constants.ENDPOINT,
            )

    def _tell(self, bytes_done: int, bytes_total: int) -> None:
        """Of what arrives; in a thread of the library, which outlives the job where it has been left."""
        if self._is_left.is_set():
            raise JobAbortedError
        self._monitor.report("downloading", bytes_done, bytes_total)

    def _api(self) -> "HfApi":
        from huggingface_hub import HfApi

        return HfApi(token=self._token.token.get_secret_value() if self._token.token is not None else None)

    def _check(self, file: "RepoFile") -> str:
        """The digest of a file that has arrived."""
        path = self._staging.hub_path / file.path
        # The library answers with what is there when it cannot ask, so what it answers is not believed.
        if not path.is_file() or path.stat().st_size != file.size:
            path.unlink(missing_ok=True)
            raise TransferError(
                AssetDownloadError(
                    f"{self._source.shown}: {file.path} did not arrive whole",
                    url=self._source.shown,
                    asset_name=self._config.name,
                ),
                is_retryable=True,
            )
        digest = hash_file(path, lambda _: self._monitor.check()).hexdigest()
        if file.lfs is not None and file.lfs.sha256 != digest:
            path.unlink()
            raise TransferError(
                AssetVerificationError(
                    f"{self._source.shown}: {file.path} has other bytes than the Hub says",
                    expected=f"sha256:{file.lfs.sha256}",
                    actual=f"sha256:{digest}",
                    asset_name=self._config.name,
                    fix="Try again; if it stays so, something on the way changes the file.",
                ),
                is_retryable=True,
            )
        return digest

    def _check_path(self, path: str) -> None:
        try:
            check_relative_path(path)
        except ValueError as error:
            raise TransferError(
                AssetDownloadError(
                    f"{self._source.shown}: the repository has a file whose name {error}",
                    url=self._source.shown,
                    asset_name=self._config.name,
                    fix="Leave it out with source.ignore_patterns, if the others do without it.",
                )
            ) from None

    def _nothing_there(self, commit: str) -> TransferError:
        source = self._source
        missing = (
            f"has no file {source.filename}" if source.filename else "has no file that the patterns allow"
        )
        return TransferError(
            AssetDownloadError(
                f"the repository {source.repo_id} {missing} at {source.revision} ({commit[:8]})",
                url=source.shown,
                asset_name=self._config.name,
                fix="Check filename, revision and patterns of the source in the project file.",
            )
        )

    def _call(self, work: Callable[[], T]) -> T:
        """Have the library do something, in a thread that an abort can leave behind."""
        answer: Future[T] = Future()
        is_over = threading.Event()
        answer.add_done_callback(lambda _: is_over.set())
        thread = threading.Thread(target=_run, args=(work, answer), name="openmas-hub", daemon=True)
        hide_queries()
        thread.start()
        with self._monitor.unblocking(is_over.set):
            is_over.wait()
        thread.join(_ABORT_GRACE_SECONDS)
        if not answer.done():
            self._is_left.set()
            self._staging.abandon()  # the library may write there still
        self._monitor.check()
        error = answer.exception()
        if error is None:
            return answer.result()
        if isinstance(error, TransferError | JobAbortedError):
            raise error
        # Not chained: the library's errors hold the request with its token, and quote signed URLs.
        raise hub_failure(self._config, self._source, self._token, error)


def _run(work: Callable[[], T], answer: "Future[T]") -> None:
    try:
        answer.set_result(work())
    except BaseException as error:  # noqa: BLE001 - it is raised, or explained, in the worker's thread
        answer.set_exception(error)


def _literal(path: str) -> str:
    """A pattern (fnmatch) that only this path matches."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in path)
