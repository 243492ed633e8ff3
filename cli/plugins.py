"""Plugins of pydantic's: what watches the models of an application, and not those of a terminal command."""

import contextlib
import os
from collections.abc import Iterator

# https://docs.pydantic.dev/latest/concepts/plugins/
_VARIABLE = "PYDANTIC_DISABLE_PLUGINS"


@contextlib.contextmanager
def without_pydantic_plugins() -> Iterator[None]:
    """While in this context, models are built without the plugins that are installed.

    To find them pydantic reads the metadata of every installed package, and one of them may take longer to
    import than a command to run. Who has set the variable has the last word.
    """
    if _VARIABLE in os.environ:
        yield
        return
    os.environ[_VARIABLE] = "__all__"
    try:
        yield
    finally:
        os.environ.pop(_VARIABLE, None)
