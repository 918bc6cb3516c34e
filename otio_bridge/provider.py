"""The contract between the bridge and whoever makes pictures.

A provider is a class with a `name`, made with its `ProviderConfig`, found by the entry-point group
`otio_bridge.providers`. It is one of two kinds:

* local (`Capabilities.local`): `run(job, tools)` makes files here, now, and costs nothing to repeat;
* remote: `upload`, `submit`, `poll`, `fetch`, and where it can, `list_calls` and `cancel`.

What a failure means is said by the class raised (the table is in docs/writing-a-provider.md):

| class        | the call was        | the take                                             |
|--------------|---------------------|------------------------------------------------------|
| NotSent      | not sent            | is sent again when due (`retry_after`)               |
| Refused      | answered "no"       | FAILED, nothing or `charged` booked                  |
| Uncertain    | maybe sent          | UNCERTAIN, unless the provider is `pure` or `keyed`  |
| Unavailable  | a GET that failed   | waits (REMOTE) and is asked again                    |
| Gone         | a result expired    | re-asked by poll, else FAILED with the reason        |

Anything else raised from `submit` of a paid provider is Uncertain; from a local `run` it is the reason the take
FAILED; from elsewhere, Unavailable. A refused
upload fails the take before anything is paid. A provider may also have `close()`, called when the app ends.
`otio_bridge.testing.conformance` tries a provider against all of this.

Longer than 300 lines because it is the one file whoever writes a provider has to read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

from pydantic import AwareDatetime, Field, SecretStr

from otio_bridge.errors import BridgeError
from otio_bridge.model.conform import Limits, Raster
from otio_bridge.model.media import MediaInfo
from otio_bridge.model.money import Money
from otio_bridge.model.request import Operation, Reference, Request, Role
from otio_bridge.model.time import Rate
from otio_bridge.model.value import Exact, Value

__all__ = [
    "Accepted",
    "Asset",
    "Capabilities",
    "Charge",
    "Gone",
    "Limits",
    "Listed",
    "LocalJob",
    "LocalProvider",
    "MediaTools",
    "ModelCapability",
    "Money",
    "NotSent",
    "Operation",
    "PartRequest",
    "Price",
    "PriceUnit",
    "Progress",
    "Provider",
    "ProviderConfig",
    "ProviderFailure",
    "Raster",
    "Reference",
    "Refused",
    "Remote",
    "RemoteProvider",
    "RemoteState",
    "Request",
    "Role",
    "SubmitKind",
    "Unavailable",
    "Uncertain",
    "Upload",
]


# ---------------------------------------------------------------- failures


class ProviderFailure(BridgeError):
    """A provider did not do what was asked; the subclass says what that means for the money."""

    code = "provider"

    def __init__(self, what: str, *, provider: str = "", detail: str = "", **more: str | None) -> None:
        super().__init__(what, value=detail or None, **more)
        self.provider = provider


class NotSent(ProviderFailure):
    """The request provably did not reach the provider, or was turned away before acceptance (429)."""

    code = "not-sent"

    def __init__(
        self, what: str, *, retry_after: float | None = None, throttled: bool = False, **more: str
    ) -> None:
        super().__init__(what, **more)
        #: Seconds the provider asked us to wait; None where it said nothing.
        self.retry_after = retry_after
        #: It answered "too many", so that the wait is RATE and not REMOTE.
        self.throttled = throttled


class Refused(ProviderFailure):
    """The provider answered that it will not do this; asking again the same way is pointless."""

    code = "refused"

    def __init__(
        self, what: str, *, moderated: bool = False, charged: Money | None = None, **more: str
    ) -> None:
        super().__init__(what, **more)
        self.moderated = moderated
        self.charged = charged


class Uncertain(ProviderFailure):
    """The request may have reached the provider and the answer was lost."""

    code = "uncertain"


class Unavailable(ProviderFailure):
    """The service cannot be asked just now; nothing is lost, it is asked again later."""

    code = "unavailable"

    def __init__(self, what: str, *, retry_after: float | None = None, **more: str) -> None:
        super().__init__(what, **more)
        self.retry_after = retry_after


class Gone(ProviderFailure):
    """A result is no longer where the provider said it was."""

    code = "gone"


# ---------------------------------------------------------------- what it can do


class SubmitKind(StrEnum):
    """What sending the same request twice means."""

    PURE = "pure"  #: nothing: it is redone
    KEYED = "keyed"  #: nothing, with the same client reference: it is sent again with the call's uuid
    PAID = "paid"  #: paying twice: only this can become UNCERTAIN


class PriceUnit(StrEnum):
    """What a price is for."""

    CALL = "call"
    SECOND = "second"  #: of what is sent or asked for, at the rate stamped on it
    FRAME = "frame"


class Price(Value):
    """What one unit costs, and where that is written."""

    unit: PriceUnit
    amount: Money
    dated: str = ""
    source: str = ""


class ModelCapability(Value):
    """What one model of a provider can do."""

    model: str
    operations: frozenset[Operation]
    limits: Limits = Limits()
    price: Price | None = None
    #: Reference roles it uses.
    roles: frozenset[Role] = frozenset()
    #: Option names it understands (each refused elsewhere).
    options: frozenset[str] = frozenset()
    seed: bool = True
    negative_prompt: bool = False
    #: Takes of it are animatics or tests and never become active without `--temp`.
    temp: bool = False
    #: Local work of this model belongs on the `heavy` queue.
    heavy: bool = False


class Capabilities(Value):
    """What a provider can do, as data; checked before anything is sent."""

    name: str
    local: bool = False
    models: tuple[ModelCapability, ...]
    submit: SubmitKind = SubmitKind.PAID
    #: Seconds within which a request that was sent shows in `list_calls`; None: it cannot list.
    accept_within: float | None = None
    #: The list carries our reference (`PartRequest.reference`), so that it proves a call sent or not.
    lists_reference: bool = False
    cancels: bool = False
    #: Calls of ours it takes at once; 0: no limit known.
    slots: int = 0
    #: All its local work belongs on the `heavy` queue (`ModelCapability.heavy`: one model's).
    heavy: bool = False

    def model_for(self, operation: Operation, model: str = "auto") -> ModelCapability | None:
        """The named model, or for `auto` the first that does the operation; None where there is none."""
        fitting = [entry for entry in self.models if operation in entry.operations]
        return next((entry for entry in fitting if model in ("auto", entry.model)), None)


class ProviderConfig(Value):
    """`[providers.NAME]` of otio-bridge.toml and the environment; secrets never show in a repr."""

    name: str
    url: str | None = None
    key: SecretStr | None = None
    account: str = "default"
    options: dict[str, str] = {}
    #: Seconds for one HTTP request.
    timeout: float = 30.0
    #: Plain http and private addresses are allowed (sandbox, ComfyUI on the LAN).
    allow_private: bool = False
    #: The currency of the project's budgets, for providers that are free or invent their money.
    currency: str = "EUR"


# ---------------------------------------------------------------- what passes between


class PartRequest(Value):
    """One paid request: the request, and this part of it, in the provider's own frames and raster."""

    #: Our uuid for the call; sent as client reference where the provider keeps one.
    reference: str
    request: Request
    #: The model chosen (never `auto`).
    model: str
    part: int = 0
    parts: int = 1
    frames: int = Field(ge=1)
    rate: Rate
    raster: Raster
    seed: int | None = None
    #: Uploaded inputs by name: "plate", "first", "last", "ref0" …
    uploads: dict[str, str] = {}

    @property
    def seconds(self) -> Fraction:
        """Length of what is sent or asked for."""
        return self.frames / self.rate


class Upload(Value):
    """Where an uploaded input lives at the provider, and until when."""

    handle: str
    expires: AwareDatetime | None = None


class Charge(Value):
    """What a call cost; `reported` where the provider said so, else by its table."""

    amount: Money
    reported: bool


class Accepted(Value):
    """The provider has taken the request and gave it an id."""

    remote_id: str = Field(min_length=1)
    #: What it says it will cost, where it does.
    quoted: Money | None = None


class RemoteState(StrEnum):
    """What a provider says of a request it accepted."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    GONE = "gone"  #: it no longer knows the id


class Asset(Value):
    """A finished result. `url` may be signed: it is a secret, kept in memory or erased when fetched."""

    url: SecretStr
    content_type: str = ""
    size: int | None = None


class Remote(Value):
    """An accepted request, as we ask after it."""

    remote_id: str
    reference: str
    model: str = ""


class Progress(Value):
    """The answer to one question after one request."""

    remote_id: str
    state: RemoteState
    #: 0 to 1 where the provider says.
    fraction: float | None = Field(default=None, ge=0, le=1)
    assets: tuple[Asset, ...] = ()
    charge: Charge | None = None
    reason: str = ""
    moderated: bool = False
    #: Seconds it asked us to wait before asking again.
    retry_after: float | None = None


class Listed(Value):
    """One request in the provider's own list."""

    remote_id: str
    reference: str | None = None
    created: AwareDatetime | None = None


class LocalJob(Value):
    """Work for a local provider: everything is a file in `folder`, which is empty and its own."""

    request: Request
    model: str
    seed: int | None = None
    frames: int = Field(ge=1)
    rate: Rate
    raster: Raster
    #: The submission made from the plate; None for shots without one.
    plate: Path | None = None
    references: dict[str, Path] = {}
    folder: Path
    #: Kept between attempts at the same take, so that long work goes on where it was stopped; None: `folder`.
    scratch: Path | None = None
    #: `interpolate`: the plate frame (counted from its first, fractions between frames) shown by the result's
    #: first frame, and plate frames a result frame; None: the plate is spread over the result.
    first: Exact = Fraction(0)
    step: Exact | None = None
    shot: str = ""
    take: str = ""
    options: dict[str, str] = {}


class MediaTools(Protocol):
    """What local providers may do to media; frames are exact, counts are proven by the caller."""

    def probe(self, path: Path) -> MediaInfo:
        """What a decoder finds in the file."""

    def filter(self, source: Path, graph: str, out: Path, *, rate: Fraction, frames: int) -> Path:
        """Run a single-input filter graph over a movie and write exactly `frames` frames at `rate`."""

    def frames(self, source: Path) -> Sequence[object]:
        """The decoded pictures as RGB `uint8` arrays (height, width, 3), lazily where that is possible."""

    def encode(self, pictures: Callable[[int], object], out: Path, *, rate: Fraction, frames: int) -> Path:
        """Write `frames` pictures (RGB arrays or PIL images, from their index) as a movie."""


@runtime_checkable
class Provider(Protocol):
    """What every provider has."""

    name: ClassVar[str]

    def __init__(self, config: ProviderConfig) -> None: ...

    def capabilities(self) -> Capabilities:
        """What it can do; may be cached, must not spend."""

    def estimate(self, part: PartRequest) -> Money | None:
        """The worst case this part can cost; None where nobody can say."""


@runtime_checkable
class LocalProvider(Provider, Protocol):
    """Work done here: repeatable, free, never SENDING."""

    def run(self, job: LocalJob, tools: MediaTools) -> Sequence[Path]:
        """Make the result in `job.folder` and name its files."""


@runtime_checkable
class RemoteProvider(Provider, Protocol):
    """Work done elsewhere. Each method makes one attempt: no retry, no sleep."""

    def upload(self, name: str, path: Path) -> Upload:
        """Send one input ahead of the call. Raises Unavailable or Refused."""

    def submit(self, part: PartRequest) -> Accepted:
        """Send the paid request once, on a fresh connection. Raises NotSent, Refused or Uncertain."""

    def poll(self, remotes: Sequence[Remote]) -> Sequence[Progress]:
        """Ask after accepted requests, all at once where the provider can. Raises Unavailable."""

    def fetch(self, remote: Remote, asset: Asset, into: Path) -> Path:
        """Download one result to a file. Raises Unavailable (cut short too) or Gone."""

    def list_calls(self, since: datetime) -> Sequence[Listed] | None:
        """Every request of this account since then, complete; None where the provider has no list."""

    def cancel(self, remote: Remote) -> None:
        """Ask for it to be stopped; what finished anyway is still fetched."""


def priced(capability: ModelCapability, part: PartRequest) -> Money | None:
    """The table's price for a part: calls, seconds or frames of what is sent."""
    if capability.price is None:
        return None
    units: Mapping[PriceUnit, int | Exact] = {
        PriceUnit.CALL: 1,
        PriceUnit.SECOND: part.seconds,
        PriceUnit.FRAME: part.frames,
    }
    return capability.price.amount.times(Fraction(units[capability.price.unit]))
