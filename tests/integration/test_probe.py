"""What probe says is what a decoder finds: counts, rates, timecode, reels, sound, shape."""

import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from otio_bridge.errors import MediaError
from otio_bridge.media import timecode
from otio_bridge.media.ffmpeg import input_args, run
from otio_bridge.media.probe import count_frames, decode, probe, sounds
from otio_bridge.model.media import FieldOrder, MediaKind
from otio_bridge.testing.framecode import make_movie, make_sequence, make_still, read_code, read_movie

F24, F25, NTSC = Fraction(24), Fraction(25), Fraction(30000, 1001)
FILM = Fraction(24000, 1001)


def _remux(source: Path, out: Path, *before: str, after: tuple[str, ...] = ()) -> Path:
    run([*before, *input_args(source), "-c", "copy", *after, str(out)], what="remuxing")
    return out


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.mov", "h264", F24),
        ("b.mp4", "h264", FILM),
        ("c.mov", "prores", NTSC),
        ("d.mkv", "h264", NTSC),
        ("e.mxf", "dnxhr", F25),
        ("f.ts", "h264", F25),
        ("g.mpg", "mpeg2", F25),
        ("h.avi", "mpeg4", F24),
        ("i.mp4", "hevc", Fraction(60000, 1001)),
    ],
)
def test_count_and_rate_are_what_decodes(name: str, codec: str, rate: Fraction, tmp_path: Path) -> None:
    sound = "aac" if codec == "h264" else None
    info = probe(make_movie(tmp_path / name, range(40), rate, codec=codec, sound=sound))
    assert (info.frames, info.rate, info.variable) == (40, rate, False)
    assert count_frames(info.path) == 40
    assert (info.width, info.height, info.kind) == (320, 180, MediaKind.MOVIE)
    assert info.field_order is FieldOrder.PROGRESSIVE
    assert (info.sound is not None) == (sound is not None)


@pytest.mark.parametrize(
    ("name", "rate", "start", "drop"),
    [
        ("a.mov", F24, 86400, False),
        ("b.mov", NTSC, 107892, True),
        ("c.mov", Fraction(60000, 1001), 215784, True),
        ("d.mxf", NTSC, 1800, True),
        ("e.mkv", NTSC, 1800, False),
        ("f.mp4", FILM, 0, False),
    ],
)
def test_start_timecode(name: str, rate: Fraction, start: int, drop: bool, tmp_path: Path) -> None:
    codec = "mpeg2" if name.endswith("mxf") else "h264"
    info = probe(make_movie(tmp_path / name, range(3), rate, codec=codec, start=start, drop=drop))
    assert (info.start, info.drop) == (start, drop)


def test_no_timecode_is_none(tmp_path: Path) -> None:
    info = probe(make_movie(tmp_path / "a.mov", range(3), F24))
    assert (info.start, info.drop, info.reel) == (None, False, None)


def test_reel(tmp_path: Path) -> None:
    assert probe(make_movie(tmp_path / "a.mov", range(3), F24, start=5, reel="A003C010")).reel == "A003C010"


def test_a_tmcd_of_other_quanta_than_the_video(tmp_path: Path) -> None:
    """30 labels a second on 59.94 pictures, as cameras write it (standards.md §5)."""
    fast = Fraction(60000, 1001)
    thirty = make_movie(tmp_path / "t.mov", range(30), NTSC, start=1798, drop=False)
    sixty = make_movie(tmp_path / "s.mov", range(60), fast)
    both = [*input_args(sixty), *input_args(thirty), "-map", "0:v", "-map", "1:d", "-c", "copy"]
    run([*both, str(tmp_path / "q.mov")], what="muxing")
    assert timecode.quicktime_quanta(tmp_path / "q.mov") == 30
    assert probe(tmp_path / "q.mov").start == 3596
    assert timecode.start_of("00:01:00;02", fast, 30) == (3600, True)
    assert timecode.start_of("00:00:59:59", fast) == (3599, False)
    assert timecode.start_of("no", fast) is None


def test_an_edit_list_in_the_middle_of_a_group(tmp_path: Path) -> None:
    whole = make_movie(tmp_path / "a.mp4", range(120), F24, sound="aac")
    cut = _remux(whole, tmp_path / "cut.mp4", "-ss", "1.29")
    shown = read_movie(cut)
    assert shown == list(range(31, 120))
    assert (probe(cut).frames, probe(cut).variable) == (89, False)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_frames_that_keep_to_no_rate(suffix: str, tmp_path: Path) -> None:
    held = ["-vf", "setpts='(N+3*floor(N/10))/24/TB'", "-enc_time_base", "1/24000"]
    movie = make_movie(tmp_path / "v.mp4", range(40), F24, extra=held)
    if suffix == "mkv":
        movie = _remux(movie, tmp_path / "v.mkv")
    info = probe(movie, rate=F24)
    assert (info.variable, info.rate) == (True, F24)
    assert info.frames in (48, 49), "as the muxer wrote the last one's length"
    indexes = [0, 9, 10, 12, 13, 47]
    assert [read_code(picture) for picture in decode(movie, indexes, F24)] == [0, 9, 9, 9, 10, 38]


def test_a_coarse_clock_is_a_constant_rate(tmp_path: Path) -> None:
    coarse = ["-video_track_timescale", "600"]
    info = probe(make_movie(tmp_path / "a.mp4", range(60), FILM, extra=coarse))
    assert (info.variable, info.rate, info.frames) == (False, FILM, 60)


def test_rotation_is_applied(tmp_path: Path) -> None:
    movie = make_movie(tmp_path / "a.mov", [7, 8], F24)
    turned = _remux(movie, tmp_path / "r.mov", "-display_rotation", "90")
    info = probe(turned)
    assert (info.rotation, info.width, info.height) == (270, 180, 320)
    picture = next(decode(turned))
    assert picture.shape == (320, 180, 3)
    assert read_code(np.rot90(picture, -1)) == 7


def test_a_frame_that_says_rgb_of_yuv_is_not_believed(tmp_path: Path) -> None:
    """ffmpeg writes 0 (RGB) into ProRes frames for a matrix ProRes has no word for; the file knows it."""
    tags = "format=yuv422p10le,setparams=colorspace=bt470bg:color_primaries=bt470bg:range=tv"
    extra = ["-vf", tags, "-movflags", "+write_colr"]
    movie = make_movie(tmp_path / "p.mov", range(2), F25, codec="prores", extra=extra)
    colour = probe(movie).colour
    assert (colour.space, colour.primaries) == ("bt470bg", "bt470bg")


def test_shape_colour_and_alpha(tmp_path: Path) -> None:
    tags = "setparams=range=pc:colorspace=bt709:color_primaries=bt709:color_trc=bt709,setsar=4/3"
    info = probe(make_movie(tmp_path / "a.mp4", range(2), F24, extra=["-vf", f"scale=out_range=pc,{tags}"]))
    assert info.pixel_aspect == Fraction(4, 3)
    assert set(info.colour.model_dump().values()) == {"bt709", "pc"}
    info = probe(make_movie(tmp_path / "b.mov", range(2), F24, codec="prores4444"))
    assert info.alpha
    assert info.bits >= 10
    assert probe(make_movie(tmp_path / "c.mov", range(2), F24)).colour.space == "unknown"


def test_interlaced(tmp_path: Path) -> None:
    movie = make_movie(tmp_path / "a.mov", range(8), F25, extra=["-x264-params", "tff=1"])
    assert probe(movie).field_order is FieldOrder.TOP


def test_sound_streams(tmp_path: Path) -> None:
    movie = make_movie(tmp_path / "a.mov", range(24), F24, sound="pcm")
    two = [*input_args(movie), "-map", "0:v", "-map", "0:a", "-map", "0:a", "-c", "copy"]
    run([*two, str(tmp_path / "two.mov")], what="muxing")
    heard = sounds(tmp_path / "two.mov")
    assert [(sound.sample_rate, sound.channels, sound.start) for sound in heard] == [(48000, 1, 0)] * 2
    late = ["-itsoffset", "0.5", *input_args(movie), *input_args(movie), "-map", "0:v", "-map", "1:a"]
    run([*late, "-c", "copy", str(tmp_path / "late.mov")], what="muxing")
    info = probe(tmp_path / "late.mov")
    assert info.sound is not None
    assert (info.frames, info.sound.start) == (24, Fraction(-1, 2))


def test_sequences_and_stills(tmp_path: Path) -> None:
    pattern = make_sequence(tmp_path / "s.%04d.png", [5, 6, 7], first_number=1001)
    info = probe(pattern, rate=NTSC)
    assert (info.kind, info.frames, info.rate, info.first_number) == (MediaKind.SEQUENCE, 3, NTSC, 1001)
    assert info.range.start == 1001
    assert [read_code(picture) for picture in decode(pattern, [0, 2])] == [5, 7]
    still = probe(make_still(tmp_path / "one.jpg", 3))
    assert (still.kind, still.frames, still.codec) == (MediaKind.STILL, 1, "mjpeg")

    (tmp_path / "s.1002.png").unlink()
    with pytest.raises(MediaError, match="misses 1002"):
        probe(pattern)
    with pytest.raises(MediaError, match="no files"):
        probe(tmp_path / "none.%04d.png")


def test_a_movie_is_no_picture_of_a_sequence(tmp_path: Path) -> None:
    make_movie(tmp_path / "m.mov", range(2), F24).rename(tmp_path / "m.0001.png")
    with pytest.raises(MediaError, match="not of pictures"):
        probe(tmp_path / "m.%04d.png")


def _with_exr_attributes(path: Path, attributes: bytes) -> None:
    """Put attributes into an EXR's header; the line offset table behind it moves by their length."""
    data = path.read_bytes()
    at = 8
    while data[at]:
        kind_end = data.index(b"\0", data.index(b"\0", at) + 1)
        at = kind_end + 5 + struct.unpack_from("<i", data, kind_end + 1)[0]
    first = struct.unpack_from("<Q", data, at + 1)[0]
    count = (first - at - 1) // 8
    table = struct.unpack_from(f"<{count}Q", data, at + 1)
    moved = struct.pack(f"<{count}Q", *(offset + len(attributes) for offset in table))
    path.write_bytes(data[:at] + attributes + b"\0" + moved + data[at + 1 + 8 * count :])


def test_an_exr_header_says_when_and_which_reel(tmp_path: Path) -> None:
    still = make_still(tmp_path / "a.exr", 9)
    word = 0x01020304 | 1 << 6
    label = b"timeCode\0timecode\0" + struct.pack("<iII", 8, word, 0)
    reel = b"reelName\0string\0" + struct.pack("<i", 4) + b"A001"
    _with_exr_attributes(still, label + reel)
    info = probe(still, rate=NTSC)
    assert read_movie(still) == [9]
    assert timecode.exr_header(still) == ("01:02:03;04", "A001")
    assert (info.reel, info.drop, info.start) == ("A001", True, (3600 + 123) * 30 + 4 - 2 * (62 - 6))
    still.write_bytes(still.read_bytes()[:200])
    assert timecode.exr_header(still) is not None


def test_decode_by_index(tmp_path: Path) -> None:
    movie = make_movie(tmp_path / "a.mov", range(150), FILM, start=100)
    assert [read_code(picture) for picture in decode(movie, [0, 0, 3, 70, 149])] == [0, 0, 3, 70, 149]
    assert [read_code(picture) for picture in decode(movie, [100, 149])] == [100, 149], "by seeking"
    with pytest.raises(MediaError, match="no frame 150"):
        list(decode(movie, [150]))
    with pytest.raises(ValueError, match="ascend"):
        list(decode(movie, [3, 2]))


def test_what_cannot_be_decoded_is_one_sentence(tmp_path: Path) -> None:
    movie = make_movie(tmp_path / "a.mov", range(3), F24)
    movie.write_bytes(movie.read_bytes()[:2000])
    with pytest.raises(MediaError) as caught:
        probe(movie)
    assert "\n" not in str(caught.value)
    wav = tmp_path / "a.wav"
    run([*input_args(make_movie(tmp_path / "b.mov", range(3), F24, sound="pcm")), "-vn", str(wav)], what="x")
    with pytest.raises(MediaError, match="no pictures"):
        probe(wav)
