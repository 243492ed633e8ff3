"""The plain data that an object stands for."""

import sys
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from openmas_assets.messages.asset import Asset

# pydantic writes each of them as a text that it reads again.
_AS_TEXT = (UUID, date, time, timedelta, Decimal)


def plain_data(value: object) -> object:
    """Unwrap an object that stands for plain data; only itself, not what it contains.

    May run code of the object's class, but never asks its `__repr__` or `__str__` what it is.

    Args:
        value: Anything.

    Returns:
        Of an enum member its value, of a model, a dataclass or an asset a dict, of a UUID, a path, a date, a
        time or a decimal a text, of a number of numpy's one of Python's. All else as it is.
    """
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Enum):
        return plain_data(value.value)
    if isinstance(value, PurePath):
        return PurePath.__str__(value)
    if isinstance(value, BaseModel):
        return _fields(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return _plain_scalar(value)


def _fields(model: BaseModel) -> object:
    # The content of an asset is anything, which is judged when it is written.
    if isinstance(model, Asset):
        return model.given_fields()
    return model.model_dump(mode="json", warnings=False)


def _plain_scalar(value: object) -> object:
    if isinstance(value, _AS_TEXT):
        return to_jsonable_python(value)
    # Whoever has an object of numpy's has imported it.
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, numpy.generic):
        return value
    item = value.item()
    # Python has no number for some, such as long doubles.
    return value if isinstance(item, numpy.generic) else plain_data(item)
