"""The table of properties that references may evaluate, by the type of the object."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Self

from openmas_assets.messages.class_record import lineage
from openmas_assets.messages.errors import AssetConfigurationError


class PropertyTable:
    """Which properties may be evaluated of which objects. Immutable.

    To evaluate a property is to run code, so none is unless its type has been registered for it.
    """

    def __init__(self, names: Mapping[int, tuple[type, frozenset[str]]] = MappingProxyType({})) -> None:
        # By identity: the hash of a class may be its metaclass's to tell. The class is kept, so that no
        # other can get its id.
        self._names = names

    def with_type(self, cls: type, names: Iterable[str]) -> Self:
        """This table, and more properties for a type.

        Args:
            cls: The type; its subclasses have them too.
            names: The properties. They run in a reader's thread, and must return data.

        Returns:
            A new table.

        Raises:
            AssetConfigurationError: A name is no attribute's, or has a leading underscore.
        """
        if not isinstance(cls, type):
            raise AssetConfigurationError(
                "properties are registered for a class", fix="Give the class itself."
            )
        added = frozenset([names] if isinstance(names, str) else names)
        for name in added:
            if not name.isidentifier() or name.startswith("_"):
                raise AssetConfigurationError(
                    f"no property that references may evaluate is named {name[:100]!r}",
                    fix="Give names of attributes without a leading underscore.",
                )
        return type(self)({**self._names, id(cls): (cls, added | self._of(cls))})

    def names_for(self, value: object) -> frozenset[str]:
        """The properties that may be evaluated of an object.

        Args:
            value: Anything; nothing of its runs.

        Returns:
            Those that are registered for its class or a base of it.
        """
        if not self._names:
            return frozenset()
        return frozenset().union(*(self._of(cls) for cls in lineage(type(value))))

    def _of(self, cls: type) -> frozenset[str]:
        _, names = self._names.get(id(cls), (cls, frozenset()))
        return names


NO_PROPERTIES = PropertyTable()
"""No property of any type is evaluated."""
