"""The facade of the AssetManager actor: what agents, programs and the terminal hold in their hands."""

import atexit
import contextlib
import logging
import os
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, overload

import pykka

from openmas_assets.actors.cache.layout import CacheLayout
from openmas_assets.actors.display import default_display, has_terminal
from openmas_assets.actors.facade import Facade
from openmas_assets.actors.manager_actor import AssetManagerActor, ManagerSettings
from openmas_assets.actors.progress import ProgressActor
from openmas_assets.actors.project import PROJECT_FILE_NAME, Project, cache_dir, load_project
from openmas_assets.actors.reply import Reply
from openmas_assets.messages.downloader import DownloadProgress
from openmas_assets.messages.errors import AssetConfigurationError, AssetError
from openmas_assets.messages.manager import (
    AssetList,
    AssetManagerClosed,
    AssetManagerCommand,
    AssetPath,
    AssetsCleared,
    AssetVerified,
    ClearAllAssets,
    ClearAsset,
    CloseAssetManager,
    GetAssetPath,
    GetAssetStatus,
    ListAssets,
    VerifyAsset,
)
from openmas_assets.messages.project import ProjectConfig
from openmas_assets.messages.status import AssetStatus

logger = logging.getLogger("openmas_assets")

TIMEOUT_VARIABLE = "OPENMAS_ASSETS_TIMEOUT"
"""The environment variable that says how many seconds a server may be silent."""

_DEFAULT_TIMEOUT_SECONDS = 30.0
# How long `close` waits for workers that are inside a system call nobody can interrupt, such as a connect.
_CLOSE_SECONDS = 3.0
# How long it then waits for somebody's `on_progress`.
_CLOSE_PROGRESS_SECONDS = 1.0


class AssetManager(Facade):
    """Gives agents verified local paths for the assets that a project declares.

    Any thread and any event loop may use one manager. It owns a few daemon threads; close it with `close`,
    `with` or `async with`. A program that forgets to may still exit.

    Args:
        project: What is declared.
        project_root: What relative local sources and a relative `cache_dir` are relative to; the working
            folder by default.
        cache_dir: The cache folder; by default what `OPENMAS_ASSETS_DIR` says, else the project's settings,
            else `~/.openmas/assets`.
        pool_size: How many transfers run at once at the most; 4 by default.
        on_progress: Is called with each `DownloadProgress`, in a thread of its own, in place of the bars or
            log lines that are shown by default. `some_actor_ref.tell` sends them to an actor.

    Raises:
        AssetConfigurationError: An argument or an environment variable is wrong.
    """

    def __init__(
        self,
        project: ProjectConfig,
        *,
        project_root: Path | str | None = None,
        cache_dir: Path | str | None = None,
        pool_size: int = 4,
        on_progress: Callable[[DownloadProgress], None] | None = None,
    ) -> None:
        if pool_size < 1:
            raise AssetConfigurationError(f"pool_size is {pool_size}; it must be 1 or more")
        root = Path(project_root or Path()).absolute()
        settings = ManagerSettings(
            project=project,
            project_root=root,
            layout=CacheLayout(_cache_root(project, root, cache_dir)),
            pool_size=pool_size,
            timeout_seconds=_timeout_seconds(),
            on_progress=self._tell_progress,
            draws_bars=on_progress is None and has_terminal(),
        )
        self._project = project
        self._progress_ref = _start_progress(project, on_progress)
        super().__init__(AssetManagerActor.start(settings))
        _open_managers.add(self)

    @classmethod
    def from_project(
        cls,
        path: Path | str | None = None,
        *,
        pool_size: int = 4,
        on_progress: Callable[[DownloadProgress], None] | None = None,
    ) -> Self:
        """Open a manager for a project file.

        Args:
            path: The file or its folder; None: `openmas_project.yml` in the working folder or above it.
            pool_size: See `AssetManager`.
            on_progress: See `AssetManager`.

        Raises:
            AssetConfigurationError: There is no such file, or it is wrong.
        """
        project = load_project(Path(path) if path is not None else None)
        return cls(project.config, project_root=project.root, pool_size=pool_size, on_progress=on_progress)

    @property
    def project(self) -> ProjectConfig:
        """What is declared."""
        return self._project

    @overload
    def ask(self, command: GetAssetPath) -> Reply[AssetPath]: ...
    @overload
    def ask(self, command: GetAssetStatus) -> Reply[AssetStatus]: ...
    @overload
    def ask(self, command: ListAssets) -> Reply[AssetList]: ...
    @overload
    def ask(self, command: VerifyAsset) -> Reply[AssetVerified]: ...
    @overload
    def ask(self, command: ClearAsset | ClearAllAssets) -> Reply[AssetsCleared]: ...
    @overload
    def ask(self, command: CloseAssetManager) -> Reply[AssetManagerClosed]: ...

    def ask(self, command: AssetManagerCommand) -> Reply[Any]:
        """Send a command of the manager's protocol. Never blocks; any thread.

        Args:
            command: The command.

        Returns:
            The answer to come: `.get(timeout=…)` from a thread, `await` from asyncio, `.pipe_to(actor_ref)`
            from an actor. It raises the `AssetError` that stands in the answer's place.
        """
        return self._ask(command)

    async def get_asset_path(self, name: str, force_download: bool = False) -> Path:
        """The local path of an asset, complete and verified; fetched first if need be.

        A cancelled call does not disturb others who wait for the same asset. When the last one is gone, the
        transfer stops and what has arrived is kept.

        Args:
            name: The asset's name in the project file.
            force_download: Transfer it anew even if it is cached. The old copy stays until the new one is
                there, and whoever asks for the asset without force gets it meanwhile.

        Returns:
            An absolute path: of the file, or of the folder where the asset is one.

        Raises:
            UnknownAssetError: No asset of that name is declared.
            AssetError: It could not be fetched, verified, unpacked or stored.
        """
        answer = await self.ask(GetAssetPath(name=name, force_download=force_download))
        return answer.path

    async def prepare(self, agent_name: str) -> dict[str, Path]:
        """Fetch everything in an agent's `required_assets`, in parallel.

        Args:
            agent_name: The agent's key under `agents` in the project file.

        Returns:
            The path of each asset, by its name.

        Raises:
            AssetConfigurationError: The project has no such agent.
            AssetError: An asset failed; it is raised at once, and the others are waited for no longer.
        """
        import asyncio  # whoever gets here has it already, and the terminal's start-up does without

        names = self._project.required_assets(agent_name)
        async with contextlib.AsyncExitStack() as stack:
            replies = {name: self.ask(GetAssetPath(name=name)) for name in names}
            for reply in replies.values():
                stack.callback(reply.cancel)  # does nothing to one that is answered
            answers = await asyncio.gather(*replies.values())
        return {answer.name: answer.path for answer in answers}

    async def status(self, name: str) -> AssetStatus:
        """How an asset stands in the cache, without hashing and without network.

        Args:
            name: The asset's name in the project file.

        Raises:
            UnknownAssetError: No asset of that name is declared.
        """
        return await self.ask(GetAssetStatus(name=name))

    async def list(self) -> tuple[AssetStatus, ...]:
        """How every declared asset stands, in the order of the project file."""
        return (await self.ask(ListAssets())).assets

    async def verify(self, name: str) -> AssetVerified:
        """Hash an asset's copy and compare it with its checksum, or with what was recorded of it.

        Args:
            name: The asset's name in the project file.

        Returns:
            What that showed. A copy that differs is marked, and the next request replaces it.

        Raises:
            UnknownAssetError: No asset of that name is declared.
        """
        return await self.ask(VerifyAsset(name=name))

    async def clear(self, name: str) -> AssetsCleared:
        """Remove an asset's copy and what was transferred of it.

        Args:
            name: The asset's name in the project file.

        Raises:
            UnknownAssetError: No asset of that name is declared.
            AssetCacheError: It is in use by another process, or the disk refused.
        """
        return await self.ask(ClearAsset(name=name))

    async def clear_all(self) -> AssetsCleared:
        """Remove everything of ours from the cache folder, other projects' copies included.

        Raises:
            AssetCacheError: The disk refused.
        """
        return await self.ask(ClearAllAssets())

    def close(self) -> None:
        """Stop: no new work, running transfers abort and keep their parts, every waiter gets an error.

        Waits until the workers have stopped, three seconds at the most. Idempotent. Any thread but the
        actors' own, so not from a done-callback of a reply. Whoever comes second waits for the first.
        """
        super().close()

    def _close(self) -> None:
        try:
            self._stop_working()
        finally:
            self._stop_actors()

    def _stop_working(self) -> None:
        try:
            self.ask(CloseAssetManager()).get(timeout=_CLOSE_SECONDS)
        except pykka.Timeout:
            logger.info("a transfer is still inside a system call; its thread ends when that returns")
        except AssetError:
            pass  # it had stopped by itself

    def _stop_actors(self) -> None:
        self.actor_ref.stop(block=False)
        with contextlib.suppress(pykka.Timeout):
            self._progress_ref.stop(timeout=_CLOSE_PROGRESS_SECONDS)
        _open_managers.discard(self)

    def _tell_progress(self, progress: DownloadProgress) -> None:
        with contextlib.suppress(pykka.ActorDeadError):
            self._progress_ref.tell(progress)


# An actor holds on to its facade (by `on_progress`): in here is every manager whose actor lives.
_open_managers: "weakref.WeakSet[AssetManager]" = weakref.WeakSet()


@atexit.register
def _close_open_managers() -> None:
    """For programs that forget: leave parts free for the next run, and no half-drawn bar."""
    for manager in list(_open_managers):
        manager.close()


def _start_progress(
    project: ProjectConfig, on_progress: Callable[[DownloadProgress], None] | None
) -> pykka.ActorRef[ProgressActor]:
    if on_progress is not None:
        return ProgressActor.start(on_progress, lambda: None)
    display = default_display(project.assets)
    return ProgressActor.start(display.show, display.close)


def _cache_root(project: ProjectConfig, root: Path, override: Path | str | None) -> Path:
    return cache_dir(
        Project(config=project, path=root / PROJECT_FILE_NAME),
        Path(override) if override is not None else None,
    )


def _timeout_seconds() -> float:
    text = os.environ.get(TIMEOUT_VARIABLE, "").strip()
    if not text:
        return _DEFAULT_TIMEOUT_SECONDS
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < threading.TIMEOUT_MAX:
        raise AssetConfigurationError(
            f"{TIMEOUT_VARIABLE} is '{text[:40]}'", fix="Set it to a number of seconds, such as 30."
        )
    return seconds
