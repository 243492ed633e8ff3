"""A TLS server in front of a plain one, to see what a client does with certificates and encrypted streams."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

CERTIFICATE_PATH = Path(__file__).with_name("tls_front.pem")
"""A self-signed certificate for `localhost` and 127.0.0.1 with its key, valid until 2120."""

_HANDSHAKE = b"\x16"  # RFC 8446, 5.1: how a TLS connection begins


@contextmanager
def tls_front(origin: str, *, serves_plain: bool = False) -> Iterator[str]:
    """Serve over TLS what a plain server has, and give the origin (`https://127.0.0.1:port`) of that.

    Args:
        origin: The plain server's, `http://127.0.0.1:port`.
        serves_plain: Serve http on the same port too.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE_PATH)
    address = urlsplit(origin).hostname, urlsplit(origin).port
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                Thread(target=serve, args=(client,), daemon=True).start()

    def serve(client: socket.socket) -> None:
        with (
            suppress(OSError),
            client,  # TLS takes it over, if it comes to that
            socket.create_connection(address) as plain,
            accepted(client) as asked,
        ):
            answers = Thread(target=pass_on, args=(plain, asked), daemon=True)
            answers.start()
            pass_on(asked, plain)
            answers.join()

    def accepted(client: socket.socket) -> socket.socket:
        is_plain = serves_plain and client.recv(1, socket.MSG_PEEK) != _HANDSHAKE
        return client if is_plain else context.wrap_socket(client, server_side=True)

    acceptor = Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join()


def pass_on(source: socket.socket, target: socket.socket) -> None:
    """Copy bytes until either side ends, and tell the other one."""
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
