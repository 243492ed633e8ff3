"""The OpenMAS framework: whose command line gets every subcommand that is not ours."""

import sys
from collections.abc import Callable
from typing import Any, NoReturn, cast

import click

from openmas_assets.cli.program import HandOver, Program

_FRAMEWORK_MODULES = frozenset({"openmas", "openmas.cli", "openmas.cli.main"})


class FrameworkGroup(Program):
    """Our `openmas`: its own subcommands, and any other handed over as it stands."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find our subcommand, or make one that hands over. See `click.Group.resolve_command`."""
        if args[0] in self.commands or args[0].startswith("-"):
            return super().resolve_command(ctx, args)
        return args[0], _FrameworkCommand(args[0]), args[1:]


class _FrameworkCommand(click.Command):
    """A subcommand that only the framework knows: its arguments are not looked at, `--help` included."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.args = args
        return args

    def invoke(self, ctx: click.Context) -> HandOver:
        root = ctx.find_root()
        main = _load(str(self.name), root)
        arguments = [root.command_path, str(self.name), *ctx.args]

        def run() -> NoReturn:
            sys.argv = arguments
            sys.exit(main())

        return HandOver(run)


def _load(name: str, ctx: click.Context) -> Callable[[], Any]:
    """Import the framework. That takes seconds, so only a subcommand of its own does it.

    It is what its console script calls, and not its click group `cli`, because it reads `.env` first.
    """
    try:
        from openmas.cli.main import main  # type: ignore[import-not-found,unused-ignore]
    except ModuleNotFoundError as error:
        if error.name not in _FRAMEWORK_MODULES:
            raise _broken(error) from None
        raise click.UsageError(_unknown(name, ctx), ctx) from None
    except ImportError as error:
        raise _broken(error) from None
    return cast("Callable[[], Any]", main)


def _unknown(name: str, ctx: click.Context) -> str:
    from difflib import get_close_matches

    match = get_close_matches(name, cast("click.Group", ctx.command).commands, n=1)
    suggestion = f"Did you mean '{match[0]}'? " if match else ""
    return (
        f"No such command '{name}' here. {suggestion}Subcommands other than 'assets' belong to the OpenMAS "
        "framework, which is not installed: pip install openmas"
    )


def _broken(error: ImportError) -> click.ClickException:
    return click.ClickException(
        f"the OpenMAS framework is installed, but its command line cannot be imported ({error}). "
        "Repair it: pip install --force-reinstall openmas"
    )
