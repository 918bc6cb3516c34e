"""Takes into an edit, and out of it again; what was written is told to the ledger, so undo needs no file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from math import floor
from pathlib import Path
from uuid import uuid4

from otio_bridge.app import App
from otio_bridge.errors import RefusedInput
from otio_bridge.media.files import sha256
from otio_bridge.model.identify import Ambiguous
from otio_bridge.model.media import MediaRef
from otio_bridge.model.relink import Original, RelinkEntry, RelinkReport, Sidecar
from otio_bridge.model.shot import Occurrence, Severity, ShotNote
from otio_bridge.model.time import FrameRange, timecode
from otio_bridge.model.value import Value
from otio_bridge.store import events, shots
from otio_bridge.store.records import ShotRecord
from otio_bridge.timeline.load import Edit
from otio_bridge.timeline.relink import relink as put_in
from otio_bridge.timeline.target import target_named
from otio_bridge.timeline.undo import undo as take_out
from otio_bridge.timeline.write import relative_notes, write_edit
from otio_bridge.workflow.links import Linked, linked
from otio_bridge.workflow.reading import clips, looker, open_edit
from otio_bridge.workflow.shown import RELINKED


class RelinkLine(Value):
    """One clip, as the report shows it."""

    shot: str
    #: Record timecode of the clip.
    at: str
    clip: str
    #: The take it shows now, or "original".
    shows: str
    alternates: tuple[str, ...] = ()
    linked: bool
    why: str = ""


class RelinkResult(Value):
    """What `relink` wrote, and what became of each clip."""

    out: str
    sidecar: str | None
    target: str
    lines: tuple[RelinkLine, ...]
    notes: tuple[ShotNote, ...] = ()


def relink(
    app: App,
    path: Path,
    out: Path,
    *,
    target: str = "review",
    only: Sequence[str] = (),
    newest: bool = False,
    temp: bool = False,
    rate: Fraction | None = None,
    cut: str | None = None,
) -> RelinkResult:
    """Put takes into an edit, write it to `out`, its sidecar beside it.

    Raises RefusedInput where no clip of the edit is a shot of this project, or a name in `only` is none.
    """
    aim = target_named(target)
    edit = open_edit(app.settings, path, rate=rate)
    everything = clips(edit, looker())
    offered = linked(app, everything, cut or edit.cut, only=only, newest=newest, temp=temp)
    links, who = offered.links, offered.who
    missing = sorted(set(only) - {link.shot for link in links})
    if missing:
        raise RefusedInput(
            "no clip of this edit shows it", value=", ".join(missing), next=f"otio-bridge plan {path}"
        )
    if not links and not who.ambiguous:
        raise RefusedInput(
            "no clip of this edit is a shot of this project", value=path, next=f"otio-bridge send {path}"
        )
    report = put_in(edit, links, target=aim, originals=originals(app))
    relative = relative_notes(edit, out)
    write_edit(edit, out, target=aim)
    sidecar = _keep(app, out, edit, report, cut or edit.cut, offered)
    by_address = {clip.address: clip for clip in everything}
    names = {record.id: record.name for record in shots.all_shots(app.ledger)}
    unclear = tuple(
        ShotNote(
            severity=Severity.WARN,
            code="ambiguous",
            text=_unclear(entry, names),
        )
        for entry in who.ambiguous
    )
    return RelinkResult(
        out=str(out),
        sidecar=str(sidecar) if sidecar else None,
        target=target,
        lines=tuple(_line(entry, by_address.get(entry.address)) for entry in report.entries),
        notes=(*edit.notes, *unclear, *_left_out(offered, everything), *_notes(*report.notes, *relative)),
    )


def _unclear(entry: Ambiguous, names: dict[str, str]) -> str:
    could = ", ".join(names.get(shot, shot) for shot in entry.shot_ids)
    return f"{entry.name} could be any of {could}: not linked; give it a mark with name=SHOT"


def originals(app: App) -> dict[str, Original]:
    """What each shot's clips must have shown before any relink: where an edit no longer tells, the ledger does."""
    return {record.id: _original(record) for record in shots.all_shots(app.ledger)}


def _original(record: ShotRecord) -> Original:
    """As its edit wrote it, where that was kept; else made from what is known of its media."""
    newest = sorted(record.occurrences, key=lambda seen: (seen.present, seen.seen_at), reverse=True)
    text = next((text for seen in newest if (text := seen.spec.get("original"))), None)
    if text is not None:
        return Original.model_validate(json.loads(text))
    media = record.spec.get("media")
    gap = next((seen for seen in newest if seen.gap), None)
    if gap is not None:
        held = FrameRange(start=max(0, floor(gap.span.start)), duration=gap.span.n)
        return Original.of(None, gap=held, rate=gap.rate)
    return Original.of(MediaRef.model_validate(media) if media else None)


def undo(app: App, path: Path, out: Path, *, sidecar: Path | None = None) -> RelinkResult:
    """Take every take of ours out of an edit again, as it was, by sidecar or by the ledger.

    The sidecar named, else the one beside the edit, else the ledger's own copy. Raises RefusedInput where
    there is none of them.
    """
    edit = open_edit(app.settings, path)
    beside = sidecar_of(path)
    if sidecar is None and beside.is_file():
        sidecar = beside
    kept = [read_sidecar(sidecar)] if sidecar is not None else _from_ledger(app, path)
    known = originals(app)
    if not kept and not known:
        raise RefusedInput(
            "neither the ledger nor a sidecar knows what this edit was",
            value=path,
            allowed="the sidecar written beside it",
            next=f"otio-bridge relink --undo {path} --sidecar FILE -o {out}",
        )
    report = take_out(edit, kept, known)
    relative = relative_notes(edit, out)
    write_edit(edit, out, target=target_named("review"))
    by_address = {clip.address: clip for clip in clips(edit, looker())}
    return RelinkResult(
        out=str(out),
        sidecar=None,
        target="undo",
        lines=tuple(_line(entry, by_address.get(entry.address)) for entry in report.entries),
        notes=(*edit.notes, *_notes(*report.notes, *relative)),
    )


def sidecar_of(out: Path) -> Path:
    """`cut.otio` -> `cut.otio-bridge.json`."""
    return out.with_suffix(".otio-bridge.json")


def read_sidecar(path: Path) -> Sidecar:
    """Read a sidecar. Raises RefusedInput for a file that is none."""
    try:
        return Sidecar.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as exc:
        raise RefusedInput(
            "this is no sidecar of ours",
            value=path,
            allowed="NAME.otio-bridge.json, as relink wrote it",
            next="leave --sidecar out, and the ledger is asked",
        ) from exc


def _keep(app: App, out: Path, edit: Edit, report: RelinkReport, cut: str, offered: Linked) -> Path | None:
    if report.sidecar is None:
        return None
    path = sidecar_of(out)
    # The ledger first: with it an undo needs no sidecar.
    events.note(
        app.ledger,
        f"{edit.path.name} relinked to {out.name}",
        kind=RELINKED,
        author=app.author,
        data={
            "out": str(out.absolute()),
            "sha256": sha256(out),
            "cut": cut,
            "clips": [
                offered.clips[entry.address].model_copy(update={"take": entry.active}).model_dump(mode="json")
                for entry in report.entries
                if entry.address in offered.clips
            ],
            "sidecar": report.sidecar.model_dump(mode="json"),
        },
    )
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        draft.write_text(report.sidecar.model_dump_json(indent=2), encoding="utf-8")
        draft.replace(path)
    except OSError as exc:
        with suppress(OSError):
            draft.unlink()
        raise RefusedInput(
            f"{out.name} is written and its sidecar cannot be ({exc.strerror}); undo works by the ledger",
            value=path,
            next="move away what is there, and relink again",
        ) from exc
    return path


def _from_ledger(app: App, path: Path) -> list[Sidecar]:
    """The sidecars of this file, by content, else by place, else of its name; newest first."""
    kept = [event.data for event in reversed(events.events_of(app.ledger, kind=RELINKED, limit=100_000))]
    digest, place = sha256(path), str(path.absolute())
    for same in (
        lambda data: data["sha256"] == digest,
        lambda data: data["out"] == place,
        lambda data: Path(data["out"]).name == path.name,
    ):
        found = [Sidecar.model_validate(data["sidecar"]) for data in kept if same(data)]
        if found:
            return found
    # The editor saved it under another name: every original the ledger has is offered, newest first; what
    # is in this file is told by our own metadata.
    return [Sidecar.model_validate(data["sidecar"]) for data in kept]


def _line(entry: RelinkEntry, clip: Occurrence | None) -> RelinkLine:
    at = timecode(max(0, clip.record.start), clip.timeline_rate, drop=clip.drop) if clip is not None else "-"
    words = " ".join(entry.words)
    return RelinkLine(
        shot=entry.shot,
        at=at,
        clip=(clip.name if clip else "") or "gap",
        shows=entry.active or "original",
        alternates=tuple(take for take in entry.takes if take != entry.active),
        linked=entry.linked,
        why="; ".join(text for text in (words, entry.why, *entry.notes) if text),
    )


def _left_out(offered: Linked, everything: Sequence[Occurrence]) -> Iterator[ShotNote]:
    """What is said of clips that look like a shot's and are none."""
    for clip in everything:
        record = offered.left_out.get(clip.address)
        if record is not None:
            at = timecode(max(0, clip.record.start), clip.timeline_rate, drop=clip.drop)
            text = (
                f"{clip.name or 'a clip'} at {at} shows frames of {record.name} and was not asked for when this cut "
                "was sent: it stays as it is (mark it and send the edit to have takes there too)"
            )
            yield ShotNote(severity=Severity.NOTE, code="unasked", text=text)


def _notes(*texts: str) -> tuple[ShotNote, ...]:
    return tuple(ShotNote(severity=Severity.NOTE, code="relink", text=text) for text in texts)
