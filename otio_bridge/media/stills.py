"""One frame of a file as a picture of its own: first, last and reference pictures for providers."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from otio_bridge.errors import MediaError
from otio_bridge.media.decode import decode
from otio_bridge.model.media import MediaInfo


def save_frame(info: MediaInfo, index: int, out: Path) -> Path:
    """Write frame `index` (0-based, as a player counts; held at the ends) as a PNG in display pixels.

    Raises MediaError where it cannot be decoded.
    """
    index = min(max(index, 0), max(info.frames - 1, 0))
    picture = next(iter(decode(info.path, [index])), None)
    if picture is None:
        raise MediaError(f"frame {index} cannot be decoded", value=info.path)
    image = Image.fromarray(picture)
    if info.pixel_aspect != 1:
        # Models see square pixels: the picture is widened, never squeezed in height.
        image = image.resize((round(image.width * info.pixel_aspect), image.height), Image.Resampling.LANCZOS)
    image.save(out, "PNG")
    return out
