"""A plate is exactly the promised frames of the media, at every position, with their timecode and sound."""

import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from otio_bridge.errors import MediaError
from otio_bridge.media.ffmpeg import input_args, run
from otio_bridge.media.files import sha256
from otio_bridge.media.plates import PlateSpec, cut_plate, prove, suffix_for
from otio_bridge.media.probe import decode, probe
from otio_bridge.model.media import ColourTags, FieldOrder, MediaKind
from otio_bridge.model.time import FrameRange, timecode
from otio_bridge.testing.framecode import (
    SIZE,
    code_picture,
    make_movie,
    make_sequence,
    make_still,
    read_movie,
    sample_codes,
)

F24, F25 = Fraction(24), Fraction(25)
FILM, NTSC = Fraction(24000, 1001), Fraction(30000, 1001)
HOUR = 107892  # 01:00:00;00 at 29.97 drop-frame
N = 160


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Frame-coded sources: long-GOP H.264 with B-frames, ProRes, PNG and EXR sequences, and awkward ones."""
    folder = tmp_path_factory.mktemp("media")
    return {
        "h264 24": make_movie(folder / "a.mov", range(N), F24, start=86400, sound="pcm", reel="A001"),
        "h264 29.97 DF": make_movie(folder / "b.mov", range(N), NTSC, start=HOUR, drop=True, sound="pcm"),
        "prores 24": make_movie(folder / "c.mov", range(N), F24, codec="prores", start=86400),
        "prores 29.97 DF": make_movie(
            folder / "d.mov", range(N), NTSC, codec="prores", start=HOUR, drop=True, sound="pcm"
        ),
        "png": make_sequence(folder / "png" / "e%.%04d.png", range(20), first_number=1001),
        "exr": make_sequence(folder / "exr" / "f.%04d.exr", range(20), first_number=9995),
        "mkv 23.976": make_movie(folder / "g.mkv", range(N), FILM, sound="aac"),
        "mxf 25": make_movie(folder / "h.mxf", range(N), F25, codec="dnxhr"),
        "ts 25": make_movie(
            folder / "i.ts", range(330), F25, sound="aac", extra=["-output_ts_offset", "3600"]
        ),
        "mpg 25": make_movie(folder / "j.mpg", range(N), F25, codec="mpeg2"),
        "avi 24": make_movie(folder / "k.avi", range(N), F24, codec="mpeg4", sound="pcm"),
    }


RATES = {"29.97": NTSC, "23.976": FILM, "25": F25}


def _rate(name: str) -> Fraction:
    return next((rate for text, rate in RATES.items() if text in name), F24)


@pytest.mark.parametrize(
    "name",
    ["h264 24", "h264 29.97 DF", "prores 24", "prores 29.97 DF", "png", "exr", "mkv 23.976", "mxf 25",
     "ts 25", "mpg 25", "avi 24"],
)  # fmt: skip
def test_cut_anywhere(name: str, media: dict[str, Path], tmp_path: Path) -> None:
    rate, drop = _rate(name), name.endswith("DF")
    info = probe(media[name], rate=rate)
    start = HOUR if drop else 86400
    spec = PlateSpec(rate=rate, drop=drop, reel="SH_p001", source_reel="A001", audio="none")
    for first in sorted({0, 1, info.frames // 3, info.frames * 3 // 4, info.frames - 7, info.frames - 1}):
        count = min(6, info.frames - first)
        frames = FrameRange(start=start + first, duration=count)
        made = cut_plate(info, frames, start, tmp_path / f"p{first}.mov", spec=spec)
        assert read_movie(made.path) == list(range(first, first + count)), (name, first)
        assert made.sha256 == sha256(made.path)
        assert (made.info.rate, made.info.frames, made.info.codec) == (rate, count, "prores")
        assert (made.info.width, made.info.height, made.info.reel) == (*SIZE, "SH_p001")
        with av.open(str(made.path)) as file:
            stream = file.streams.video[0]
            assert stream.frames == count
            assert stream.metadata["timecode"] == timecode(frames.start, rate, drop=drop)
            assert stream.average_rate == rate
            assert stream.time_base.denominator % rate.numerator == 0, "whole ticks a frame"
            assert file.metadata["source_reel"] == "A001"
            assert not file.streams.audio


def test_the_plate_counts_on_the_edits_line(media: dict[str, Path], tmp_path: Path) -> None:
    """The file says 01:00:00:00; the edit says its first frame is 5000: the edit outranks it."""
    info = probe(media["h264 24"])
    frames = FrameRange(start=5010, duration=4)
    made = cut_plate(info, frames, 5000, tmp_path / "p.mov", spec=PlateSpec(rate=F24))
    assert read_movie(made.path) == [10, 11, 12, 13]
    assert made.info.range == frames


def test_the_same_cut_is_the_same_file(media: dict[str, Path], tmp_path: Path) -> None:
    info, frames = probe(media["h264 29.97 DF"]), FrameRange(start=HOUR + 9, duration=9)
    one, two = (cut_plate(info, frames, HOUR, tmp_path / f"{k}.mov", spec=PlateSpec(rate=NTSC)) for k in "ab")
    assert one.sha256 == two.sha256


@pytest.mark.parametrize("frames", [(86399, 2), (86400 + N - 1, 2), (86400, 0), (86400 + N, 1)])
def test_frames_the_media_has_not(frames: tuple[int, int], media: dict[str, Path], tmp_path: Path) -> None:
    asked = FrameRange(start=frames[0], duration=frames[1])
    with pytest.raises(MediaError):
        cut_plate(probe(media["h264 24"]), asked, 86400, tmp_path / "p.mov", spec=PlateSpec(rate=F24))
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------- sound


def _samples(path: Path) -> np.ndarray:
    with av.open(str(path)) as file:
        parts = [frame.to_ndarray()[0] for frame in file.decode(audio=0)]
    return np.concatenate(parts) >> 16


@pytest.mark.parametrize(
    ("name", "rate"), [("h264 24", F24), ("h264 29.97 DF", NTSC), ("prores 29.97 DF", NTSC), ("avi 24", F24)]
)
def test_sound_is_cut_to_the_sample(
    name: str, rate: Fraction, media: dict[str, Path], tmp_path: Path
) -> None:
    info = probe(media[name], rate=rate)
    everything = sample_codes(round(N * 48000 / rate))
    for first, count in ((0, 7), (1, 1), (77, 31), (N - 10, 10)):
        frames = FrameRange(start=first, duration=count)
        made = cut_plate(info, frames, 0, tmp_path / f"p{first}.mov", spec=PlateSpec(rate=rate))
        begin, length = round(first * 48000 / rate), round(count * 48000 / rate)
        got = _samples(made.path)
        assert len(got) == length
        assert np.array_equal(got, everything[begin : begin + length]), first
        assert made.info.sound is not None
        assert (made.info.sound.codec, made.info.sound.start) == ("pcm_s24le", 0)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".mov"] * 4, "no work file is left"


@pytest.mark.parametrize("suffix", ["ts", "mp4", "mkv", "mpg"])
@pytest.mark.parametrize("late", [0, Fraction(1, 2)])
def test_sound_stays_under_its_picture(
    suffix: str, late: Fraction, media: dict[str, Path], tmp_path: Path
) -> None:
    """A burst at the start of the file's sound, which begins with the pictures or after them."""
    times = np.arange(48000 * 6)
    burst = np.where(times % 96000 < 4800, np.sin(times * 0.13) * 20000, 0).astype("<i2")
    with wave.open(str(tmp_path / "burst.wav"), "wb") as file:
        file.setparams((1, 2, 48000, 0, "NONE", ""))
        file.writeframes(burst.tobytes())
    movie = tmp_path / f"m.{suffix}"
    both = [
        *input_args(media["h264 24"]),
        "-itsoffset",
        str(float(late)),
        *input_args(tmp_path / "burst.wav"),
    ]
    video = ["-c:v", "mpeg2video", "-r", "25"] if suffix == "mpg" else ["-c:v", "copy"]
    sound = ["-c:a", "mp2" if suffix == "mpg" else "aac"]
    run([*both, "-map", "0:v", "-map", "1:a", *video, *sound, str(movie)], what="muxing")
    info = probe(movie)
    for first in (0, 30, 90):
        frames = FrameRange(start=first, duration=60)
        made = cut_plate(info, frames, 0, tmp_path / "p.mov", spec=PlateSpec(rate=info.rate))
        heard = abs(_samples(made.path)) > 3000
        begun = Fraction(first) / info.rate - late
        due = -begun if begun <= 0 else (-begun) % 2
        # Anywhere inside the first burst at or after `due`; a coder may ring a little before.
        onset = int(np.argmax(heard[max(0, round(due * 48000) - 480) :])) + max(0, round(due * 48000) - 480)
        assert abs(onset / 48000 - float(due)) < 0.004, (first, onset / 48000, float(due))


def test_silence_where_there_is_no_sound(media: dict[str, Path], tmp_path: Path) -> None:
    """Sound that begins a quarter second after the pictures, and stops before them."""
    source = media["h264 24"]
    late = [
        *input_args(source),
        "-itsoffset",
        "0.25",
        "-t",
        "2",
        *input_args(source),
        "-map",
        "0:v",
        "-map",
        "1:a",
    ]
    run([*late, "-c", "copy", str(tmp_path / "late.mov")], what="muxing")
    info = probe(tmp_path / "late.mov")
    head = cut_plate(info, FrameRange(start=0, duration=12), 0, tmp_path / "h.mov", spec=PlateSpec(rate=F24))
    got = _samples(head.path)
    assert len(got) == 24000
    assert not got[:12000].any()
    assert np.array_equal(got[12000:], sample_codes(12000))
    tail = cut_plate(
        info, FrameRange(start=120, duration=24), 0, tmp_path / "t.mov", spec=PlateSpec(rate=F24)
    )
    assert len(_samples(tail.path)) == 48000
    assert not _samples(tail.path).any()


def test_every_sound_stream_comes_along(media: dict[str, Path], tmp_path: Path) -> None:
    two = [*input_args(media["h264 24"]), "-map", "0:v", "-map", "0:a", "-map", "0:a", "-c", "copy"]
    run([*two, str(tmp_path / "two.mov")], what="muxing")
    info = probe(tmp_path / "two.mov")
    made = cut_plate(info, FrameRange(start=9, duration=3), 0, tmp_path / "p.mov", spec=PlateSpec(rate=F24))
    with av.open(str(made.path)) as file:
        assert [stream.duration for stream in file.streams.audio] == [6000, 6000]


# ---------------------------------------------------------------- awkward media


def test_an_edit_list_and_a_delayed_start(media: dict[str, Path], tmp_path: Path) -> None:
    source = media["h264 24"]
    cut, late = tmp_path / "cut.mp4", tmp_path / "late.mov"
    run(["-ss", "1.29", *input_args(source), "-map", "0:v", "-c", "copy", str(cut)], what="cutting")
    args = ["-itsoffset", "1.52", *input_args(source), *input_args(source), "-map", "0:v", "-map", "1:a"]
    run([*args, "-c", "copy", str(late)], what="delaying")
    for movie in (cut, late):
        info, shown = probe(movie), read_movie(movie)
        assert info.frames == len(shown)
        for first in (0, 1, 60, info.frames - 5):
            made = cut_plate(
                info, FrameRange(start=first, duration=5), 0, tmp_path / "p.mov", spec=PlateSpec(rate=F24)
            )
            assert read_movie(made.path) == shown[first : first + 5], (movie.name, first)


def _place(number: int) -> int:
    """Where frame `number` shows: three more frames of hold after every ten, six seconds after the 100th."""
    return number + 3 * (number // 10) + (144 if number >= 100 else 0)


def test_variable_rate_is_made_constant_and_held_as_an_editor_would(tmp_path: Path) -> None:
    held = "setpts='(N+3*floor(N/10)+144*gte(N,100))/24/TB'"
    movie = make_movie(
        tmp_path / "v.mp4", range(N), F24, sound="aac", extra=["-vf", held, "-enc_time_base", "1/24000"]
    )
    truth: list[int] = []
    for number in range(N):
        truth += [number - 1] * (_place(number) - len(truth)) + [number]
    info = probe(movie)
    assert info.variable
    assert probe(movie, rate=F24).frames in (len(truth), len(truth) - 1), (
        "as the muxer wrote the last one's length"
    )
    spec = PlateSpec(rate=F24)
    for first in (0, 12, 120, 131, 200, 274, 280, len(truth) - 9):
        made = cut_plate(info, FrameRange(start=first, duration=8), 0, tmp_path / "p.mov", spec=spec)
        assert read_movie(made.path) == truth[first : first + 8], first
        assert not made.info.variable


def test_a_file_played_at_another_rate(media: dict[str, Path], tmp_path: Path) -> None:
    """The edit reads a 24-fps file as 25: frame for frame, without the sound of another length."""
    info = probe(media["h264 24"])
    for first in (0, 100, N - 4):
        made = cut_plate(
            info, FrameRange(start=first, duration=4), 0, tmp_path / "p.mov", spec=PlateSpec(rate=F25)
        )
        assert read_movie(made.path) == list(range(first, first + 4))
        assert (made.info.rate, made.info.sound) == (F25, None)


def test_a_still_is_one_frame_and_can_be_held(tmp_path: Path) -> None:
    info = probe(make_still(tmp_path / "s.png", 77), rate=FILM)
    one = cut_plate(info, FrameRange(start=40, duration=1), 0, tmp_path / "p.mov", spec=PlateSpec(rate=FILM))
    assert (read_movie(one.path), one.info.start) == ([77], 40)
    held = cut_plate(info, FrameRange(start=0, duration=5), 0, tmp_path / "h.mov", spec=PlateSpec(rate=FILM))
    assert read_movie(held.path) == [77] * 5


@pytest.mark.parametrize("codec", ["dnxhr", "h264", "png"])
def test_the_settings_codec(codec: str, media: dict[str, Path], tmp_path: Path) -> None:
    info = probe(media["h264 24"])
    out = tmp_path / f"p{suffix_for(codec, info)}"
    made = cut_plate(
        info, FrameRange(start=86450, duration=5), 86400, out, spec=PlateSpec(rate=F24, codec=codec)
    )
    assert read_movie(made.path) == [50, 51, 52, 53, 54]
    assert made.info.range == FrameRange(start=86450, duration=5), "PNG files are numbered by their frame"
    assert (made.info.kind is MediaKind.SEQUENCE) == (codec == "png")


def test_interlaced_is_refused_until_somebody_says_what_it_is(tmp_path: Path) -> None:
    movie = make_movie(tmp_path / "i.mov", range(40), F25, extra=["-x264-params", "tff=1"])
    info, frames = probe(movie), FrameRange(start=30, duration=5)
    with pytest.raises(MediaError, match="interlaced"):
        cut_plate(info, frames, 0, tmp_path / "p.mov", spec=PlateSpec(rate=F25))
    for spec in (PlateSpec(rate=F25, deinterlace=True), PlateSpec(rate=F25, segmented=True)):
        made = cut_plate(info, frames, 0, tmp_path / "p.mov", spec=spec)
        assert read_movie(made.path) == [30, 31, 32, 33, 34]
        assert made.info.field_order is FieldOrder.PROGRESSIVE


# ---------------------------------------------------------------- pixels


def _error(a: Path, b: Path, frame: int) -> float:
    """Mean difference of RGB values between a plate's first frame and its source's frame."""
    one, other = next(decode(a, [0])), next(decode(b, [frame]))
    return float(abs(one.astype(int) - other.astype(int)).mean())


@pytest.mark.parametrize(
    ("space", "primaries", "transfer", "range_"),
    [
        ("bt709", "bt709", "bt709", "tv"),
        ("bt2020nc", "bt2020", "arib-std-b67", "tv"),
        ("smpte170m", "smpte170m", "smpte170m", "tv"),
        ("bt709", "bt709", "bt709", "pc"),
        ("unknown", "unknown", "unknown", "tv"),
    ],
)
def test_colour_is_kept_and_said(
    space: str, primaries: str, transfer: str, range_: str, tmp_path: Path
) -> None:
    matrix = {"bt2020nc": "bt2020", "unknown": "smpte170m"}.get(space, space)
    tags = f"setparams=range={range_}:colorspace={space}:color_primaries={primaries}:color_trc={transfer}"
    filters = f"scale=out_color_matrix={matrix}:out_range={range_},format=yuv422p10le,{tags}"
    movie = make_movie(tmp_path / "a.mkv", range(4), F24, codec="ffv1", extra=["-vf", filters])
    made = cut_plate(
        probe(movie), FrameRange(start=2, duration=1), 0, tmp_path / "p.mov", spec=PlateSpec(rate=F24)
    )
    found = made.info.colour
    assert (found.space, found.primaries, found.transfer, found.range) == (space, primaries, transfer, "tv")
    assert _error(made.path, movie, 2) < 1


@pytest.mark.parametrize("codec", ["prores", "dnxhr", "h264"])
@pytest.mark.parametrize(
    ("matrix", "said"),
    [("bt470bg", "smpte170m"), ("smpte240m", "bt709"), ("fcc", "bt709"), ("bt2020nc", "bt2020nc")],
)
def test_a_matrix_the_codec_cannot_say_is_converted(
    matrix: str, said: str, codec: str, tmp_path: Path
) -> None:
    """PAL's bt470bg has the numbers of smpte170m; ProRes and DNxHR have no word for it, nor for the others."""
    scaled = {"bt470bg": "smpte170m", "bt2020nc": "bt2020"}.get(matrix, matrix)
    tags = f"setparams=range=tv:colorspace={matrix}:color_primaries=bt470bg:color_trc=bt470bg"
    filters = f"scale=out_color_matrix={scaled}:out_range=tv,format=yuv422p10le,{tags}"
    movie = make_movie(tmp_path / "pal.mkv", range(3), F25, codec="ffv1", extra=["-vf", filters])
    info = probe(movie)
    assert (info.colour.space, info.colour.transfer) == (matrix, "gamma28")
    spec = PlateSpec(rate=F25, codec=codec)
    made = cut_plate(info, FrameRange(start=1, duration=2), 0, tmp_path / "p.mov", spec=spec)
    said = {"dnxhr": "bt709", "h264": said if matrix == "bt470bg" else matrix}.get(codec, said)
    assert made.info.colour == ColourTags(space=said, primaries="bt470bg", transfer="gamma28", range="tv")
    assert _error(made.path, movie, 1) < (1.5 if codec == "h264" else 1)


@pytest.mark.parametrize("codec", ["prores", "dnxhr", "h264", "png"])
def test_a_jpeg_keeps_its_levels(codec: str, tmp_path: Path) -> None:
    """Full range, by an old name, of PAL's matrix: what every camera's JPG is."""
    Image.fromarray(code_picture(7)).save(tmp_path / "s.jpg", quality=95)
    info = probe(tmp_path / "s.jpg", rate=F24)
    assert (info.pix_fmt, info.colour.space, info.colour.range) == ("yuvj420p", "bt470bg", "pc")
    out = tmp_path / f"p{suffix_for(codec, info)}"
    made = cut_plate(info, FrameRange(start=0, duration=2), 0, out, spec=PlateSpec(rate=F24, codec=codec))
    space = {"dnxhr": "bt709", "png": "gbr"}.get(codec, "smpte170m")
    full = codec in ("h264", "png")
    assert (made.info.colour.space, made.info.colour.range) == (space, "pc" if full else "tv")
    assert not made.info.pix_fmt.startswith("yuvj") or full
    one, other = (next(decode(path, [0])).astype(int) for path in (made.path, tmp_path / "s.jpg"))
    assert abs((one - other).mean(axis=(0, 1))).max() < 1, "neither a wrong matrix nor a wrong range"
    assert read_movie(made.path) == [7, 7]


def test_a_plate_that_says_other_colours_is_none(tmp_path: Path) -> None:
    """Found when it is cut, before anything is paid for it."""
    movie = make_movie(tmp_path / "a.mov", range(2), F24, codec="prores")
    frames, spec = FrameRange(start=0, duration=2), PlateSpec(rate=F24)
    made = cut_plate(probe(movie), frames, 0, tmp_path / "p.mov", spec=spec)
    prove(made.path, frames, spec, ColourTags(range="tv"))
    with pytest.raises(MediaError, match="colour primaries: unknown where bt2020 was promised"):
        prove(made.path, frames, spec, ColourTags(primaries="bt2020"))


@pytest.mark.parametrize("suffix", ["png", "exr"])
def test_rgb_becomes_tagged_yuv(suffix: str, tmp_path: Path) -> None:
    pattern = make_sequence(tmp_path / f"s.%04d.{suffix}", range(3), first_number=1)
    made = cut_plate(
        probe(pattern), FrameRange(start=2, duration=1), 1, tmp_path / "p.mov", spec=PlateSpec(rate=F24)
    )
    assert made.info.colour.space != "unknown"
    assert _error(made.path, pattern, 1) < 2, "only chroma subsampling"


def test_pixel_aspect_rotation_and_odd_sides(tmp_path: Path) -> None:
    spec = PlateSpec(rate=F24)
    wide = make_movie(tmp_path / "w.mov", range(3), F24, extra=["-vf", "setsar=2"])
    made = cut_plate(probe(wide), FrameRange(start=1, duration=2), 0, tmp_path / "p.mov", spec=spec)
    assert made.info.pixel_aspect == 2

    turned = tmp_path / "r.mov"
    run(["-display_rotation", "90", *input_args(wide), "-c", "copy", str(turned)], what="turning")
    made = cut_plate(probe(turned), FrameRange(start=1, duration=2), 0, tmp_path / "q.mov", spec=spec)
    shape = (made.info.width, made.info.height, made.info.rotation, made.info.pixel_aspect)
    assert shape == (180, 320, 0, Fraction(1, 2))

    odd = make_movie(tmp_path / "o.mkv", [5, 6], F24, codec="ffv1", size=(321, 181))
    for codec in ("prores", "h264", "dnxhr"):
        spec = PlateSpec(rate=F24, codec=codec)
        made = cut_plate(probe(odd), FrameRange(start=0, duration=2), 0, tmp_path / "odd.mov", spec=spec)
        assert (made.info.width, made.info.height, read_movie(made.path)) == (321, 181, [5, 6])


@pytest.mark.parametrize("codec", ["prores", "h264", "png"])
def test_alpha_keeps_a_codec_that_has_it(codec: str, tmp_path: Path) -> None:
    fade = ["-vf", "format=rgba,geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='X*255/W',format=yuva444p10le"]
    movie = make_movie(tmp_path / "a.mov", range(3), F24, codec="prores4444", extra=fade)
    info = probe(movie)
    out = tmp_path / f"p{suffix_for(codec, info)}"
    made = cut_plate(info, FrameRange(start=1, duration=1), 0, out, spec=PlateSpec(rate=F24, codec=codec))
    assert made.info.alpha
    with av.open(str(tmp_path / "p.0001.png" if codec == "png" else made.path)) as file:
        alpha = next(file.decode(video=0)).to_ndarray(format="rgba")[..., 3]
    assert abs(alpha[90].astype(int) - np.arange(320) * 255 // 320).max() <= 3
