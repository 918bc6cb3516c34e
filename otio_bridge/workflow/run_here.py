"""PREPARED ▶ DONE for local providers: work that is free to repeat and is never SENDING."""

from __future__ import annotations

from pathlib import Path

from otio_bridge.app import App
from otio_bridge.errors import BridgeError, MediaError
from otio_bridge.media.files import publish, sha256
from otio_bridge.media.tools import Tools
from otio_bridge.model.take import TakeState
from otio_bridge.provider import LocalJob, LocalProvider, ProviderFailure
from otio_bridge.store import parts
from otio_bridge.store.records import TakeRecord
from otio_bridge.workflow.inputs import submission_of
from otio_bridge.workflow.lease import Lease
from otio_bridge.workflow.move import advance
from otio_bridge.workflow.places import returned_folder, room, scratch
from otio_bridge.workflow.plates import PlateNotes
from otio_bridge.workflow.prepare import plate_of


def _made(provider: LocalProvider, job: LocalJob, tools: Tools) -> list[Path]:
    """What the provider made. Whatever a stranger's code raises is the take's reason, not the worker's death."""
    try:
        return [Path(path) for path in provider.run(job, tools)]
    except BridgeError:
        raise
    except (Exception, SystemExit) as exc:
        raise ProviderFailure(
            f"{provider.name} failed: {type(exc).__name__}: {exc}",
            provider=provider.name,
            next="mend the provider, then otio-bridge retry SHOT vNNN",
        ) from exc


def run(app: App, take: TakeRecord, lease: Lease) -> None:
    """Let the provider make its file in an empty folder, and keep what it made."""
    provider = app.providers.get(take.provider)
    if not isinstance(provider, LocalProvider):
        raise MediaError("the provider says it is local and has no run()", value=take.provider)
    submission = submission_of(take)
    notes = PlateNotes.of(plate_of(app, take))
    inputs = {name: Path(entry["path"]) for name, entry in take.result["inputs"].items()}
    plate = inputs.pop("plate", None)
    job = LocalJob(
        request=take.request,
        model=take.model,
        seed=take.seed,
        frames=submission.frames,
        rate=submission.rate,
        raster=submission.raster,
        plate=plate,
        references=inputs,
        folder=room(app, take),
        shot=take.shot,
        take=take.name,
        options=take.request.options,
        scratch=scratch(app, take),
        first=notes.first,
        step=notes.step,
    )
    made = _made(provider, job, Tools(app.ffmpeg, deadline=lease.deadline))
    if len(made) != 1 or not made[0].is_file():
        raise MediaError(f"{take.provider} made {len(made)} files where one was expected", value=made)
    lease.check()
    digest = sha256(made[0])
    # A retry may make other bytes: the name carries the content, so nothing is ever replaced.
    path = publish(
        made[0], returned_folder(app, take.shot, take.name) / f"part0_{digest[:12]}{made[0].suffix}"
    )
    parts.set_part(app.ledger, take, 0, state=TakeState.PREPARED, file=str(path), sha256=digest)
    advance(app, take, TakeState.DONE, why="made here")
