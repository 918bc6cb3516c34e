"""An edit, read and turned into shots, with media looked at where the edit does not say enough."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from otio_bridge.errors import MediaError, RefusedInput
from otio_bridge.media.probe import probe
from otio_bridge.model.choice import Choice
from otio_bridge.model.media import MediaInfo, MediaKind, MediaRef
from otio_bridge.model.naming import propose_names
from otio_bridge.model.shot import Occurrence, ShotNote, ShotSpec
from otio_bridge.model.value import Value
from otio_bridge.settings import Settings
from otio_bridge.timeline.dropping import settle_drop
from otio_bridge.timeline.load import Edit, read_edit
from otio_bridge.timeline.shots import list_shots, sightings
from otio_bridge.timeline.url import PathMaps

Look = Callable[[MediaRef], MediaInfo | None]
#: Notes that say media is not there (timeline.shots).
_ABSENT = frozenset({"no-media", "file-missing"})


class ShotsReport(Value):
    """The shots an edit asks for (`shots EDIT --json`)."""

    edit: str
    cut: str
    format: str
    shots: tuple[ShotSpec, ...]
    notes: tuple[ShotNote, ...] = ()


class Looker:
    """A cached look at the media an edit names: None where there is none to see.

    Media that cannot be read is none either, one clip's and not the whole edit's fault; `unreadable` says why.
    """

    def __init__(self) -> None:
        self._seen: dict[str, MediaInfo | None] = {}
        #: Path -> what is wrong with it.
        self.unreadable: dict[str, str] = {}

    def __call__(self, ref: MediaRef) -> MediaInfo | None:
        """What the reference's media is."""
        if ref.path is None or ref.kind in (MediaKind.MISSING, MediaKind.GENERATOR):
            return None
        if ref.path not in self._seen:
            self._seen[ref.path] = self._probed(ref.path, ref.kind)
        return self._seen[ref.path]

    def _probed(self, path: str, kind: MediaKind) -> MediaInfo | None:
        try:
            present = Path(path).parent.is_dir() if kind is MediaKind.SEQUENCE else Path(path).is_file()
            return probe(path) if present else None
        except MediaError as exc:
            self.unreadable[path] = exc.what
        except OSError as exc:
            self.unreadable[path] = f"cannot be read ({exc.strerror})"
        return None


def looker() -> Looker:
    """A new look."""
    return Looker()


def open_edit(settings: Settings, path: Path, *, rate: Fraction | None = None) -> Edit:
    """Read an edit as the project says: rate, drop-frame, retime convention, path maps, roots. Raises RefusedInput."""
    try:
        edit = read_edit(
            path,
            rate=rate or settings.project.rate,
            convention=settings.project.retime_convention,
            maps=PathMaps.from_settings(settings.media.paths),
            roots=tuple(settings.media.roots),
            unpack=settings.state_folder / "unpacked",
        )
    except RefusedInput as exc:
        exc.next = exc.next or (
            "export it again from the editor"
            if path.exists()
            else "otio-bridge shots EDIT, by the edit's path"
        )
        raise
    settle_drop(edit, settings.project.drop_frame, looker())
    return edit


def clips(edit: Edit, look: Look) -> tuple[Occurrence, ...]:
    """Every picture clip and gap of the edit, asked for or not."""
    return sightings(edit, look)


def specs(edit: Edit, settings: Settings, choice: Choice, look: Look) -> tuple[ShotSpec, ...]:
    """The shots the edit asks for, in record order, unnamed unless the editor named them. Raises RefusedInput."""
    try:
        found = list_shots(edit, choice=choice, probe=look, settings=settings)
    except RefusedInput as exc:
        exc.next = exc.next or f"mend that, then otio-bridge shots {edit.path.name}"
        raise
    bad = look.unreadable if isinstance(look, Looker) else {}
    return tuple(_said_why(spec, bad.get(spec.media.path or "") if spec.media else None) for spec in found)


def _said_why(spec: ShotSpec, why: str | None) -> ShotSpec:
    """The spec, where its media is there and cannot be read, with that in place of "it is not there"."""
    if why is None or spec.media is None:
        return spec
    text = f"its media cannot be used: {spec.media.path} {why}; relink the clip, mend the file, or give --plates DIR"
    notes = (note.model_copy(update={"text": text}) if note.code in _ABSENT else note for note in spec.notes)
    return spec.model_copy(update={"notes": tuple(notes)})


def shots(
    settings: Settings, path: Path, *, choice: Choice, rate: Fraction | None = None, cut: str | None = None
) -> ShotsReport:
    """What an edit asks for, without a ledger: names are proposals."""
    edit = open_edit(settings, path, rate=rate)
    found = specs(edit, settings, choice, looker())
    names = propose_names(
        [spec.name for spec in found],
        taken=set(),
        pattern=settings.project.naming,
        project=settings.project.name,
        cut=cut or edit.cut,
    )
    return ShotsReport(
        edit=str(path),
        cut=cut or edit.cut,
        format=edit.format,
        notes=edit.notes,
        shots=tuple(spec.model_copy(update={"name": name}) for spec, name in zip(found, names, strict=True)),
    )
