"""The bytes of an HTTP answer as they come, with as few copies as the libraries below allow."""

import http.client
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from openmas_assets.actors.sources.http_answer import HttpAnswer
from openmas_assets.actors.sources.http_headers import content_encoding

if TYPE_CHECKING:
    import requests

# A read takes what has arrived, up to this. Smaller ones cost calls, larger ones leave the processor's cache.
BUFFER_BYTES = 1 << 20


def body_chunks(response: "requests.Response", most_bytes: int | None = None) -> Iterator[bytes | memoryview]:
    """Read a body piece by piece; each is what has arrived, so that none waits for the next.

    The connection can serve another request when the iterator has ended by itself.

    Args:
        response: The answer, of whose body nothing has been read.
        most_bytes: How many bytes a piece may have at the most; by default a mebibyte.

    Yields:
        The bytes as they travel. A view is good until the next one is asked for.

    Raises:
        Exception: Whatever urllib3, http.client, ssl and the socket raise.
    """
    original = getattr(response.raw, "_original_response", None)
    if isinstance(original, HttpAnswer) and original.chunked:
        yield from _chunked(response, original, min(most_bytes or BUFFER_BYTES, BUFFER_BYTES))
    answer = _plain_answer(response)
    # What came with the headers lies in a small buffer; reading around that would wait for more to come.
    buffer_bytes = min(most_bytes or BUFFER_BYTES, BUFFER_BYTES)
    piece_bytes = min(buffer_bytes, io.DEFAULT_BUFFER_SIZE) if answer is not None else buffer_bytes
    while chunk := response.raw.read1(piece_bytes, decode_content=False):
        yield chunk
        if answer is not None and answer.length is not None and buffer_bytes > io.DEFAULT_BUFFER_SIZE:
            yield from _long_chunks(response, answer, buffer_bytes)


def _plain_answer(response: "requests.Response") -> http.client.HTTPResponse | None:
    """What urllib3 wraps, where nothing is to be decoded."""
    answer = getattr(response.raw, "_original_response", None)
    return answer if isinstance(answer, http.client.HTTPResponse) and not content_encoding(response) else None


def _chunked(response: "requests.Response", answer: HttpAnswer, buffer_bytes: int) -> Iterator[memoryview]:
    """Read a body in chunks; http.client and urllib3 pass over what stands where a chunk should end."""
    view = memoryview(bytearray(buffer_bytes))
    is_first = True
    while size := answer.next_chunk_bytes(is_first=is_first):
        is_first = False
        while size:
            count = answer.fp.readinto1(view[: min(len(view), size)])
            if not count:
                raise http.client.IncompleteRead(b"", size)
            size -= count
            yield view[:count]
    answer.chunked, answer.length, response.raw.length_remaining = False, 0, 0


def _long_chunks(
    response: "requests.Response", answer: http.client.HTTPResponse, buffer_bytes: int
) -> Iterator[memoryview]:
    """Read the rest of a body of known length into one buffer; urllib3 would take new memory each time."""
    length = answer.length or 0
    view = memoryview(bytearray(min(buffer_bytes, length)))
    while length:
        count = answer.fp.readinto1(view[: min(len(view), length)])
        if not count:
            raise http.client.IncompleteRead(b"", length)
        length -= count
        # Both libraries keep count, and give the connection back when they see that nothing is left.
        answer.length = response.raw.length_remaining = length
        yield view[:count]
