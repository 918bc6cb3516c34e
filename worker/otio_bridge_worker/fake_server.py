"""fakeredis as a queue server, for Windows, where no Redis-protocol server comes as a wheel (media.md §2).

Stock `TcpFakeServer` (2.40) is mended in four places: an ordinary error reply no longer ends the connection,
small replies are not held back for 40 ms (TCP_NODELAY), a read never blocks what is to be written (stock
relies on POSIX's O_NONBLOCK for that), and the password is asked for.
"""

from __future__ import annotations

import hmac
import os
import select
import threading
from typing import Any

from redis.exceptions import RedisError

from otio_bridge.errors import QueueError
from otio_bridge.platform import process_start_time
from otio_bridge_worker.queue_server import Record

try:
    from fakeredis._clients._tcp_server import TCPFakeRequestHandler, TcpFakeServer
except ImportError as exc:
    raise QueueError(
        "fakeredis is not installed", next='pip install "fakeredis[lua]", or set redis_url'
    ) from exc

#: Seconds between looks for a reply nobody asked for (pub/sub); commands are answered at once.
_LOOK = 0.05


class _Handler(TCPFakeRequestHandler):
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.connection.setblocking(True)

    def handle(self) -> None:
        if not self._admit():
            return
        while not self.server.ending.is_set():
            self._reply()
            if select.select([self.connection], [], [], _LOOK)[0]:
                data = self.connection.recv(65536)
                if not data:
                    return
                self._feed(data)

    def _feed(self, data: bytes) -> None:
        self.current_client.get_socket().sendall(data)
        self._reply()

    def _reply(self) -> None:
        while self.current_client.can_read():
            try:
                answer = self.current_client.read_response()
            except RedisError as exc:
                answer = exc
            self.writer.dump(answer)

    def _admit(self) -> bool:
        """The first command has to carry the password (AUTH, or HELLO … AUTH); it is then run like any."""
        data = b""
        while (words := _first_command(data)) is None and len(data) < 4096:
            more = self.connection.recv(4096)
            if not more:
                return False
            data += more
        given = words[-1] if words and words[0].upper() == b"AUTH" else b""
        if words and words[0].upper() == b"HELLO" and b"AUTH" in (upper := [word.upper() for word in words]):
            given = b"".join(words[upper.index(b"AUTH") + 2 :][:1])
        if not hmac.compare_digest(given, self.server.password):
            self.connection.sendall(b"-NOAUTH Authentication required.\r\n")
            return False
        self._feed(data)
        return True


def _first_command(data: bytes) -> list[bytes] | None:
    """The words of the first complete command; None while it is incomplete, [] if it is no command."""
    first, *rest = data.split(b"\r\n")
    if not rest:
        return None
    if not (first.startswith(b"*") and first[1:].isdigit()):
        return []
    count = int(first[1:])
    return rest[1 : 2 * count : 2] if len(rest) > 2 * count else None


class _Server(TcpFakeServer):
    def __init__(self, port: int, password: str) -> None:
        super().__init__(("127.0.0.1", port))
        self.RequestHandlerClass = _Handler
        self.daemon_threads = True
        self.password = password.encode("ascii")
        self.ending = threading.Event()
        self.fake_server.config[b"requirepass"] = self.password

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error worth a traceback."""


class Fake:
    """The server as a thread of the keeper."""

    def __init__(self, port: int, password: str) -> None:
        self._server = _Server(port, password)
        pid = os.getpid()
        self.record = Record(pid, process_start_time(pid) or 0, port, password)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="queue-server", daemon=True
        )
        self._thread.start()

    def alive(self) -> bool:
        """Whether it still serves."""
        return self._thread.is_alive()

    def end(self) -> None:
        """Stop serving; connections end with their threads."""
        self._server.ending.set()
        self._server.shutdown()
        self._server.server_close()
