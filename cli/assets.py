"""The commands about assets: list, download, verify, clear-cache."""

import shutil
import sys
from typing import TYPE_CHECKING

import click

from openmas_assets.cli.examples import AssetsGroup
from openmas_assets.cli.program import fail
from openmas_assets.cli.project import (
    complete_agent,
    complete_asset,
    open_manager,
    project_option,
    project_path,
)
from openmas_assets.cli.screen import is_terminal, note, say
from openmas_assets.cli.stop import Stopped
from openmas_assets.cli.text import printable, size

# pydantic and the actors take most of the start-up: `--help` and `--version` get by without them.
if TYPE_CHECKING:
    from openmas_assets.messages.manager import AssetsCleared


@click.group("assets", cls=AssetsGroup)
@project_option
@click.version_option(package_name="openmas-assets", message="openmas-assets %(version)s")
def assets() -> None:
    """List, download, verify and clear the assets of a project.

    Models, templates, indexes: they are declared in openmas_project.yml and kept in a cache that projects
    share (OPENMAS_ASSETS_DIR, else settings.assets.cache_dir, else ~/.openmas/assets).

    \b
    Examples:
      openmas assets list
      openmas assets download llama3-8b prompt-templates
      openmas assets -C path/to/project verify

    \b
    Names and options complete with the Tab key. Switch it on:
      bash   eval "$(_OPENMAS_COMPLETE=bash_source openmas)"   in ~/.bashrc
      zsh    eval "$(_OPENMAS_COMPLETE=zsh_source openmas)"    in ~/.zshrc
      fish   _OPENMAS_COMPLETE=fish_source openmas | source
             in ~/.config/fish/completions/openmas.fish
    """  # noqa: D301 - \b is how click is told to leave lines as they are


@assets.command("list")
@project_option
@click.option("--json", "is_json", is_flag=True, help="Print a JSON array, with null for what is unknown.")
def list_assets(*, is_json: bool) -> None:
    """List the declared assets and how they stand in the cache.

    Nothing is hashed and nothing is asked of the network. A status is one of: cached; not cached; partial
    (a transfer that ended early goes on from there); stale (the configuration or a local source has changed
    since); corrupt (a file was changed or is missing, or it failed verify). What is not cached is fetched
    at the next download.

    \b
    Examples:
      openmas assets list
      openmas assets list --json | jq -r '.[] | select(.status == "cached").path'
    """  # noqa: D301 - \b is how click is told to leave lines as they are
    from openmas_assets.cli.render import asset_table, assets_json
    from openmas_assets.messages.manager import ListAssets

    with open_manager() as manager:
        statuses = manager.ask(ListAssets()).get().assets
    if is_json:
        say(assets_json(statuses))
    elif statuses:
        columns = shutil.get_terminal_size().columns if is_terminal(sys.stdout) else None
        say(asset_table(statuses, columns))
    else:
        note("The project declares no assets.")


@assets.command()
@project_option
@click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=complete_asset)
@click.option(
    "--agent",
    "agents",
    metavar="AGENT",
    multiple=True,
    shell_complete=complete_agent,
    help="Download what this agent requires. May be given several times.",
)
@click.option("--all", "is_all", is_flag=True, help="Download every declared asset.")
@click.option("--force", "is_forced", is_flag=True, help="Transfer anew, even what is cached.")
def download(names: tuple[str, ...], agents: tuple[str, ...], *, is_all: bool, is_forced: bool) -> None:
    """Fetch what is not cached, and print the path of each asset.

    Standard output gets the paths, a line each, in the order asked, and nothing else. Assets are fetched in
    parallel, and if one fails the others are fetched all the same. Ctrl-C keeps what has arrived; the next
    download goes on from there.

    \b
    Examples:
      openmas assets download llama3-8b
      openmas assets download --agent rag_agent
      openmas assets download --all
      MODEL=$(openmas assets download llama3-8b)
    """  # noqa: D301 - \b is how click is told to leave lines as they are
    from openmas_assets.cli.download import add_required, fetch, what_can_be_named

    with open_manager() as manager:
        if not (names or agents or is_all):
            raise click.UsageError(what_can_be_named(manager.project))
        wanted = list(names)
        failed_count = sum(not add_required(manager.project, agent, wanted) for agent in agents)
        if is_all:
            wanted += [asset.name for asset in manager.project.assets]
        if not (wanted or failed_count):
            note("There is nothing to download.")
        try:
            failed_count += fetch(manager, list(dict.fromkeys(wanted)), is_forced=is_forced)
        except Stopped as stop:
            stop.add_note("What has arrived is kept; the next download goes on from there.")
            raise
    _exit_if(failed_count)


@assets.command()
@project_option
@click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=complete_asset)
def verify(names: tuple[str, ...]) -> None:
    """Hash cached assets and compare them with their checksums.

    Without names, every declared asset is looked at. One without a checksum is compared with what was
    recorded when it was downloaded. An asset that is not cached is no failure. One that failed is handed
    out no more: the next download replaces it.

    \b
    Examples:
      openmas assets verify
      openmas assets verify llama3-8b
    """  # noqa: D301 - \b is how click is told to leave lines as they are
    from openmas_assets.cli.render import verification_line
    from openmas_assets.messages.errors import AssetError
    from openmas_assets.messages.manager import VerifyAsset

    failed_count = 0
    with open_manager() as manager:
        wanted = dict.fromkeys(names or [asset.name for asset in manager.project.assets])
        if not wanted:
            note("The project declares no assets.")
        replies = [manager.ask(VerifyAsset(name=name)) for name in wanted]
        for reply in replies:
            try:
                answer = reply.get()
                say(verification_line(answer))
                failed_count += answer.outcome == "failed"
            except AssetError as error:
                fail(error)
                failed_count += 1
    _exit_if(failed_count)


@assets.command("clear-cache")
@project_option
@click.option(
    "--asset",
    "names",
    metavar="NAME",
    multiple=True,
    shell_complete=complete_asset,
    help="Remove this asset's copy. May be given several times.",
)
@click.option("--all", "is_all", is_flag=True, help="Remove everything of ours from the cache folder.")
@click.option("--yes", "is_agreed", is_flag=True, help="Do not ask before --all.")
def clear_cache(names: tuple[str, ...], *, is_all: bool, is_agreed: bool) -> None:
    """Remove cached assets, and what was transferred of them.

    The cache folder is shared: --all removes the copies of other projects too, and asks before. Files in
    that folder that are not ours are left alone.

    \b
    Examples:
      openmas assets clear-cache --asset llama3-8b
      openmas assets clear-cache --all
      openmas assets clear-cache --all --yes
    """  # noqa: D301 - \b is how click is told to leave lines as they are
    from openmas_assets.messages.errors import AssetError
    from openmas_assets.messages.manager import ClearAllAssets, ClearAsset

    if is_all == bool(names):
        raise click.UsageError("Say what to remove: either --asset NAME, or --all.")
    if is_all and not is_agreed:
        _ask_before_clearing_all()
    failed_count = 0
    with open_manager() as manager:
        commands = [ClearAllAssets()] if is_all else [ClearAsset(name=name) for name in dict.fromkeys(names)]
        for reply in [manager.ask(command) for command in commands]:
            try:
                _say_cleared(reply.get())
            except AssetError as error:
                fail(error)
                failed_count += 1
    _exit_if(failed_count)


def _ask_before_clearing_all() -> None:
    from openmas_assets.actors.project import cache_dir, load_project

    folder = printable(str(cache_dir(load_project(project_path()))))
    try:
        is_agreed = click.confirm(f"Remove every asset in {folder}, those of other projects too?", err=True)
    except click.Abort:  # Ctrl-D, or nobody is there to ask
        note("")
        note("No answer; --yes stands for one.")
        is_agreed = False
    if not is_agreed:
        note("Nothing was removed.")
        raise click.exceptions.Exit(1)


def _say_cleared(answer: "AssetsCleared") -> None:
    for key in answer.removed:
        say(f"removed {printable(key)}")
    if not answer.removed and not answer.bytes_freed:
        say("nothing was cached")
    for path in answer.kept:
        say(f"left alone, not ours or in use: {printable(str(path))}")
    say(f"freed {size(answer.bytes_freed)}")


def _exit_if(failed_count: int) -> None:
    if failed_count:
        raise click.exceptions.Exit(1)
