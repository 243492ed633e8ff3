"""Fuzzes the terminal: any arguments, in a project that is right or not."""

import os
from pathlib import Path

from click.testing import CliRunner

from fuzz_input import Choices
from fuzz_oracle import SECRETS, check
from fuzz_project import PROJECTS
from fuzz_yaml import hostile_yaml
from openmas_assets.cli.main import openmas_assets
from openmas_assets.messages.segment import check_segment
from project_folder import ProjectFolder

_WORDS = (
    *("list", "download", "verify", "clear-cache", "--json", "--all", "--yes", "--force", "--agent"),
    *("--asset", "--help", "a", "agent", "none", "-C", "--project", "--", "-", "--agent=agent"),
    *("--asset=a", "--al", "-x", "--version", "assets"),
)
_COMMANDS = (
    *(["list"], ["list", "--json"], ["download", "a"], ["download", "--all"]),
    *(["download", "--agent", "agent"], ["verify"], ["verify", "a"], ["clear-cache", "--asset", "a"]),
    *(["clear-cache", "--all"], ["clear-cache", "--all", "--yes"]),
)
_EXIT_CODES = (0, 1, 2, 130)


class CommandTarget:
    """A project with one local asset.

    Args:
        folder: An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._project = ProjectFolder(folder / "project")
        self._project.declare(self._project.local("a"), agents={"agent": ["a"]})
        (folder / "wrong").mkdir()

    def run(self, choices: Choices) -> str:
        """See `fuzzing.Target`."""
        if choices.chance(30):
            return _segment(choices)
        if choices.chance(35):
            # Only looked at: what it declares may be anywhere.
            path = self._folder / "wrong" / "openmas_project.yml"
            path.write_bytes(hostile_yaml(choices, PROJECTS))
            return self._invoke(
                ["-C", str(path), *choices.pick((["list"], ["list", "--json"]))],
                "in a project that may be wrong",
            )
        arguments = list(choices.pick(_COMMANDS)) if choices.chance(70) else []
        for _ in range(choices.below(4)):
            word = choices.pick(_WORDS) if choices.chance(60) else _word(choices)
            arguments.insert(choices.below(len(arguments) + 1), word)
        place = ["-C", str(self._project.path)] if choices.chance(95) else ["-C", _word(choices)]
        # What comes last wins: the working folder must not be anybody's project.
        return self._invoke([*place, *arguments], "with any arguments")

    def close(self) -> None:
        """See `fuzzing.Target`."""

    def _invoke(self, arguments: list[str], said: str) -> str:
        folder = Path.cwd()
        os.chdir(self._folder)
        try:
            result = CliRunner().invoke(openmas_assets, arguments, input="n\n")
        finally:
            os.chdir(folder)
        code, output = result.exit_code, result.output
        check(code in _EXIT_CODES, f"{arguments} exits with {code}: {output[-300:]!r} {result.exception!r}")
        check("Traceback" not in output, f"{arguments} shows a traceback")
        check(
            not any(secret in output for secret in SECRETS if not any(secret in word for word in arguments)),
            f"a secret in {output[-500:]!r}",
        )
        check(
            code != 0 or "Error" not in result.stderr,
            f"{arguments} exits with 0 after {result.stderr[-300:]!r}",
        )
        return f"{said}, exit {code}"


def _word(choices: Choices) -> str:
    """What a system can pass a program: no NUL, and of half characters those that stand for bytes."""
    return "".join(
        letter for letter in choices.text() if letter != "\0" and not "\ud800" <= letter < "\udc80"
    )


def _segment(choices: Choices) -> str:
    text = choices.text()
    try:
        check_segment(text)
    except ValueError as error:
        check(type(error) is ValueError and bool(str(error)), f"{error!r}")
        return "a name was refused"
    path = Path("/cache/model") / text / "latest"
    check(os.path.normpath(path) == str(path) and len(path.parts) == 5, f"{text!r} leads away")
    text.encode()
    return "a name was taken"
