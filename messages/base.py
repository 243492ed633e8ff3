"""The root of everything that actors say to each other."""

from pydantic import VERSION, BaseModel, ConfigDict

# Two threads may be the first at once, for which pydantic has a lock from 2.14 on (pydantic/pydantic#13438);
# before, one could get a wrong validator (#11849).
IS_BUILT_LATE = tuple(int(number) for number in VERSION.split(".")[:2]) >= (2, 14)
"""Whether a model's validator is built when it is first needed, not at import.

A process needs few of the models that there are, and each takes up to a few milliseconds.
"""


class Message(BaseModel):
    """A typed, immutable value: what one actor tells another.

    Messages cross threads without a copy, so they are frozen and hold plain data only: no lock,
    no open file, no callable. A field that is not declared is refused.
    """

    # hide_input_in_errors: a message may carry a URL with a secret in it
    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=IS_BUILT_LATE
    )
