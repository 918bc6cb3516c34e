"""The connection under the client: addresses are checked as they are connected to, time is bounded in all.

httpx limits each read on its own, so that a service sending a byte now and then holds a request for ever;
here every read and write of a request ends at its `deadline`. A name is resolved once and that address
connected to, so that a name which changes its answer in between cannot lead inside.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx

from otio_bridge.failpoints import failpoint

_until: ContextVar[float | None] = ContextVar("otio_bridge_deadline", default=None)
_paid: ContextVar[bool] = ContextVar("otio_bridge_paid", default=False)

#: Never connected to, even where private addresses are allowed: metadata services, multicast, "any".
_NEVER = ("is_link_local", "is_multicast", "is_unspecified")


class AddressRefused(httpcore.ConnectError):
    """The name leads to an address that may not be connected to."""


@contextlib.contextmanager
def deadline(until: float) -> Iterator[None]:
    """Everything read or written inside ends at `until` (`time.monotonic`)."""
    token = _until.set(until)
    try:
        yield
    finally:
        _until.reset(token)


@contextlib.contextmanager
def paid() -> Iterator[None]:
    """What is sent inside costs money: failpoints stand where its last byte leaves and its answer begins."""
    token = _paid.set(True)
    try:
        yield
    finally:
        _paid.reset(token)


def allowed(address: str, *, allow_private: bool) -> bool:
    """Whether an IP address may be connected to."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    if any(getattr(ip, word) for word in _NEVER):
        return False
    return allow_private or ip.is_global


def _left(timeout: float | None, late: type[Exception]) -> float | None:
    until = _until.get()
    if until is None:
        return timeout
    left = until - time.monotonic()
    if left <= 0:
        raise late("the request took too long in all")
    return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    """A connection whose reads and writes end at the deadline."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner
        self._answered = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        # HTTP/1.1 is read only when all has been written.
        watched, self._answered = _paid.get() and not self._answered, True
        if watched:
            failpoint("send.last-byte")
        data = self._inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))
        if watched:
            failpoint("send.first-byte")
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, *, allow_private: bool) -> None:
        self._inner = httpcore.SyncBackend()
        self._private = allow_private

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as exc:
            raise httpcore.ConnectError(f"{host} cannot be found") from exc
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        good = [address for address in addresses if allowed(address, allow_private=self._private)]
        if not good:
            raise AddressRefused(
                f"{host} is {', '.join(addresses)}: no public address (allow_private = true allows it)"
            )
        failure: Exception = httpcore.ConnectError(host)
        for address in good:
            try:
                left = _left(timeout, httpcore.ConnectTimeout)
                return _Stream(self._inner.connect_tcp(address, port, left, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failure = exc
        raise failure


@functools.cache
def _tls() -> ssl.SSLContext:
    """Read the certificates once a process: it takes longer than a request."""
    return httpx.create_ssl_context(trust_env=False)


class GuardedTransport(httpx.HTTPTransport):
    """httpx's transport over the guarded connections above; no retries, no proxies from the environment."""

    def __init__(self, *, allow_private: bool) -> None:
        super().__init__(verify=_tls(), trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=_tls(),
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=_Backend(allow_private=allow_private),
        )
