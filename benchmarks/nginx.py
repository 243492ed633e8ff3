"""An nginx of our own: on a free port of the loopback, as the current user, with its files in one folder."""

import itertools
import os
import shutil
import socket
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Self

# `user` counts for root only, whose workers would be nobody's and could not read our folder.
# sendfile and tcp_nopush are what a server of large files is set up with.
_CONFIGURATION = """\
{user}
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    log_format served '$request_method $uri $status $connection $msec $request_time';
    access_log {folder}/access.log served;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 100000;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ root {data}; }}
        location /limited/ {{ alias {data}/; limit_rate 20m; }}
        location /slow/ {{ alias {data}/; limit_rate 64k; }}
    }}
}}
"""
_START_SECONDS = 10.0


class Nginx:
    """A running server; leaving the `with` block stops it.

    `/name` is served as fast as it goes, `/limited/name` at 20 MB/s a request, `/slow/name` at 64 KB/s.

    Args:
        folder: Where it keeps what it writes; made if it is not there.
        data: The folder that it serves.

    Raises:
        RuntimeError: It does not start; the error has what it said.
    """

    def __init__(self, folder: Path, data: Path) -> None:
        program = find_nginx()
        if program is None:
            raise RuntimeError("nginx is not installed")
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._port = _free_port()
        configuration = folder / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                user="user root root;" if os.geteuid() == 0 else "", folder=folder, data=data, port=self._port
            )
        )
        # A group of its own: Ctrl-C is for the benchmark, which then stops the server.
        self._process = subprocess.Popen(  # noqa: S603 - the program that was found, with our own arguments
            [program, "-e", f"{folder}/error.log", "-p", str(folder), "-c", str(configuration)],
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._await_start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def url(self, path: str) -> str:
        """The URL of a path that starts without a slash."""
        return f"http://127.0.0.1:{self._port}/{path}"

    def forget(self) -> None:
        """Count from here."""
        # nginx appends to the file it has open, so that it may be emptied below it.
        os.truncate(self._folder / "access.log", 0)

    def get_count(self, path: str) -> int:
        """How many GETs of a path it has answered since `forget`."""
        return sum(line.startswith(f"GET /{path} ") for line in self._log())

    def most_connections(self) -> int:
        """How many connections brought something at the same time since `forget`."""
        spans: dict[str, list[float]] = {}
        for line in self._log():
            connection, ended, took = line.split()[-3:]
            spans.setdefault(connection, []).extend([float(ended) - float(took), float(ended)])
        # An end goes before a start of the same millisecond: one is the other's successor.
        changes = sorted(change for times in spans.values() for change in ((min(times), 1), (max(times), -1)))
        return max(itertools.accumulate(by for _, by in changes), default=0)

    def _log(self) -> list[str]:
        return (self._folder / "access.log").read_text().splitlines()

    def _await_start(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.02)
        self._process.kill()
        self._process.wait()
        raise RuntimeError(f"nginx does not start: {(self._folder / 'error.log').read_text()}")


def find_nginx() -> str | None:
    """Where nginx is; packages put it where only root's PATH leads."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
