"""The two console scripts: `openmas` and `openmas-assets`."""

import click

from openmas_assets.cli.assets import assets as openmas_assets
from openmas_assets.cli.framework import FrameworkGroup

__all__ = ["openmas", "openmas_assets"]


@click.group(cls=FrameworkGroup)
@click.version_option(package_name="openmas-assets", message="openmas-assets %(version)s")
def openmas() -> None:
    """Manage the assets of a multi-agent project.

    Every subcommand other than those below is handed over to the OpenMAS framework, if it is installed
    (pip install openmas): openmas init, openmas run and so on; openmas SUBCOMMAND --help shows its own help.

    \b
    Examples:
      openmas assets list
      openmas assets download --all
    """  # noqa: D301 - \b is how click is told to leave lines as they are


openmas.add_command(openmas_assets, "assets")
