"""Looks for a secret wherever an error or a log could show it."""

import base64
import logging
import traceback
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus


def appearances(secret: str, error: BaseException | None, records: Iterable[logging.LogRecord]) -> list[str]:
    """Where it appears: in the error, in what that was raised from, in attributes, tracebacks and logs."""
    return [f"{place}: {text}" for place, text in shown_texts(error, records) if secret in text]


def shown_texts(
    error: BaseException | None, records: Iterable[logging.LogRecord]
) -> Iterator[tuple[str, str]]:
    """Everything that an error and logs show, each with a word on where that is."""
    for index, link in enumerate(causes(error)):
        yield f"str of error {index}", str(link)
        yield f"repr of error {index}", repr(link)
        yield f"attributes of error {index}", repr(vars(link))
        yield f"traceback of error {index}", "".join(traceback.format_exception(link))
    for record in records:
        yield f"log of {record.name}", logging.Formatter().format(record)
        yield f"arguments of a log of {record.name}", repr(record.args)


def forms(secret: str) -> set[str]:
    """How a secret may be spelled: plain, percent-encoded, in base64."""
    encoded = {base64.b64encode(secret.encode()), base64.urlsafe_b64encode(secret.encode())}
    return {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)} | {
        text.decode().rstrip("=") for text in encoded
    }


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and all that it was raised from or while handling, or carries."""
    pending, seen = [error], set[int]()
    while pending:
        link = pending.pop()
        if link is not None and id(link) not in seen:
            seen.add(id(link))
            yield link
            inner = getattr(link, "error", None)
            pending += [link.__cause__, link.__context__, inner if isinstance(inner, BaseException) else None]
