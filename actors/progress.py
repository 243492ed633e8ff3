"""The Progress actor: shows how transfers go, so that neither the manager nor a downloader has to."""

from collections.abc import Callable
from typing import Any

from openmas_assets.actors.base import AssetActor
from openmas_assets.actors.crash import log_bug
from openmas_assets.messages.downloader import DownloadProgress


class ProgressActor(AssetActor):
    """Passes each `DownloadProgress` to whoever shows it.

    Args:
        show: Called with each, in this actor's thread. What it raises is logged once and ends the show, not
            the transfer.
        close: Called at the end.
    """

    def __init__(self, show: Callable[[DownloadProgress], None], close: Callable[[], None]) -> None:
        super().__init__()
        self._show: Callable[[DownloadProgress], None] | None = show
        self._close = close

    def on_stop(self) -> None:
        """Clear the display. The actor's own thread."""
        self._close()

    def _receive(self, message: Any) -> Any:
        match message:
            case DownloadProgress():
                self._on_download_progress(message)
            case _:
                self._on_unknown(message)

    def _on_download_progress(self, progress: DownloadProgress) -> None:
        if self._show is None:
            return
        try:
            self._show(progress)
        except BaseException as error:  # noqa: BLE001 - somebody else's code: it may even exit
            log_bug("showing the progress of transfers failed, going on without", error)
            self._show = None
