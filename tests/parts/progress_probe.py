"""A listener for progress that tests can wait on."""

from threading import Condition, current_thread

from openmas_assets.messages.downloader import DownloadProgress


class ProgressProbe:
    """An `on_progress` that keeps what it is told.

    Attributes:
        threads: The names of the threads that called it.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._told: list[DownloadProgress] = []
        self.threads: set[str] = set()

    def __call__(self, progress: DownloadProgress) -> None:
        """Keep what is told."""
        with self._changed:
            self._told.append(progress)
            self.threads.add(current_thread().name)
            self._changed.notify_all()

    def told(self, name: str) -> list[DownloadProgress]:
        """Everything told of an asset so far."""
        with self._changed:
            return [progress for progress in self._told if progress.name == name]

    def phases(self, name: str) -> list[str]:
        """The phases of an asset so far, each once while it lasts."""
        phases = [progress.phase for progress in self.told(name)]
        return [phase for before, phase in zip([None, *phases], phases, strict=False) if phase != before]

    def wait_for(self, name: str, phase: str, timeout_seconds: float = 10) -> DownloadProgress:
        """Block until an asset is in a phase; the first news of it.

        Raises:
            TimeoutError: It is not; the message lists what was told.
        """

        def found() -> DownloadProgress | None:
            return next((news for news in self._told if (news.name, news.phase) == (name, phase)), None)

        with self._changed:
            news = self._changed.wait_for(found, timeout_seconds)
            if news is None:
                raise TimeoutError(f"no {phase} of {name}, but: {self._told}")
            return news
