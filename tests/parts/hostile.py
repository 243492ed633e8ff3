"""Objects that write down each call of theirs: whoever reads data only makes them write nothing."""

from collections.abc import Callable
from typing import Any

# What Python may call on an instance behind one's back.
_ASKED = """
    __getattribute__ __getattr__ __repr__ __str__ __format__ __bytes__ __eq__ __ne__ __lt__ __hash__
    __bool__ __len__ __length_hint__ __iter__ __next__ __contains__ __getitem__ __missing__ __reversed__
    __call__ __index__ __int__ __float__ __complex__ __round__ __trunc__ __dir__ __sizeof__ __reduce__
    __reduce_ex__ __getstate__ __copy__ __deepcopy__ __fspath__ __buffer__ __array__ __array_finalize__
    __array_interface__ __instancecheck__ __subclasscheck__ __get__ keys values items get copy index count
    tolist isoformat model_dump model_fields _asdict
"""

# What Python may call on a class behind one's back.
_ASKED_OF_CLASS = """
    __getattribute__ __getattr__ __repr__ __str__ __eq__ __ne__ __hash__ __bool__ __len__ __iter__
    __contains__ __instancecheck__ __subclasscheck__ __dir__ __call__
"""


class Journal:
    """What was called. Writes once it is opened, for making a hostile object calls things as well."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._is_open = False

    def open(self) -> None:
        self._is_open = True

    def method(self, name: str, otherwise: Callable[..., Any] | None = None) -> Callable[..., Any]:
        """A method that is written down, and does something else, or fails."""

        def asked(*arguments: Any, **named: Any) -> Any:
            if self._is_open:
                self.calls.append(name)
            if otherwise is None:
                raise RuntimeError(f"{name} was called")
            return otherwise(*arguments, **named)

        return asked


def hostile_class(journal: Journal, *bases: type, **entries: Any) -> type:
    """A class of a hostile metaclass, all of whose methods and properties write themselves down.

    Args:
        journal: Where to.
        bases: What it derives from.
        entries: What it also has.
    """
    # With these the interpreter can make the object, and pytest show it where a test fails.
    defaults: dict[str, Any] = {
        "__hash__": lambda _: hash(entries.get("reads_as")),
        "__eq__": lambda one, other: one is other,
        "__getattribute__": object.__getattribute__,
        "__repr__": lambda _: "<hostile>",
        "__array_finalize__": lambda *_: None,
        "__get__": lambda one, *_: one,
    }
    own: dict[str, Any] = {name: journal.method(name, defaults.get(name)) for name in _ASKED.split()}
    for name in ("__class__", "__dict__", "value", "secret", "shape", "length"):
        own[name] = property(journal.method(f"property {name}"))
    metaclass: Any = type("HostileType", (type,), _entries_of_metaclass(journal))
    made: type = type.__new__(metaclass, "Hostile", bases or (object,), {**own, **entries})
    type.__init__(made, "Hostile", bases, {})
    return made


def _entries_of_metaclass(journal: Journal) -> dict[str, Any]:
    entries: dict[str, Any] = {
        name: journal.method(f"metaclass {name}", getattr(type, name, None))
        for name in _ASKED_OF_CLASS.split()
    }
    for name in ("__mro__", "__name__"):
        entries[name] = property(journal.method(f"metaclass {name}", type.__dict__[name].__get__))
    return entries


def hostile(journal: Journal, *bases: type, arguments: tuple[Any, ...] = (), **entries: Any) -> Any:
    """An instance of a hostile class.

    Args:
        journal: Where it writes its calls down.
        bases: What its class derives from; the first one makes it.
        arguments: What to make it of.
        entries: What its class also has.
    """
    base = bases[0] if bases else object
    made = base.__new__(hostile_class(journal, *bases, **entries), *arguments)
    if arguments and base in {list, dict}:
        base.__init__(made, *arguments)
    return made
