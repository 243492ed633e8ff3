"""The environment: variables that a `.env` file beside the project file adds."""

import io
import os
import re
from collections import ChainMap
from pathlib import Path
from typing import TYPE_CHECKING

from openmas_assets.messages.errors import AssetConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dotenv.parser import Binding

_MAX_FILE_BYTES = 2**20
# No system starts a process with more in its environment than some MiB.
_MAX_CHARACTERS = 2**20
_UNDECODABLE = re.compile("[\udc80-\udcff]")


def load_environment(path: Path) -> None:
    """Set the variables of a `.env` file that are not set yet.

    What is set already wins. The variables are set for the whole process, as its children see them too.

    Args:
        path: The file. Where it does not exist, or is no file, nothing happens.

    Raises:
        AssetConfigurationError: It cannot be read. The error names lines, never keys or values.
    """
    try:
        if not path.is_file():
            return
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise _file_error(path, f"it cannot be read ({error.strerror}); check its permissions") from None
    if len(content) > _MAX_FILE_BYTES:
        raise _file_error(
            path, f"it is larger than {_MAX_FILE_BYTES // 2**20} MiB; is it an environment file?"
        )
    # Not strictly: an error of Python's would hold all that is in the file, and stay the context of ours.
    text = content.decode("utf-8-sig", "surrogateescape")
    if _UNDECODABLE.search(text):
        raise _file_error(path, "it is not UTF-8; save it as UTF-8")
    # Imported here: most projects have no such file, and start-up is a feature.
    from dotenv.parser import parse_stream

    # python-dotenv itself only logs the lines that it cannot parse.
    bindings = list(parse_stream(io.StringIO(text, newline=None)))
    bad_lines = [binding.original.line for binding in bindings if binding.error]
    if bad_lines:
        problems = [
            f"line {line}: not KEY=value; put quotes around a value with spaces" for line in bad_lines
        ]
        raise _file_error(path, *problems)
    try:
        for key, value in _values(path, bindings).items():
            os.environ.setdefault(key, value)
    except (ValueError, OSError):
        # A NUL, or a key that the platform refuses: Python's text shows what it is.
        raise _file_error(
            path, "one of its keys or values cannot be set; remove what is no plain text"
        ) from None


def _values(path: Path, bindings: "Iterable[Binding]") -> dict[str, str]:
    """The variables with `${NAME}` in their values replaced, as python-dotenv does it, but bounded.

    A line can double the one before it: forty short lines would fill the memory.
    """
    from dotenv.variables import parse_variables

    values: dict[str, str] = {}
    known = ChainMap(os.environ, values)
    left_characters = _MAX_CHARACTERS
    for binding in bindings:
        if binding.key is None or binding.value is None:
            continue
        parts: list[str] = []
        for atom in parse_variables(binding.value):
            parts.append(atom.resolve(known))
            left_characters -= len(parts[-1])
            if left_characters < 0:
                problem = (
                    f"its values are longer than {_MAX_CHARACTERS:,} characters with all ${{…}} replaced"
                )
                raise _file_error(path, f"{problem}; use fewer")
        values[binding.key] = "".join(parts)
    return values


def _file_error(path: Path, *problems: str) -> AssetConfigurationError:
    return AssetConfigurationError(f"the environment file {path} is broken", path=path, problems=problems)
