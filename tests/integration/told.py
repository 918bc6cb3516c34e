"""A remote provider that does what a test tells it, and takes that are ready to be sent to it; no media."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

from wanted import eur

from otio_bridge.app import App
from otio_bridge.model.conform import Box, Join, Limits, Part, Raster, Submission
from otio_bridge.model.money import Money
from otio_bridge.model.request import Operation, OperationClass, Request
from otio_bridge.model.shot import Ask, Placement
from otio_bridge.model.take import TakeState
from otio_bridge.model.time import FrameRange, Rate
from otio_bridge.provider import (
    Accepted,
    Asset,
    Capabilities,
    Listed,
    ModelCapability,
    PartRequest,
    Price,
    PriceUnit,
    Progress,
    ProviderConfig,
    Remote,
    RemoteState,
    SubmitKind,
    Upload,
)
from otio_bridge.registry import GROUP, Registry
from otio_bridge.settings import load
from otio_bridge.store import dispatch, takes
from otio_bridge.store.records import ShotWrite, TakeRecord, Wanted

FRAMES = FrameRange(start=0, duration=8)
QUICK = (
    "[money]\nbudget = '100'\n[queue]\ntick = 0.1\nlease = 1.0\nrenew = 0.2\npoll = 0.01\npoll_max = 0.02\n"
)


class Told:
    """`say` is what each method does instead; `sent` the references that arrived, in order."""

    name: ClassVar[str] = "told"
    kind: ClassVar[SubmitKind] = SubmitKind.PAID

    def __init__(self, config: ProviderConfig) -> None:
        self.say: dict[str, Callable[..., Any]] = {}
        self.sent: list[str] = []
        self.cancelled: list[str] = []

    def capabilities(self) -> Capabilities:
        price = Price(unit=PriceUnit.CALL, amount=Money.of("1", "EUR"))
        model = ModelCapability(
            model="m", operations=frozenset({Operation.GENERATE}), price=price, limits=Limits()
        )
        return Capabilities(
            name=self.name,
            models=(model,),
            submit=self.kind,
            accept_within=0.0,
            lists_reference=True,
            cancels=True,
        )

    def estimate(self, part: PartRequest) -> Money | None:
        return eur("1")

    def upload(self, name: str, path: Path) -> Upload:
        raise NotImplementedError

    def submit(self, part: PartRequest) -> Accepted:
        self.sent.append(part.reference)
        if "submit" in self.say:
            return self.say["submit"](part)
        return Accepted(remote_id=f"r-{part.reference}")

    def poll(self, remotes: Sequence[Remote]) -> Sequence[Progress]:
        if "poll" in self.say:
            return self.say["poll"](remotes)
        return [Progress(remote_id=one.remote_id, state=RemoteState.DONE) for one in remotes]

    def fetch(self, remote: Remote, asset: Asset, into: Path) -> Path:
        return self.say["fetch"](remote, asset, into)

    def list_calls(self, since: datetime) -> Sequence[Listed] | None:
        return self.say["list"](since) if "list" in self.say else None

    def cancel(self, remote: Remote) -> None:
        self.cancelled.append(remote.remote_id)


class Keyed(Told):
    """One that may be sent the same reference again."""

    name: ClassVar[str] = "keyed"
    kind: ClassVar[SubmitKind] = SubmitKind.KEYED


class Broken(Told):
    """Another plug-in, beside the one under test."""

    name: ClassVar[str] = "broken"


def opened(folder: Path, text: str = QUICK) -> App:
    """An app whose only providers are these."""
    folder.mkdir(exist_ok=True)
    (folder / "otio-bridge.toml").write_text(text)
    app = App.open(load(folder))
    entries = [
        EntryPoint(name=one.name, value=f"told:{one.__name__}", group=GROUP) for one in (Told, Keyed, Broken)
    ]
    app.providers = Registry(app.settings, entries)
    return app


def provider_of(app: App, name: str = "told") -> Told:
    found = app.providers.get(name)
    assert isinstance(found, Told)
    return found


def prepared(
    app: App,
    name: str = "told",
    *,
    parts: int = 1,
    chained: bool = False,
    more: Mapping[str, Any] | None = None,
) -> TakeRecord:
    """A take that is to be sent next, with a hold of 1 EUR a part."""
    raster = Raster(width=64, height=64)
    submission = Submission(
        op_class=OperationClass.RECORD, frames=8, rate=Rate(24), raster=raster, sent_rate=Rate(24),
        sent_raster=raster, box=Box(x=0, y=0, width=64, height=64),
        parts=tuple(Part(index=index, plate=FRAMES) for index in range(parts)),
        join=Join.CHAIN if chained else Join.NONE,
    )  # fmt: skip
    request = Request(
        operation=Operation.GENERATE, provider=name, model="m", prompt=uuid.uuid4().hex, plate=FRAMES,
        rate=Rate(24), width=64, height=64,
    )  # fmt: skip
    shot = ShotWrite(
        id=uuid.uuid4().hex, name=f"SH_{uuid.uuid4().hex[:8]}", cut="cut", op_class=OperationClass.RECORD,
        placement=Placement.IN_PLACE, rate=Rate(24), need=FRAMES, ask=Ask(operation=Operation.GENERATE),
    )  # fmt: skip
    wanted = Wanted(
        shot=shot, request=request, hold_each=eur(str(parts)), provider=name, model="m", account="default",
        parts=parts, chained=chained, provenance={"submission": submission.model_dump(mode="json")},
    )  # fmt: skip
    made = dispatch.dispatch(app.ledger, [wanted], author="test", edit=None, currency="EUR")
    held = takes.claim(app.ledger, "cpu", owner="test", lease=30, tries=3)
    assert held is not None and held.id == made.takes[0].id
    return takes.move(
        app.ledger, held, TakeState.PREPARED, queue="net", result={"inputs": {}, **(more or {})}
    )
