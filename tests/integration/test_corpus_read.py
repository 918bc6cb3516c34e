"""Every real timeline reads, or is refused in one sentence; what they taught is made small in tests/unit.

The folder is `OTIO_BRIDGE_TIMELINES`, else `../shared/timelines` beside the repository.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path

import opentimelineio as otio
import pytest

from otio_bridge.errors import RefusedInput
from otio_bridge.model.choice import make_choice
from otio_bridge.model.media import MediaInfo, MediaRef
from otio_bridge.settings import Settings
from otio_bridge.timeline.load import read_edit
from otio_bridge.timeline.shots import list_shots, sightings
from otio_bridge.timeline.walk import find, walk

FOLDER = Path(
    os.environ.get("OTIO_BRIDGE_TIMELINES") or Path(__file__).parents[2].parent / "shared" / "timelines"
)
READ = {"otio", "edl", "fcp7xml", "aaf", "otio_clip_json"}
#: Real faults mended since the index was made.
MENDED = {"edl/otio-cmx3600-adapter__dissolve_test_fail.edl"}

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not (FOLDER / "index.csv").is_file(), reason=f"no real timelines at {FOLDER}"),
]


def rows() -> list[dict[str, str]]:
    with (FOLDER / "index.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def nothing(ref: MediaRef) -> MediaInfo | None:
    return None


def test_every_real_timeline(capsys: pytest.CaptureFixture[str]) -> None:
    ran: Counter[str] = Counter()
    clips = 0
    for row in rows():
        file, format = FOLDER / row["file"], row["format"]
        readable = (row["read_ok"] == "True" and format in READ) or row["file"] in MENDED
        if not readable:
            with pytest.raises(RefusedInput) as refused:
                read_edit(file)
            assert refused.value.exit_code == 2 and "\n" not in str(refused.value), file
            ran["refused"] += 1
            continue
        edit = read_edit(file)
        assert isinstance(edit.timeline, otio.schema.Timeline)
        assert edit.wrapped == (format == "otio_clip_json" and not file.name.endswith("timeline.json")) or (
            edit.wrapped and format == "otio"
        )
        items = walk(edit)
        assert all(find(edit, item.address) is item.node for item in items)
        seen = sightings(edit, nothing)
        assert len(seen) == len(items)
        if row["video_clips"].isdecimal() and format == "edl":
            assert sum(not clip.gap for clip in seen) == int(row["video_clips"]), file
        choice = make_choice(terms=["all", "gaps"], operation="generate", prompt="x")
        for shot in list_shots(edit, choice=choice, probe=nothing, settings=Settings()):
            assert shot.need.duration > 0
            assert shot.handles.wanted.contains(shot.need)
        ran[format] += 1
        clips += sum(not clip.gap for clip in seen)
    with capsys.disabled():
        print(f"\nreal timelines: {sum(ran.values())} files, {clips} picture clips: {dict(ran)}")
    assert sum(ran.values()) == len(rows())


def test_places_agree_with_otio_where_otio_is_right() -> None:
    """OTIO's own `transformed_time_range` (quadratic, but right for these) puts every clip where we do."""
    checked = 0
    for row in rows():
        if row["format"] not in ("otio", "otio_clip_json") or row["read_ok"] != "True":
            continue
        edit = read_edit(FOLDER / row["file"])
        for item in walk(edit):
            if item.gap:
                continue
            try:
                there = item.node.transformed_time_range(item.node.trimmed_range(), edit.timeline.tracks)
            except (ValueError, otio.exceptions.OTIOError):
                continue
            ours = float((item.start - item.trim_head - edit.start) / edit.rate)
            assert there.start_time.to_seconds() == pytest.approx(ours, abs=1e-3), (row["file"], item.address)
            checked += 1
    assert checked > 100
