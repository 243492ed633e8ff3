"""The assets that the faulty server has: their versions, how they are served, and what goes wrong."""

import hashlib
import random
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any

from archives import file, write_archive
from loopback import LoopbackServer, Resource
from openmas_assets.actors.reply import Reply
from openmas_assets.messages.manager import AssetPath
from troubles import TROUBLES, Trouble

TIMEOUT_SECONDS = 0.5
"""The client's."""

# What a busy machine may take longer; a hang takes longer than this, too.
GRACE_SECONDS = 30.0
_BYTES_PER_SECOND = 6 << 20
_SIZES = {
    "tiny": (0, 1, 100),
    "small": (10_000, 12_345),
    "middle": (300_000, 1_000_003),
    "zip": (20_000, 300_000),
    "large": (9_500_000, 11_534_336),
}
_NAMES = [f"{kind}{number}" for kind in _SIZES for number in range(1 if kind == "large" else 3)]


@dataclass(frozen=True)
class Version:
    """What an asset was at a time.

    Attributes:
        data: The bytes that are served.
        found: Where the bytes are found, and their digests.
        options: How it is served: fields of `Resource`.
    """

    data: bytes
    found: dict[str, str]
    options: dict[str, Any]


@dataclass
class Asset:
    """One asset in one round.

    Attributes:
        name: Its name.
        versions: Those that are served in this round, the last one for good.
        declaration: As the project file has it.
        troubles: What goes wrong with its first answers; None for a good one.
        is_hopeless: Whether the last trouble stays.
        asked_at: When it was asked for.
        reply: What became of it.
    """

    name: str
    versions: list[Version]
    declaration: dict[str, Any]
    troubles: list[Trouble | None] = field(default_factory=list)
    is_hopeless: bool = False
    asked_at: float = 0.0
    reply: Reply[AssetPath] | None = None

    @property
    def limit_seconds(self) -> float:
        """How long it may take at the most."""
        attempts = int(self.declaration["retries"]) + 1
        # A request or two of an attempt: a connection, a head, a silence, and a pause that was asked for.
        own = len(self.versions[-1].data) / _BYTES_PER_SECOND + 6 * TIMEOUT_SECONDS + 1
        return attempts * own + GRACE_SECONDS


class Shelf:
    """Makes assets, each in another version now and then, and has them served.

    Args:
        folder: An empty folder to work in.
        generator: Makes the choices.
        server: Serves them.
    """

    def __init__(self, folder: Path, generator: random.Random, server: LoopbackServer) -> None:
        self._folder = folder
        self._random = generator
        self._server = server
        self._now: dict[str, Version] = {}
        self._number = 0

    def some(self) -> list[Asset]:
        """Have some assets served for the next round."""
        names = self._random.sample(_NAMES, self._random.randint(4, len(_NAMES)))
        assets = [self._asset(name) for name in names]
        for asset in assets:
            self._serve(asset)
        return assets

    def _asset(self, name: str) -> Asset:
        versions = [self._now.setdefault(name, self._version(name))]
        if self._random.random() < 0.3:
            versions = [self._version(name)]
        if self._random.random() < 0.2:
            versions.append(self._version(name))
        self._now[name] = versions[-1]
        declaration: dict[str, Any] = {
            "name": name,
            "source": {"type": "http", "url": self._server.url(f"/{name}")},
            "retries": self._random.randint(0, 3),
            "retry_delay_seconds": self._random.choice([0, 0.05]),
        }
        if name.startswith("zip"):
            declaration |= {"unpack": True, "unpack_format": "zip"}
        if self._random.random() < 0.4:
            declaration["checksum"] = f"sha256:{hashlib.sha256(versions[-1].data).hexdigest()}"
        asset = Asset(name, versions, declaration)
        self._trouble(asset)
        return asset

    def _version(self, name: str) -> Version:
        self._number += 1
        size = self._random.choice(_SIZES[name.rstrip("0123456789")])
        data = self._random.randbytes(size)
        found = {name: hashlib.sha256(data).hexdigest()}
        if name.startswith("zip"):
            path = self._folder / "new.zip"
            half = size // 2
            write_archive(path, "zip", [file("a", data[:half]), file("b/c", data[half:])])
            found = {
                "a": hashlib.sha256(data[:half]).hexdigest(),
                "b/c": hashlib.sha256(data[half:]).hexdigest(),
            }
            data = path.read_bytes()
        return Version(data, found, self._options(name))

    def _options(self, name: str) -> dict[str, Any]:
        choice = self._random.choices
        tag = f'"{name}-{self._number}"'
        date = formatdate(1.6e9 + 86_400 * self._number, usegmt=True)
        validators = [
            {"etag": tag},
            {"etag": tag, "last_modified": date},
            {"last_modified": date},
            {"etag": f"W/{tag}", "last_modified": date},
            {"etag": f"W/{tag}"},
            {},
        ]
        is_long = name.startswith("large")
        options: dict[str, Any] = {
            **choice(validators, [30, 35, 15, 5, 5, 10])[0],
            "framing": choice(["length", "chunked", "close"], [95, 3, 2] if is_long else [70, 20, 10])[0],
            "content_encoding": "gzip"
            if not name.startswith("large") and self._random.random() < 0.08
            else None,
            "ranges": self._random.random() < 0.9,
        }
        return options | ({"bytes_per_second": _BYTES_PER_SECOND} if is_long else {})

    def _trouble(self, asset: Asset) -> None:
        """Let some answers go wrong, in an order in which the troubles of ranges can show."""
        is_long = asset.name.startswith("large")
        for _ in range(self._random.choice([0, 1, 2, 4, 8] if is_long else [0, 1, 1, 2, 2, 3, 4])):
            before = asset.troubles[-1] if asset.troubles else None
            is_good = self._random.random() < (0.6 if is_long else 0.15)
            is_for_ranges = before.leaves_a_part if before is not None else is_long and bool(asset.troubles)
            kinds = [trouble for trouble in TROUBLES if self._may_have(asset, trouble)]
            match self._random.choice(["a part", "a range", "anything"]):
                case "a part":
                    kinds = [each for each in kinds if each.leaves_a_part]
                case "a range" if is_for_ranges:
                    kinds = [each for each in kinds if each.needs_ranges] or kinds
            asset.troubles.append(None if is_good else self._random.choice(kinds))
        asset.is_hopeless = any(asset.troubles[-1:]) and self._random.random() < 0.12

    def _may_have(self, asset: Asset, trouble: Trouble) -> bool:
        if "checksum" in asset.declaration or "unpack" in asset.declaration:
            return True
        return not any(_is_lie(trouble, version) for version in asset.versions)

    def _serve(self, asset: Asset) -> None:
        turn = self._random.randint(0, len(asset.troubles)) if len(asset.versions) > 1 else 0
        sequence = []
        for number, trouble in enumerate([*asset.troubles, None]):
            version = asset.versions[-1] if number >= turn else asset.versions[0]
            size = len(version.data)
            faults = [] if trouble is None else [trouble.make(self._random, size, TIMEOUT_SECONDS)]
            sequence.append(Resource(data=version.data, faults=faults, **version.options))
        if asset.is_hopeless:
            del sequence[-1]
        self._server.put_sequence(f"/{asset.name}", sequence)


def _is_lie(trouble: Trouble, version: Version) -> bool:
    """Whether HTTP has no means to tell."""
    match trouble.name:
        case "cut in the body":
            return bool(version.options["framing"] == "close")
        case "If-Range passed over":  # what names no validator contradicts none
            return not version.options.keys() >= {"etag", "last_modified"}
        case _:
            return trouble.is_lie
