"""The root of everything that actors say to each other."""

from pydantic import BaseModel, ConfigDict


class Message(BaseModel):
    """A typed, immutable value: what one actor tells another.

    Messages cross threads without a copy, so they are frozen and hold plain data only: no lock,
    no open file, no callable. A field that is not declared is refused.
    """

    # hide_input_in_errors: a message may carry a URL with a secret in it
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
