import socket
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetching import Fetching
from loopback import Fault, LoopbackServer
from openmas_assets.actors.sources.fetched import TransferError
from openmas_assets.actors.sources.http_failure import connection_failure
from openmas_assets.actors.sources.http_headers import http_date
from openmas_assets.messages.errors import AssetAuthenticationError, AssetDownloadError
from projects import asset

DATA = bytes(range(256)) * 1000
SHORT_SECONDS = 0.2


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[Fetching]:
    """A fetcher that waits for a moment only."""
    impatient = Fetching(tmp_path, timeout_seconds=SHORT_SECONDS)
    yield impatient
    impatient.network.close()


def failure(fetching: Fetching, url: str) -> TransferError:
    with pytest.raises(TransferError) as caught:
        fetching.hit(asset("llama", url))
    error = caught.value.error
    assert isinstance(error, AssetDownloadError)
    assert error.asset_name == "llama"
    assert error.url is not None
    assert error.url in str(error)
    return caught.value


@pytest.mark.parametrize("status", [400, 404, 405, 410, 451, 499])
def test_a_4xx_is_final(fetching: Fetching, server: LoopbackServer, status: int) -> None:
    refusal = failure(fetching, server.put("/a", status=status))
    assert (refusal.is_retryable, refusal.error.status_code) == (False, status)  # type: ignore[attr-defined]
    assert f"the server answered {status}" in str(refusal)
    assert fetching.staged() == []


def test_a_404_says_what_to_do(fetching: Fetching, server: LoopbackServer) -> None:
    url = server.url("/a")
    assert str(failure(fetching, url)) == (
        f"asset 'llama': the server answered 404 Not Found for {url}."
        " Check the url of the asset in the project file."
    )


@pytest.mark.parametrize("status", [408, 425, 429, 500, 501, 502, 503, 504, 507, 599])
def test_a_server_that_has_trouble_may_be_asked_again(
    fetching: Fetching, server: LoopbackServer, status: int
) -> None:
    trouble = failure(fetching, server.put("/a", status=status))
    assert (trouble.is_retryable, trouble.retry_after_seconds) == (True, 0.0)


@pytest.mark.parametrize("status", [401, 403, 407])
def test_a_server_that_wants_credentials_is_an_authentication_error(
    fetching: Fetching, server: LoopbackServer, status: int
) -> None:
    refusal = failure(fetching, server.put("/a", status=status))
    assert isinstance(refusal.error, AssetAuthenticationError)
    assert not refusal.is_retryable
    assert "asks for credentials" in str(refusal)


@pytest.mark.parametrize("status", [201, 202, 203, 204, 205, 206, 300, 304, 306])
def test_an_answer_that_is_not_the_file_is_refused(
    fetching: Fetching, server: LoopbackServer, status: int
) -> None:
    refusal = failure(fetching, server.put("/a", b"" if status in (204, 304) else DATA, status=status))
    assert f"the server answered {status}" in str(refusal)
    assert not refusal.is_retryable
    assert fetching.staged() == []


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("text", ["7", " 7 ", "0007"])
def test_retry_after_may_be_seconds(
    fetching: Fetching, server: LoopbackServer, text: str, status: int
) -> None:
    trouble = failure(fetching, server.put("/a", status=status, headers={"Retry-After": text}))
    assert (trouble.is_retryable, trouble.retry_after_seconds) == (True, 7.0)


def test_retry_after_may_be_a_date(fetching: Fetching, server: LoopbackServer) -> None:
    date = format_datetime(datetime.now(tz=UTC) + timedelta(minutes=10), usegmt=True)
    trouble = failure(fetching, server.put("/a", status=503, headers={"Retry-After": date}))
    assert trouble.is_retryable
    assert 500 < trouble.retry_after_seconds <= 600


@pytest.mark.parametrize(
    "text", ["", "soon", "-5", "1.5", "٣", "Wed, 01 Jan 2020 00:00:00 GMT", "Wed, 99 Foo 2020", "0x10"]
)
def test_a_retry_after_that_says_nothing_is_passed_over(
    fetching: Fetching, server: LoopbackServer, text: str
) -> None:
    header = text.encode().decode("latin-1")
    trouble = failure(fetching, server.put("/a", status=503, headers={"Retry-After": header}))
    assert (trouble.is_retryable, trouble.retry_after_seconds) == (True, 0.0)


@pytest.mark.parametrize("text", ["999999", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_server_that_asks_for_too_long_a_pause_is_not_asked_again(
    fetching: Fetching, server: LoopbackServer, text: str
) -> None:
    trouble = failure(fetching, server.put("/a", status=503, headers={"Retry-After": text}))
    assert not trouble.is_retryable
    assert "It asks to come back in" in str(trouble)


@given(
    st.one_of(
        st.text(), st.from_regex(r"[A-Z][a-z]{2}, \d{1,5} [A-Z][a-z]{2} -?\d{1,9} [\d:]{0,12} ?\S{0,6}")
    )
)
def test_no_text_in_the_place_of_a_date_is_too_much(text: str) -> None:
    assert isinstance(http_date(text), float | None)


SILENT = "the server sent nothing for 0.2 s"
CUT = "the connection was cut before the end of the file"
NO_HTTP = "what the server answers is not HTTP"
FAULTS = {
    "silent before the headers": (Fault(hang_before_headers=True), SILENT),
    "silent behind the headers": (Fault(stall_after=0), SILENT),
    "silent in the body": (Fault(stall_after=1000), SILENT),
    "cut behind the headers": (Fault(cut_after=0), CUT),
    "cut in the body": (Fault(cut_after=1000), CUT),
    "reset behind the headers": (Fault(cut_after=0, is_reset=True), "the connection"),
    "reset in the body": (Fault(cut_after=1000, is_reset=True), "the connection"),
    "length too large": (Fault(wrong_length=len(DATA) + 1), CUT),
    "another protocol": (Fault(garbage=b"SSH-2.0-OpenSSH_9.6\r\n"), NO_HTTP),
    "no status": (Fault(garbage=b"HTTP/1.1 banana\r\n\r\n"), NO_HTTP),
    "endless header": (Fault(garbage=b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70_000), NO_HTTP),
    "many headers": (Fault(garbage=b"HTTP/1.1 200 OK\r\n" + b"A: x\r\n" * 200), NO_HTTP),
    "no answer": (Fault(garbage=b""), "the server closed the connection without an answer"),
}


@pytest.mark.parametrize(("fault", "problem"), FAULTS.values(), ids=FAULTS)
def test_a_connection_that_goes_wrong_is_explained_and_may_be_tried_again(
    impatient: Fetching, server: LoopbackServer, fault: Fault, problem: str
) -> None:
    broken = failure(impatient, server.put("/a", DATA, faults=[fault]))
    assert problem in str(broken)
    assert broken.is_retryable


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_silence_in_the_body_ends_a_transfer_of_any_framing(
    impatient: Fetching, server: LoopbackServer, framing: str
) -> None:
    silent = failure(impatient, server.put("/a", DATA, framing=framing, faults=[Fault(stall_after=500)]))
    assert "the server sent nothing for 0.2 s" in str(silent)
    assert "OPENMAS_ASSETS_TIMEOUT" in str(silent)


def test_a_chunked_body_that_is_cut_is_noticed(fetching: Fetching, server: LoopbackServer) -> None:
    broken = failure(fetching, server.put("/a", DATA, framing="chunked", faults=[Fault(cut_after=1000)]))
    assert "the connection was cut before the end of the file" in str(broken)


def test_a_length_that_is_too_short_brings_no_wrong_file(fetching: Fetching, server: LoopbackServer) -> None:
    """Only the checksum can tell: for HTTP the file ends where its length says."""
    config = asset(
        "a", server.put("/a", DATA, faults=[Fault(wrong_length=1000)]), checksum="sha256:" + "0" * 64
    )
    with pytest.raises(TransferError, match="the checksum does not match"):
        fetching.hit(config)
    assert fetching.staged() == []


def test_redirects_without_end_are_ended(fetching: Fetching, server: LoopbackServer) -> None:
    loop = failure(fetching, server.put("/a", redirect="/a"))
    assert "redirects without end" in str(loop)
    assert not loop.is_retryable


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/a",
        "data:text/plain,hello",
        "http://[::1",
        "http://127.0.0.1:99999/",
        "http://" + "a" * 70 + ".example/",
        "http://.example/",
        "\xff\xfe:",
    ],
)
def test_a_redirect_to_what_is_no_web_server_is_not_followed(
    fetching: Fetching, server: LoopbackServer, target: str
) -> None:
    refusal = failure(fetching, server.put("/a", redirect=target))
    assert "the URL, or one that it redirects to, is none that can be fetched" in str(refusal)
    assert not refusal.is_retryable
    assert server.count("GET", "/a") == 1
    assert fetching.staged() == []


def test_a_server_name_that_nobody_knows_is_explained(fetching: Fetching) -> None:
    unknown = failure(fetching, "http://nobody.invalid/a")
    assert "the server's name is not known" in str(unknown)
    assert unknown.is_retryable


def test_a_refused_connection_is_explained(fetching: Fetching, server: LoopbackServer) -> None:
    server.close()
    refused = failure(fetching, server.url("/a"))
    assert "the connection to the server failed: connection refused" in str(refused)
    assert refused.is_retryable


def test_what_the_system_says_of_a_connection_is_passed_on(fetching: Fetching) -> None:
    # An address to which no connection can lead: which reason the system gives depends on its routes.
    failed = failure(fetching, "http://255.255.255.255:9/a")
    assert "the connection to the server failed: " in str(failed)
    assert failed.is_retryable


def test_a_connection_that_does_not_come_about_is_given_up(impatient: Fetching) -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # nobody accepts them, and there is no room for another one
            client = stack.enter_context(socket.socket())
            client.settimeout(0)
            client.connect_ex(listener.getsockname())
        late = failure(impatient, f"http://127.0.0.1:{listener.getsockname()[1]}/a")
    assert "no connection within 0.2 s" in str(late)
    assert late.is_retryable


def test_a_port_that_does_not_speak_tls_is_explained(fetching: Fetching) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer_in_plain_text() -> None:
            client, _ = listener.accept()
            with client:
                client.recv(65536)
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        answering = Thread(target=answer_in_plain_text)
        answering.start()
        plain = failure(fetching, f"https://127.0.0.1:{listener.getsockname()[1]}/a")
        answering.join()
    assert "no secure connection to the server" in str(plain)


def test_a_proxy_that_is_not_there_is_explained(
    fetching: Fetching, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.close()
    monkeypatch.setenv("http_proxy", server.origin)
    assert "no connection through the proxy" in str(failure(fetching, "http://models.invalid/a"))


def test_an_error_that_nobody_expects_is_named_without_its_text() -> None:
    failure = connection_failure("a", "http://host/a", RuntimeError("s3cret"), SHORT_SECONDS)
    assert "the connection to the server broke: RuntimeError (http://host/a)" in str(failure.error)
    assert "s3cret" not in repr(failure.error)
    assert failure.is_retryable
