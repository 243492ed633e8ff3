"""Who says it and what they do: the actors, their facades, the sources of bytes, the disk cache."""

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
