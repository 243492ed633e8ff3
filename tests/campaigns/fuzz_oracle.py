"""What may come out of an input: an answer, or an error of our tree that people can read. No secret."""

import contextlib
import logging
import re
from collections.abc import Iterator

from fuzz_input import CANARY
from openmas_assets.messages.errors import AssetError
from secrets_found import causes, forms

_MAX_ERROR_LENGTH = 100_000
SECRETS = frozenset(form for form in forms(CANARY) if len(form) > 10)
# What differs between two errors of the same kind: quoted texts, numbers and paths.
_DETAIL = re.compile(r"(?:[0-9a-f]{2} )+[0-9a-f]{2}|'[^']*'|\"[^\"]*\"|\S*/\S*|[0-9a-f]{8,}|[0-9][0-9,.]*")


class BrokenPromiseError(Exception):
    """An input has had something come out that must not."""


def check(claim: bool, broken: str) -> None:
    """Break off if a promise does not hold.

    Args:
        claim: Whether it does.
        broken: What it is that is broken.
    """
    if not claim:
        raise BrokenPromiseError(broken)


def check_error(error: AssetError) -> str:
    """Look at an error as people and logs will see it.

    Returns:
        Its kind: the same text for errors that differ in details only.
    """
    for link in causes(error):
        for text in (str(link), repr(link), repr(vars(link))):
            check(
                not any(secret in text for secret in SECRETS),
                f"{type(link).__name__} shows a secret: {text[:500]}",
            )
    text = str(error)
    check(len(text) <= _MAX_ERROR_LENGTH, f"an error of {len(text):,} characters: {text[:200]}")
    check(_is_text(text), f"an error that no log takes: {text[:500]!a}")
    return f"{type(error).__name__} {_DETAIL.sub('_', text)[:120]}"


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@contextlib.contextmanager
def logs_watched() -> Iterator[None]:
    """What is logged meanwhile, by whichever thread, shows no secret."""
    watch = _Watch()
    logger = logging.getLogger("openmas_assets")
    logger.addHandler(watch)
    try:
        yield
    finally:
        logger.removeHandler(watch)
    for text in watch.texts:
        check(not any(secret in text for secret in SECRETS), f"a log shows a secret: {text[:500]}")


class _Watch(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))
