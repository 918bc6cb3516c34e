"""The events of an EDL's text: decoded, parsed, paired and put in record order, each oddity noted."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial

from otio_cmx3600_adapter import cmx_3600  # type: ignore[import-untyped]

from otio_bridge.errors import RefusedInput
from otio_bridge.model.shot import Severity, ShotNote
from otio_bridge.model.time import can_drop, nominal, parse_timecode, rate_text, timecode
from otio_bridge.timeline.formats.edl_comments import plainly, with_media

_TC = r"\d{2}[:;.,]\d{2}[:;.,]\d{2}[:;.,]\d{2,3}|\d+"
_EVENT = re.compile(
    rf"(?P<number>\d+)\s+(?P<reel>\S.*?)\s+(?P<channel>\S+)\s+(?P<kind>C|D|W\d{{3}}|K\S*)(?:\s+(?P<length>\d+))?"
    rf"\s+(?P<tc0>{_TC})\s+(?P<tc1>{_TC})\s+(?P<tc2>{_TC})\s+(?P<tc3>{_TC})"
)
_M2 = re.compile(rf"\*?\s*M2\s+(?P<reel>\S.*?)\s+(?P<speed>[-+]?\d+(?:\.\d+)?)\s*(?P<at>{_TC})?\s*$")
_FREEZE = re.compile(r"\*[\s*]*FREEZE FRAME")
#: Rates tried, in this order, where nobody says one and the frame labels allow several.
_GUESSES = (Fraction(24), Fraction(25), Fraction(30), Fraction(50), Fraction(60))


@dataclass
class Event:
    """One event line: source and record frames, transition, and what follows it."""

    number: str
    reel: str
    channel: str
    kind: str
    length: int
    source: tuple[int, int]
    record: tuple[int, int]
    comments: list[str] = field(default_factory=list)
    speed: Fraction | None = None
    freeze: bool = False

    @property
    def duration(self) -> int:
        """Record frames."""
        return self.record[1] - self.record[0]

    @property
    def where(self) -> str:
        """Its name in messages."""
        return f"event {self.number}"


class Notes(list[ShotNote]):
    """Notes being collected."""

    def add(self, severity: Severity, code: str, text: str) -> None:
        """One more."""
        self.append(ShotNote(severity=severity, code=code, text=text))


@dataclass(frozen=True)
class EventList:
    """What an EDL says: its events in record order, at the rate given or guessed."""

    title: str
    events: list[Event]
    rate: Fraction
    drop: bool


def parse(raw: bytes, rate: Fraction | None, notes: Notes) -> EventList:
    """Read an EDL's bytes. Raises RefusedInput for what cannot be put right."""
    text = _decode(raw, notes)
    rows = [row for row in (line.strip() for line in text.splitlines()) if row]
    drop = any(re.match(r"FCM\s*:?\s*DROP", row) for row in rows) or bool(re.search(r"\d\d;\d\d\b", text))
    rate = rate if rate is not None else _guess(rows, drop, notes)
    drop = drop and can_drop(rate)
    title, events = _parse(rows, rate, notes)
    if not events:
        raise RefusedInput("the EDL has no events")
    return EventList(title, _in_order(_paired(events), rate, drop, notes), rate, drop)


def _decode(raw: bytes, notes: Notes) -> str:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = raw.decode("utf-16", errors="strict")
    else:
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = raw.decode("cp1252", errors="replace")
            notes.add(Severity.NOTE, "edl-encoding", "the EDL is no UTF-8; it was read as Windows-1252")
    if "\0" in text:
        raise RefusedInput("the EDL is no text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _guess(rows: list[str], drop: bool, notes: Notes) -> Fraction:
    """A rate for an EDL that cannot say one; marked, since it is a guess."""
    if drop:
        return Fraction(30000, 1001)
    events = [match for match in map(_EVENT.match, rows) if match]
    codes = [event[f"tc{i}"] for event in events for i in range(4)]
    highest = max((int(code[9:]) for code in codes if len(code) > 9), default=0)
    rate = next((rate for rate in _GUESSES if highest < rate), _GUESSES[-1])
    text = f"EDLs state no rate; read at {rate_text(rate)}: say --rate, or set [project] rate"
    notes.add(Severity.WARN, "edl-rate", text)
    return rate


def _parse(rows: list[str], rate: Fraction, notes: Notes) -> tuple[str, list[Event]]:
    title, lines, dropping, split = "", list[Event](), False, 0
    for row in rows:
        event = _EVENT.match(row)
        speed = _M2.match(row)
        if event:
            split -= 1
            lines.append(_line(event, rate, dropping))
        elif row.startswith("TITLE:"):
            title = row.removeprefix("TITLE:").strip()
        elif row.startswith("FCM"):
            dropping = bool(re.match(r"FCM\s*:?\s*DROP", row))
        elif row.startswith("SPLIT"):
            split = 2
        elif not lines:
            notes.add(
                Severity.NOTE, "edl-line", f"a line before the first event was not understood: {row[:60]}"
            )
        elif speed:
            _give_speed(lines, speed, rate, dropping, notes)
        elif _FREEZE.match(row):
            lines[-1].freeze = True
            lines[-1].speed = Fraction(0)
        else:
            read = partial(_frame, rate=rate, dropping=dropping)
            owner = lines[-2:] if split == 0 and len(lines) > 1 else lines[-1:]
            for line in owner:
                line.comments.append(plainly(row, line.where, rate, read, notes.add))
    for line in lines:
        line.comments = with_media(line.comments)
    return title, lines


def _line(event: re.Match[str], rate: Fraction, dropping: bool) -> Event:
    if event["kind"].startswith("K"):
        raise RefusedInput(
            f"event {event['number']} is a key ({event['kind']}), which is not read from EDLs",
            next="export OTIO, FCP 7 XML or AAF",
        )
    source = (_frame(event["tc0"], rate, dropping), _frame(event["tc1"], rate, dropping))
    record = (_frame(event["tc2"], rate, dropping), _frame(event["tc3"], rate, dropping))
    day = nominal(rate) * 86400
    if source[1] < source[0]:
        source = (source[0], source[1] + day)
    if record[1] < record[0]:
        raise RefusedInput(f"event {event['number']} ends before it begins in the record")
    return Event(
        event["number"],
        event["reel"],
        event["channel"],
        event["kind"],
        int(event["length"] or 0),
        source,
        record,
    )


def _frame(code: str, rate: Fraction, dropping: bool) -> int:
    if code.isdigit():
        return int(code)
    code = code.replace(".", ":").replace(",", ";")
    if dropping and can_drop(rate):
        code = f"{code[:8]};{code[9:]}"
    try:
        return parse_timecode(code[:8].replace(";", ":") + code[8:], rate)[0]
    except ValueError as exc:
        raise RefusedInput(f"the EDL does not fit {rate_text(rate)} fps ({exc})", next="say --rate") from exc


def _give_speed(
    lines: list[Event], found: re.Match[str], rate: Fraction, dropping: bool, notes: Notes
) -> None:
    """An M2 belongs to the line of its reel and entry; in a dissolve that may be the outgoing one."""
    speed = Fraction(found["speed"]) / nominal(rate)
    at = _frame(found["at"], rate, dropping) if found["at"] else None
    event = [line for line in lines[-2:] if line.number == lines[-1].number]
    reel = found["reel"].strip()
    fitting = [line for line in event if line.reel == reel and at in (None, line.source[0])]
    target = (fitting or event)[-1]
    if target.duration or target is lines[-1]:
        target.speed, target.freeze = speed, target.freeze or speed == 0
    if not fitting:
        notes.add(Severity.WARN, "edl-speed", f"{target.where}: its M2 line names another reel or entry")


def _paired(lines: list[Event]) -> list[Event]:
    """Dissolves without the empty outgoing line; the adapter gets one written anew.

    The outgoing line may carry another number than the incoming one (a fault of some exporters).
    """
    kept = []
    for line, after in zip(lines, [*lines[1:], None], strict=True):
        if line.duration or after is None or after.kind == "C" or after.channel != line.channel:
            kept.append(line)
        else:
            after.comments = [*line.comments, *after.comments]
    return [line for line in kept if line.duration]


def _in_order(lines: list[Event], rate: Fraction, drop: bool, notes: Notes) -> list[Event]:
    """Record order, no overlaps, and source lengths that a speed explains."""
    ordered = sorted(lines, key=lambda line: line.record[0])
    if ordered != lines:
        notes.add(Severity.NOTE, "edl-order", "the events are not in record order; they were sorted")
    last: dict[str, Event] = {}
    for line in ordered:
        for track in tracks_of(line):
            before = last.get(track)
            if before is not None and before.record[1] > line.record[0]:
                at = timecode(line.record[0], rate, drop=drop)
                if before.record[0] >= line.record[0]:
                    raise RefusedInput(f"{before.where} and {line.where} lie on each other at {at}")
                notes.add(
                    Severity.WARN,
                    "edl-overlap",
                    f"{before.where} is cut short by {line.where}, which begins at {at}",
                )
                before.record = (before.record[0], line.record[0])
            last[track] = line
    for line in ordered:
        took = line.source[1] - line.source[0]
        if line.speed is None and took != line.duration:
            notes.add(
                Severity.WARN,
                "edl-lengths",
                f"{line.where} ({timecode(line.record[0], rate, drop=drop)}) takes {took} source frames for "
                f"{line.duration} and states no speed; read at 1x from its source in",
            )
        if line.speed is not None and line.speed < 0:
            notes.add(
                Severity.WARN,
                "edl-reverse",
                f"{line.where} runs backwards; EDLs do not say from which end; read to its source in",
            )
    return ordered


def tracks_of(line: Event) -> list[str]:
    """The tracks an event's channel means, by the adapter's own table."""
    return list(cmx_3600.channel_map.get(line.channel, [line.channel]))
