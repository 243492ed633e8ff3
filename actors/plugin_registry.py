"""The plugins that a dispatcher knows."""

import threading
from dataclasses import dataclass

from openmas_assets.actors.plugin_handler import PluginHandler
from openmas_assets.messages.errors import AssetConfigurationError, PluginCallError
from openmas_assets.messages.plugin_config import PluginConfig
from openmas_assets.messages.problem import is_harmless
from openmas_assets.messages.suggestion import closest, listed


@dataclass(frozen=True)
class Plugin:
    """A registered plugin.

    Attributes:
        config: What it is called and takes.
        handler: What runs its commands.
        timeout_seconds: How long a call may take that does not say; None for as long as it takes.
    """

    config: PluginConfig
    handler: PluginHandler
    timeout_seconds: float | None


class PluginRegistry:
    """Plugins by name. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._plugins: dict[str, Plugin] = {}

    def add(self, plugin: Plugin) -> None:
        """Add a plugin.

        Args:
            plugin: The plugin.

        Raises:
            AssetConfigurationError: There is one of that name.
        """
        name = plugin.config.name
        with self._lock:
            if name in self._plugins:
                raise AssetConfigurationError(
                    f"a plugin '{name}' is registered already",
                    fix="Give config.name another name in one of them.",
                )
            self._plugins[name] = plugin

    def plugin(self, name: str) -> Plugin:
        """Look up a plugin.

        Args:
            name: Its name.

        Raises:
            PluginCallError: There is none of that name. The error suggests one and lists them.
        """
        with self._lock:
            plugins = dict(self._plugins)
        if name in plugins:
            return plugins[name]
        likely = closest(name, plugins)
        hint = f"Did you mean '{likely}'? " if likely is not None else ""
        shown = f"'{name}'" if is_harmless(name) else "of that name"
        raise PluginCallError(
            f"there is no plugin {shown}",
            fix=f"{hint}The plugins: {listed(list(plugins))}.",
        )

    def configs(self) -> tuple[PluginConfig, ...]:
        """The configs, in the order in which they were registered."""
        with self._lock:
            return tuple(plugin.config for plugin in self._plugins.values())

    def close(self) -> None:
        """End what handlers run in the background. Does not wait."""
        with self._lock:
            plugins = list(self._plugins.values())
        for plugin in plugins:
            plugin.handler.close()
