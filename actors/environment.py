"""The environment: variables that a `.env` file beside the project file adds."""

import io
from pathlib import Path

from openmas_assets.messages.errors import AssetConfigurationError


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
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise _file_error(path, f"it cannot be read ({error.strerror}); check its permissions") from None
    except UnicodeDecodeError:
        raise _file_error(path, "it is not UTF-8; save it as UTF-8") from None
    # Imported here: most projects have no such file, and start-up is a feature.
    from dotenv import load_dotenv
    from dotenv.parser import parse_stream

    # python-dotenv itself only logs the lines that it cannot parse.
    bad_lines = [binding.original.line for binding in parse_stream(io.StringIO(text)) if binding.error]
    if bad_lines:
        problems = [
            f"line {line}: not KEY=value; put quotes around a value with spaces" for line in bad_lines
        ]
        raise _file_error(path, *problems)
    try:
        load_dotenv(stream=io.StringIO(text), override=False)
    except (ValueError, OSError):
        # A NUL, or a key that the platform refuses: Python's text shows what it is.
        raise _file_error(
            path, "one of its keys or values cannot be set; remove what is no plain text"
        ) from None


def _file_error(path: Path, *problems: str) -> AssetConfigurationError:
    return AssetConfigurationError(f"the environment file {path} is broken", path=path, problems=problems)
