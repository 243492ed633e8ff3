"""The project file as YAML.

The parser's events come first: they are read one by one, so depth and size are bounded before anything
recurses (libyaml's composer crashes the interpreter on 100,000 `[`). Then PyYAML composes nodes.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from openmas_assets.messages.errors import AssetConfigurationError

MAX_FILE_BYTES = 10 * 2**20
"""The largest project file that is read."""

MAX_NODES = 100_000
"""How many values a project file may hold, counting each as often as an alias repeats it."""

MAX_DEPTH = 100
"""How deeply values may be nested, aliases followed."""

# YAML 1.2.2, section 5.1.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# libyaml's parser is some 30 times faster; a PyYAML without it reads the same files.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


_TOO_DEEP = f"values are nested more than {MAX_DEPTH} deep; nest them less"
# What to say when this is part of PyYAML's problem.
_SYNTAX_TEXTS = {
    "\\t": "a tab stands where only spaces may; write spaces",
    "tab": "the line is indented with a tab; indent with spaces",
    "alias": "an alias (*) names no anchor (&) above it; write text that begins with * in quotes",
    "another document": "a second document begins here; leave one in the file",
    "expected ':'": "a colon and a space are missing after a key, here or above; write key: value",
    "cannot start any token": "a value begins with a character that YAML keeps to itself; put it in quotes",
}


def project_file_error(path: Path, *problems: str) -> AssetConfigurationError:
    """An error about a project file.

    Args:
        path: The file.
        problems: All that is wrong with it.

    Returns:
        The error, to be raised.
    """
    count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
    return AssetConfigurationError(f"the project file {path} has {count}", path=path, problems=problems)


def _read_text(path: Path) -> str:
    try:
        if path.is_dir():
            raise project_file_error(path, "it is a folder; name a file")
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise project_file_error(
            path, f"it cannot be read ({error.strerror}); check that it exists and may be read"
        ) from None
    except ValueError:
        raise project_file_error(path, "this cannot be the path of a file; name one") from None
    if len(content) > MAX_FILE_BYTES:
        raise project_file_error(
            path, f"it is larger than {MAX_FILE_BYTES // 2**20} MiB; is it a project file?"
        )
    # Not strictly: an error of Python's would hold all that is in the file, and stay the context of ours.
    text = content.decode("utf-8-sig", "surrogateescape")
    if unprintable := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, unprintable.start()) + 1
        if "\ud800" <= unprintable.group() <= "\udfff":
            raise project_file_error(path, f"line {line}: the file is not UTF-8; save it as UTF-8")
        code = f"U+{ord(unprintable.group()):04X}"
        raise project_file_error(
            path, f"line {line}: the unprintable character {code} stands here; remove it"
        )
    return text


def compose_project_file(path: Path) -> yaml.Node:
    """Read a project file up to YAML's nodes.

    Args:
        path: The file.

    Returns:
        The node of the whole content.

    Raises:
        AssetConfigurationError: It cannot be read, is too large or too deep, or is not YAML.
    """
    text = _read_text(path)
    try:
        _check_bounds(text, path)
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line if error.problem_mark else 0
        raise project_file_error(
            path, f"line {line + 1}: {_syntax_text(error, text.splitlines()[line : line + 1])}"
        ) from None
    if root is None:
        raise project_file_error(path, "line 1: the file is empty; begin it with name: my-project")
    return root


def _check_bounds(text: str, path: Path) -> None:
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_Loader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        mark: Any = event.start_mark  # a parser's event has one; the stubs are more general
        line = mark.line + 1
        if depth > MAX_DEPTH:
            raise project_file_error(path, f"line {line}: {_TOO_DEEP}")
        if count > 2 * MAX_NODES:  # a collection makes two events
            raise project_file_error(
                path, f"line {line}: more than {MAX_NODES:,} values; is it a project file?"
            )


def _syntax_text(error: yaml.MarkedYAMLError, lines: list[str]) -> str:
    # PyYAML's own text repeats the line, in which a secret may stand; its `problem` repeats a name at most.
    problem = error.problem or ""
    if any("\t" in line[: len(line) - len(line.lstrip())] for line in lines):
        problem = "tab"
    if "nesting depth" in problem:  # libyaml looks ahead, and has a bound of its own since 0.2.6
        return _TOO_DEEP
    for part, text in _SYNTAX_TEXTS.items():
        if part in problem:
            return f"not YAML: {text}"
    plain = re.sub(r"(alias|anchor|handle) .*", r"\1", problem)
    return f"not YAML ({plain}); check colons, quotes, brackets and indentation here and on the line above"
