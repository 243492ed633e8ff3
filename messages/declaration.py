"""A part of the project file, and the kinds of values that such parts hold."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from openmas_assets.messages.base import Message


class Declaration(Message):
    """What a user declares in `openmas_project.yml`: a message with two habits of its own.

    A key without a value (null in YAML) is as if it were not there, so its default holds: that is how
    OpenMAS 0.2.2 reads its optional fields. And pydantic's errors do not show the input, for a URL in
    it may hold a password.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    # Keys besides the declared ones that may stand there without a value.
    _idle_keys: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _prepare(cls, data: Any) -> Any:
        return cls._prepared(data) if isinstance(data, Mapping) else data

    @classmethod
    def _prepared(cls, data: Mapping[Any, Any]) -> Any:
        nullable_keys = cls.model_fields.keys() | cls._idle_keys
        return {key: value for key, value in data.items() if value is not None or key not in nullable_keys}


def _refuse_bool(value: object) -> object:
    # Python counts True as 1; in a project file it is a slip.
    if isinstance(value, bool):
        raise ValueError("is true or false, and a number belongs here; write a number")  # noqa: TRY004
    return value


def _check_path_text(value: object) -> object:
    if isinstance(value, str) and (not value.strip() or "\0" in value):
        raise ValueError("is no path; write the path of a file or folder")
    return value


PathText = Annotated[Path, BeforeValidator(_check_path_text)]
"""A path as somebody wrote it: not empty, no NUL; relative and `~` are left to the reader of the file."""

Count = Annotated[int, Field(ge=0), BeforeValidator(_refuse_bool)]
"""A whole number from 0."""

PositiveCount = Annotated[int, Field(gt=0), BeforeValidator(_refuse_bool)]
"""A whole number from 1."""

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False), BeforeValidator(_refuse_bool)]
"""A finite number from 0."""

PositiveAmount = Annotated[float, Field(gt=0, allow_inf_nan=False), BeforeValidator(_refuse_bool)]
"""A finite number above 0."""
