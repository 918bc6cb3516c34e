"""DONE ▶ FETCHED: bring every result home as it came, before anything else can happen to it."""

from __future__ import annotations

import logging
from pathlib import Path

from otio_bridge.app import App
from otio_bridge.errors import BridgeError, MediaError, StaleMove
from otio_bridge.media.files import drop_work_folder, publish, safe_name, sha256, work_folder
from otio_bridge.media.probe import probe
from otio_bridge.model.take import CallState, TakeState
from otio_bridge.provider import Gone, Remote, RemoteProvider, RemoteState, Unavailable
from otio_bridge.store import calls, parts
from otio_bridge.store.records import CallRecord, PartRecord, TakeRecord
from otio_bridge.workflow.lease import Lease
from otio_bridge.workflow.move import advance
from otio_bridge.workflow.places import returned_folder, room

log = logging.getLogger(__name__)

#: Seconds for which one worker has a part to fetch early for itself.
_EARLY = 900.0


def fetch(app: App, take: TakeRecord, lease: Lease) -> None:
    """Download each finished part, check that it is pictures, and keep it under its content's name."""
    bring_home(app, take, lease)
    advance(app, take, TakeState.FETCHED, why="fetched")


def bring_home(app: App, take: TakeRecord, lease: Lease) -> list[PartRecord]:
    """Fetch each part that is finished, whatever became of the others; the parts as they were before."""
    mine = parts.parts_of(app.ledger, take.id)
    for part in mine:
        if part.state is TakeState.DONE and part.file is None:
            _one(app, take, part, lease)
        elif part.state is TakeState.DONE:
            parts.set_part(app.ledger, take, part.part, state=TakeState.FETCHED)
    return mine


def early(app: App, *, owner: str) -> bool:
    """Fetch one finished part of a take that another part keeps from going on; False: there is none.

    Results are not kept for ever, and the other part may wait for a person for days. The call says when it is
    tried again, and keeps other workers from it meanwhile.
    """
    found = calls.unfetched(app.ledger)
    if found is None:
        return False
    call, take = found
    limits = app.settings.queue
    calls.asked(app.ledger, call.uuid, due_in=min(limits.step_limit, _EARLY))
    root, name = app.settings.state_folder / "work", f"{take.id}-part{call.part}"
    token = safe_name(owner)
    try:
        part = parts.parts_of(app.ledger, take.id)[call.part]
        _one(app, take, part, Lease(_EARLY), folder=work_folder(root, name, token))
    except StaleMove:
        pass  # the take went on, and fetches it itself
    except Exception as exc:
        # Nothing waits for it here; a stranger's code may raise anything.
        unexpected = not isinstance(exc, BridgeError | OSError)
        log.warning("%s", exc, exc_info=unexpected, extra={"action": "early_failed", "call": call.uuid})
        again = min(limits.poll_max, limits.poll * 2.0 ** min(call.asks, 10))
        calls.asked(app.ledger, call.uuid, due_in=again)
    finally:
        drop_work_folder(root, name, token)
    return True


def _one(app: App, take: TakeRecord, part: PartRecord, lease: Lease, *, folder: Path | None = None) -> None:
    provider = app.providers.get(take.provider)
    call = accepted_call(app, take, part.part)
    if call is None or call.remote_id is None or not isinstance(provider, RemoteProvider):
        raise MediaError("a finished part has no call to fetch from", value=f"part {part.part}")
    remote = Remote(remote_id=call.remote_id, reference=call.uuid, model=take.model)
    into = (folder or room(app, take)) / f"part{part.part}"
    try:
        got = _download(provider, remote, into)
    except Gone:
        # Its address had run out, or the service looked in the wrong place: asked for a second time.
        got = _download(provider, remote, into)
    info = probe(str(got))
    if info.frames < 1:
        raise Unavailable("the download holds no pictures", provider=take.provider, detail=call.remote_id)
    lease.check()
    digest = sha256(got)
    name = f"part{part.part}_{digest[:12]}{Path(got).suffix or '.mp4'}"
    path = publish(got, returned_folder(app, take.shot, take.name) / name)
    parts.set_part(app.ledger, take, part.part, state=TakeState.FETCHED, file=str(path), sha256=digest)


def _download(provider: RemoteProvider, remote: Remote, into: Path) -> Path:
    """Addresses are signed and expire: they are asked for now and never written down."""
    progress = provider.poll([remote])[0]
    if progress.state is RemoteState.GONE:
        raise Gone("the provider no longer has the result", provider=provider.name, detail=remote.remote_id)
    if not progress.assets:
        raise Unavailable("the provider names no result yet", provider=provider.name, detail=remote.remote_id)
    return provider.fetch(remote, progress.assets[0], into)


def accepted_call(app: App, take: TakeRecord, part: int) -> CallRecord | None:
    """The call that made (or is making) a part."""
    good = (CallState.ACCEPTED, CallState.SETTLED)
    return next(
        (call for call in calls.calls_of(app.ledger, take.id) if call.part == part and call.state in good),
        None,
    )
