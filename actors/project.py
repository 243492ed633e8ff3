"""The project: its file, found and read, and the folders that it speaks of."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from openmas_assets.actors.environment import load_environment
from openmas_assets.actors.project_document import ProjectDocument
from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.errors import AssetConfigurationError
from openmas_assets.messages.problem import Problem
from openmas_assets.messages.project import ProjectConfig
from openmas_assets.messages.source import LocalSource

PROJECT_FILE_NAME = "openmas_project.yml"
"""What the project file is called."""

CACHE_DIR_VARIABLE = "OPENMAS_ASSETS_DIR"
"""The environment variable that names the cache folder."""


@dataclass(frozen=True)
class Project:
    """A project file that has been read.

    Attributes:
        config: What it declares.
        path: The file, absolute.
    """

    config: ProjectConfig
    path: Path

    @property
    def root(self) -> Path:
        """The file's folder, to which its relative paths are relative."""
        return self.path.parent


def find_project_file(start: Path | None = None) -> Path:
    """Find the project file.

    Args:
        start: The file itself under any name, or the folder it is in. None: the working folder, or the
            nearest one above it that has such a file.

    Returns:
        Its absolute path.

    Raises:
        AssetConfigurationError: There is none. The error says where was looked.
    """
    try:
        first = Path.cwd() if start is None else start.expanduser().absolute()
        if start is not None and not first.is_dir():
            return _existing_file(first)
        folders = [first, *first.parents] if start is None else [first]
        for folder in folders:
            if (folder / PROJECT_FILE_NAME).exists():
                return folder / PROJECT_FILE_NAME
    except (OSError, ValueError, RuntimeError) as error:
        place = "the working folder" if start is None else str(start)
        raise AssetConfigurationError(f"{place} cannot be looked at ({error})", path=start) from None
    above = " and in the folders above it" if start is None else ""
    raise AssetConfigurationError(
        f"there is no {PROJECT_FILE_NAME} in {first}{above}",
        fix="Go to the project's folder, or name the file or its folder (-C PATH in the terminal).",
    )


def _existing_file(path: Path) -> Path:
    if not path.exists():
        raise AssetConfigurationError(
            f"there is no file or folder {path}", path=path, fix="Name the project file or its folder."
        )
    return path


def load_project(path: Path | None = None) -> Project:
    """Read the project file, and the `.env` file beside it into the environment.

    Args:
        path: As `start` of `find_project_file`.

    Returns:
        The project. Relative local paths are still relative in it, see `resolve_local_path`.

    Raises:
        AssetConfigurationError: The file is not found, cannot be read or is wrong. Its `problems` are all
            that is wrong, in the order of the file.
    """
    document = ProjectDocument(find_project_file(path))
    root = document.path.parent
    config = _config(document, root)
    document.refuse(_folder_problems(enumerate(config.assets), root))
    load_environment(root / ".env")
    return Project(config=config, path=document.path)


def _config(document: ProjectDocument, root: Path) -> ProjectConfig:
    with contextlib.suppress(ValidationError):
        return ProjectConfig.model_validate(document.data)
    # Not in an `except`: pydantic's error names keys, which may be secrets, and would be the context of ours.
    # Imported here: a good file needs no explanation.
    from openmas_assets.messages.explanation import content_problems

    problems = content_problems(document.data, document.as_written)
    valid_assets = _valid_assets(document.data.get("assets"))
    document.refuse([*problems, *_folder_problems(valid_assets, root)])
    # Raises, should the problems ever be none.
    return ProjectConfig.model_validate(document.data)  # pragma: no cover


def resolve_local_path(source: LocalSource, root: Path) -> Path:
    """Say where a local source is.

    Args:
        source: The source.
        root: The folder of the project file.

    Returns:
        Its absolute path, with `~` expanded; whether anything is there is not looked at.

    Raises:
        AssetConfigurationError: There is no such home folder.
    """
    return _absolute(source.path, root)


def cache_dir(project: Project, override: Path | None = None) -> Path:
    """Say where the cache is.

    The first of: `override`, the environment variable OPENMAS_ASSETS_DIR (both relative to the working
    folder), `settings.assets.cache_dir` (relative to the project file), `~/.openmas/assets`.

    Args:
        project: The project.
        override: What an argument says.

    Returns:
        The folder's absolute path, with `~` expanded. Nothing is created.

    Raises:
        AssetConfigurationError: There is no such home folder.
    """
    if override is not None:
        return _absolute(override, Path())
    if from_environment := os.environ.get(CACHE_DIR_VARIABLE):
        return _absolute(Path(from_environment), Path())
    return _absolute(project.config.settings.assets.cache_dir or Path("~/.openmas/assets"), project.root)


def _absolute(path: Path, root: Path) -> Path:
    try:
        return (root / path.expanduser()).absolute()
    except (RuntimeError, OSError) as error:
        raise AssetConfigurationError(
            f"the path {path} cannot be made absolute ({error})",
            path=path,
            fix="Write it as an absolute path.",
        ) from None


def _valid_assets(assets: object) -> Iterator[tuple[int, AssetConfig]]:
    """Those assets of a file at which nothing is wrong, and where they stand in its list."""
    for index, data in enumerate(assets if isinstance(assets, list) else ()):
        with contextlib.suppress(ValidationError):
            yield index, AssetConfig.model_validate(data)


def _folder_problems(assets: Iterable[tuple[int, AssetConfig]], root: Path) -> Iterator[Problem]:
    """What only the disk can tell: that a local source is a folder, and so has no checksum and no archive."""
    for index, asset in assets:
        if isinstance(asset.source, LocalSource) and _is_folder(asset.source, root):
            if asset.checksum is not None:
                text = "is of one file, but the source is a folder; remove it, or make the folder an archive"
                yield Problem(("assets", index, "checksum"), text)
            if asset.unpack:
                text = (
                    "is for an archive, but the source is a folder; remove it, the folder is copied as it is"
                )
                yield Problem(("assets", index, "unpack"), text)


def _is_folder(source: LocalSource, root: Path) -> bool:
    try:
        return resolve_local_path(source, root).is_dir()
    except (AssetConfigurationError, OSError):
        return False  # the request for the asset will say it, the others are not kept from it
