"""A plan that would send something for a shot that did not change says why."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

import pytest

from otio_bridge.model.diff import ChangeWord
from otio_bridge.model.time import FrameRange
from otio_bridge.store.records import PlateRecord
from otio_bridge.workflow.answering import why_more

NEED = FrameRange(start=100, duration=20)
PLATE = PlateRecord(
    id="p", shot_id="s", number=1, media="m", range=FrameRange(start=90, duration=20), rate=Fraction(24),
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)  # fmt: skip


@pytest.mark.parametrize(
    ("plates", "plate", "there", "asked", "more", "says"),
    [
        ((PLATE,), None, 0, 1, 0, ("it needs 100-119, which lies outside every take's range (90-109)",)),
        ((), None, 0, 1, 0, ("it is of other media, or at another speed, than its takes",)),
        ((PLATE,), PLATE, 1, 3, 0, ("1 of the 3 takes asked for are there",)),
        ((PLATE,), PLATE, 3, 3, 2, ("2 more is asked for, beside the 3 there are",)),
    ],
)
def test_what_is_sent_for_an_unchanged_shot_says_why(
    plates: tuple[PlateRecord, ...], plate: PlateRecord | None, there: int, asked: int, more: int,
    says: tuple[str, ...],
) -> None:  # fmt: skip
    for words in ((ChangeWord.UNCHANGED,), (ChangeWord.MOVED,)):
        assert why_more(words, NEED, plates, plate, there, asked, more) == says
    assert why_more((ChangeWord.MOVED, ChangeWord.EXTENDED), NEED, plates, plate, there, asked, more) == ()
