"""A place in a parameter: where references to assets stand in a call, and what is put in their stead."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from openmas_assets.messages.asset_ref import AssetRef
from openmas_assets.messages.container import elements, is_dict, is_list
from openmas_assets.messages.errors import PluginCallError
from openmas_assets.messages.parameter_type import (
    AnyType,
    FieldsType,
    ListType,
    MapType,
    Parameter,
    ParameterType,
    PlainType,
    UnionType,
    alternatives,
    of_kind,
)
from openmas_assets.messages.problem import KeyPath, dotted
from openmas_assets.messages.suggestion import closest, listed

MAX_PARAMETER_DEPTH = 100
"""How deep lists and dicts may nest in a parameter."""

MAX_PARAMETER_VALUES = 100_000
"""How many texts and containers a parameter may hold; numbers and other objects do not count."""

_ANY = AnyType()
_MAX_NOTED = 20
_MAX_TEXT_LENGTH = 250


@dataclass(frozen=True, slots=True)
class ReferencePlace:
    """Where a reference stands that the command accepts.

    Attributes:
        path: The keys and indices that lead to it; empty where it is the whole parameter.
        ref: The reference.
    """

    path: KeyPath
    ref: AssetRef

    def __str__(self) -> str:
        return place_text(self.path)


def place_text(path: KeyPath) -> str:
    """A place as errors name it.

    Args:
        path: The keys and indices that lead there.

    Returns:
        Such as `images[2].crop`; `param` for the whole parameter. Of a long one the middle is left out.
    """
    text = _from_root(dotted(path))
    return text if len(text) <= _MAX_TEXT_LENGTH else f"{text[:100]}…{text[-100:]}"


def reference_places(parameter: Parameter, value: object) -> list[ReferencePlace]:
    """Find the references in a call's parameter.

    What counts is the declaration: a flag on a list without declared element fields covers its elements, one
    on a dict without declared fields its values, at any depth; it opens no declared field, nor does the flag
    of a field open what is around it. A dict that reads like a reference is none where the declared fields
    are called so and no reference is accepted. Only dicts, lists and tuples are searched.

    Args:
        parameter: What the command declares.
        value: What it is called with; not changed.

    Returns:
        The places to be resolved, in the order they stand.

    Raises:
        PluginCallError: A reference stands where none is accepted, or the parameter is too deep or too large.
    """
    search = _Search()
    search.look(parameter.type, value, (), accepts=parameter.accepts_references)
    if search.refused:
        raise _refusal(parameter, search.refused)
    return search.places


def with_replaced(value: object, replaced: Mapping[ReferencePlace, object]) -> Any:
    """Make a parameter with other values in some places.

    Args:
        value: The parameter; not changed.
        replaced: What to put in each place that `reference_places` found in it.

    Returns:
        A new parameter: copied are only the dicts, lists and tuples that lead to one of the places.
    """
    return _rebuilt(value, [(place.path, new) for place, new in replaced.items()])


def declared_fields(options: list[PlainType], value: dict[Any, Any]) -> FieldsType | None:
    """The declaration that a dict is most likely meant for.

    Args:
        options: The types that are declared for it.
        value: The dict.

    Returns:
        The one with the most of its keys, and of these the one that misses the fewest required fields; None
        where none has all its keys and dicts of any keys are declared as well, or where none is declared.
    """
    candidates = of_kind(options, FieldsType)
    if not candidates:
        return None
    best = max(candidates, key=lambda each: _likeness(each, value))
    is_open = _ANY in options or of_kind(options, MapType)
    return None if is_open and not set(dict.keys(value)) <= set(best.names) else best


def accepting_places(parameter: Parameter) -> list[str]:
    """Where a command accepts references.

    Args:
        parameter: What it declares.

    Returns:
        Such as `param`, `image` and `tiles[].image`.
    """
    return list(dict.fromkeys(_accepting(parameter, "", frozenset())))


class _Search:
    def __init__(self) -> None:
        self.places: list[ReferencePlace] = []
        # With the declaration that has no such field, where there is one.
        self.refused: list[tuple[KeyPath, FieldsType | None]] = []
        self._value_count = 0

    def look(
        self,
        declared: ParameterType,
        value: object,
        path: KeyPath,
        *,
        accepts: bool,
        unknown_to: FieldsType | None = None,
    ) -> None:
        kind = type(value)
        if not issubclass(kind, str | dict | list | tuple | AssetRef):
            return
        self._check_bounds(path)
        options = alternatives(declared)
        if AssetRef.is_ref(value) and (accepts or not _is_declared_so(options, value)):
            if accepts:
                self.places.append(ReferencePlace(path, AssetRef.parse(value)))
            else:
                self.refused.append((path, unknown_to))
        elif is_dict(value):
            self._look_into_dict(options, value, path, accepts=accepts)
        elif is_list(value):
            element = _joined([each.element for each in of_kind(options, ListType)], options)
            for index, item in enumerate(elements(value)):
                self.look(element or _ANY, item, (*path, index), accepts=accepts and element is not None)

    def _look_into_dict(
        self, options: list[PlainType], value: dict[Any, Any], path: KeyPath, *, accepts: bool
    ) -> None:
        declared = declared_fields(options, value)
        fields = {each.name: each for each in declared.fields} if declared else {}
        others = None if declared else _joined([each.value for each in of_kind(options, MapType)], options)
        for key, item in dict.items(value):
            place = (*path, key if isinstance(key, str | int) else "?")
            field = fields.get(key) if isinstance(key, str) else None
            if field is not None:
                self.look(field.type, item, place, accepts=field.accepts_references)
            else:
                accepted = accepts and others is not None and isinstance(key, str | int)
                self.look(others or _ANY, item, place, accepts=accepted, unknown_to=declared)

    def _check_bounds(self, path: KeyPath) -> None:
        self._value_count += 1
        if len(path) > MAX_PARAMETER_DEPTH:
            raise PluginCallError(
                f"the parameter nests deeper than {MAX_PARAMETER_DEPTH} levels",
                parameter=place_text(path[:4]),
                fix="Put it into the asset store and pass a reference, or pass less.",
            )
        if self._value_count > MAX_PARAMETER_VALUES:
            raise PluginCallError(
                f"the parameter holds more than {MAX_PARAMETER_VALUES:,} values",
                fix="Put it into the asset store and pass a reference, or pass less.",
            )


def _is_declared_so(options: list[PlainType], value: object) -> bool:
    return is_dict(value) and any(
        set(dict.keys(value)) <= set(each.names) for each in of_kind(options, FieldsType)
    )


def _joined(types: list[ParameterType], options: list[PlainType]) -> ParameterType | None:
    # None where what is inside is not declared at all, so that no flag on the whole covers it.
    if _ANY in options or _ANY in types:
        return _ANY
    if len(types) > 1:
        return UnionType(tuple(types))
    return types[0] if types else None


def _likeness(declared: FieldsType, value: dict[Any, Any]) -> tuple[int, int]:
    known = sum(dict.__contains__(value, name) for name in declared.names)
    missing = sum(each.is_required and not dict.__contains__(value, each.name) for each in declared.fields)
    return known, -missing


def _noted(path: KeyPath, unknown_to: FieldsType | None) -> str:
    return place_text(path) + ("" if unknown_to is None else _unknown_field(path[-1], unknown_to))


def _unknown_field(key: object, declared: FieldsType) -> str:
    match = closest(key, declared.names) if isinstance(key, str) else None
    return f" (an unknown field; did you mean '{match}'?)" if match else " (an unknown field)"


def _refusal(parameter: Parameter, refused: list[tuple[KeyPath, FieldsType | None]]) -> PluginCallError:
    places = accepting_places(parameter)
    accepted = (
        f"References are accepted in {listed(places)} only" if places else "It accepts references nowhere"
    )
    # To look for what was meant takes long, and no more than the first ones are shown.
    texts = [_noted(*each) for each in refused[:_MAX_NOTED]]
    texts += [place_text(path) for path, _ in refused[_MAX_NOTED:]]
    return PluginCallError(
        f"the command accepts no reference in {listed(texts)}",
        parameter=place_text(refused[0][0]),
        fix=f"{accepted}; elsewhere write the value itself.",
    )


def _rebuilt(value: Any, replaced: list[tuple[KeyPath, object]]) -> Any:
    below: dict[str | int, list[tuple[KeyPath, object]]] = {}
    for path, new in replaced:
        if not path:
            return new
        below.setdefault(path[0], []).append((path[1:], new))
    if not below:
        return value
    copy: Any = dict(dict.items(value)) if is_dict(value) else list(elements(value))
    for step, deeper in below.items():
        copy[step] = _rebuilt(copy[step], deeper)
    return tuple(copy) if issubclass(type(value), tuple) else copy


def _from_root(text: str) -> str:
    return f"param{text}" if not text or text.startswith("[") else text


def _accepting(parameter: Parameter, path: str, names: frozenset[int]) -> Iterator[str]:
    if parameter.accepts_references:
        yield _from_root(path)
    yield from _accepting_below(parameter.type, path, names, accepts=parameter.accepts_references)


def _accepting_below(
    declared: ParameterType, path: str, seen: frozenset[int], *, accepts: bool
) -> Iterator[str]:
    for option in alternatives(declared):
        # A type that contains itself is listed once.
        if id(option) in seen:
            continue
        inner = seen | {id(option)}
        match option:
            case ListType(element):
                if accepts:
                    yield _from_root(f"{path}[]")
                yield from _accepting_below(element, f"{path}[]", inner, accepts=accepts)
            case MapType(value):
                if accepts:
                    yield f"{path}.*".removeprefix(".")
                yield from _accepting_below(value, f"{path}.*".removeprefix("."), inner, accepts=accepts)
            case FieldsType(fields):
                for each in fields:
                    yield from _accepting(each, f"{path}.{each.name}".removeprefix("."), inner)
