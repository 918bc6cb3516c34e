"""Clips and shots for the tests of what changed: one media file, one track, 24 frames a second."""

from fractions import Fraction
from typing import Any

from otio_bridge.model.diff import need_of
from otio_bridge.model.frames import Span
from otio_bridge.model.identify import KnownShot
from otio_bridge.model.media import MediaKind, MediaRef
from otio_bridge.model.request import OperationClass
from otio_bridge.model.shot import Occurrence
from otio_bridge.model.time import FrameRange


def media(path: str = "/m/A.mov", **more: Any) -> MediaRef:
    return MediaRef(kind=MediaKind.MOVIE, url=path, path=path, name=path.rsplit("/")[-1], **more)


def clip(
    address: str,
    start: int,
    n: int,
    *,
    at: int = 0,
    path: str | None = "/m/A.mov",
    s: Fraction | int = 1,
    **more: Any,
) -> Occurrence:
    """A clip showing `n` record frames from source frame `start`, at record frame `at`."""
    span = Span(start=Fraction(start), s=Fraction(s), n=n, head=more.pop("head", 0), tail=more.pop("tail", 0))
    more.setdefault("media", media(path) if path else None)
    made = Occurrence(
        address=address, cut=more.pop("cut", "cut"), track_name="V1", record=FrameRange(start=at, duration=n),
        timeline_rate=Fraction(24), span=span, need=FrameRange(start=0, duration=0), **more,
    )  # fmt: skip
    return made.model_copy(update={"need": need_of(made, OperationClass.SOURCE)})


def known(ident: str, *clips: Occurrence, handles: int = 8, **more: Any) -> KnownShot:
    """A shot the ledger saw as these clips, with a plate that holds them and handles."""
    plates = tuple(FrameRange.between(c.need.start - handles, c.need.end + handles) for c in clips)
    return KnownShot(
        id=ident, name=ident.upper(), op_class=more.pop("op_class", OperationClass.SOURCE), rate=Fraction(24),
        media=clips[0].media, ranges=plates, occurrences=clips, **more,
    )  # fmt: skip
