"""What changed since a shot was sent, and what of it needs work."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otio_bridge.model.diff import ChangeWord, Shown, changes, covered, same_media, work_needed
from otio_bridge.model.media import MediaKind, MediaRef
from otio_bridge.model.request import OperationClass
from otio_bridge.model.shot import Occurrence
from otio_bridge.model.time import FrameRange
from tests.unit.edits import clip, media

SENT = clip("0:0", 100, 50, at=1000)
PLATE = [FrameRange.between(92, 158)]


def shown(one: Occurrence, request: str = "", op_class: OperationClass = OperationClass.SOURCE) -> Shown:
    return Shown.of(one, op_class, request=request)


@pytest.mark.parametrize(
    ("now", "words", "work"),
    [
        (SENT, "UNCHANGED", False),
        (clip("0:3", 100, 50, at=1200), "MOVED", False),
        (clip("0:0", 105, 45, at=1005), "TRIMMED", False),
        (clip("0:0", 105, 45, at=1000), "TRIMMED", False),
        (clip("0:0", 105, 45, at=900), "MOVED TRIMMED", False),
        (clip("0:0", 100, 50, at=1000, tail=8), "TRIMMED", False),
        (clip("0:0", 100, 50, at=1000, tail=9), "TRIMMED EXTENDED", True),
        (clip("0:0", 96, 50, at=1000), "SLIPPED", False),
        (clip("0:0", 91, 50, at=1000), "SLIPPED EXTENDED", True),
        (clip("0:0", 100, 20, at=1000, s=2), "TRIMMED RETIMED", False),
        (clip("0:0", 100, 50, at=1000, s=2), "EXTENDED RETIMED", True),
        (clip("0:0", 100, 50, at=1000, path="/m/B.mov"), "REPLACED", True),
    ],
)
def test_one_clip(now: Occurrence, words: str, work: bool) -> None:
    assert [str(word) for word in changes(shown(SENT), shown(now), PLATE)] == words.split()
    assert work_needed(shown(SENT), shown(now), PLATE) is work


def test_something_else_is_asked() -> None:
    assert changes(shown(SENT), shown(SENT, "rain"), PLATE) == (ChangeWord.REASKED,)
    assert work_needed(shown(SENT), shown(SENT, "rain"), PLATE)


def test_what_comes_goes_and_comes_back() -> None:
    now = shown(SENT)
    assert changes(None, now) == (ChangeWord.NEW,)
    assert changes(None, now, [FrameRange(start=0, duration=9)]) == (ChangeWord.NEW, ChangeWord.EXTENDED)
    assert changes(now, None) == (ChangeWord.OMITTED,)
    gone = now.model_copy(update={"omitted": True})
    assert changes(gone, now, PLATE) == (ChangeWord.REINSTATED,)
    assert changes(None, None) == ()
    assert work_needed(None, now, [])


def test_what_lives_in_the_cut_is_counted_at_the_clips_own_speed() -> None:
    """Half of the coordinates of a 2x clip are not half of its frames: a retime there is never covered."""
    then = shown(clip("0:0", 200, 50, s=2), op_class=OperationClass.RECORD)
    now = shown(clip("0:0", 100, 50), op_class=OperationClass.RECORD)
    assert then.need == now.need
    assert ChangeWord.EXTENDED in changes(then, now, [then.need])
    assert work_needed(then, now, [then.need])


def test_media_is_told_by_what_both_sides_state() -> None:
    a = media("/m/A.mov", umid="u1")
    assert same_media(a, media("/elsewhere/A.mov", umid="u1"))
    assert same_media(a, media("/m/A.mov"))
    assert not same_media(a, media("/m/B.mov"))
    tape = MediaRef(kind=MediaKind.MISSING, reel="A003C010")
    assert same_media(media("/m/A.mov", reel="A003C010"), tape)
    assert not same_media(a, None)
    assert same_media(None, MediaRef(kind=MediaKind.MISSING))


_spans = st.builds(
    clip,
    st.just("0:0"),
    st.integers(60, 140),
    st.integers(1, 40),
    at=st.integers(0, 30),
    path=st.sampled_from(["/m/A.mov", "/m/B.mov"]),
    s=st.sampled_from([1, 2, Fraction(1, 2), 0, -1]),
)
_ranges = st.lists(st.builds(FrameRange, start=st.integers(0, 150), duration=st.integers(0, 200)), max_size=3)


@given(_spans, _spans, _ranges, st.sampled_from(["", "rain"]))
def test_work_is_needed_only_for_frames_media_and_requests(
    before: Occurrence, after: Occurrence, held: list[FrameRange], prompt: str
) -> None:
    then, now = shown(before), shown(after, prompt)
    words = set(changes(then, now, held))
    costly = words & {ChangeWord.EXTENDED, ChangeWord.REPLACED, ChangeWord.REASKED}
    assert work_needed(then, now, held) is (bool(costly) or not held)
    assert (words == {ChangeWord.UNCHANGED}) or ChangeWord.UNCHANGED not in words


@given(st.builds(FrameRange, start=st.integers(0, 99), duration=st.integers(0, 99)), _ranges)
def test_covered_means_every_frame_in_one_range(need: FrameRange, held: list[FrameRange]) -> None:
    frames = set(range(need.start, need.end))
    if frames:
        assert covered(need, held) is any(frames <= set(range(r.start, r.end)) for r in held)
