"""Assets of every kind, in one version after the other, and what each version looks like on disk."""

import hashlib
import random
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from archives import Item, file, symlink, write_archive
from hub import Hub
from loopback import LoopbackServer
from openmas_assets.actors.cache.layout import INFO_NAME

# The digest of every file by its relative path, or where it links to.
Manifest = dict[str, str]

_HUB_FILE = "onnx/model.onnx"
# Whoever copies a local folder has this many further versions to finish in, or is told that it has changed.
_KEPT_FOLDERS = 3


class Version(NamedTuple):
    """One version of an asset.

    Attributes:
        manifest: What it looks like.
        published_at: When it began to be served, in seconds of the machine's monotonic clock.
    """

    manifest: Manifest
    published_at: float


class Publisher:
    """Serves assets, and keeps what each of their versions looks like.

    Args:
        folder: An empty folder to work in.
        server: Serves the files and archives.
        generator: Makes their bytes.
        kinds: The kind of each asset by its name: `file`, `zip`, `tar.gz`, `folder` (a local one), and
            with a `hub` `snapshot` and `hub file` (a nested one).
        file_bytes: The size of a file; archives and folders have about as much.
        hub: Serves snapshots.
    """

    def __init__(  # noqa: PLR0913 - the parts of a campaign, one by one
        self,
        folder: Path,
        server: LoopbackServer,
        generator: random.Random,
        kinds: Mapping[str, str],
        file_bytes: int,
        *,
        hub: Hub | None = None,
    ) -> None:
        self._folder = folder
        self._server = server
        self._generator = generator
        self._kinds = kinds
        self._hub = hub
        self._served: dict[str, tuple[str, bytes]] = {}
        self.file_bytes = file_bytes
        self.versions: dict[str, list[Version]] = {name: [] for name in kinds}
        for name in kinds:
            self.publish(name)

    @property
    def declarations(self) -> list[dict[str, Any]]:
        """The assets as a project file has them."""
        return [
            {"name": name, "retries": 2, "retry_delay_seconds": 0.02, **self._declared(name)}
            for name in self._kinds
        ]

    def is_current(self, name: str, manifest: Manifest) -> bool:
        """Whether a manifest is that of the newest version."""
        return self.versions[name][-1].manifest == manifest

    def is_known(self, name: str, manifest: Manifest) -> bool:
        """Whether a manifest is that of any version."""
        return any(version.manifest == manifest for version in self.versions[name])

    def publish(self, name: str) -> None:
        """Replace an asset's newest version by another one."""
        number = len(self.versions[name])
        kind = self._kinds[name]
        items = self._items(kind, name)
        if kind == "folder":
            self._put_folder(name, items, number)
        elif kind in ("snapshot", "hub file"):
            assert self._hub is not None
            files = {item.name: item.data for item in items}
            self._hub.put_repo(f"org/{name}", files, lfs={item.name for item in items[::2]})
        else:
            data = items[0].data
            if kind != "file":
                path = write_archive(self._folder / f"{name}.{kind}", kind, items)
                data = path.read_bytes()
                path.unlink()
            self._served[name] = (f'"{number}"', data)
            self.serve(name)
        manifest = {item.name: _seen(item) for item in items}
        if kind == "hub file":
            manifest = {Path(_HUB_FILE).name: manifest[_HUB_FILE]}
        self.versions[name].append(Version(manifest, time.monotonic()))

    def serve(self, name: str, **options: Any) -> None:
        """Serve the newest version in another way from now on, with the options of a `Resource`.

        Assets that do not come from the HTTP server stay as they are.
        """
        if name in self._served:
            etag, data = self._served[name]
            self._server.put(f"/{name}", data, **{"etag": etag, **options})

    def _declared(self, name: str) -> dict[str, Any]:
        match self._kinds[name]:
            case "folder":
                return {"source": {"type": "local", "path": f"{name}-source"}}
            case "snapshot":
                return {"source": {"type": "hf", "repo_id": f"org/{name}"}}
            case "hub file":
                return {"source": {"type": "hf", "repo_id": f"org/{name}", "filename": _HUB_FILE}}
            case kind:
                archive = {} if kind == "file" else {"unpack": True, "unpack_format": kind}
                return {"source": {"type": "http", "url": self._server.url(f"/{name}")}, **archive}

    def _items(self, kind: str, name: str) -> list[Item]:
        if kind == "file":
            return [file(name, self._generator.randbytes(self.file_bytes))]
        if kind == "hub file":
            return [file(_HUB_FILE, self._generator.randbytes(self.file_bytes))]
        largest = self.file_bytes // 8
        sizes = [self._generator.choice([0, 100, largest // 4, largest]) for _ in range(24)]
        items = [
            file(f"sub{number % 3}/{number}", self._generator.randbytes(size))
            for number, size in enumerate(sizes)
        ]
        return [*items, symlink("link", "sub0/0")] if kind == "tar.gz" else items

    def _put_folder(self, name: str, items: list[Item], number: int) -> None:
        """Have a link to the folder of the version, which changes in one step."""
        folder = self._folder / f"{name}-source-{number}"
        for item in items:
            path = folder / item.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(item.data)
        link = self._folder / f"{name}-source"
        new_link = link.with_name("new")
        new_link.symlink_to(folder.name)
        new_link.replace(link)
        shutil.rmtree(self._folder / f"{name}-source-{number - _KEPT_FOLDERS}", ignore_errors=True)


def look(path: Path) -> Manifest:
    """What lies at a path that was handed out: the files of a folder, or a file and whatever is beside it."""
    folder = path if path.is_dir() else path.parent
    return {
        entry.relative_to(folder).as_posix(): f"-> {entry.readlink()}"
        if entry.is_symlink()
        else hashlib.sha256(entry.read_bytes()).hexdigest()
        for entry in sorted(folder.rglob("*"))
        if (entry.is_symlink() or entry.is_file()) and entry.name != INFO_NAME
    }


def _seen(item: Item) -> str:
    return f"-> {item.target}" if item.target else hashlib.sha256(item.data).hexdigest()
