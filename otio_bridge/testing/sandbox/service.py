"""What the sandbox does behind its addresses: keeps uploads, makes generations, remembers both in its book.

Killed and started again on the same book, it carries on: what was accepted is still made, and paid once.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

from otio_bridge.model.money import MICRO, Money
from otio_bridge.testing.sandbox import pictures
from otio_bridge.testing.sandbox.book import Book, read
from otio_bridge.testing.sandbox.misbehave import Misbehaviour, Mood, parse
from otio_bridge.testing.sandbox.models import BadRequest, Job, judge, judge_plate
from otio_bridge.testing.sandbox.work import make

_UPLOAD_LIFE = timedelta(hours=24)
#: Line of the book -> the status it ends in.
ENDS = {"finished": "done", "failed": "failed", "cancelled": "cancelled"}
OVER = frozenset(ENDS.values())
#: Misbehaviours that belong to one piece of work, read when it is accepted.
_WORK = (
    "moderate", "fail", "charge_for_failure", "stuck",
    "more_frames", "fewer_frames", "other_rate", "other_size",
)  # fmt: skip


@dataclass
class Generation:
    """One accepted request. `status` is queued, running, done, failed or cancelled."""

    id: str
    job: Job
    created: datetime
    cost: Money
    wrongs: dict[str, Misbehaviour] = field(default_factory=dict)
    #: What makes the address of the result a secret.
    token: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    status: str = "queued"
    made: int = 0
    file: Path | None = None
    reason: str = ""
    moderated: bool = False
    charged: Money | None = None


class Service:
    """Uploads and generations; thread-safe."""

    def __init__(
        self, book: Book, mood: Mood, *, seconds: float = 1.0, prices: dict[str, str] | None = None
    ) -> None:
        self.book, self.mood = book, mood
        #: How long a generation waits before it is worked on.
        self.seconds = seconds
        #: Whether generated pictures carry the frame code of testing/framecode.py.
        self.frame_code = False
        self.closing = threading.Event()
        self._prices = prices or {}
        self._lock = threading.Lock()
        self._uploads: dict[str, Path] = {}
        self._generations: dict[str, Generation] = {}
        self._due: list[tuple[float, int, Generation]] = []
        self._count = itertools.count()
        self._wake = threading.Condition()
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="sandbox")
        self._remember()
        threading.Thread(target=self._clock, daemon=True, name="sandbox-clock").start()

    # ------------------------------------------------------------ uploads

    def keep(self, stream: BinaryIO, length: int, name: str) -> dict[str, Any]:
        """Keep an upload; it is in the book before its bytes are read."""
        self.book.write("arrived", path="/v1/uploads", body={"bytes": length, "name": name})
        upload = f"up_{secrets.token_hex(8)}"
        path, digest = self.book.files / upload, hashlib.sha256()
        with path.open("wb") as out:
            for chunk in _chunks(stream, length):
                digest.update(chunk)
                out.write(chunk)
        expires = (datetime.now(UTC) + _UPLOAD_LIFE).isoformat()
        self.book.write("uploaded", upload=upload, sha256=digest.hexdigest(), bytes=length, expires=expires)
        with self._lock:
            self._uploads[upload] = path
        return {"upload": upload, "expires": expires}

    # ------------------------------------------------------------ generations

    def accept(self, body: Any) -> Generation:
        """Take a request: judged, booked as accepted, queued. Raises BadRequest."""
        job = judge(body)
        missing = [handle for handle in job.inputs.values() if handle not in self._uploads]
        if missing:
            raise BadRequest("unknown_upload", f"no such upload: {', '.join(missing)}")
        try:
            if "plate" in job.inputs:
                judge_plate(job, *pictures.look(self._uploads[job.inputs["plate"]]))
        except pictures.NoPictures as exc:
            raise BadRequest("bad_plate", str(exc)) from None
        generation = Generation(
            id=f"gen_{secrets.token_hex(8)}",
            job=job,
            created=datetime.now(UTC),
            cost=job.model.cost(job.frames, job.rate, job.currency, self._prices.get(job.model.name)),
            wrongs={name: wrong for name in _WORK if (wrong := self.mood.take(name))},
        )
        self.book.write(
            "accepted",
            id=generation.id,
            reference=job.reference,
            **_money("amount", generation.cost),
            body=body,
        )
        for wrong in generation.wrongs.values():
            self.book.write("wrong", id=generation.id, what=str(wrong))
        with self._lock:
            self._generations[generation.id] = generation
        self._later(generation, self.seconds)
        return generation

    def find(self, id: str) -> Generation | None:
        """The generation with that id."""
        with self._lock:
            return self._generations.get(id)

    def since(self, when: datetime) -> list[Generation]:
        """Every generation accepted at or after `when`, oldest first."""
        with self._lock:
            return [generation for generation in self._generations.values() if generation.created >= when]

    def cancel(self, generation: Generation) -> bool:
        """Stop it if it has not finished; whether it is cancelled now."""
        with self._lock:
            if generation.status in ("done", "failed"):
                return False
            if generation.status != "cancelled":
                generation.status = "cancelled"
                generation.charged = generation.cost.times(0)
                self.book.write("cancelled", id=generation.id, **_money("charged", generation.charged))
            return True

    def shown(self, generation: Generation, address: Callable[[Generation], str]) -> dict[str, Any]:
        """What a caller is told of it."""
        waited = (datetime.now(UTC) - generation.created).total_seconds()
        progress = 0.5 * min(1.0, waited / self.seconds if self.seconds else 1.0)
        if generation.made:
            progress = 0.5 + 0.49 * min(1.0, generation.made / generation.job.frames)
        told: dict[str, Any] = {
            "id": generation.id,
            "reference": generation.job.reference,
            "model": generation.job.model.name,
            "status": generation.status,
            "progress": 1.0 if generation.status == "done" else round(progress, 3),
            "created": generation.created.isoformat(),
            "quoted": _money("amount", generation.cost),
        }
        if generation.charged is not None:
            told["charged"] = _money("amount", generation.charged)
        if generation.status == "failed":
            told["error"] = {"message": generation.reason, "moderated": generation.moderated}
        if generation.file is not None:
            told["results"] = [
                {"url": address(generation), "type": "video/mp4", "size": generation.file.stat().st_size}
            ]
        return told

    def close(self) -> None:
        """Stop working. What was accepted and not finished is in the book, for the next start."""
        self.closing.set()
        with self._wake:
            self._wake.notify_all()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self.book.close()

    # ------------------------------------------------------------ the work

    def _later(self, generation: Generation, seconds: float) -> None:
        if "stuck" in generation.wrongs:
            generation.status = "running"
            return
        with self._wake:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._count), generation))
            self._wake.notify()

    def _clock(self) -> None:
        with self._wake:
            while not self.closing.is_set():
                left = self._due[0][0] - time.monotonic() if self._due else None
                if left is not None and left <= 0:
                    self._pool.submit(self._work, heapq.heappop(self._due)[2])
                else:
                    self._wake.wait(left)

    def _work(self, generation: Generation) -> None:
        with self._lock:
            if generation.status in OVER:
                return
            generation.status = "running"
        wrongs = generation.wrongs
        if "moderate" in wrongs:
            self._fail(generation, "the content was found unsuitable", moderated=True)
        elif "fail" in wrongs or "charge_for_failure" in wrongs:
            self._fail(generation, "the model failed", paid="charge_for_failure" in wrongs)
        else:
            self._make(generation)

    def _make(self, generation: Generation) -> None:
        def step() -> None:
            generation.made += 1
            if self.closing.is_set() or generation.status == "cancelled":
                raise _Stopped

        out = self.book.files / f"{generation.id}.mp4"
        part = out.with_suffix(".part")
        job = generation.job
        inputs = {name: self._uploads[handle] for name, handle in job.inputs.items()}
        try:
            frames = make(job, generation.wrongs, inputs, part, code=self.frame_code, step=step)
        except _Stopped:
            return
        except Exception as exc:  # noqa: BLE001  (whatever breaks in a model is a failed generation)
            self._fail(generation, f"the model broke: {type(exc).__name__}: {exc}")
            return
        with self._lock:
            if generation.status != "cancelled":
                part.replace(out)
                paid = _money("charged", generation.cost)
                self.book.write("finished", id=generation.id, file=out.name, frames=frames, **paid)
                generation.file, generation.charged, generation.status = out, generation.cost, "done"

    def _fail(self, generation: Generation, why: str, *, moderated: bool = False, paid: bool = False) -> None:
        charged = generation.cost if paid else generation.cost.times(0)
        with self._lock:
            self.book.write(
                "failed", id=generation.id, why=why, moderated=moderated, **_money("charged", charged)
            )
            generation.reason, generation.moderated = why, moderated
            generation.charged, generation.status = charged, "failed"

    def _remember(self) -> None:
        """Carry on from the book: uploads, finished work, and what was accepted and never finished."""
        for line in read(self.book.path):
            event, generation = line["event"], self._generations.get(line.get("id", ""))
            if event == "uploaded":
                self._uploads[line["upload"]] = self.book.files / line["upload"]
            elif event == "accepted":
                self._generations[line["id"]] = Generation(
                    id=line["id"],
                    job=judge(line["body"]),
                    created=datetime.fromisoformat(line["at"]),
                    cost=Money.of(line["amount"], line["currency"]),
                )
            elif event == "wrong" and generation is not None:
                wrong = parse(line["what"])
                generation.wrongs[wrong.name] = wrong
            elif event in ENDS and generation is not None:
                generation.status = ENDS[event]
                generation.charged = Money.of(line["charged"], line["currency"])
                generation.reason, generation.moderated = line.get("why", ""), line.get("moderated", False)
                generation.file = self.book.files / line["file"] if "file" in line else None
        for generation in self._generations.values():
            if generation.status not in OVER:
                self._later(generation, self.seconds)


class _Stopped(Exception):
    """Work in progress is given up: cancelled, or the sandbox is closing."""


def _money(word: str, amount: Money) -> dict[str, str]:
    return {word: str(Decimal(amount.micro) / MICRO), "currency": amount.currency}


def _chunks(stream: BinaryIO, length: int) -> Iterator[bytes]:
    while length > 0:
        chunk = stream.read(min(length, 1 << 20))
        if not chunk:
            raise BadRequest("cut_upload", "the upload was cut short")
        length -= len(chunk)
        yield chunk
