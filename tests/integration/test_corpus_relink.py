"""Relink and undo on every real timeline that reads: what is not ours is equal, for review and for Resolve."""

import csv
import math
import os
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest

from otio_bridge.errors import RefusedInput
from otio_bridge.model.frames import Span, record_need, source_need
from otio_bridge.model.relink import Link, RelinkReport, TakeLink
from otio_bridge.model.request import Placement
from otio_bridge.timeline.load import Edit, read_edit
from otio_bridge.timeline.ours import as_json
from otio_bridge.timeline.relink import relink
from otio_bridge.timeline.times import frames
from otio_bridge.timeline.undo import undo
from otio_bridge.timeline.walk import find, walk
from otio_bridge.timeline.write import write_edit

_DEFAULT = Path(__file__).resolve().parents[3] / "shared" / "timelines"
FOLDER = Path(os.environ.get("OTIO_BRIDGE_TIMELINES") or _DEFAULT)
FORMATS = {"otio", "otio_clip_json", "edl", "fcp7xml", "aaf"}
#: Clips linked in place, gaps filled, clips given one above: of each edit.
FIRST = 4


def rows() -> list[dict[str, str]]:
    if not (FOLDER / "index.csv").is_file():
        return []
    with (FOLDER / "index.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["read_ok"] == "True" and row["format"] in FORMATS]


def links(edit: Edit) -> list[Link]:
    """Takes for the first clips, the first gap, and above the last clip."""
    items = [item for item in walk(edit) if item.duration > 0]
    clips = [item for item in items if isinstance(item.node, otio.schema.Clip)]
    made = []
    chosen = [(item, Placement.IN_PLACE) for item in clips[:FIRST] + [i for i in items if i.gap][:1]]
    if len(clips) > FIRST:
        chosen.append((clips[-1], Placement.ABOVE))
    for number, (item, placement) in enumerate(chosen):
        try:
            start = frames(item.node.trimmed_range().start_time, edit.rate)
        except otio.exceptions.OTIOError:
            start = Fraction(0)
        span = Span(start=start, n=math.ceil(item.duration))
        need = source_need(span) if placement is Placement.IN_PLACE else record_need(span)
        take = TakeLink(
            key="v001", take=f"SC_{number}_v001", path=f"/takes/SC {number}_v001.mov",
            range=need, rate=edit.rate, metadata={"url": "https://x/y?Signature=secret"},
        )  # fmt: skip
        made.append(
            Link(
                address=item.address,
                shot=f"SC_{number}",
                shot_id=f"id-{number}",
                token=f"t{number}",
                placement=placement,
                need=need,
                span=span,
                takes=(take,),
                active="v001",
            )
        )
    return made


def moved(edit: Edit, made: list[Link], report: RelinkReport, lengths: list[Any]) -> str:
    """What of the linked clips is not as long as before, or does not show the take."""
    for link, entry, length in zip(made, report.entries, lengths, strict=True):
        if entry.linked and link.placement is Placement.IN_PLACE:
            clip = find(edit, link.address)
            if clip.duration() != length or clip.media_reference.name != link.takes[0].take:
                return (
                    f"{link.address}: {length} became {clip.duration()}, showing {clip.media_reference.name}"
                )
    return ""


def same(one: Any, other: Any, path: str = "") -> str:
    """Where two JSON values differ, floats compared to 1e-12 of themselves (OTIO's text is not bit-exact)."""
    if isinstance(one, float) or isinstance(other, float):
        alike = one == other or (
            isinstance(one, int | float) and isinstance(other, int | float)
            and (math.isclose(one, other, rel_tol=1e-12) or (math.isnan(one) and math.isnan(other)))
        )  # fmt: skip
        return "" if alike else f"{path}: {one!r} != {other!r}"
    if isinstance(one, dict) and isinstance(other, dict):
        if one.keys() != other.keys():
            return f"{path}: keys {sorted(one.keys() ^ other.keys())}"
        return next((found for key in one if (found := same(one[key], other[key], f"{path}/{key}"))), "")
    if isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            return f"{path}: {len(one)} != {len(other)} entries"
        return next(
            (f for i, (a, b) in enumerate(zip(one, other, strict=True)) if (f := same(a, b, f"{path}/{i}"))),
            "",
        )
    return "" if one == other and type(one) is type(other) else f"{path}: {one!r} != {other!r}"


@pytest.mark.corpus
def test_relink_and_undo_leave_every_real_edit_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index = rows()
    if not index:
        pytest.skip(f"no real timelines in {FOLDER} (set OTIO_BRIDGE_TIMELINES)")
    ran, told, problems = Counter[str](), Counter[str](), []
    for row in index:
        source = FOLDER / row["file"]
        try:
            edit = read_edit(source)
        except RefusedInput as exc:
            problems.append(f"{row['file']}: not read: {exc}")
            continue
        ran[row["format"]] += 1
        before = as_json(edit.timeline)
        for target in ("review", "resolve"):
            fabricated = links(edit)
            lengths = [find(edit, link.address).duration() for link in fabricated]
            report = relink(edit, fabricated, target=target)
            if difference := moved(edit, fabricated, report, lengths):
                problems.append(f"{row['file']} ({target}): {difference}")
            told.update(entry.why or "linked" for entry in report.entries)
            again = read_edit(write_edit(edit, tmp_path / f"{target}.otio", target=target))
            undo(edit, report.sidecar)
            if difference := same(before, as_json(edit.timeline)):
                problems.append(f"{row['file']} ({target}), undone in memory: {difference}")
            if report.linked:
                assert as_json(again.timeline) != before
            undo(again, report.sidecar)
            if difference := same(before, as_json(again.timeline)):
                problems.append(f"{row['file']} ({target}), undone from the file: {difference}")
            text = (tmp_path / f"{target}.otio").read_text(encoding="utf-8")
            assert "Signature=secret" not in text + (report.sidecar or report).model_dump_json()
    with capsys.disabled():
        print(f"\nrelinked and undone: {sum(ran.values())} of {len(index)} files {dict(ran)}; {dict(told)}")
    assert not problems, "\n".join(problems)
