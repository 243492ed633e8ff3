"""The project that a command is about: `-C`, and the names that complete on the command line."""

import gc
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from openmas_assets.cli.plugins import without_pydantic_plugins

# pydantic and the actors take most of the start-up: `--help` and `--version` get by without them.
if TYPE_CHECKING:
    from collections.abc import Callable

    from openmas_assets.actors import AssetManager
    from openmas_assets.messages.project import ProjectConfig

    Decorated = TypeVar("Decorated", bound=Callable[..., object] | click.Command)

_KEY = "openmas_assets.project_path"


def _remember(ctx: click.Context, _: click.Parameter, value: Path | None) -> None:
    # A group and its subcommand share `meta`, and the subcommand's own options come later and win.
    if value is not None:
        ctx.meta[_KEY] = value


def project_option(function: "Decorated") -> "Decorated":
    """Add `-C/--project`, which stands before or after a subcommand.

    Args:
        function: A command's function.
    """
    option = click.option(
        "-C",
        "--project",
        type=click.Path(path_type=Path),
        metavar="PATH",
        expose_value=False,
        callback=_remember,
        help="The project file or its folder. By default openmas_project.yml here or in a folder above.",
    )
    return option(function)


def project_path() -> Path | None:
    """What `-C` says to the running command, None if nothing."""
    return click.get_current_context().meta.get(_KEY)


def open_manager() -> "AssetManager":
    """Open the manager of the running command's project.

    Raises:
        AssetConfigurationError: There is no project file, or it is wrong.
    """
    # What an import makes stays. The collector would look through it again and again, and once more at the
    # end: a fifth of the time that `list` takes.
    gc.disable()
    try:
        from openmas_assets.actors import AssetManager

        gc.freeze()
    finally:
        gc.enable()
    return AssetManager.from_project(project_path())


def complete_asset(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The declared assets that a half-written name may become, without those that stand there already.

    Args:
        ctx: The command so far.
        parameter: What is being written.
        incomplete: What of it is written.
    """
    given = ctx.params.get(str(parameter.name)) or ()
    project = _declared(ctx)
    names = [asset.name for asset in project.assets] if project is not None else []
    return [name for name in names if name.startswith(incomplete) and name not in given]


def complete_agent(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The agents that a half-written name may become.

    Args:
        ctx: The command so far.
        incomplete: What of it is written.
    """
    project = _declared(ctx)
    return [name for name in project.agents if name.startswith(incomplete)] if project is not None else []


def _declared(ctx: click.Context) -> "ProjectConfig | None":
    try:
        from openmas_assets.actors import load_project

        with without_pydantic_plugins():
            return load_project(ctx.meta.get(_KEY)).config
    except Exception:  # noqa: BLE001 - somebody is typing: this is no time for an error
        return None
