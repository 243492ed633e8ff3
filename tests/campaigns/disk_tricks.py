"""What a disk does to a cache: each trick holds while its context lasts, and is undone when that ends."""

import contextlib
import os
import random
import resource
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from openmas_assets.actors.cache.layout import CacheLayout
from small_disk import remount

_YEARS_SECONDS = 10 * 365 * 24 * 3600
_DEAD_FOREIGNER = "0123456789-0123456789-0123456789-1-1"


@dataclass(frozen=True)
class Scene:
    """What a trick is played on.

    Attributes:
        layout: The cache.
        generator: Decides how bad it is.
        file_bytes: How large an asset is, about.
        keys: The `type/name/version` of each asset.
    """

    layout: CacheLayout
    generator: random.Random
    file_bytes: int
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Trick:
    """One way in which a disk fails.

    Attributes:
        name: What it is, for people.
        disk: Which kind of disk it takes: `small`, `few inodes`, `one second`, or `plain` for any.
        play: Begins it; undone when the context ends.
        is_unprivileged: Whether it holds for ordinary users only.
        keeps_copies: Whether every copy is still there, and a hit, when it is over.
        keeps_bytes: Whether what was handed out can be read while it lasts, all of it.
        comes_midway: Whether it may also begin while assets are being transferred.
        takes_folders: Whether it removes what is in the cache.
        frees_by_clearing: Whether assets can be cleared while it lasts.
    """

    name: str
    disk: str
    play: Callable[[Scene], AbstractContextManager[None]]
    is_unprivileged: bool = False
    keeps_copies: bool = True
    keeps_bytes: bool = True
    comes_midway: bool = True
    takes_folders: bool = False
    frees_by_clearing: bool = False


@contextlib.contextmanager
def _full_disk(scene: Scene) -> Iterator[None]:
    """Leave anything from no byte to twice an asset's; at times somebody makes room again a little later."""
    disk = scene.layout.root.parent
    status = os.statvfs(disk)
    left_bytes = _random_bytes(scene)
    with (disk / "filler").open("wb") as filler:
        size_bytes = status.f_bavail * status.f_frsize - left_bytes
        if size_bytes > 0:
            with contextlib.suppress(OSError):  # what is being transferred has taken some of it
                os.posix_fallocate(filler.fileno(), 0, size_bytes)
    relief = threading.Timer(scene.generator.random() * 0.2, os.truncate, (disk / "filler", 0))
    if scene.generator.random() < 0.3:
        relief.start()
    try:
        yield
    finally:
        relief.cancel()
        if relief.ident is not None:
            relief.join()
        (disk / "filler").unlink()


@contextlib.contextmanager
def _no_inodes(scene: Scene) -> Iterator[None]:
    """Leave no file or folder, or a few."""
    folder = scene.layout.root.parent / "fillers"
    folder.mkdir()
    left = scene.generator.choice([0, scene.generator.randrange(40)])
    with contextlib.suppress(OSError):
        for number in range(os.statvfs(folder).f_favail - left):
            (folder / str(number)).touch()
    try:
        yield
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def _file_size_limit(scene: Scene) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_random_bytes(scene), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def _read_only_disk(scene: Scene) -> Iterator[None]:
    deadline = time.monotonic() + 10
    while True:
        try:
            remount(scene.layout.root.parent, "ro")
        except Exception:  # a file is open for writing right now
            if time.monotonic() > deadline:
                raise
        else:
            break
    try:
        yield
    finally:
        remount(scene.layout.root.parent, "rw")


@contextlib.contextmanager
def _forbidden_folder(scene: Scene) -> Iterator[None]:
    """Take the right to write from one folder of the cache, or all rights."""
    folder = scene.generator.choice(_places(scene))
    folder.mkdir(parents=True, exist_ok=True)
    mode = folder.stat().st_mode
    folder.chmod(scene.generator.choice([0o555, 0o555, 0o500, 0o000]))
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            folder.chmod(mode)


@contextlib.contextmanager
def _vanished_folder(scene: Scene) -> Iterator[None]:
    """Remove a folder of the cache; at times something else stands in its place then."""
    place = scene.generator.choice([*_places(scene), *_places(scene), *_parts(scene)])
    elsewhere = scene.layout.root.parent / "elsewhere"
    shutil.rmtree(place, ignore_errors=True)
    with contextlib.suppress(OSError):  # it may be there again, or its folder may be gone
        match scene.generator.choice(["nothing", "nothing", "file", "link", "dangling link"]):
            case "file":
                place.write_text("not a folder")
            case "link":
                elsewhere.mkdir(exist_ok=True)
                place.symlink_to(elsewhere)
            case "dangling link":
                place.symlink_to(scene.layout.root.parent / "nowhere")
            case _:
                pass
    try:
        yield
    finally:
        if place.is_symlink() or place.is_file():
            place.unlink()
        shutil.rmtree(elsewhere, ignore_errors=True)


@contextlib.contextmanager
def _other_times(scene: Scene) -> Iterator[None]:
    """Give files and folders times of the past or the future, as a clock does that is set back or forth.

    Parts of a machine that nobody hears of any more get them as well, and are there before.
    """
    for key in scene.generator.sample(scene.keys, 2):
        part = scene.layout.staging / key / f"{scene.generator.randrange(1 << 30)}.{_DEAD_FOREIGNER}"
        part.mkdir(parents=True)
        (part / "data").write_bytes(bytes(1000))
        _set_time(part / "data", scene.generator)
        _set_time(part, scene.generator)
    for path in sorted(scene.layout.root.rglob("*")):
        if scene.generator.random() < 0.3:
            with contextlib.suppress(FileNotFoundError):
                _set_time(path, scene.generator)
    yield


def _set_time(path: Path, generator: random.Random) -> None:
    seconds = generator.choice([-1, 1]) * generator.choice([3600, generator.randrange(3600, _YEARS_SECONDS)])
    moment = time.time() + seconds
    os.utime(path, (moment, moment), follow_symlinks=False)


@contextlib.contextmanager
def _nothing(_: Scene) -> Iterator[None]:
    """The disk as it is: what it cannot do is the trick."""
    yield


def _random_bytes(scene: Scene) -> int:
    """Next to nothing, anything up to twice an asset, or just too little for one: its last write is cut."""
    few, some = scene.generator.randrange(200), scene.generator.randrange(2 * scene.file_bytes)
    return scene.generator.choice([few, some, scene.file_bytes - 1 - scene.generator.randrange(5000)])


def _places(scene: Scene) -> list[Path]:
    layout, key = scene.layout, scene.generator.choice(scene.keys)
    versions = layout.root / key
    staging = layout.staging / key
    return [layout.root, layout.staging, layout.locks, versions, versions.parent, staging, staging.parent]


def _parts(scene: Scene) -> list[Path]:
    with contextlib.suppress(OSError):
        return sorted(path for path in scene.layout.staging.glob("*/*/*/*") if path.is_dir())
    return []


TRICKS = (
    Trick("a full disk", "small", _full_disk, frees_by_clearing=True),
    Trick("no inode left", "few inodes", _no_inodes, frees_by_clearing=True),
    Trick("a file-size limit", "plain", _file_size_limit, frees_by_clearing=True),
    Trick("a read-only disk", "small", _read_only_disk, comes_midway=False),
    Trick("a folder without permission", "plain", _forbidden_folder, is_unprivileged=True, keeps_bytes=False),
    Trick(
        "a folder that vanishes",
        "plain",
        _vanished_folder,
        keeps_copies=False,
        keeps_bytes=False,
        takes_folders=True,
    ),
    Trick("a clock that is set", "plain", _other_times, keeps_copies=False, comes_midway=False),
    Trick("times of whole seconds", "one second", _nothing),
)
