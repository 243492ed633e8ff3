"""What stands where once an archive is unpacked: whether names collide, and where links lead.

All of it is told from the archive's own names, in memory. The disk is not asked: `os.path.realpath` stops
resolving at PATH_MAX, which is how archives got past the filter of `tarfile` (CVE-2025-4517).
"""

from collections.abc import Iterator, Sequence

from openmas_assets.actors.cache.archive_member import MemberKind, refused
from openmas_assets.actors.cache.member_path import folded

_MAX_LINKS_FOLLOWED = 40  # MAXSYMLINKS of Linux
_TOO_MANY_LINKS = "is a link that leads in a circle or through too many others"
# One for all that are no folder: there may be a million.
_NO_CHILDREN: "dict[str, TreeEntry]" = {}


class TreeEntry:
    """One file, folder or link.

    Attributes:
        name: The last part of its path.
        kind: What it is; a hard link counts as the file that it is.
        parent: Its folder, None for the root.
        link_target: Where a symbolic link points, as text.
        final: What stands at the end of a symbolic link; the entry itself for the others.
    """

    __slots__ = ("children", "final", "is_listed", "kind", "link_target", "links_followed", "name", "parent")

    def __init__(
        self, name: str, kind: MemberKind, parent: "TreeEntry | None", link_target: str = ""
    ) -> None:
        self.name = name
        self.kind = kind
        self.parent = parent
        self.link_target = link_target
        self.is_listed = False
        self.links_followed = 0
        self.final: TreeEntry | None = None if kind is MemberKind.SYMLINK else self
        self.children = {} if kind is MemberKind.FOLDER else _NO_CHILDREN

    @property
    def path(self) -> str:
        """Its path below the root, with slashes."""
        parts = []
        entry = self
        while entry.parent is not None:
            parts.append(entry.name)
            entry = entry.parent
        return "/".join(reversed(parts))


class ArchiveTree:
    """The tree that an archive's members make."""

    def __init__(self) -> None:
        self._root = TreeEntry("", MemberKind.FOLDER, None)
        self._links: list[TreeEntry] = []

    def add(
        self, name: str, parts: Sequence[str], kind: MemberKind, link_target: str = ""
    ) -> list[TreeEntry]:
        """Put a member into the tree.

        Args:
            name: Its name in the archive, for errors.
            parts: Its path, as `member_path` gives it.
            kind: What it is.
            link_target: Where a symbolic link points.

        Returns:
            The entries that are new, from above: folders that its name implies, then its own. Nothing for
            a folder that was implied by an earlier member, and for the root.

        Raises:
            AssetUnpackError: Something else stands at its path or on the way there.
        """
        if not parts:
            if kind is not MemberKind.FOLDER:
                raise refused(name, f"is {kind.value} with the name of the archive's root")
            return []
        entry, new = self._root, []
        for depth, part in enumerate(parts, start=1):
            is_last = depth == len(parts)
            key = folded(part)
            child = entry.children.get(key)
            if child is None:
                child = _new_child(entry, part, key, kind if is_last else MemberKind.FOLDER)
                new.append(child)
            elif child.name != part:
                raise refused(
                    name, f"collides with {child.path!r}: many file systems do not tell the two names apart"
                )
            elif not is_last and child.kind is not MemberKind.FOLDER:
                raise refused(name, f"lies below {child.path!r}, which is {child.kind.value}")
            elif is_last and (child.is_listed or kind is not MemberKind.FOLDER):
                raise refused(name, "is in the archive twice")
            entry = child
        entry.is_listed = True
        if kind is MemberKind.SYMLINK:
            entry.link_target = link_target
            self._links.append(entry)
        return new

    def file(self, path: str) -> TreeEntry | None:
        """Find a file by its exact path, through no link.

        Args:
            path: Its path below the root, with slashes, as the target of a hard link has it.

        Returns:
            Its entry; None if there is nothing, or something else, so far.
        """
        entry: TreeEntry | None = self._root
        for part in path.split("/"):
            if entry is not None and part not in {"", "."}:
                entry = _exact_child(entry, part)
        return entry if entry and entry.kind is MemberKind.FILE else None

    def resolved_links(self) -> Iterator[TreeEntry]:
        """Follow all symbolic links, each to its end.

        Yields:
            The links, with their `final` set, in the order of the archive.

        Raises:
            AssetUnpackError: A link leads out, in a circle, or to nothing; raised before any link is given.
        """
        for link in self._links:
            _follow(link, 1)
        yield from self._links


def _exact_child(folder: TreeEntry, part: str) -> TreeEntry | None:
    child = folder.children.get(folded(part))
    return child if child is not None and child.name == part else None


def _new_child(folder: TreeEntry, part: str, key: str, kind: MemberKind) -> TreeEntry:
    child = TreeEntry(part, MemberKind.FILE if kind is MemberKind.HARDLINK else kind, folder)
    folder.children[key] = child
    return child


def _follow(link: TreeEntry, depth: int) -> TreeEntry:
    """Find what stands at the end of a link, step by step as the kernel does, each link only once."""
    if link.final is not None:
        return link.final
    place, followed = link.parent or link, 1
    for step in link.link_target.split("/"):
        place = _next_place(link, place, step)
        if place.kind is MemberKind.SYMLINK:
            if depth == _MAX_LINKS_FOLLOWED:
                raise refused(link.path, _TOO_MANY_LINKS)
            final = _follow(place, depth + 1)
            followed += place.links_followed
            place = final
    if followed > _MAX_LINKS_FOLLOWED:
        raise refused(link.path, _TOO_MANY_LINKS)
    link.final, link.links_followed = place, followed
    return place


def _next_place(link: TreeEntry, place: TreeEntry, step: str) -> TreeEntry:
    if place.kind is MemberKind.FOLDER and step in {"", "."}:
        return place
    if place.kind is MemberKind.FOLDER and step == "..":
        if place.parent is None:
            raise refused(link.path, f"is a link that leads out of the folder, to {link.link_target!r}")
        return place.parent
    child = _exact_child(place, step)
    if child is None:
        raise refused(link.path, f"is a link to {link.link_target!r}, which is not in the archive")
    return child
