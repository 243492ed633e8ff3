"""What the Hub's library and its HTTP client log: URLs whose queries are signatures. They are cut off."""

import logging
import re

# Loggers, not their parents: a filter sees only what is logged by the very logger it is on.
_LOGGERS = (
    "httpx",
    "httpx2",
    *(
        f"{library}.{part}"
        for library in ("httpcore", "httpcore2")
        for part in ("connection", "http11", "http2", "proxy", "socks")
    ),
    "huggingface_hub",
    "huggingface_hub._snapshot_download",
    "huggingface_hub.file_download",
    "huggingface_hub.hf_api",
    "huggingface_hub.utils._http",
    "huggingface_hub.utils._xet",
)
_QUERY = re.compile(r"\?[^\s'\"<>)\]]+")


def hide_queries() -> None:
    """From now on these loggers name no query. Doing it again changes nothing.

    For the whole process, as the library works in threads of its own, and may still do so when a transfer
    has been given up: queries of other parts of the program are missing from these loggers' lines as well.
    """
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_cut_queries)


def _cut_queries(record: logging.LogRecord) -> bool:
    record.msg = _QUERY.sub("?...", record.getMessage())
    record.args = ()
    record.exc_info = record.exc_text = None
    return True
