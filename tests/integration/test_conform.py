"""Out to a provider and back: every take frame is the plate's, in its raster, rate, timecode and colour."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from otio_bridge.errors import MediaError, RefusedInput
from otio_bridge.media.align import align
from otio_bridge.media.check import Promise, check
from otio_bridge.media.conform import Stamp, conform, promised
from otio_bridge.media.decode import decode, shown
from otio_bridge.media.ffmpeg import input_args, run
from otio_bridge.media.files import Written
from otio_bridge.media.probe import probe
from otio_bridge.media.submission import make_submission
from otio_bridge.model.conform import Box, ConformPlan, FrameGrid, Limits, Raster, Source, Submission
from otio_bridge.model.media import ColourTags
from otio_bridge.model.request import OperationClass
from otio_bridge.model.returned import plan_conform
from otio_bridge.model.submission import plan_submission
from otio_bridge.testing.framecode import make_movie, read_movie

NTSC = Fraction(30000, 1001)
FILM = Fraction(24)
SMALL = Raster(width=320, height=180)
#: 01:00:00;02 of drop-frame timecode.
HOUR = 107894
STAMP = Stamp(start=HOUR, drop=True, reel="SC010_0010_v001", source_reel="A001")


@pytest.fixture(scope="module")
def plate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plate") / "plate.mov"
    tags = ("-vf", "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709,"
            "scale=out_color_matrix=bt709", "-color_range", "tv")  # fmt: skip
    return make_movie(
        path,
        range(100, 140),
        NTSC,
        codec="prores",
        start=HOUR,
        drop=True,
        sound="pcm",
        reel="A001",
        extra=tags,
    )


def send(
    plate: Path, limits: Limits, *, frames: int = 40, rate: Fraction = NTSC, **more: object
) -> tuple[Submission, list[Path]]:
    """Plan it and make every part."""
    info = probe(plate)
    raster = Raster(width=info.width, height=info.height, pixel_aspect=info.pixel_aspect)
    submission = plan_submission(
        op_class=OperationClass.SOURCE, frames=frames, rate=rate, raster=raster, limits=limits,
        **{key: value for key, value in more.items() if key.startswith("pad_")},  # type: ignore[arg-type]
    )  # fmt: skip
    offset = int(str(more.get("offset", 0)))
    luts = {key: value for key, value in more.items() if key.endswith("display")}
    submission = submission.model_copy(update=luts)
    folder = plate.parent / f"sent{len(list(plate.parent.glob('sent*')))}"
    folder.mkdir()
    return submission, [
        make_submission(
            plate, submission, part, folder / f"{part.index}.mp4", info=info, limits=limits, offset=offset
        )
        for part in submission.parts
    ]


def restyle(source: Path, graph: str = "hue=h=30", rate: str = "24") -> Path:
    """A stand-in for a model: other pictures, encoded its own way, as it pleases."""
    out = source.with_name(f"back_{source.stem}.mp4")
    run(
        [*input_args(source), "-vf", graph, "-r", rate, "-c:v", "libx264", "-crf", "14", str(out)],
        what="restyling",
    )
    return out


def back(
    submission: Submission, files: Sequence[Path], out: Path, *, stamp: Stamp = STAMP, lag: int | None = None
) -> tuple[ConformPlan, Written]:
    plan = plan_conform(submission, [probe(file) for file in files], lag=lag)
    return plan, conform(plan, files, out, stamp=stamp)


def near(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return float(np.abs(one.astype(int) - other).mean())


def test_ntsc_through_a_24_fps_grid_returns_one_for_one(plate: Path, tmp_path: Path) -> None:
    limits = Limits(grid=FrameGrid(step=4, offset=1, minimum=5, maximum=81), rates=(FILM,))
    submission, sent = send(plate, limits)
    assert [(probe(file).frames, probe(file).rate) for file in sent] == [(41, FILM)]
    assert read_movie(sent[0]) == [*range(100, 140), 139]
    made = [restyle(sent[0])]
    plan = plan_conform(submission, [probe(made[0])])
    take = conform(plan, made, tmp_path / "take.mov", stamp=STAMP, sound_from=plate)
    assert read_movie(take.path) == list(range(100, 140))
    report = check(
        take.path,
        Promise(
            frames=40, rate=NTSC, start=HOUR, drop=True, reel="SC010_0010_v001", raster=SMALL,
            sound=Fraction(round(40 * 48000 / NTSC), 48000),
        ),
    )  # fmt: skip
    assert (report.timecode, report.codec, report.repeats) == ("01:00:00;02", "prores", ())
    assert samples(take.path) == samples(plate)
    with av.open(str(take.path)) as file:
        assert file.metadata["source_reel"] == "A001"


def samples(path: Path) -> bytes:
    with av.open(str(path)) as file:
        return b"".join(frame.to_ndarray().tobytes() for frame in file.decode(audio=0))


def test_four_frames_more_are_trimmed(plate: Path, tmp_path: Path) -> None:
    submission, sent = send(plate, Limits(rates=(FILM,)))
    longer = restyle(sent[0], "tpad=stop_mode=clone:stop=4")
    assert probe(longer).frames == 44
    plan, take = back(submission, [longer], tmp_path / "take.mov")
    assert read_movie(take.path) == list(range(100, 140))
    assert any("4 frames more" in note for note in plan.notes)


@pytest.mark.parametrize(
    ("graph", "shows", "held"),
    [
        ("trim=end_frame=37", [*range(100, 137), 136, 136, 136], (37, 38, 39)),
        ("trim=start_frame=3,setpts=PTS-STARTPTS", [103, 103, 103, *range(103, 140)], (0, 1, 2)),
    ],
)
def test_three_frames_fewer_are_measured_and_held(
    plate: Path, tmp_path: Path, graph: str, shows: list[int], held: tuple[int, ...]
) -> None:
    submission, sent = send(plate, Limits(rates=(FILM,)))
    shorter = restyle(sent[0], f"{graph},hue=h=120:s=1.5")
    lag = align(plate, shorter)
    plan, take = back(submission, [shorter], tmp_path / "take.mov", lag=lag)
    assert plan.held == held
    assert read_movie(take.path) == shows
    with pytest.raises(MediaError, match="could not be measured"):
        back(submission, [shorter], tmp_path / "guess.mov")


def test_real_frames_pad_before_copies_do(plate: Path, tmp_path: Path) -> None:
    # The file holds 2 frames before and 3 after the plate of 35.
    limits = Limits(grid=FrameGrid(step=42), rates=(FILM,))
    submission, sent = send(plate, limits, frames=35, pad_before=2, pad_after=3, offset=2)
    assert read_movie(sent[0]) == [*range(100, 140), 139, 139]
    _, take = back(submission, [restyle(sent[0])], tmp_path / "take.mov")
    assert read_movie(take.path) == list(range(102, 137))
    with pytest.raises(MediaError, match="are to be sent"):
        send(plate, limits, frames=41)


def test_long_plates_go_in_overlapping_parts(plate: Path, tmp_path: Path) -> None:
    submission, sent = send(plate, Limits(grid=FrameGrid(step=4, offset=1, maximum=21), rates=(FILM,)))
    assert len(sent) == 3
    plan, take = back(submission, [restyle(file) for file in sent], tmp_path / "take.mov")
    assert read_movie(take.path) == list(range(100, 140))
    assert [seam.parts for seam in plan.seams] == [(0, 1), (1, 2)]


def test_record_space_holds_frames_as_an_editor_would(tmp_path: Path) -> None:
    limits = Limits(grid=FrameGrid(step=4, offset=1), rates=(Fraction(16),))
    submission = plan_submission(
        op_class=OperationClass.RECORD, frames=30, rate=FILM, raster=SMALL, limits=limits
    )
    came = make_movie(tmp_path / "came.mp4", range(21), Fraction(16))
    plan, take = back(submission, [came], tmp_path / "take.mov", stamp=Stamp(start=86400))
    assert read_movie(take.path) == [int(frame * Fraction(2, 3)) for frame in range(32)]
    assert (plan.surplus, take.info.rate, take.info.start) == (2, FILM, 86400)


def test_any_map_is_followed_backwards_too(tmp_path: Path) -> None:
    files = [make_movie(tmp_path / f"{first}.mp4", range(first, first + 9), FILM) for first in (0, 50)]
    wanted = [(0, 8), (0, 7), (1, 3), (1, 3), (0, 0), (1, 8), (1, 0)]
    plan = ConformPlan(
        frames=tuple(Source(part=part, frame=frame) for part, frame in wanted),
        rate=NTSC, raster=SMALL, box=Box(x=0, y=0, width=320, height=180),
    )  # fmt: skip
    take = conform(plan, files, tmp_path / "take.mov", stamp=Stamp(start=0))
    assert read_movie(take.path) == [8, 7, 53, 53, 0, 58, 50]
    beyond = plan.model_copy(update={"frames": (Source(part=0, frame=8), Source(part=0, frame=9))})
    with pytest.raises(MediaError, match="has 9 frames, no frame 9"):
        conform(beyond, files, tmp_path / "beyond.mov", stamp=Stamp(start=0))


# ---------------------------------------------------------------- rasters


def patched(width: int, height: int) -> str:
    """A graph: grey, with a patch of another colour in each corner, an eighth of the picture wide."""
    w, h = width // 8, height // 8
    corners = {
        "red": (0, 0),
        "lime": (width - w, 0),
        "blue": (0, height - h),
        "white": (width - w, height - h),
    }
    boxes = ",".join(f"drawbox={x}:{y}:{w}:{h}:{colour}:fill" for colour, (x, y) in corners.items())
    return f"scale={width}:{height},format=gbrp,drawbox=0:0:{width}:{height}:gray:fill,{boxes}"


def raster_plate(folder: Path, width: int, height: int, sar: str = "1") -> Path:
    source = make_movie(folder / "source.mp4", range(4), FILM)
    out = folder / "plate.mov"
    pix_fmt = "yuv444p10le" if width % 2 else "yuv422p10le"
    graph = f"{patched(width, height)},scale=out_color_matrix=bt709,format={pix_fmt},setsar={sar}"
    graph += ",setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
    odd = ["-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuv444p10le"] if width % 2 else []
    run([*input_args(source), "-vf", graph, *(odd or ["-c:v", "prores"]), str(out)], what="making a plate")
    return out


@pytest.mark.parametrize("scale", [1, 2])
def test_scope_through_16_by_9_and_back(tmp_path: Path, scale: int) -> None:
    plate = raster_plate(tmp_path, 478, 200)
    limits = Limits(rasters=(Raster(width=320, height=180),))
    submission, (sent,) = send(plate, limits, frames=4, rate=FILM)
    (picture, *_) = decode(sent)
    assert picture.shape == (180, 320, 3)
    top = submission.box.y
    assert submission.box == Box(x=0, y=22, width=320, height=134)
    assert picture[: top - 1].max() < 20 and picture[-(180 - 134 - top) + 1 :].max() < 20
    assert near(picture[top + 2, 3], np.array([255, 0, 0])) < 12
    made = restyle(sent, f"scale={320 * scale}:{180 * scale}:flags=neighbor")
    _, take = back(
        submission, [made], tmp_path / "take.mov", stamp=Stamp(start=0, colour=probe(plate).colour)
    )
    assert (take.info.width, take.info.height) == (478, 200)
    (before, *_), (after, *_) = decode(plate), decode(take.path)
    assert near(before, after) < 3
    for y, x in ((2, 2), (2, -3), (-3, 2), (-3, -3)):
        assert near(before[y, x], after[y, x]) < 16


def test_anamorphic_is_desqueezed_and_squeezed_again(tmp_path: Path) -> None:
    plate = raster_plate(tmp_path, 160, 180, sar="2")
    assert probe(plate).pixel_aspect == 2
    submission, (sent,) = send(plate, Limits(), frames=4, rate=FILM)
    info = probe(sent)
    assert (info.width, info.height, info.pixel_aspect) == (320, 180, 1)
    _, take = back(submission, [restyle(sent, "null")], tmp_path / "take.mov")
    assert (take.info.width, take.info.height, take.info.pixel_aspect) == (160, 180, 2)
    (before, *_), (after, *_) = decode(plate), decode(take.path)
    assert near(before, after) < 3


def test_odd_sizes_lose_no_line(tmp_path: Path) -> None:
    plate = raster_plate(tmp_path, 321, 181)
    submission, (sent,) = send(plate, Limits(), frames=4, rate=FILM)
    assert (probe(sent).width, probe(sent).height) == (322, 182)
    _, take = back(
        submission, [restyle(sent, "null")], tmp_path / "take.mov", stamp=Stamp(start=0, codec="prores")
    )
    assert (take.info.width, take.info.height) == (321, 181)
    (before, *_), (after, *_) = decode(plate), decode(take.path)
    assert near(before, after) < 3


# ---------------------------------------------------------------- colour, alpha, codecs


@pytest.mark.parametrize("codec", ["prores", "dnxhr", "h264", "png"])
@pytest.mark.parametrize("tagged", [True, False])
def test_pixels_are_what_the_tags_say(plate: Path, tmp_path: Path, codec: str, tagged: bool) -> None:
    source = plate if tagged else make_movie(tmp_path / "p.mov", range(100, 106), NTSC, codec="prores")
    submission, sent = send(source, Limits(rates=(FILM,)), frames=6)
    out = tmp_path / "takes" / ("take.%04d.png" if codec == "png" else "take.mov")
    out.parent.mkdir()
    stamp = STAMP.model_copy(update={"codec": codec, "colour": probe(source).colour})
    _, take = back(submission, sent, out, stamp=stamp)
    assert read_movie(out) == list(range(100, 106))
    (before, *_), (after, *_) = decode(source), decode(out)
    # No shift of any channel: a wrong matrix moves these colours by 5 and more, a wrong range by 8.
    shift = (after.astype(int) - before).mean(axis=(0, 1))
    assert np.abs(shift).max() < 1.5
    assert near(before, after) < 4
    check(out, Promise(frames=6, rate=NTSC, start=HOUR, drop=True, raster=SMALL))
    if codec == "png":
        assert (take.info.first_number, take.info.colour.space) == (HOUR, "gbr")
    elif tagged:
        assert take.info.colour == ColourTags(space="bt709", primaries="bt709", transfer="bt709", range="tv")
    else:
        # DNxHR cannot leave its matrix unsaid.
        assert take.info.colour.space == ("bt709" if codec == "dnxhr" else "unknown")


@pytest.mark.parametrize("codec", ["prores", "dnxhr", "h264", "png"])
@pytest.mark.parametrize("pix_fmt", ["yuvj420p", "yuv420p", "gbrp"])
def test_what_a_take_says_of_its_colours_is_what_was_promised(
    tmp_path: Path, codec: str, pix_fmt: str
) -> None:
    """Models answer in any range and matrix; a codec that cannot say it gets other numbers, and says those."""
    tags = f"scale=out_color_matrix=bt601:out_range={'pc' if 'j' in pix_fmt else 'tv'},format={pix_fmt}"
    if pix_fmt != "gbrp":
        tags += ",setparams=colorspace=bt470bg:color_primaries=bt470bg:color_trc=bt470bg"
    came = make_movie(tmp_path / "came.mkv", range(4), FILM, codec="ffv1", extra=["-vf", tags])
    if pix_fmt == "yuvj420p":
        # FFV1 has no full range; what comes back so is MJPEG, or H.264 of a phone.
        came = make_movie(tmp_path / "came.mp4", range(4), FILM, extra=["-vf", tags, "-pix_fmt", pix_fmt])
    info = probe(came)
    assert pix_fmt == "gbrp" or (info.colour.range == "pc") == (pix_fmt == "yuvj420p")
    plan = ConformPlan(
        frames=tuple(Source(part=0, frame=frame) for frame in range(4)),
        rate=FILM, raster=SMALL, box=Box(x=0, y=0, width=320, height=180),
    )  # fmt: skip
    out = tmp_path / "takes" / ("take.%04d.png" if codec == "png" else "take.mov")
    out.parent.mkdir()
    stamp = Stamp(start=0, codec=codec, colour=info.colour)
    conform(plan, [came], out, stamp=stamp)
    colour = promised(stamp, SMALL)
    assert colour.space != "gbr" and (codec == "png" or colour.space != "unknown")
    check(out, Promise(frames=4, rate=FILM, raster=SMALL, colour=colour))
    (before, *_), (after, *_) = decode(came), decode(out)
    assert np.abs((after.astype(int) - before).mean(axis=(0, 1))).max() < 1.5


def test_luts_make_a_display_picture_and_are_inverted(plate: Path, tmp_path: Path) -> None:
    lut = tmp_path / "it's [1], a:b.cube"
    rows = [f"{1 - r} {1 - g} {1 - b}" for b in (0, 1) for g in (0, 1) for r in (0, 1)]
    lut.write_text("LUT_3D_SIZE 2\n" + "\n".join(rows) + "\n")
    submission, (sent,) = send(plate, Limits(), frames=3, to_display=str(lut))
    (before, *_), (negative, *_) = decode(plate), decode(sent)
    assert near(255 - before, negative) < 5
    stamp = STAMP.model_copy(update={"from_display": str(lut)})
    _, take = back(submission, [sent], tmp_path / "take.mov", stamp=stamp)
    assert near(before, next(iter(decode(take.path)))) < 5


@pytest.mark.parametrize("codec", ["prores", "png"])
def test_alpha_is_put_back_or_refused(plate: Path, tmp_path: Path, codec: str) -> None:
    cut_out = tmp_path / "alpha.mov"
    graph = "trim=end_frame=3,format=yuva444p10le,geq=lum=lum(X\\,Y):cb=cb(X\\,Y):cr=cr(X\\,Y):a=3*X"
    encoder = ["-c:v", "prores_ks", "-profile:v", "4444", "-alpha_bits", "16", "-an"]
    run([*input_args(plate), "-vf", graph, *encoder, str(cut_out)], what="cutting out")
    submission, sent = send(cut_out, Limits(), frames=3)
    plan = plan_conform(submission, [probe(sent[0])])
    stamp = STAMP.model_copy(update={"alpha": True, "codec": codec})
    with pytest.raises(MediaError, match="has alpha"):
        conform(plan, sent, tmp_path / "refused.mov", stamp=stamp)
    out = tmp_path / ("take.%04d.png" if codec == "png" else "take.mov")
    take = conform(plan, sent, out, stamp=stamp, alpha_from=cut_out)
    assert take.info.alpha and take.info.frames == 3
    one, other = (next(shown(path)).reformat(format="rgba").to_ndarray()[..., 3] for path in (cut_out, out))
    assert near(one, other) < 1
    assert read_movie(out) == [100, 101, 102]


def test_a_codec_we_do_not_send_is_refused(plate: Path) -> None:
    with pytest.raises(RefusedInput, match="do not send"):
        send(plate, Limits(codec="vvc"))


def test_a_picture_that_changes_size_is_refused(tmp_path: Path) -> None:
    for size, name in (((320, 180), "a"), ((160, 90), "b")):
        make_movie(tmp_path / f"{name}.ts", range(4), FILM, size=size, codec="mpeg2")
    both = tmp_path / "both.ts"
    both.write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    plan = ConformPlan(
        frames=tuple(Source(part=0, frame=frame) for frame in range(8)),
        rate=FILM, raster=SMALL, box=Box(x=0, y=0, width=320, height=180),
    )  # fmt: skip
    with pytest.raises(MediaError, match="size changes"):
        conform(plan, [both], tmp_path / "take.mov", stamp=Stamp(start=0))
