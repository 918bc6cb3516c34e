"""One HTTP client for every hosted provider: one attempt, bounded in time, failures in the contract's words.

What each failure means is the table of `_answers.py`; which addresses may be connected to, `_wire.py`.
"""

from __future__ import annotations

import contextlib
import logging
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from otio_bridge.errors import SettingsError
from otio_bridge.provider import (
    Gone,
    NotSent,
    ProviderConfig,
    ProviderFailure,
    Refused,
    Unavailable,
    Uncertain,
)
from otio_bridge_providers._answers import Asked, Reply, failure
from otio_bridge_providers._wire import AddressRefused, GuardedTransport, deadline, paid

# httpx logs every address it asks for, and results lie at signed ones, which are secrets.
logging.getLogger("httpx").setLevel(logging.WARNING)

#: The largest answer that is not a download.
_ANSWER_CAP = 8 << 20
#: The largest result, unless the provider says otherwise.
DOWNLOAD_CAP = 16 << 30
_HOPS = 5
_PAGE = (b"<!doctype", b"<html", b"<?xml")

#: Reads what a paid POST was answered instead of a 2xx, and may know better (moderation, what was charged).
Explain = Callable[[Reply], ProviderFailure | None]


class Client:
    """Talks to one provider at one base address; `auth` headers go to that origin and nowhere else."""

    def __init__(
        self,
        config: ProviderConfig,
        *,
        base: str,
        auth: Mapping[str, str] | None = None,
        explain: Explain | None = None,
        download_cap: int = DOWNLOAD_CAP,
    ) -> None:
        self._name = config.name
        self._timeout = config.timeout
        self._private = config.allow_private
        self._auth = dict(auth or {})
        self._secrets = [value.split()[-1] for value in self._auth.values()]
        self._explain = explain
        self._cap = download_cap
        self._base = httpx.URL(base.rstrip("/") + "/")
        if self._base.scheme not in ("http", "https") or not self._base.host:
            raise SettingsError(f"providers.{self._name}.url is no web address", value=_shown(self._base))
        if self._base.scheme == "http" and not self._private:
            raise SettingsError(
                f"providers.{self._name}.url is not https",
                value=_shown(self._base),
                next=f"set [providers.{self._name}] allow_private = true for a service on your own network",
            )
        self._kept = self._new()
        self._finish = weakref.finalize(self, self._kept.close)

    def close(self) -> None:
        """Close what is kept open; also done when the client is no longer used."""
        self._finish()

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """The JSON at `path`. Raises Unavailable or Gone."""
        return self._json(Asked.GET, self._kept, "GET", path, params=dict(params or {}))

    def post(self, path: str, body: Any) -> Any:
        """POST something that costs nothing. Raises Unavailable or Refused."""
        return self._json(Asked.UNPAID, self._kept, "POST", path, json=body)

    def upload(
        self, path: str, file: Path, content_type: str, params: Mapping[str, str] | None = None
    ) -> Any:
        """Send a file's bytes. Raises Unavailable or Refused."""
        with file.open("rb") as stream:
            return self._json(
                Asked.UNPAID,
                self._kept,
                "POST",
                path,
                content=stream,
                params=dict(params or {}),
                headers={"Content-Type": content_type, "Content-Length": str(file.stat().st_size)},
                patience=20 * self._timeout,
            )

    def delete(self, path: str) -> None:
        """DELETE; what has finished, or nobody knows any more, is no failure. Raises Unavailable."""
        self._answer(Asked.GET, self._kept, "DELETE", path, fine=(404, 409, 410))

    def paid(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Any:
        """The paid POST: one attempt on a fresh connection. Raises NotSent, Refused or Uncertain."""
        with self._new() as fresh, paid():
            return self._json(Asked.PAID, fresh, "POST", path, json=body, headers=dict(headers or {}))

    def download(self, url: str, into: Path, *, size: int | None = None) -> Path:
        """A result, whole or not at all: redirects followed by hand, every hop checked.

        Raises Unavailable (cut short too) or Gone.
        """
        part = into.with_name(into.name + ".part")
        try:
            with deadline(time.monotonic() + 20 * self._timeout), self._hops(url) as response:
                self._write(response, part, size)
            part.replace(into)
        finally:
            part.unlink(missing_ok=True)
        return into

    # ------------------------------------------------------------ one request

    def _new(self) -> httpx.Client:
        return httpx.Client(
            transport=GuardedTransport(allow_private=self._private),
            timeout=httpx.Timeout(self._timeout),
            follow_redirects=False,
            trust_env=False,
            headers={"Accept-Encoding": "identity", "User-Agent": "otio-bridge"},
        )

    def _json(self, asked: Asked, client: httpx.Client, method: str, path: str, **more: Any) -> Any:
        reply = self._answer(asked, client, method, path, **more)
        try:
            return reply.json()
        except ValueError as exc:
            kind = reply.headers.get("content-type", "no type").split(";")[0]
            raise self._lost(asked, f"the answer is not JSON but {kind}") from exc

    def _answer(
        self,
        asked: Asked,
        client: httpx.Client,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        patience: float | None = None,
        fine: tuple[int, ...] = (),
        **more: Any,
    ) -> Reply:
        url = self._base.join(path.lstrip("/"))
        where = f"{method} {_shown(url)}"
        sent = {**(headers or {}), **(self._auth if self._own(url) else {})}
        with (
            deadline(time.monotonic() + (patience or self._timeout)),
            self._translated(asked, where),
            client.stream(method, url, headers=sent, **more) as response,
        ):
            body = b""
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > _ANSWER_CAP:
                    raise self._lost(asked, f"{where}: the answer is larger than {_ANSWER_CAP} bytes")
        reply = Reply(response.status_code, response.headers, body)
        if not response.is_success and response.status_code not in fine:
            explained = self._explain(reply) if self._explain and asked is Asked.PAID else None
            raise explained or self._failure(asked, reply, where)
        return reply

    @contextlib.contextmanager
    def _hops(self, url: str) -> Iterator[httpx.Response]:
        """The answer after redirects; keys go along only to the provider's own origin."""
        with self._translated(Asked.DOWNLOAD, "the address of the result"):
            at = self._base.join(url)
        for _ in range(_HOPS):
            where = f"GET {_shown(at)}"
            if at.scheme != "https" and not (at.scheme == "http" and self._private):
                raise Gone("the result is not at an https address", provider=self._name, detail=_shown(at))
            headers = self._auth if self._own(at) else {}
            with (
                self._translated(Asked.DOWNLOAD, where),
                self._kept.stream("GET", at, headers=headers) as reply,
            ):
                if reply.is_redirect and reply.headers.get("location"):
                    at = at.join(reply.headers["location"])
                    continue
                if not reply.is_success:
                    raise self._failure(Asked.DOWNLOAD, Reply(reply.status_code, reply.headers, b""), where)
                yield reply
                return
        raise Gone("the result is behind too many redirects", provider=self._name, detail=_shown(at))

    def _write(self, response: httpx.Response, part: Path, size: int | None) -> None:
        promised = response.headers.get("content-length")
        wanted = int(promised) if promised and promised.isdecimal() else size
        if "html" in response.headers.get("content-type", ""):
            raise Unavailable("a web page came instead of the result", provider=self._name)
        written = 0
        with part.open("wb") as out:
            for chunk in response.iter_raw(1 << 20):
                if not written and chunk.lstrip()[:9].lower().startswith(_PAGE):
                    raise Unavailable("a web page came instead of the result", provider=self._name)
                written += len(chunk)
                if written > self._cap:
                    raise Gone(f"the result is larger than {self._cap} bytes", provider=self._name)
                out.write(chunk)
        if written == 0 or (wanted is not None and written != wanted):
            raise Unavailable(
                "the download was cut short",
                provider=self._name,
                detail=f"{written} of {'?' if wanted is None else wanted} bytes",
            )

    def _own(self, url: httpx.URL) -> bool:
        return (url.scheme, url.host, url.port) == (self._base.scheme, self._base.host, self._base.port)

    # ------------------------------------------------------------ what failures mean

    def _failure(self, asked: Asked, reply: Reply, where: str) -> ProviderFailure:
        return failure(asked, reply, where, name=self._name, secrets=self._secrets)

    @contextlib.contextmanager
    def _translated(self, asked: Asked, where: str) -> Iterator[None]:
        try:
            yield
        except (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.PoolTimeout,
            httpx.UnsupportedProtocol,
        ) as exc:
            if isinstance(exc.__cause__, AddressRefused):
                kind = {Asked.GET: Unavailable, Asked.DOWNLOAD: Gone}.get(asked, Refused)
                raise kind(f"{where}: {exc.__cause__}", provider=self._name) from exc
            why = f"{where}: no connection ({type(exc).__name__})"
            raise (NotSent if asked is Asked.PAID else Unavailable)(why, provider=self._name) from exc
        except (httpx.TransportError, httpx.InvalidURL) as exc:
            cut = "the download was cut short" if asked is Asked.DOWNLOAD else "the answer was lost"
            raise self._lost(asked, f"{where}: {cut} ({type(exc).__name__})") from exc

    def _lost(self, asked: Asked, why: str) -> ProviderFailure:
        return (Uncertain if asked is Asked.PAID else Unavailable)(why, provider=self._name)


def _shown(url: httpx.URL) -> str:
    """An address without what may be secret in it: user, password, query and fragment."""
    port = f":{url.port}" if url.port else ""
    return f"{url.scheme}://{url.host}{port}{url.path}"
