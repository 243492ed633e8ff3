"""Examples in help texts: written as the user has called us."""

from typing import Any

import click

from openmas_assets.cli.plugins import without_pydantic_plugins
from openmas_assets.cli.program import Program

_COMMAND, _PROGRAM = "openmas assets", "openmas"


class AssetsCommand(click.Command):
    """A command of the assets group. Its examples say `openmas assets …`, or how it was called instead."""

    def get_help(self, ctx: click.Context) -> str:
        """See `click.Command.get_help`."""
        return _as_called(super().get_help(ctx), ctx.parent)


class AssetsGroup(Program):
    """The assets group. Its examples say `openmas assets …`, or how it was called instead."""

    command_class = AssetsCommand

    def invoke(self, ctx: click.Context) -> Any:
        """See `click.Group.invoke`."""
        with without_pydantic_plugins():
            return super().invoke(ctx)

    def get_help(self, ctx: click.Context) -> str:
        """See `click.Command.get_help`."""
        return _as_called(super().get_help(ctx), ctx)


def _as_called(help_text: str, group_ctx: click.Context | None) -> str:
    """Where the framework's own `openmas` is installed, only `openmas-assets` is ours."""
    called = group_ctx.command_path if group_ctx is not None else _COMMAND
    if called == _COMMAND:
        return help_text
    variable = f"_{called.replace('-', '_').upper()}_COMPLETE"
    return (
        help_text.replace(_COMMAND, called)
        .replace(f"_{_PROGRAM.upper()}_COMPLETE", variable)
        .replace(f"_source {_PROGRAM}", f"_source {called}")
        .replace(f"{_PROGRAM}.fish", f"{called}.fish")
    )
