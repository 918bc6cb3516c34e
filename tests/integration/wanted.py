"""Small shots and requests for tests of the ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from otio_bridge.model.frames import Span
from otio_bridge.model.money import Money
from otio_bridge.model.request import Ask, Operation, OperationClass, Placement, Request
from otio_bridge.model.take import TakeState
from otio_bridge.model.time import FrameRange
from otio_bridge.store import calls, money, takes
from otio_bridge.store.ledger import Ledger, new_id
from otio_bridge.store.records import (
    CallRecord,
    Dispatched,
    EditWrite,
    OccurrenceWrite,
    PlateWrite,
    ShotWrite,
    TakeRecord,
    Wanted,
)

RATE = Fraction(24)
NEED = FrameRange(start=100, duration=24)


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def eur(amount: str) -> Money:
    return Money.of(amount, "EUR")


def edit(name: str = "cut_v1.otio") -> EditWrite:
    return EditWrite(cut="cut", name=name, path=f"/e/{name}", format="otio", sha256="0" * 64, rate=RATE)


def occurrence(address: str = "0:0", **more: Any) -> OccurrenceWrite:
    given = {
        "cut": "cut",
        "address": address,
        "record": FrameRange(start=86400, duration=24),
        "rate": RATE,
        "span": Span(start=Fraction(100), n=24),
        "need": NEED,
        "media": "path:/m/a.mov",
    }
    return OccurrenceWrite(**{**given, **more})


def shot(name: str = "P_0010", **more: Any) -> ShotWrite:
    given = {
        "id": new_id(),
        "name": name,
        "cut": "cut",
        "op_class": OperationClass.SOURCE,
        "placement": Placement.IN_PLACE,
        "media": "path:/m/a.mov",
        "rate": RATE,
        "need": NEED,
        "ask": Ask(operation=Operation.RESTYLE, prompt="rain"),
        "occurrences": (occurrence(),),
    }
    return ShotWrite(**{**given, **more})


def request(**more: Any) -> Request:
    given = {
        "operation": Operation.RESTYLE,
        "provider": "sandbox",
        "model": "auto",
        "prompt": "rain",
        "seed": 7,
        "media": "path:/m/a.mov",
        "plate": FrameRange(start=92, duration=40),
        "rate": RATE,
        "width": 320,
        "height": 180,
    }
    return Request(**{**given, **more})


def wanted(name: str = "P_0010", *, hold: str = "1", **more: Any) -> Wanted:
    given = {
        "shot": more.pop("shot", None) or shot(name),
        "plate": PlateWrite(media="path:/m/a.mov", range=FrameRange(start=92, duration=40), rate=RATE),
        "request": more.pop("request", None) or request(),
        "hold_each": eur(hold),
        "provider": "sandbox",
        "model": "sandbox-1",
        "queue": "cpu",
    }
    return Wanted(**{**given, **more})


def send(ledger: Ledger, *asked: Wanted, budget: str | None = "100", **more: Any) -> Dispatched:
    if budget is not None:
        money.set_cap(ledger, "project", eur(budget))
    return takes.dispatch(ledger, asked, author="ann", edit=edit(), currency="EUR", **more)


def claimed(ledger: Ledger, queue: str = "cpu", *, owner: str = "w1", lease: float = 20) -> TakeRecord:
    take = takes.claim(ledger, queue, owner=owner, lease=lease, tries=3)
    assert take is not None
    return take


def prepared(ledger: Ledger, **more: Any) -> TakeRecord:
    """One take, claimed for sending."""
    send(ledger, wanted(**more))
    takes.move(ledger, claimed(ledger), TakeState.PREPARED, queue="net")
    return claimed(ledger, "net")


def intent(ledger: Ledger, take: TakeRecord, part: int = 0, *, hold: str = "1", **more: Any) -> CallRecord:
    given = {"provider": "sandbox", "account": "default", "fingerprint": "f", "slots": 0}
    return calls.intend(ledger, take, part=part, hold=eur(hold), **{**given, **more})
