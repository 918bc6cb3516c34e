"""The provider `sandbox`: a stand-in for a hosted API, with pretend money, for learning and for tests.

Start the service with `otio-bridge sandbox` and paste its address:

    [providers.sandbox]
    url = "http://127.0.0.1:7420"

Options: `currency` of the pretend money (the budget's), `price.MODEL` where the service was given another.
Its takes are marked temp. The wire is described in otio_bridge/testing/sandbox/server.py.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError

from otio_bridge.model.conform import FrameGrid, Limits, Raster
from otio_bridge.model.raster import target_raster
from otio_bridge.model.request import Operation, Role
from otio_bridge.provider import (
    Accepted,
    Asset,
    Capabilities,
    Charge,
    Gone,
    Listed,
    ModelCapability,
    Money,
    PartRequest,
    Price,
    PriceUnit,
    Progress,
    ProviderConfig,
    ProviderFailure,
    Refused,
    Remote,
    RemoteState,
    SubmitKind,
    Unavailable,
    Uncertain,
    Upload,
    priced,
)
from otio_bridge_providers._answers import Reply
from otio_bridge_providers._http import Client

URL = "http://127.0.0.1:7420"
_MADE = frozenset({Operation.RESTYLE, Operation.GENERATE, Operation.ANIMATE})
_MOVED = frozenset({Operation.UPSCALE, Operation.DEFLICKER, Operation.STILL})
_SIZES = ((640, 360), (360, 640), (480, 480), (1280, 720), (720, 1280), (960, 720))
#: Model -> what it does, its limits, the unit it is priced by and the price (docs/writing-a-provider.md).
_MODELS: dict[str, tuple[frozenset[Operation], Limits, PriceUnit, str]] = {
    "sandbox-24": (
        _MADE,
        Limits(
            grid=FrameGrid(step=4, offset=1, minimum=5, maximum=121),
            rates=(Fraction(24),),
            rasters=tuple(Raster(width=width, height=height) for width, height in _SIZES),
        ),
        PriceUnit.SECOND,
        "0.05",
    ),
    "sandbox-any": (
        _MADE | _MOVED,
        Limits(grid=FrameGrid(maximum=600), max_pixels=4096 * 2304),
        PriceUnit.CALL,
        "0.02",
    ),
    "sandbox-long": (
        _MADE,
        Limits(
            grid=FrameGrid(step=8, offset=1, minimum=17, maximum=257),
            rates=(Fraction(16),),
            max_pixels=1280 * 736,
            multiple_of=32,
        ),
        PriceUnit.SECOND,
        "0.03",
    ),
}
_STATES = {
    "queued": RemoteState.WAITING,
    "running": RemoteState.RUNNING,
    "done": RemoteState.DONE,
    "failed": RemoteState.FAILED,
    "cancelled": RemoteState.CANCELLED,
}
_TYPES = {".mp4": "video/mp4", ".mov": "video/quicktime", ".png": "image/png", ".jpg": "image/jpeg"}
#: Requests asked after at once.
_BATCH = 50


class SandboxProvider:
    """Speaks to the sandbox service."""

    name: ClassVar[str] = "sandbox"

    def __init__(self, config: ProviderConfig) -> None:
        url = config.url or URL
        if _loopback(url):
            config = config.model_copy(update={"allow_private": True})
        self._currency = config.options.get("currency", config.currency)
        self._prices = {
            name.removeprefix("price."): amount
            for name, amount in config.options.items()
            if name.startswith("price.")
        }
        auth = {"Authorization": f"Bearer {config.key.get_secret_value()}"} if config.key else {}
        self._http = Client(config, base=url, auth=auth, explain=_explain)

    def capabilities(self) -> Capabilities:
        """Three models: like most hosted ones, like none (takes anything), and like the open ones."""
        return Capabilities(
            name=self.name,
            models=tuple(self._model(name) for name in _MODELS),
            submit=SubmitKind.PAID,
            accept_within=5.0,
            lists_reference=True,
            cancels=True,
        )

    def estimate(self, part: PartRequest) -> Money | None:
        """Exactly what it will cost."""
        return priced(self._model(part.model), part) if part.model in _MODELS else None

    def upload(self, name: str, path: Path) -> Upload:
        """Send a file; kept for a day."""
        kind = _TYPES.get(path.suffix.lower(), "application/octet-stream")
        said = self._http.upload("v1/uploads", path, kind, {"name": name})
        try:
            return Upload(handle=said["upload"], expires=said.get("expires"))
        except (KeyError, TypeError, ValidationError) as exc:
            raise Unavailable("the answer to an upload has no handle", provider=self.name) from exc

    def submit(self, part: PartRequest) -> Accepted:
        """Ask for one part; sending it twice is paying twice."""
        asked = part.request
        raster = part.raster
        if asked.operation is Operation.UPSCALE:
            raster = target_raster(raster, asked.operation, asked.options.get("size", "same"))
        body = {
            "model": part.model,
            "operation": asked.operation.value,
            "reference": part.reference,
            "prompt": asked.prompt,
            "negative_prompt": asked.negative_prompt,
            "seed": part.seed or 0,
            "frames": part.frames,
            "rate": str(part.rate),
            "width": raster.width,
            "height": raster.height,
            "inputs": part.uploads,
            "currency": self._currency,
            "part": part.part,
            "parts": part.parts,
        }
        said = self._http.paid("v1/generations", body)
        try:
            return Accepted(remote_id=said["id"], quoted=_money(said.get("quoted")))
        except (KeyError, TypeError, ValueError) as exc:
            raise Uncertain("the answer has no id", provider=self.name) from exc

    def poll(self, remotes: Sequence[Remote]) -> Sequence[Progress]:
        """Ask after many at once; what the service no longer knows is GONE."""
        found: dict[str, Progress] = {}
        for start in range(0, len(remotes), _BATCH):
            ids = ",".join(remote.remote_id for remote in remotes[start : start + _BATCH])
            try:
                said = self._http.get("v1/generations", {"ids": ids})
                found |= {entry["id"]: _progress(entry) for entry in said["generations"]}
            except (Gone, KeyError, TypeError, ValueError) as exc:
                raise Unavailable(
                    "the answer is not the list that was asked for", provider=self.name
                ) from exc
        gone = RemoteState.GONE
        return [
            found.get(remote.remote_id) or Progress(remote_id=remote.remote_id, state=gone)
            for remote in remotes
        ]

    def fetch(self, remote: Remote, asset: Asset, into: Path) -> Path:
        """Download the movie."""
        return self._http.download(asset.url.get_secret_value(), into, size=asset.size)

    def list_calls(self, since: datetime) -> Sequence[Listed] | None:
        """Every request since then, page by page; None where the service has its list switched off."""
        listed: list[Listed] = []
        more = True
        while more:
            after = {"after": listed[-1].remote_id} if listed else {}
            try:
                said = self._http.get("v1/generations", {"since": since.isoformat(), **after})
                page = [_listed(entry) for entry in said["generations"]]
                more = bool(said["more"])
                if more and not page:
                    raise ValueError("a page without entries, and more to come")
            except Gone:
                return None
            except (KeyError, TypeError, ValueError) as exc:
                raise Unavailable("the list cannot be read", provider=self.name) from exc
            listed += page
        return listed

    def cancel(self, remote: Remote) -> None:
        """Ask for it to be stopped."""
        self._http.delete(f"v1/generations/{remote.remote_id}")

    def close(self) -> None:
        """Close connections."""
        self._http.close()

    def _model(self, name: str) -> ModelCapability:
        operations, limits, unit, amount = _MODELS[name]
        amount = self._prices.get(name, amount)
        return ModelCapability(
            model=name,
            operations=operations,
            limits=limits,
            price=Price(unit=unit, amount=Money.of(amount, self._currency), source="pretend money"),
            roles=frozenset({Role.FIRST}),
            options=frozenset({"size"}) if Operation.UPSCALE in operations else frozenset(),
            negative_prompt=True,
            temp=True,
        )


def _explain(reply: Reply) -> ProviderFailure | None:
    """422 is a refusal for the content."""
    if reply.status != 422:
        return None
    return Refused("the content was refused", provider=SandboxProvider.name, moderated=True)


def _progress(entry: Mapping[str, Any]) -> Progress:
    """What the service says of one request. Raises KeyError, TypeError or ValueError where it is nonsense."""
    error = entry.get("error") or {}
    charged = _money(entry.get("charged"))
    return Progress(
        remote_id=entry["id"],
        state=_STATES[entry["status"]],
        fraction=entry.get("progress"),
        assets=tuple(
            Asset(url=SecretStr(found["url"]), content_type=found.get("type", ""), size=found.get("size"))
            for found in entry.get("results", ())
        ),
        charge=None if charged is None else Charge(amount=charged, reported=True),
        reason=error.get("message", ""),
        moderated=error.get("moderated", False),
    )


def _listed(entry: Mapping[str, Any]) -> Listed:
    return Listed(remote_id=entry["id"], reference=entry.get("reference"), created=entry.get("created"))


def _money(said: Any) -> Money | None:
    """`{"amount": "0.05", "currency": "EUR"}`. Raises KeyError, TypeError or ValueError."""
    return None if said is None else Money.of(said["amount"], said["currency"])


def _loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
