"""Results drawn for people: short tables, one remedy a line. `--json` is for machines."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from otio_bridge.model.shot import Occurrence, Severity, ShotNote, ShotSpec
from otio_bridge.model.take import ReviewState, TakeState
from otio_bridge.model.time import rate_text, timecode
from otio_bridge.workflow.dispatch import SendReport
from otio_bridge.workflow.mending import Mended
from otio_bridge.workflow.plan import PlanReport
from otio_bridge.workflow.planned import PlanEntry
from otio_bridge.workflow.reading import ShotsReport
from otio_bridge.workflow.relink import RelinkResult
from otio_bridge.workflow.review import Decision
from otio_bridge.workflow.sheet import SheetReport
from otio_bridge.workflow.status import StatusReport, TakeLine, TakesReport

_SIGN = {Severity.NOTE: "·", Severity.WARN: "!", Severity.REFUSE: "✗"}


#: Where an edit asks for nothing.
_NOTHING = (
    "nothing is asked for: mark a clip (@restyle …), or choose with --select TERM --operation NAME "
    "(only picture clips and gaps are chosen)"
)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _refused(entries: tuple[PlanEntry, ...]) -> str:
    """`; 2 of 5 shots refused`, or nothing."""
    refused = sum(1 for entry in entries if entry.refused)
    return f"; {refused} of {_count(len(entries), 'shot')} refused" if refused else ""


def console() -> Console:
    """A terminal that never breaks a word of a path, and takes text as text; files and pipes get wide lines."""
    wide = None if sys.stdout.isatty() else 200
    return Console(highlight=False, markup=False, soft_wrap=True, width=wide)


#: Columns whose words are never broken, where the terminal has the room.
_WHOLE = frozenset({"shot", "take", "at", "record in", "source in", "operation", "plate"})
_NARROW = 72


def _table(columns: str, rows: Iterable[Sequence[str]]) -> Table:
    """A table of the columns named, separated by `|`; a column that says nothing takes no room."""
    names, cells = columns.split("|"), list(rows)
    table = Table(box=None, pad_edge=False, collapse_padding=True, header_style="bold")
    used = [index for index in range(len(names)) if any(row[index] for row in cells)]
    whole = console().width >= _NARROW
    for index in used:
        table.add_column(names[index], overflow="fold", no_wrap=whole and names[index] in _WHOLE)
    for row in cells:
        table.add_row(*(row[index] for index in used))
    return table


def notes(found: tuple[ShotNote, ...], indent: str = "") -> None:
    """Notes, a line each."""
    out = console()
    for note in found:
        out.print(f"{indent}{_SIGN[note.severity]} {note.text}")


def _tc(spec: ShotSpec, frame: int) -> str:
    return timecode(max(0, frame), spec.rate, drop=spec.drop)


def _plays(clip: Occurrence) -> str:
    return timecode(max(0, clip.record.start), clip.timeline_rate, drop=clip.drop)


def _handles(spec: ShotSpec) -> str:
    """`8+8`, or `5+8 of 8+8` where the media has less than was wanted; `-` where it has not even the need."""
    if not spec.handles.had.contains(spec.need):
        return "-"
    had, wanted = (
        f"{spec.need.start - held.start}+{held.end - spec.need.end}"
        for held in (spec.handles.had, spec.handles.wanted)
    )
    return had if had == wanted else f"{had} of {wanted}"


def shots(report: ShotsReport) -> None:
    """`shots`: a row a shot, then why and what to mind."""
    out = console()
    if not report.shots:
        notes(report.notes)
        out.print(f"0 shots in {report.edit} (cut {report.cut}); {_NOTHING}")
        return
    rows = (
        (
            spec.name or "",
            str(spec.ask.operation),
            str(spec.placement),
            _plays(spec.occurrences[0]),
            _tc(spec, spec.need.start),
            f"{spec.need.duration} f",
            _handles(spec),
            rate_text(spec.rate),
        )
        for spec in report.shots
    )
    out.print(_table("shot|operation|place|record in|source in|need|handles|rate", rows))
    for spec in report.shots:
        clips = ", ".join(f"{each.name or 'gap'} at {_plays(each)}" for each in spec.occurrences)
        out.print(f"{spec.name}: {spec.why} ({clips})")
        if spec.ask.prompt:
            out.print(f"  “{spec.ask.prompt}”")
        for occurrence in spec.occurrences:
            for top in occurrence.on_top:
                out.print(f"  · the model will not see: {top.kind} ({top.detail})")
        notes(spec.notes, "  ")
    notes(report.notes)
    out.print(f"{_count(len(report.shots), 'shot')} in {report.edit} (cut {report.cut})")


def plan(report: PlanReport) -> None:
    """`plan`: a row a shot, the cost, and what is refused."""
    out = console()
    rows = (
        (
            entry.name,
            " ".join(entry.changes),
            str(entry.spec.ask.operation),
            f"{entry.provider} {entry.model}".strip(),
            entry.plate or "-",
            ", ".join(entry.takes) or "-",
            _would_send(entry),
            str(entry.total or "-"),
        )
        for entry in report.entries
    )
    table = _table("shot|changes|operation|provider|plate|has|would send|cost", rows)
    out.print(table if report.entries else _NOTHING)
    for entry in report.entries:
        if entry.refused:
            out.print(f"✗ {entry.name}: {entry.refused}")
        for note in entry.notes:
            out.print(f"· {entry.name}: {note}")
        notes(tuple(note for note in entry.spec.notes if note.severity is Severity.WARN), f"{entry.name} ")
    for name in report.omitted:
        out.print(f"· {name}: OMITTED (its takes are kept)")
    notes(report.notes)
    if report.left is not None and report.total.micro > report.left.micro:
        out.print(f"✗ that is more than is left: raise [money] budget above {report.budget}, or ask for less")
    left = f", {report.left} left of {report.budget}" if report.left is not None else ""
    takes_ = _count(report.to_send, "take")
    out.print(f"would send {takes_} for at most {report.total}{left}{_refused(report.entries)}")


def _would_send(entry: PlanEntry) -> str:
    if entry.refused:
        return "refused"
    return f"{entry.to_send} × {entry.each}" if entry.to_send and entry.each else str(entry.to_send)


def sent(report: SendReport, *, waited: bool = False) -> None:
    """`send`: what was dispatched, and with `--wait` what came of it."""
    out = console()
    new = [take for take in report.takes if take.new]
    rows = (
        (
            take.shot,
            take.take,
            str(take.state),
            f"{take.provider} {take.model}",
            take.why or ("new" if take.new else "there already"),
        )
        for take in report.takes
    )
    if report.takes:
        out.print(_table("shot|take|state|provider|", rows))
    for entry in report.plan.entries:
        if entry.refused:
            out.print(f"✗ {entry.name} was not sent: {entry.refused}")
    if not report.plan.entries:
        out.print(_NOTHING)
    notes(report.plan.notes)
    if waited:
        ready = sum(1 for take in report.takes if take.state is TakeState.READY)
        said = f"{ready} of {_count(len(report.takes), 'take')} READY, {len(new)} of them sent now"
    else:
        said = f"sent {_count(len(new), 'take')}, {report.held} reserved"
    out.print(said + _refused(report.plan.entries))


def take_lines(rows: tuple[TakeLine, ...]) -> None:
    """Takes, a row each; under them where their files are, and what those that need something wait for."""
    out = console()
    if not rows:
        out.print("no takes")
        return
    out.print(_table("shot|take|state|doing|done|review|operation|provider|cost", map(_take_cells, rows)))
    for row in rows:
        if row.file:
            out.print(f"{row.shot} {row.take}: {row.file}")
        if row.next or row.wait:
            out.print(f"{row.shot} {row.take}: {row.why}")
        if row.next:
            out.print(f"  next: {row.next}")


def _take_cells(row: TakeLine) -> tuple[str, ...]:
    over = row.progress is None or row.state is TakeState.READY
    return (
        row.shot,
        row.take,
        str(row.state) + (f" {row.wait}" if row.wait else "") + (" (cancel asked)" if row.cancelling else ""),
        row.doing,
        "" if over else f"{row.progress:.0%}",
        "" if row.review is ReviewState.UNREVIEWED else str(row.review),
        row.operation,
        f"{row.provider} {row.model}" + (" (temp)" if row.temp else ""),
        str(row.spent),
    )


def takes(report: TakesReport) -> None:
    """`takes`."""
    take_lines(report.takes)


def status(report: StatusReport) -> None:
    """`status`: what is open or failed, the money, and what runs."""
    out = console()
    if report.takes or not report.counts:
        take_lines(report.takes)
    else:
        out.print("nothing is open, nothing has failed")
    for budget in report.budgets:
        out.print(f"budget {budget.scope}: {budget.spent} spent, {budget.held} held, of {budget.cap}")
    out.print("running: " + (", ".join(report.processes) or "nothing (otio-bridge up)"))
    if report.counts:
        out.print(", ".join(f"{count} {state}" for state, count in sorted(report.counts.items())))


def mended(report: Mended) -> None:
    """`retry`, `cancel`, `resolve-uncertain`."""
    console().print(f"{report.what}: {len(report.takes)}")
    take_lines(report.takes)


def decided(report: Decision) -> None:
    """`pick` and `review`."""
    where = f" at {', '.join(report.at)}" if report.at else ""
    console().print(f"{report.shot} {report.take}: {report.decision}{where}")


def relinked(report: RelinkResult) -> None:
    """`relink`: what was linked, what was not, and why."""
    out = console()
    rows = (
        (line.shot, line.at, line.clip, line.shows, ", ".join(line.alternates), line.why)
        for line in report.lines
    )
    out.print(_table("shot|at|clip|shows|also there|", rows))
    notes(report.notes)
    out.print(f"wrote {report.out}" + (f"\nwrote {report.sidecar}" if report.sidecar else ""))
    if any("--temp shows it" in line.why for line in report.lines):
        out.print("next: relink again with --temp, to show temp takes too (animatics, the sandbox's)")
    if any("no take is chosen" in line.why for line in report.lines):
        out.print(
            "next, to show a take: otio-bridge pick SHOT vNNN, or review SHOT vNNN approved, or --newest"
        )


def sheet(report: SheetReport) -> None:
    """`sheet`."""
    console().print(f"wrote {report.out} ({_count(report.shots, 'shot')}, {_count(report.takes, 'take')})")
