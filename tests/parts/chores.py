"""What downloaders do while nobody waits."""

from openmas_assets.actors import AssetManager
from openmas_assets.messages.manager import VerifyAsset


def await_chores(manager: AssetManager, name: str) -> None:
    """Block until all that a manager has to do for an asset is done, syncing included.

    Args:
        manager: With one downloader, which does one job after the other.
        name: An asset that was transferred.
    """
    assert manager.ask(VerifyAsset(name=name)).get(timeout=30).outcome == "verified"
