"""Measuring where a provider's answer lies against the plate, frame against frame.

Restyled pictures share no colours with their plate; what they share is where edges lie and how they move.
So each frame is reduced to its edges at low resolution, without what never moves in the clip, and the lag
is the one at which the two clips' edges agree best, if it is better than every other by more than chance.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from otio_bridge.media.decode import shown
from otio_bridge.model.conform import Box

Clip = NDArray[np.float64]

#: Low resolution: fine enough to see movement, coarse enough not to see brush strokes.
_SIZE = (96, 54)
#: Share of the shorter clip that has to overlap at a lag that is considered.
_LEAST_OVERLAP = 0.5
#: How sure: the winner's lead over any other lag, in standard errors of the frames' paired leads.
_SURE = 4.0
#: And how alike: mean correlation of the winner.
_ALIKE = 0.1


def align(
    plate: Path, returned: Path, *, plate_box: Box | None = None, returned_box: Box | None = None
) -> int | None:
    """The returned frame at which the plate's first frame shows (negative: its head is missing).

    The boxes say where the picture lies in each file, where it is padded. None where nothing moves,
    where the two are not alike, or where two lags fit nearly as well. Raises MediaError.
    """
    return best_lag(edges(plate, plate_box), edges(returned, returned_box))


def best_lag(plate: Clip, returned: Clip) -> int | None:
    """`align`, on what `edges` gives: one normalised row a frame."""
    least = max(3, round(min(len(plate), len(returned)) * _LEAST_OVERLAP))
    alike = plate @ returned.T
    scores: dict[int, NDArray[np.float64]] = {}
    for lag in range(least - len(plate), len(returned) - least + 1):
        scores[lag] = np.diagonal(alike, lag)
    if not scores:
        return None
    best = max(scores, key=lambda lag: float(scores[lag].mean()))
    if scores[best].mean() < _ALIKE:
        return None
    return best if all(_leads(scores, best, lag) for lag in scores if lag != best) else None


def _leads(scores: dict[int, NDArray[np.float64]], best: int, lag: int) -> bool:
    """Whether `best` beats `lag` on the plate frames both place, by more than chance."""
    # np.diagonal(…, lag) begins with plate frame max(0, -lag).
    first = max(0, -best, -lag)
    ends = (max(0, -one) + len(scores[one]) for one in (best, lag))
    common = max(0, min(ends) - first)
    ours, others = (scores[one][first - max(0, -one) :][:common] for one in (best, lag))
    lead = ours - others
    if len(lead) < 3:
        # They have no frames in common to be compared on; their means were.
        return bool(scores[best].mean() > 2 * max(0.0, float(scores[lag].mean())))
    error = float(lead.std(ddof=1)) / len(lead) ** 0.5
    return bool(lead.mean() > 1e-3 and lead.mean() > _SURE * error)


def edges(path: Path, box: Box | None = None) -> Clip:
    """One row a frame: its edges without the clip's mean, of unit length (zeros where nothing moves)."""
    pictures = np.stack([_low(frame, box) for frame in shown(path)])
    rows, columns = np.diff(pictures, axis=1)[:, :, :-1], np.diff(pictures, axis=2)[:, :-1]
    strength = np.sqrt(np.hypot(rows, columns)).reshape(len(pictures), -1)
    moving = strength - strength.mean(axis=0)
    moving -= moving.mean(axis=1, keepdims=True)
    length = np.linalg.norm(moving, axis=1, keepdims=True)
    # Below this it is coding noise: an eighth of a grey level in every cell.
    still = length < 0.125 * strength.shape[1] ** 0.5
    return np.where(still, 0.0, moving / np.where(still, 1.0, length))


def _low(frame: VideoFrame, box: Box | None) -> Clip:
    """The luma of the picture (inside the box) at low resolution."""
    width, height = _SIZE
    if box is None:
        small = frame.reformat(width=width, height=height, format="gray", interpolation="AREA")
        return small.to_ndarray().astype(np.float64)
    whole = frame.reformat(format="gray").to_ndarray().astype(np.float64)
    part = whole[box.y : box.y + box.height, box.x : box.x + box.width]
    return _cells(_cells(part, height).T, width).T


def _cells(picture: Clip, count: int) -> Clip:
    """Mean rows of `count` bands of rows."""
    cuts = np.linspace(0, len(picture), count + 1).round().astype(int)
    total = np.concatenate([np.zeros((1, picture.shape[1])), picture.cumsum(axis=0)])
    means: Clip = (total[cuts[1:]] - total[cuts[:-1]]) / np.maximum(1, np.diff(cuts))[:, None]
    return means
