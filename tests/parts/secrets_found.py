"""Looks for a secret wherever an error or a log could show it."""

import logging
import traceback
from collections.abc import Iterable, Iterator


def appearances(secret: str, error: BaseException | None, records: Iterable[logging.LogRecord]) -> list[str]:
    """Where it appears: in the error, in what that was raised from, in attributes, tracebacks and logs."""
    texts: dict[str, str] = {}
    for index, link in enumerate(_chain(error)):
        texts[f"str of error {index}"] = str(link)
        texts[f"repr of error {index}"] = repr(link)
        texts[f"attributes of error {index}"] = repr(vars(link))
        texts[f"traceback of error {index}"] = "".join(traceback.format_exception(link))
    for record in records:
        texts[f"log of {record.name}"] = logging.Formatter().format(record)
    return [f"{place}: {text}" for place, text in texts.items() if secret in text]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    pending, seen = [error], set[int]()
    while pending:
        link = pending.pop()
        if link is not None and id(link) not in seen:
            seen.add(id(link))
            yield link
            inner = getattr(link, "error", None)
            pending += [link.__cause__, link.__context__, inner if isinstance(inner, BaseException) else None]
