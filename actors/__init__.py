"""Who says it and what they do: the actors, their facades, the sources of bytes, the disk cache."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

# For type checkers only: a name is imported when somebody takes it, so that nobody waits for what they do
# not use (PEP 562). `_MODULES` says the same to Python, and a test holds the two together.
if TYPE_CHECKING:
    from openmas_assets.actors.display import BarDisplay, LogDisplay
    from openmas_assets.actors.manager import AssetManager
    from openmas_assets.actors.plugin_dispatcher import PluginDispatcher
    from openmas_assets.actors.project import Project, find_project_file, load_project
    from openmas_assets.actors.render.place import RenderPlace
    from openmas_assets.actors.reply import ActorClosedError, Reply
    from openmas_assets.actors.store import AssetStore
    from openmas_assets.actors.system import AssetSystem

__all__ = [
    "ActorClosedError",
    "AssetManager",
    "AssetStore",
    "AssetSystem",
    "BarDisplay",
    "LogDisplay",
    "PluginDispatcher",
    "Project",
    "RenderPlace",
    "Reply",
    "find_project_file",
    "load_project",
]

_MODULES = {
    "ActorClosedError": "reply",
    "AssetManager": "manager",
    "AssetStore": "store",
    "AssetSystem": "system",
    "BarDisplay": "display",
    "LogDisplay": "display",
    "PluginDispatcher": "plugin_dispatcher",
    "Project": "project",
    "RenderPlace": "render.place",
    "Reply": "reply",
    "find_project_file": "project",
    "load_project": "project",
}

if not TYPE_CHECKING:  # or every name would be there to a type checker, misspelt ones too

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = value  # the next one finds it without asking here
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
