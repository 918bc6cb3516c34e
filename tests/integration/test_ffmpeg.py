"""ffmpeg is run behind a fence, ended at the deadline, and says why it failed."""

import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
import psutil
import pytest

from otio_bridge.errors import MediaError
from otio_bridge.media import graphs
from otio_bridge.media.ffmpeg import (
    executable,
    file_url,
    input_args,
    open_options,
    raw_input_args,
    run,
    version,
)
from otio_bridge.media.probe import decode, probe
from otio_bridge.media.sniff import Container, container_of, sniff
from otio_bridge.testing.framecode import code_picture, make_movie, make_still

ENDLESS = ["-f", "lavfi", "-i", "testsrc=s=64x64:r=25", "-f", "null", "-"]
SECRET = "secret.mp4"


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_movie(tmp_path_factory.mktemp("secret") / SECRET, range(5), Fraction(24))


def _playlists(folder: Path, secret: Path) -> Iterator[Path]:
    texts = {
        "hls.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n",
        "concat.mov": f"ffconcat version 1.0\nfile '{secret}'\n",
        "dash.mkv": f"<?xml version='1.0'?><MPD><BaseURL>{secret}</BaseURL></MPD>",
        "page.mov": "<!DOCTYPE html><html>429</html>",
        "bom.mp4": "\ufeff#EXTM3U\n",
        "empty.mov": "",
    }
    for name, text in texts.items():
        file = folder / name
        file.write_text(text, encoding="utf-8")
        yield file


def test_a_playlist_called_mp4_is_refused_by_both_readers(tmp_path: Path, secret: Path) -> None:
    for file in _playlists(tmp_path, secret):
        for read in (probe, lambda path: list(decode(path)), input_args):
            with pytest.raises(MediaError, match=r"is text|is empty"):
                read(file)


@pytest.mark.parametrize("demuxer", ["mov", "matroska"])
def test_the_fence_holds_where_the_bytes_have_lied(tmp_path: Path, secret: Path, demuxer: str) -> None:
    fence = ["-protocol_whitelist", "file,pipe", "-format_whitelist", demuxer]
    for file in _playlists(tmp_path, secret):
        with pytest.raises(MediaError):
            run([*fence, "-i", file_url(file), "-f", "null", "-"], what="opening it anyway")
        options = open_options(Container("x", demuxer))
        with pytest.raises(av.error.FFmpegError):
            av.open(file_url(file), container_options=options)


def test_other_protocols_are_closed(secret: Path) -> None:
    fence = ["-protocol_whitelist", "file,pipe", "-format_whitelist", "mov"]
    for url in (f"concat:{secret}", "http://127.0.0.1:9/x.mp4", f"subfile,,start,0,end,0,,:{secret}"):
        with pytest.raises(MediaError):
            run([*fence, "-i", url, "-f", "null", "-"], what="opening it")


def test_only_files_are_opened(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no such file"):
        sniff(tmp_path / "gone.mov")
    with pytest.raises(MediaError, match="is not a file"):
        sniff(tmp_path)
    (tmp_path / "junk.mov").write_bytes(bytes(range(256)) * 9)
    with pytest.raises(MediaError, match="no kind of media"):
        sniff(tmp_path / "junk.mov")


@pytest.mark.parametrize("name", ["-i.png", "a%04d.png", "it's, [0:v]; b.png", "http:x.png", "ü .png"])
def test_no_name_is_an_option_protocol_or_pattern(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    still = make_still(tmp_path / "still.png", 7)
    still.rename(tmp_path / name)
    for path in (tmp_path / name, Path(name)):
        assert probe(path).codec == "png"
        run([*input_args(path), "-f", "null", "-"], what="reading")


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\0\0\0\x18ftypqt  ", "mov"),
        (bytes(100) + bytes.fromhex("060e2b34020501010d010201"), "mxf"),
        (b"\x47" + bytes(187) + b"\x47" + bytes(187) + b"\x47", "mpegts"),
        (bytes(4) + b"\x47" + bytes(191) + b"\x47" + bytes(191) + b"\x47", "mpegts"),
        (b"RIFF\0\0\0\0AVI LIST", "avi"),
    ],
)
def test_magic(head: bytes, name: str) -> None:
    found = container_of(head)
    assert found is not None
    assert found.name == name


def ours() -> list[psutil.Process]:
    """The ffmpegs this process has started; other tests of the session may keep children of another kind."""
    return [child for child in psutil.Process().children(recursive=True) if "ffmpeg" in child.name()]


def test_it_is_killed_at_the_deadline() -> None:
    began = time.monotonic()
    with pytest.raises(MediaError, match="deadline"):
        run(ENDLESS, what="waiting", deadline=began + 0.3)
    assert time.monotonic() - began < 5
    assert not ours()


def test_what_progress_raises_ends_it() -> None:
    def stop(frames: int) -> None:
        raise StopAsyncIteration(frames)

    with pytest.raises(StopAsyncIteration):
        run(["-re", *ENDLESS], what="counting", progress=stop)
    assert not ours()


def test_what_the_feed_raises_ends_it(tmp_path: Path) -> None:
    def feed() -> Iterator[bytes]:
        yield code_picture(1).tobytes()
        raise LookupError("no more")

    with pytest.raises(LookupError):
        run([*raw_input_args(320, 180, Fraction(24)), "-f", "null", "-"], what="feeding", feed=feed())


def test_more_feed_than_it_wants_is_no_error(tmp_path: Path) -> None:
    pictures = (np.zeros((180, 320, 3), np.uint8).tobytes() for _ in range(200))
    one = ["-frames:v", "1", "-f", "null", "-"]
    run([*raw_input_args(320, 180, Fraction(24)), *one], what="feeding", feed=pictures)


def test_it_says_why_it_failed(secret: Path, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"cutting: ffmpeg failed .*nosuchcodec"):
        run([*input_args(secret), "-c:v", "nosuchcodec", str(tmp_path / "o.mov")], what="cutting")


def test_which_ffmpeg() -> None:
    assert (version(executable()) or (9,)) >= (5,)
    assert executable(executable()) == executable()
    with pytest.raises(MediaError, match="of the settings"):
        executable("/no/such/ffmpeg")


def test_graphs_number_inputs_by_name() -> None:
    second_first = graphs.arguments(
        graphs.apply(graphs.stream(2), [graphs.step("scale", 32, 18)]),
        graphs.apply(graphs.stream(1, "a:0"), [graphs.step("apad")]),
    )
    assert second_first == [
        "-filter_complex", "[2:v:0]scale=32:18[s0];[1:a:0]apad[s1]", "-map", "[s0]", "-map", "[s1]",
    ]  # fmt: skip
    assert graphs.chain([]) == ["-map", "0:v:0"]


def test_a_graph_escapes_any_file_name(secret: Path, tmp_path: Path) -> None:
    lut = tmp_path / "it's a, [0:v] 'LUT'; 50% \\ x:y.cube"
    lut.write_text(
        "LUT_3D_SIZE 2\n" + "".join(f"{r} {g} {b}\n" for b in (0, 1) for g in (0, 1) for r in (0, 1))
    )
    args = graphs.chain([graphs.step("lut3d", file=lut)])
    run([*input_args(secret), *args, "-f", "null", "-"], what="looking up")
