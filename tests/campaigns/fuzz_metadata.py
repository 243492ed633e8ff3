"""Fuzzes the metadata beside assets: whatever stands there, a request ends in the right bytes, and heals."""

import json
from pathlib import Path
from typing import Any

from archives import file, folder, symlink, write_archive
from fuzz_input import HARMLESS_TEXTS, JSON_PIECES, Choices, json_bytes, mutated_bytes, mutated_value
from fuzz_oracle import BrokenPromiseError, check, check_error
from openmas_assets.actors.cache.layout import INFO_NAME, CacheLayout
from openmas_assets.actors.manager import AssetManager
from openmas_assets.messages.errors import AssetError, UnknownAssetError
from openmas_assets.messages.manager import ClearAsset, GetAssetPath, GetAssetStatus, ListAssets, VerifyAsset
from projects import asset, project

_TIMEOUT_SECONDS = 250


class MetadataTarget:
    """A file, an unpacked archive and a folder in a cache, whose metadata is changed between requests.

    Args:
        folder: An empty folder.
    """

    def __init__(self, folder_path: Path) -> None:
        (folder_path / "folder" / "sub").mkdir(parents=True)
        (folder_path / "a.bin").write_bytes(b"bytes " * 100)
        (folder_path / "folder" / "one").write_bytes(b"one")
        (folder_path / "folder" / "sub" / "two").write_bytes(b"two")
        write_archive(
            folder_path / "a.zip", "zip", [folder("f"), file("f/x", b"x" * 50), symlink("l", "f/x")]
        )
        assets = [
            asset("file", "a.bin"),
            asset("tree", "folder"),
            asset("zip", "a.zip", unpack=True, unpack_format="zip"),
        ]
        self._layout = CacheLayout(folder_path / "cache")
        self._configs = {config.name: config for config in assets}
        self._manager = AssetManager(
            project(*assets),
            project_root=folder_path,
            cache_dir=self._layout.root,
            pool_size=1,
            on_progress=lambda _: None,
        )
        self._paths = {name: self._get(name) for name in self._configs}
        self._contents = {name: _content(path) for name, path in self._paths.items()}
        self._infos = {name: self._info_path(name).read_bytes() for name in self._configs}

    def run(self, choices: Choices) -> str:
        """See `fuzzing.Target`."""
        if choices.chance(5):
            return self._ask_for_a_stranger(choices)
        name = choices.pick(list(self._configs))
        before = self._replace_metadata(choices, name)
        statuses = {status.name: status.status for status in self._ask(ListAssets()).assets}
        check(len(statuses) == len(self._configs), "list has lost some")
        if choices.chance(30):
            self._ask(VerifyAsset(name=name))
        if choices.chance(10):
            self._clear(name)
        # What says of itself that it is another path is believed: who can write that can write the bytes too.
        path = self._get(name)
        if path == self._paths[name]:
            content = _content(path)
            other = sorted(dict(content.items() ^ self._contents[name].items()))
            check(not other, f"{name} has wrong bytes in {other} after {before[:300]!r}")
            self._check_health(name)
        else:
            check(path.is_relative_to(self._paths[name].parent), f"{name} is handed out as {path}")
            self._info_path(name).unlink()
            self._get(name)
        check(not self._layout.staging.exists(), "something is left in the staging folder")
        return f"the metadata was taken for {statuses[name]}, the asset is right"

    def close(self) -> None:
        """See `fuzzing.Target`."""
        self._manager.close()

    def _replace_metadata(self, choices: Choices, name: str) -> bytes:
        path, known = self._info_path(name), self._infos[name]
        match choices.below(6):
            case 0 | 1:
                content = mutated_bytes(choices, path.read_bytes(), JSON_PIECES)
            case 2 | 3:
                content = json_bytes(mutated_value(choices, json.loads(path.read_bytes())))
            case 4:
                content = mutated_bytes(choices, self._infos[choices.pick(list(self._configs))], JSON_PIECES)
            case _:
                content = choices.pick(
                    (
                        b"",
                        known[: len(known) // 2],
                        b"[" * 100_000,
                        b"\xef\xbb\xbf" + known,
                        known.decode().encode("utf-16"),
                    )
                )
        path.unlink()
        match choices.below(12):
            case 0:
                path.mkdir()
            case 1:
                path.symlink_to(choices.pick((".", path.name, "/etc/passwd", "/dev/null")))
            case _:
                path.write_bytes(content)
        return content

    def _clear(self, name: str) -> None:
        try:
            self._manager.ask(ClearAsset(name=name)).get(timeout=_TIMEOUT_SECONDS)
        except AssetError as error:  # it may still be written to the disk
            check_error(error)
        else:
            # What the metadata does not name is not ours, and stays: no metadata does.
            check(not self._info_path(name).exists(), "clear has left the metadata")

    def _check_health(self, name: str) -> None:
        answer = self._ask(VerifyAsset(name=name))
        check(answer.outcome in ("verified", "failed"), f"verify says {answer.outcome}")
        if answer.outcome == "failed":  # what has been believed so far
            check(_content(self._get(name)) == self._contents[name], f"{name} has wrong bytes after a verify")
            answer = self._ask(VerifyAsset(name=name))
        check(answer.outcome == "verified", f"{name} does not heal: {answer.detail}")
        status = self._ask(GetAssetStatus(name=name)).status
        check(status == "cached", f"{name} is {status} after a request")

    def _ask_for_a_stranger(self, choices: Choices) -> str:
        choices.texts = HARMLESS_TEXTS
        name = choices.text()
        try:
            self._ask(choices.pick((GetAssetPath, VerifyAsset, ClearAsset, GetAssetStatus))(name=name))
        except UnknownAssetError as error:
            check_error(error)
            return "a name was unknown"
        except ValueError as error:  # pydantic's: it is no text
            return f"a name was refused with {type(error).__name__}"
        check(name in self._configs, f"there is an asset {name!r}")
        return "a name was known"

    def _info_path(self, name: str) -> Path:
        return self._layout.version_folder(self._configs[name]) / INFO_NAME

    def _get(self, name: str) -> Path:
        path: Path = self._ask(GetAssetPath(name=name)).path
        return path

    def _ask(self, command: Any) -> Any:
        try:
            return self._manager.ask(command).get(timeout=_TIMEOUT_SECONDS)
        except UnknownAssetError:
            raise
        except AssetError as error:  # whatever the metadata are, the asset can be had
            raise BrokenPromiseError(f"{command!r}: {error}") from error


def _content(path: Path) -> dict[str, object]:
    """What an agent would find at a path, besides metadata: those are written anew once bytes are synced."""
    if path.is_file():
        return {".": path.read_bytes()}
    return {
        found.relative_to(path).as_posix(): f"-> {found.readlink()}"
        if found.is_symlink()
        else found.read_bytes()
        for found in path.rglob("*")
        if (found.is_symlink() or found.is_file()) and not found.name.startswith(INFO_NAME)
    }
