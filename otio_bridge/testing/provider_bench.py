"""What the conformance cases work with: a provider, samples to give it, and a service that fails on order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from pydantic import SecretStr

from otio_bridge.media.ffmpeg import executable
from otio_bridge.media.tools import Tools
from otio_bridge.model.conform import Limits, Raster
from otio_bridge.model.request import CLASS_OF, Operation, OperationClass, Request
from otio_bridge.model.time import FrameRange
from otio_bridge.provider import (
    LocalJob,
    MediaTools,
    ModelCapability,
    PartRequest,
    Provider,
    ProviderConfig,
    ProviderFailure,
    RemoteProvider,
)
from otio_bridge.testing.framecode import make_movie

#: The key the suite gives, and then looks for where it does not belong.
KEY = "conformance-secret-key"
_FRAMES = 12
_SIZE = Raster(width=192, height=128)


class Broken(AssertionError):
    """The provider breaks a promise; the text says which and how."""


class Skipped(Exception):
    """The case does not apply, or was not allowed."""


@dataclass(frozen=True)
class Bench:
    """A provider under trial. `make` makes it from a config; `folder` is empty and the case's own."""

    make: Callable[[ProviderConfig], Provider]
    config: ProviderConfig
    folder: Path
    tools: MediaTools | None = None
    http: bool = True
    spend: bool = False
    patience: float = 60.0

    def provider(self) -> Provider:
        """The provider as configured."""
        return self.make(self.config)

    def remote(self) -> RemoteProvider:
        """The provider as configured; skips the case for a local one."""
        provider = self.provider()
        if provider.capabilities().local:
            raise Skipped("it is local")
        return cast(RemoteProvider, provider)

    @contextmanager
    def pointed_at(self, url: str, *, allow_private: bool = True) -> Iterator[RemoteProvider]:
        """A provider whose service is at `url`; closed afterwards. Skips for local ones and `http=False`."""
        if not self.http:
            raise Skipped("http=False")
        config = self.config.model_copy(
            update={"url": url, "key": SecretStr(KEY), "allow_private": allow_private, "timeout": 5.0}
        )
        provider = self.make(config)
        if provider.capabilities().local:
            raise Skipped("it is local")
        try:
            yield cast(RemoteProvider, provider)
        finally:
            close = getattr(provider, "close", None)
            if close:
                close()

    def media(self) -> MediaTools:
        """The tools a local provider is given."""
        return self.tools or Tools(executable())


def sizes(limits: Limits) -> tuple[int, Fraction, Raster]:
    """A short length the model makes, a rate and a raster of it. Raises Broken where it allows none."""
    shortest = limits.grid.at_least(1)
    if shortest is None:
        raise Broken(f"no length is allowed: {limits.grid}")
    length = limits.grid.at_least(_FRAMES) or shortest
    rate = limits.rates[0] if limits.rates else Fraction(24)
    if limits.rasters:
        return length, rate, min(limits.rasters, key=lambda raster: raster.width * raster.height)
    side = limits.multiple_of
    width, height = (max(side, size // side * side) for size in (_SIZE.width, _SIZE.height))
    return length, rate, Raster(width=width, height=height)


def request(
    provider: str, operation: Operation, model: str, length: int, rate: Fraction, size: Raster
) -> Request:
    """A small request."""
    return Request(
        operation=operation,
        provider=provider,
        model=model,
        prompt="a lighthouse in the rain",
        plate=FrameRange(start=100, duration=length),
        rate=rate,
        width=size.width,
        height=size.height,
    )


def needs_plate(operation: Operation) -> bool:
    """Whether there is nothing to do without media."""
    return CLASS_OF[operation] is OperationClass.SOURCE or operation is Operation.INTERPOLATE


def plate(folder: Path, length: int, rate: Fraction, size: Raster) -> Path:
    """A frame-coded H.264 plate."""
    return make_movie(folder / "plate.mp4", range(100, 100 + length), rate, size=(size.width, size.height))


def part(
    name: str, entry: ModelCapability, operation: Operation, *, frames: int | None = None
) -> PartRequest:
    """The smallest request a model takes, without uploads."""
    length, rate, size = sizes(entry.limits)
    length = frames or length
    return PartRequest(
        reference="3f0c7c52-6f5e-4c5f-9c0e-3b8f2a6d1e77",
        request=request(name, operation, entry.model, length, rate, size),
        model=entry.model,
        frames=length,
        rate=rate,
        raster=size,
        uploads={"plate": "upload-1"} if needs_plate(operation) else {},
    )


def first_part(provider: Provider) -> PartRequest:
    """The smallest request of the first model."""
    entry = provider.capabilities().models[0]
    return part(provider.name, entry, sorted(entry.operations)[0])


def job(provider: Provider, entry: ModelCapability, operation: Operation, folder: Path) -> LocalJob:
    """A small job in a folder of its own, with a plate where the operation needs one."""
    length, rate, size = sizes(entry.limits)
    work, inputs = folder / "work", folder / "inputs"
    work.mkdir(parents=True)
    inputs.mkdir()
    needs = needs_plate(operation) or operation is Operation.ANIMATE
    return LocalJob(
        request=request(provider.name, operation, entry.model, length, rate, size),
        model=entry.model,
        seed=7,
        frames=length,
        rate=rate,
        raster=size,
        plate=plate(inputs, length, rate, size) if needs else None,
        folder=work,
        shot="SHOT_0010",
        take="v001",
    )


def expect(
    kinds: type[ProviderFailure] | tuple[type[ProviderFailure], ...], what: str, call: Callable[[], object]
) -> ProviderFailure:
    """The failure a call raises. Raises Broken where it raises another, or none."""
    wanted = kinds if isinstance(kinds, tuple) else (kinds,)
    names = " or ".join(kind.__name__ for kind in wanted)
    try:
        result = call()
    except wanted as exc:
        if KEY in str(exc) or KEY in repr(exc):
            raise Broken(f"{what}: the key is in the message") from exc
        return exc
    except Exception as exc:
        raise Broken(f"{what} has to raise {names}; it raised {type(exc).__name__}: {exc}") from exc
    raise Broken(f"{what} has to raise {names}; it returned {result!r}")


class Failing(ThreadingHTTPServer):
    """A service that answers every request in one bad way, and counts them.

    Modes: close, 429, 500, 401, 404, html, redirect, cut, movie (a good answer to a download).
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, mode: str, *, elsewhere: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Bad)
        self.mode, self.elsewhere = mode, elsewhere
        self.requests: list[tuple[str, str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers go away."""

    def posts(self) -> Sequence[str]:
        """The paths posted to."""
        return [path for method, path, _ in self.requests if method == "POST"]


class _Bad(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        self._fail("GET")

    def do_POST(self) -> None:
        self._fail("POST")

    def do_DELETE(self) -> None:
        self._fail("DELETE")

    def do_PUT(self) -> None:
        self._fail("PUT")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""

    def _fail(self, method: str) -> None:
        server = cast(Failing, self.server)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        server.requests.append((method, self.path, dict(self.headers.items())))
        self.close_connection = True
        if server.mode == "close":
            return
        body, kind, status, extra = b'{"error": "no"}', "application/json", 200, {}
        if server.mode.isdecimal():
            status, extra = int(server.mode), {"Retry-After": "7"} if server.mode == "429" else {}
        elif server.mode == "html":
            body, kind = b"<!doctype html><title>Soon</title>", "text/html"
        elif server.mode == "redirect":
            status, extra = 307, {"Location": server.elsewhere}
        else:
            body, kind = b"\0" * 4096, "video/mp4"
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **extra}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if server.mode == "cut" else body)


@contextmanager
def failing(mode: str, *, elsewhere: str = "") -> Iterator[Failing]:
    """A running `Failing` service."""
    with Failing(mode, elsewhere=elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def closed_url() -> str:
    """An address where nobody listens."""
    server = Failing("close")
    server.server_close()
    return server.url
