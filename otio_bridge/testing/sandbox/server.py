"""The sandbox over HTTP. Every address, in the order a caller meets them:

    POST   /v1/uploads?name=NAME      the file's bytes                  201 {upload, expires}
    POST   /v1/generations            a request (models.py), paid       202 {id, status, quoted, …}
    GET    /v1/generations/ID         how it stands                     200 {id, status, progress, results, …}
    GET    /v1/generations?ids=A,B    the same for many; unknown ids are left out
    GET    /v1/generations?since=TIME&after=ID   the list, oldest first, 100 at a time
    DELETE /v1/generations/ID         stop it                           200, or 409 where it has finished
    GET    /v1/results/ID.mp4?token=  the movie
    GET    /v1/models                 what it can do
    GET    /health                    {ok}
    GET    /book                      the book's lines
    GET|POST /control                 what it does wrong: {misbehave: [...], clear, seconds, frame_code}

Sending the same request twice is paying twice, whatever its reference: there are no idempotency keys.
"""

from __future__ import annotations

from datetime import UTC, datetime
from http.server import ThreadingHTTPServer
from typing import Any, BinaryIO, cast
from urllib.parse import parse_qs, urlsplit

from otio_bridge.errors import RefusedInput
from otio_bridge.testing.sandbox.book import read
from otio_bridge.testing.sandbox.misbehave import Misbehaviour
from otio_bridge.testing.sandbox.models import MODELS, BadRequest
from otio_bridge.testing.sandbox.service import Generation, Service
from otio_bridge.testing.sandbox.wire import Answers

_PAGE = 100
_HTML = b"<!doctype html><title>Service</title><h1>We will be right back</h1>"


class SandboxServer(ThreadingHTTPServer):
    """The listening service; `key` empty means that any key will do."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], service: Service, *, key: str = "") -> None:
        super().__init__(address, Handler)
        self.service, self.key = service, key

    @property
    def url(self) -> str:
        """Its base address."""
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that went away is no error of ours."""


class Handler(Answers):
    """One connection."""

    @property
    def _service(self) -> Service:
        return cast(SandboxServer, self.server).service

    def route(self, method: str) -> None:
        """Find what was asked for, and answer."""
        parts = urlsplit(self.path)
        path, query = parts.path.rstrip("/"), {k: v[0] for k, v in parse_qs(parts.query).items()}
        key = cast(SandboxServer, self.server).key
        locked = key and path.startswith("/v1/") and "/results/" not in path
        if locked and self.headers.get("Authorization") != f"Bearer {key}":
            self.close_connection = True
            self.error(401, "bad_key", "the key is wrong or missing")
            return
        try:
            match (method, path.split("/")[1:]):
                case "POST", ["v1", "uploads"]:
                    self._upload(query.get("name", ""))
                case "POST", ["v1", "generations"]:
                    self._submit()
                case "GET", ["v1", "generations"]:
                    self._several(query)
                case "GET", ["v1", "generations", id]:
                    self._status(id)
                case "DELETE", ["v1", "generations", id]:
                    self._cancel(id)
                case "GET", ["v1", "results", name]:
                    self._result(name.removesuffix(".mp4"), query.get("token", ""))
                case "GET", ["v1", "models"]:
                    self.json(200, {"models": [model.as_json() for model in MODELS.values()]})
                case "GET", ["health"]:
                    self.json(200, {"ok": True})
                case "GET", ["book"]:
                    self.json(200, {"lines": read(self._service.book.path)})
                case "GET" | "POST", ["control"]:
                    self._control(method)
                case _:
                    self.error(404, "not_found", "no such address")
        except BadRequest as exc:
            self.error(400, exc.code, str(exc))

    # ------------------------------------------------------------ sending

    def _upload(self, name: str) -> None:
        length = self.length()
        if wrong := self._service.mood.first("upload_500", "upload_refuse"):
            self._service.book.write("wrong", path=self.path, what=str(wrong))
            self.close_connection = True
            status = 500 if wrong.name == "upload_500" else 415
            self.error(status, "upload_failed", "the upload was not kept")
            return
        self.json(201, self._service.keep(cast(BinaryIO, self.rfile), length, name))

    def _submit(self) -> None:
        service, body = self._service, self.body()
        reference = body.get("reference") if isinstance(body, dict) else None
        service.book.write("arrived", path="/v1/generations", reference=reference, body=body)
        if wrong := service.mood.first("429", "500", "refuse", "moderate_at_once"):
            service.book.write("wrong", path="/v1/generations", what=str(wrong))
            self._turn_away(wrong, reference)
            return
        try:
            generation = service.accept(body)
        except BadRequest as exc:
            service.book.write("refused", reference=reference, status=400, why=str(exc))
            raise
        if wrong := service.mood.first("lose_answer", "504", "hang", "malformed", "html"):
            service.book.write("wrong", id=generation.id, what=str(wrong))
            self._answer_wrongly(wrong)
        else:
            self.json(202, service.shown(generation, self._address))

    def _turn_away(self, wrong: Misbehaviour, reference: str | None) -> None:
        status, code, why = {
            "429": (429, "too_many", "too many requests"),
            "500": (500, "broken", "something broke"),
            "refuse": (400, "refused", wrong.value or "this will not be done"),
            "moderate_at_once": (422, "moderated", "the content was found unsuitable"),
        }[wrong.name]
        self._service.book.write("refused", reference=reference, status=status, why=why)
        self.error(status, code, why, wait=wrong.number(1) if wrong.name == "429" else None)

    def _answer_wrongly(self, wrong: Misbehaviour) -> None:
        kind = wrong.name.removeprefix("poll_")
        if kind in ("hang", "lose_answer"):
            if kind == "hang":
                self._service.closing.wait(wrong.number(3600))
            self.hang_up()
        elif kind == "malformed":
            self.send(200, b'{"id": "gen_', "application/json")
        elif kind == "html":
            self.send(200, _HTML, "text/html")
        elif kind == "429":
            self.error(429, "too_many", "too many requests", wait=wrong.number(1))
        else:
            self.error(int(kind), "broken", "something broke")

    # ------------------------------------------------------------ asking

    def _several(self, query: dict[str, str]) -> None:
        service = self._service
        if "ids" in query:
            if self._poll_goes_wrong():
                return
            found = [service.find(id) for id in query["ids"].split(",")]
            if service.mood.take("poll_gone"):
                found = []
            shown = [service.shown(generation, self._address) for generation in found if generation]
            self.json(200, {"generations": shown})
            return
        if service.mood.take("no_list"):
            self.error(404, "not_found", "there is no list")
            return
        try:
            since = datetime.fromisoformat(query.get("since", "2000-01-01T00:00:00+00:00"))
        except ValueError:
            raise BadRequest("bad_since", "since is an ISO 8601 time with its offset") from None
        listed = service.since(since)
        if late := service.mood.take("late_list"):
            now = datetime.now(UTC)
            listed = [one for one in listed if (now - one.created).total_seconds() >= late.number(5)]
        ids = [one.id for one in listed]
        listed = listed[ids.index(query["after"]) + 1 if query.get("after") in ids else 0 :]
        hide = service.mood.take("list_without_reference") is not None
        page = [service.shown(one, self._address) for one in listed[:_PAGE]]
        for entry in page:
            if hide:
                del entry["reference"]
        self.json(200, {"generations": page, "more": len(listed) > _PAGE})

    def _status(self, id: str) -> None:
        if self._poll_goes_wrong():
            return
        generation = self._service.find(id)
        if generation is None or self._service.mood.take("poll_gone"):
            self.error(404, "not_found", "no such generation")
        else:
            self.json(200, self._service.shown(generation, self._address))

    def _poll_goes_wrong(self) -> bool:
        names = ("poll_429", "poll_500", "poll_hang", "poll_malformed", "poll_html")
        if wrong := self._service.mood.first(*names):
            self._answer_wrongly(wrong)
        return wrong is not None

    def _cancel(self, id: str) -> None:
        generation = self._service.find(id)
        if generation is None:
            self.error(404, "not_found", "no such generation")
        elif self._service.mood.take("no_cancel") or not self._service.cancel(generation):
            self.error(409, "finished", "it cannot be cancelled any more")
        else:
            self.json(200, self._service.shown(generation, self._address))

    def _address(self, generation: Generation) -> str:
        # The address the caller used: listening on 0.0.0.0 says nothing about how to get here.
        host = self.headers.get("Host") or cast(SandboxServer, self.server).url.removeprefix("http://")
        return f"http://{host}/v1/results/{generation.id}.mp4?token={generation.token}"

    def _result(self, id: str, token: str) -> None:
        service, generation = self._service, self._service.find(id)
        if generation is None or generation.file is None:
            self.error(404, "not_found", "no such result")
        elif token != generation.token or service.mood.take("expired_url"):
            self.error(403, "expired", "the address has run out")
        elif service.mood.take("html_download"):
            self.send(200, _HTML, "text/html")
        else:
            data = generation.file.read_bytes()
            cut = service.mood.take("cut_download") is not None
            self.send(200, data, "video/mp4", only=len(data) // 2 if cut else None)
            if cut:
                service.book.write("wrong", id=id, what="cut_download")
                self.hang_up()
            else:
                service.book.write("fetched", id=id)

    def _control(self, method: str) -> None:
        service = self._service
        if method == "POST":
            body = self.body()
            try:
                if body.get("clear"):
                    service.mood.clear()
                service.mood.add(*body.get("misbehave", []))
            except RefusedInput as exc:
                raise BadRequest("bad_control", str(exc)) from None
            service.seconds = float(body.get("seconds", service.seconds))
            service.frame_code = bool(body.get("frame_code", service.frame_code))
        self.json(
            200,
            {"misbehave": service.mood.shown(), "seconds": service.seconds, "frame_code": service.frame_code},
        )
