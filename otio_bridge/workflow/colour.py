"""The pair of LUTs a plate needs on its way to a model and back, or the refusal where there is none."""

from __future__ import annotations

from pathlib import Path

from otio_bridge.app import App
from otio_bridge.errors import RefusedInput
from otio_bridge.model.conform import Submission
from otio_bridge.model.encoding import DISPLAY, encoding_of, needs_lut
from otio_bridge.model.media import MediaInfo
from otio_bridge.model.request import OperationClass
from otio_bridge.model.shot import ShotSpec


def in_display(
    app: App, spec: ShotSpec, info: MediaInfo | None, submission: Submission, *, local: bool
) -> Submission:
    """The submission with its LUTs. Local work sees the plate as it is.

    Raises RefusedInput for a plate no model can read: log, HDR, linear or unknown, with no pair of LUTs and
    no `colour=as-is`.
    """
    if local or info is None or spec.op_class is not OperationClass.SOURCE:
        return submission
    encoding = encoding_of(info, app.settings.project.encoding)
    if spec.ask.options.get("colour", spec.ask.options.get("color")) == "as-is" or not needs_lut(encoding):
        return submission
    media = app.settings.media
    there, back = media.to_display.get(encoding), media.from_display.get(encoding)
    if there is None or back is None:
        raise RefusedInput(
            f"its pictures are {encoding}, and models know display pictures ({', '.join(sorted(DISPLAY))})",
            allowed=f"colour=as-is in the mark, or [media.to_display] and [media.from_display] {encoding} = a LUT",
            next="otio-bridge plan EDIT, after that",
        )
    return submission.model_copy(update={"to_display": _lut(app, there), "from_display": _lut(app, back)})


def _lut(app: App, text: str) -> str:
    path = Path(text)
    path = path if path.is_absolute() else app.settings.folder / path
    if not path.is_file():
        raise RefusedInput(
            "the LUT is not there", value=path, next="mend [media.to_display] and [media.from_display]"
        )
    return str(path)
