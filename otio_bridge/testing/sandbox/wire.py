"""Reading a request's body and writing answers, whole or cut short on purpose."""

from __future__ import annotations

import socket
from http.server import BaseHTTPRequestHandler
from json import dumps, loads
from typing import Any

from otio_bridge.testing.sandbox.models import BadRequest

_BODY_CAP = 1 << 20


class Answers(BaseHTTPRequestHandler):
    """A handler that speaks JSON and bytes; the addresses are in server.py."""

    protocol_version = "HTTP/1.1"
    server_version = "otio-bridge-sandbox"
    sys_version = ""
    disable_nagle_algorithm = True
    timeout = 120

    def do_GET(self) -> None:
        """Everything that asks."""
        self.route("GET")

    def do_POST(self) -> None:
        """Everything that sends."""
        self.route("POST")

    def do_DELETE(self) -> None:
        """Cancel."""
        self.route("DELETE")

    def route(self, method: str) -> None:
        """Answer a request."""
        raise NotImplementedError

    def log_message(self, format: str, *args: Any) -> None:
        """The book is the log."""

    def length(self) -> int:
        """How long the body is. Raises BadRequest."""
        text = self.headers.get("Content-Length", "")
        if not text.isdecimal():
            self.close_connection = True
            raise BadRequest("no_length", "Content-Length is missing")
        return int(text)

    def body(self) -> Any:
        """The body as JSON. Raises BadRequest."""
        length = self.length()
        if length > _BODY_CAP:
            self.close_connection = True
            raise BadRequest("too_large", f"a request has at most {_BODY_CAP} bytes")
        try:
            return loads(self.rfile.read(length))
        except ValueError:
            raise BadRequest("bad_json", "the body is no JSON") from None

    def json(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        """Answer with JSON."""
        self.send(status, dumps(value).encode(), "application/json", headers=headers)

    def error(self, status: int, code: str, message: str, *, wait: int | None = None) -> None:
        """Answer that it cannot be; `wait` becomes Retry-After."""
        headers = {} if wait is None else {"Retry-After": str(wait)}
        self.json(status, {"error": {"code": code, "message": message}}, headers)

    def send(
        self,
        status: int,
        data: bytes,
        kind: str,
        *,
        headers: dict[str, str] | None = None,
        only: int | None = None,
    ) -> None:
        """Answer with bytes; `only` so many of those that were promised."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data if only is None else data[:only])

    def hang_up(self) -> None:
        """Close the connection as it is."""
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
