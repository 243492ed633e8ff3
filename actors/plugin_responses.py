"""Which responses of plugins go out as they are, and which become assets."""

from collections.abc import Callable

from openmas_assets.actors.crash import crash_cause
from openmas_assets.actors.store import AssetStore
from openmas_assets.messages.errors import PluginCallError
from openmas_assets.messages.json_fit import fits_json

ResponsePolicy = Callable[[str, object, bool], bool]
"""Gets the command's name, the response, and whether JSON can hold it; says whether to make it an asset."""


class PluginResponses:
    """Puts responses into the store that are not to stand in an answer.

    Args:
        store: The store.
        policy: Decides; None for: what JSON cannot hold.
    """

    def __init__(self, store: AssetStore, policy: ResponsePolicy | None) -> None:
        self._store = store
        self._policy = policy or (lambda _command, _response, is_json: not is_json)

    def keep(self, plugin: str, command: str, response: object) -> str | None:
        """Put a response into the store if that is where it belongs. For a handler's thread.

        Args:
            plugin: The plugin's name.
            command: The command's name.
            response: What its handler has returned.

        Returns:
            The asset's id; None where the response is to stand in the answer. The asset's content is a
            dict of the command and the response.

        Raises:
            AssetError: The policy failed, or the store is closed.
        """
        try:
            is_asset = bool(self._policy(command, response, fits_json(response)))
        except BaseException as error:  # noqa: BLE001 - somebody else's code: even an exit is an answer
            raise PluginCallError(
                f"the policy for responses failed: {crash_cause(error)}", kind=type(error).__name__
            ) from None
        if not is_asset:
            return None
        ref = self._store.put(
            {"command": command, "response": response},
            asset_type="plugin_response",
            description=f"The response of the plugin {plugin} to the command {command}.",
        )
        return ref.asset_id
