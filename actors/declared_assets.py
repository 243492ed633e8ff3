"""The bridge: assets that the project file declares, read by the same references as those in memory."""

from openmas_assets.actors.manager import AssetManager
from openmas_assets.actors.reply import Reply
from openmas_assets.messages.asset_ref import AssetRef
from openmas_assets.messages.manager import GetAssetPath, GetAssetStatus
from openmas_assets.messages.resolution import resolve_steps
from openmas_assets.messages.status import AssetStatus

_PATH = "path"


class DeclaredAssets:
    """What an `AssetManager` manages, as the asset store sees it. Never blocks; any thread.

    Args:
        manager: Answers for them.
    """

    def __init__(self, manager: AssetManager) -> None:
        self._manager = manager
        self.names = tuple(asset.name for asset in manager.project.assets)
        self._descriptions = {asset.name: asset.description for asset in manager.project.assets}

    def __contains__(self, name: str) -> bool:
        return name in self._descriptions

    def resolve(self, ref: AssetRef) -> Reply[object]:
        """What a reference to a declared asset refers to.

        Its one step `path` is the asset's local path, verified, for which it is fetched if need be. All else
        is its metadata as it stands: a dict, whose keys are the fields of `AssetStatus`, and its description.

        Args:
            ref: The reference; its id is a declared name.

        Returns:
            The answer to come; an `AssetRefError` where the path leads nowhere.
        """
        whole = AssetRef(ref.asset_id)
        if ref.field_path == (_PATH,):
            return self._manager.ask(GetAssetPath(name=ref.asset_id)).then(lambda answer: answer.path)
        status = self._manager.ask(GetAssetStatus(name=ref.asset_id))
        return status.then(lambda answer: resolve_steps(self._metadata(answer), ref.field_path, start=whole))

    def _metadata(self, status: AssetStatus) -> dict[str, object]:
        return {**status.model_dump(), "description": self._descriptions[status.name]}
