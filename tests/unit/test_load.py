"""Reading: hostile files get one sentence, faults of the adapters are mended, small things are wrapped."""

from __future__ import annotations

import json
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest

from otio_bridge.errors import RefusedInput
from otio_bridge.timeline.formats import edl, fcp7
from otio_bridge.timeline.load import cut_name, load_otio, read_edit
from otio_bridge.timeline.times import otio_range

R24 = Fraction(24)


def a_clip(name: str = "A", start: int = 86400, n: int = 48) -> otio.schema.Clip:
    return otio.schema.Clip(name=name, source_range=otio_range(start, n, R24))


def refuse(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(RefusedInput) as refused:
        read_edit(path)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def nested(depth: int) -> bytes:
    inner = '{"OTIO_SCHEMA":"Stack.1","children":['
    return (inner * depth + "]}" * depth).encode()


def a_time(rate: str, value: str) -> bytes:
    return f'{{"OTIO_SCHEMA":"RationalTime.1","rate":{rate},"value":{value}}}'.encode()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            b'{"OTIO_SCHEMA":"Stack.1","OTIO_REF_ID":"t","children":[{"OTIO_SCHEMA":"SerializableObjectRef.1","id":"t"}]}',
            "refers to itself",
        ),
        (nested(200), "nested deeper"),
        (nested(100_000), "nested deeper"),
        (b"[" * 200_000, "nested deeper"),
        (a_time("24", "NaN"), "cannot be"),
        (a_time("24", "1e308"), "cannot be"),
        (a_time("0", "1"), "cannot be"),
        (b'{"OTIO_SCHEMA":"Timeline.1","tracks":null}', "without tracks"),
        (b'{"OTIO_SCHEMA":"Track.1","kind":"Video","children":[null]}', "without children"),
        (b'{"OTIO_SCHEMA":"Marker.3"}', "newer OpenTimelineIO"),
        (b'{"OTIO_SCHEMA":"Clip.2","name":"\xff"}', "UTF-8"),
        (b'{"OTIO_SCHEMA":"Clip.2","name":"\\ud800"}', "surrogate"),
        (b"{}", "holds no timeline"),
        (b"", "no JSON"),
        (b"hello", "no JSON"),
    ],
)
def test_hostile_otio_is_refused_in_one_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    assert says in refuse(tmp_path / "a.otio", content)


def test_a_bom_is_read_over(tmp_path: Path) -> None:
    file = tmp_path / "a.otio"
    file.write_bytes(b"\xef\xbb\xbf" + otio.schema.Timeline(name="t").to_json_string().encode())
    assert load_otio(file).name == "t"


@pytest.mark.parametrize("name", ["a.fcpxml", "a.ale", "a.mov", "a.otio"])
def test_other_files_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RefusedInput):
        read_edit(tmp_path / name)


@pytest.mark.parametrize(
    "root",
    [
        a_clip(),
        otio.schema.Track(children=[a_clip()]),
        otio.schema.Stack(children=[a_clip()]),
        otio.schema.SerializableCollection(children=[a_clip(), a_clip("B")]),
    ],
    ids=lambda root: type(root).__name__,
)
def test_less_than_a_timeline_is_wrapped_in_one(tmp_path: Path, root: Any) -> None:
    file = tmp_path / "a.json"
    file.write_text(root.to_json_string())
    edit = read_edit(file)
    assert edit.wrapped and edit.rate == 24 and len(edit.timeline.find_clips()) in (1, 2)


def test_of_several_sequences_one_is_read_and_the_others_are_told(tmp_path: Path) -> None:
    one, two = otio.schema.Timeline(name="one"), otio.schema.Timeline(name="two")
    for timeline in (one, two):
        timeline.tracks.append(otio.schema.Track(children=[a_clip()]))
    file = tmp_path / "a.otio"
    file.write_text(otio.schema.SerializableCollection(children=[one, two]).to_json_string())
    edit = read_edit(file)
    assert edit.timeline.name == "one" and [note.code for note in edit.notes] == ["sequences"]
    assert read_edit(file, sequence="two").timeline.name == "two"
    with pytest.raises(RefusedInput, match="one, two"):
        read_edit(file, sequence="three")


@pytest.mark.parametrize(
    ("stem", "cut"),
    [("reel1_v003", "reel1"), ("reel1_v004_20261120", "reel1"), ("a-V2 copy (3)", "a"), ("v003", "v003")],
)
def test_the_cut_is_the_name_without_its_version(stem: str, cut: str) -> None:
    assert cut_name(stem) == cut


# ---------------------------------------------------------------- archives


def test_an_archive_is_read_and_its_media_laid_out_once(tmp_path: Path) -> None:
    timeline = otio.schema.Timeline(name="t")
    clip = otio.schema.Clip(
        name="A", media_reference=otio.schema.ExternalReference("media/a.mov", otio_range(0, 10, R24))
    )
    timeline.tracks.append(otio.schema.Track(children=[clip]))
    with zipfile.ZipFile(tmp_path / "t.otioz", "w") as archive:
        archive.writestr("content.otio", timeline.to_json_string())
        archive.writestr("media/a.mov", b"pictures")
    assert [note.code for note in read_edit(tmp_path / "t.otioz").notes] == ["archive"]
    for _ in range(2):
        edit = read_edit(tmp_path / "t.otioz", unpack=tmp_path / "unpacked")
        assert (edit.base / "media" / "a.mov").read_bytes() == b"pictures"
        assert edit.format == "otioz" and not edit.notes
    folder = tmp_path / "t.otiod"
    folder.mkdir()
    (folder / "content.otio").write_text(timeline.to_json_string())
    assert read_edit(folder).base == folder


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"content.otio": b" " * (64 << 20)}, "far more than it should"),
        ({"content.otio": b"{}", "../../evil": b"x"}, "outside itself"),
        ({"content.otio": b"{}", "C:/evil": b"x"}, "outside itself"),
        ({"other": b"x"}, "no content.otio"),
    ],
)
def test_hostile_archives_are_refused(tmp_path: Path, members: dict[str, bytes], says: str) -> None:
    with zipfile.ZipFile(tmp_path / "t.otioz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(RefusedInput, match=says):
        read_edit(tmp_path / "t.otioz", unpack=tmp_path / "unpacked")
    assert not (tmp_path / "unpacked").exists() and not (tmp_path / "evil").exists()


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in refuse(tmp_path / "t.otioz", b"PK not really")


# ---------------------------------------------------------------- EDL


def read_edl(text: str | bytes, rate: Fraction | None = R24) -> tuple[otio.schema.Timeline, list[str], bool]:
    timeline, notes, drop = edl.read(text.encode() if isinstance(text, str) else text, rate)
    return timeline, [note.code for note in notes], drop


def clips_of(timeline: otio.schema.Timeline) -> list[otio.schema.Clip]:
    return list(timeline.find_clips())


def test_edl_record_timecode_becomes_the_start_time() -> None:
    timeline, notes, drop = read_edl(
        "TITLE: x\n001 A V C 01:00:00:00 01:00:01:00 01:00:00:00 01:00:01:00\n"
        "002 B A C 01:00:00:00 01:00:01:00 01:00:02:00 01:00:03:00\n"
    )
    assert timeline.global_start_time.value == 86400 and not notes and not drop
    assert all(track.source_range is None for track in timeline.tracks)
    sound = next(track for track in timeline.tracks if track.kind == "Audio")
    assert isinstance(sound[0], otio.schema.Gap) and sound[0].duration().value == 48


@pytest.mark.parametrize(
    ("speed", "source", "scalar"),
    [
        ("048.0", "01:00:00:00 01:00:01:00", 2.0),  # spans equal: the adapter ignores it (core #948)
        ("048.0", "01:00:00:00 01:00:02:00", 2.0),
        ("-024.0", "01:00:00:00 01:00:01:00", -1.0),
        ("012.0", "01:00:00:00 01:00:00:12", 0.5),
        ("000.0", "01:00:00:00 01:00:00:01", 0.0),
    ],
)
def test_edl_m2_speeds_are_read_by_us(speed: str, source: str, scalar: float) -> None:
    timeline, notes, _ = read_edl(
        f"001 A V C {source} 01:00:00:00 01:00:01:00\nM2   A       {speed}                01:00:00:00\n"
    )
    (clip,) = clips_of(timeline)
    assert [effect.time_scalar for effect in clip.effects] == [scalar]
    assert clip.source_range == otio_range(86400, 24, R24)
    assert ("edl-reverse" in notes) == (scalar < 0)


def test_edl_a_retimed_clip_after_a_dissolve_keeps_its_speed() -> None:
    timeline, _, _ = read_edl(
        "001 A V C 01:00:00:00 01:00:01:00 01:00:00:00 01:00:01:00\n"
        "002 A V C 01:00:01:00 01:00:01:00 01:00:01:00 01:00:01:00\n"
        "002 B V D 012 02:00:00:00 02:00:02:00 01:00:01:00 01:00:02:00\n"
        "M2 B 048.0 02:00:00:00\n* FROM CLIP NAME: one\n* TO CLIP NAME: two\n"
        "003 C V C 03:00:00:00 03:00:02:00 01:00:02:00 01:00:03:00\nM2 C 048.0 03:00:00:00\n"
    )
    one, two, three = clips_of(timeline)
    assert not one.effects and two.effects[0].time_scalar == three.effects[0].time_scalar == 2
    assert two.name == "two"
    transition = timeline.tracks[0][1]
    assert transition.out_offset.value == 12


def test_edl_drop_frame_is_kept_though_written_with_colons() -> None:
    text = "TITLE: x\nFCM: DROP FRAME\n001 A V C 01:00:00:00 01:10:00:00 01:00:00:00 01:10:00:00\n"
    timeline, notes, drop = read_edl(text, None)
    (clip,) = clips_of(timeline)
    assert drop and not notes
    assert clip.source_range.duration.value == 17982 and clip.source_range.duration.rate == 30000 / 1001


def test_edl_texts_and_lines_the_adapter_refuses() -> None:
    event = "001 MY REEL V C 01:00:00:00 01:00:01:00 01:00:00:00 01:00:01:00\n"
    timeline, notes, _ = read_edl("TRACKS: V\n" + event + "* ASC_SOP asop1\n000123 what\n")
    (clip,) = clips_of(timeline)
    assert clip.metadata["cmx_3600"]["reel"] == "MY REEL" and clip.name == "001"
    assert notes == ["edl-line"] * 3
    latin = event.encode() + "* FROM CLIP NAME: büro\n".encode("cp1252")
    timeline, notes, _ = read_edl(latin)
    assert clips_of(timeline)[0].name == "büro" and notes == ["edl-encoding"]
    assert clips_of(read_edl(b"\xef\xbb\xbf" + event.encode())[0])[0].name == "001"
    assert clips_of(read_edl(event.encode("utf-16"))[0])[0].name == "001"


@pytest.mark.parametrize(
    ("line", "at", "name", "color"),
    [
        ("* LOC: 01:00:00:10 GREEN @still a fox", 107892 + 10, "@still a fox", "GREEN"),
        ("* LOC: 01:00:00;10 GREEN   @still a fox", 107892 + 10, "@still a fox", "GREEN"),
        ("*LOC 01;00;00;10 @still a fox", 107892 + 10, "@still a fox", "RED"),
        ("* LOC: 01:00:00.10 @still", 107892 + 10, "@still", "RED"),
        ("* LOC: 01:00:00;10", 107892 + 10, "", "RED"),
    ],
)
def test_edl_locators_are_read_however_their_timecode_is_written(
    line: str, at: int, name: str, color: str
) -> None:
    event = "FCM: DROP FRAME\n001 A V C 01:00:00;00 01:00:01;00 01:00:00;00 01:00:01;00\n"
    timeline, notes, drop = read_edl(event + line + "\n", None)
    (marker,) = clips_of(timeline)[0].markers
    assert drop and not notes
    assert (marker.name, marker.color, marker.marked_range.start_time.value) == (name, color, at)


@pytest.mark.parametrize(
    "line", ["* LOC: GREEN @still", "* LOC: 01:00:00:31 GREEN @still", "* LOC: 1:0:0:0 x"]
)
def test_edl_locators_that_cannot_be_read_are_told(line: str) -> None:
    event = "001 A V C 01:00:00:00 01:00:01:00 01:00:00:00 01:00:01:00\n"
    timeline, notes, _ = read_edl(event + line + "\n")
    assert notes == ["edl-locator"] and not clips_of(timeline)[0].markers


@pytest.mark.parametrize(
    ("lines", "url"),
    [
        (["* FROM FILE: /m/A.mov"], "/m/A.mov"),
        (["* SOURCE FILE: /m/A.mov"], "/m/A.mov"),
        (["*SOURCE FILE: A 1.MOV"], "A 1.MOV"),
        (["* SOURCE FILE: S:\\m\\A"], "S:\\m\\A"),
        (["* FROM FILE: /m/A.mov", "* SOURCE FILE: /m/B.mov"], "/m/A.mov"),
        (["* FROM CLIP NAME: A", "* SOURCE FILE: /m/B.mov"], "/m/B.mov"),
        (["* SOURCE FILE: ZZ100_501.LAY3.01"], None),  # the name of a clip
    ],
)
def test_edl_media_is_named_by_from_file_or_source_file(lines: list[str], url: str | None) -> None:
    event = "001 A V C 01:00:00:00 01:00:01:00 01:00:00:00 01:00:01:00\n"
    timeline, notes, _ = read_edl(event + "\n".join(lines) + "\n")
    assert getattr(clips_of(timeline)[0].media_reference, "target_url", None) == url
    assert not notes


def test_edl_faults_of_the_list_are_told() -> None:
    mismatched = "001 A V C 01:00:00:00 01:00:02:00 01:00:00:00 01:00:01:00\n"
    assert read_edl(mismatched)[1] == ["edl-lengths"]
    unsorted = (
        "002 B V C 01:00:00:00 01:00:01:00 01:00:01:00 01:00:02:00\n"
        "001 A V C 01:00:00:00 01:00:01:00 01:00:00:00 01:00:01:00\n"
    )
    assert read_edl(unsorted)[1] == ["edl-order"]
    overlapping = (
        "001 A V C 01:00:00:00 01:00:01:12 01:00:00:00 01:00:01:12\n"
        "002 B V C 01:00:00:00 01:00:01:00 01:00:01:00 01:00:02:00\n"
    )
    assert read_edl(overlapping)[1][0] == "edl-overlap"
    assert read_edl("001 A V C 00:00:00:24 00:00:01:24 00:00:00:00 00:00:01:00\n", None)[1] == ["edl-rate"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no events"),
        ("001 A V C 01:00:00:24 01:00:01:00 01:00:00:00 01:00:01:00\n", "does not fit 24"),
        ("001 A V K B 01:00:00:00 01:00:01:00 01:00:00:00 01:00:01:00\n", "no events|key"),
        ("001 A V K 01:00:00:00 01:00:01:00 01:00:00:00 01:00:01:00\n", "key"),
        ("001 A V C 01:00:00:00 01:00:01:00 01:00:01:00 01:00:00:00\n", "ends before"),
        ("\0", "no text"),
    ],
)
def test_edl_refusals(text: str, says: str) -> None:
    with pytest.raises(RefusedInput, match=says):
        read_edl(text)


def test_an_edl_through_the_child_process(tmp_path: Path) -> None:
    file = tmp_path / "reel1_v002.edl"
    file.write_text(
        "TITLE: x\n001 A V C 01:00:00:00 01:00:01:00 01:00:00:00 01:00:01:00\n* LOC: 01:00:00:00 RED @still\n"
    )
    edit = read_edit(file, rate=Fraction(24000, 1001))
    assert (edit.cut, edit.start, edit.rate, edit.format) == ("reel1", 86400, Fraction(24000, 1001), "edl")
    assert refuse(tmp_path / "b.edl", b"\0\0").startswith("the EDL is no text")
    assert "cannot be read" in refuse(tmp_path / "b.xml", b"<xmeml>")
    assert "adapter" in refuse(tmp_path / "b.aaf", b"\xd0\xcf\x11\xe0" + b"x" * 100)


# ---------------------------------------------------------------- FCP 7 XML

XML = """<?xml version="1.0"?><!DOCTYPE xmeml><xmeml version="4"><sequence id="s"><name>cut</name>
<rate><timebase>25</timebase><ntsc>FALSE</ntsc></rate>
<timecode><rate><timebase>25</timebase><ntsc>FALSE</ntsc></rate><frame>90000</frame></timecode>
<media><video><track MZ.TrackName="base">
<clipitem id="c1"><name>A</name><enabled>FALSE</enabled><start>0</start><end>50</end><in>100</in><out>150</out>
{file}{filters}</clipitem></track></video></media></sequence></xmeml>"""
FILE = """<file id="f"><name>A</name><pathurl>file://localhost/m/A.mov</pathurl>
<rate><timebase>25</timebase><ntsc>FALSE</ntsc></rate><duration>1000</duration>
<timecode><rate><timebase>25</timebase><ntsc>FALSE</ntsc></rate><frame>90000</frame></timecode></file>"""
REMAP = """<filter><effect><name>Time Remap</name><effectid>timeremap</effectid>
<parameter><parameterid>variablespeed</parameterid><value>{variable}</value></parameter>
<parameter><parameterid>speed</parameterid><value>{speed}</value></parameter>
<parameter><parameterid>reverse</parameterid><value>{reverse}</value></parameter></effect></filter>"""


def remapped(
    speed: str, *, variable: str = "0", reverse: str = "FALSE"
) -> tuple[otio.schema.Clip, list[str]]:
    filters = REMAP.format(speed=speed, variable=variable, reverse=reverse)
    timeline, notes, _ = fcp7.read(XML.format(file=FILE, filters=filters).encode())
    return clips_of(timeline)[0], [note.code for note in notes]


def test_xml_disabled_clips_and_track_names_come_back() -> None:
    timeline, notes, _ = fcp7.read(XML.format(file=FILE, filters="").encode())
    (clip,) = clips_of(timeline)
    assert not clip.enabled and timeline.tracks[0].name == "base"
    assert [note.code for note in notes] == ["xml-enabled"]
    assert clip.source_range.start_time.value == 90100


def test_xml_a_constant_time_remap_is_a_speed() -> None:
    clip, notes = remapped("200")
    assert clip.effects[0].time_scalar == 2 and "xml-retime" in notes
    # `<in>` counts in the retimed clip: 100 frames in at twice the speed are 200 frames of media.
    assert clip.source_range == otio_range(90200, 50, Fraction(25))
    clip, _ = remapped("100", reverse="TRUE")
    assert clip.effects[0].time_scalar == -1
    assert clip.source_range.start_time.value == 90000 + 999 - 100 - 49


@pytest.mark.parametrize(("speed", "variable"), [("200", "1"), ("0.25", "0")])
def test_xml_ramps_and_unclear_speeds_stay_what_they_are(speed: str, variable: str) -> None:
    clip, notes = remapped(speed, variable=variable)
    assert not isinstance(clip.effects[0], otio.schema.LinearTimeWarp) and "xml-retime" in notes


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('<!DOCTYPE xmeml [<!ENTITY a "x">]><xmeml>&a;</xmeml>', "entities"),
        ('<!DOCTYPE xmeml [<!ENTITY a SYSTEM "file:///etc/passwd">]><xmeml>&a;</xmeml>', "entities"),
        ("<fcpxml version='1.9'/>", "FCPXML"),
        ("<svg/>", "not FCP 7"),
        ("<xmeml>" + "<a>" * 400 + "</a>" * 400 + "</xmeml>", "nested deeper"),
        ("<xmeml>", "cannot be read"),
        ("", "cannot be read"),
    ],
)
def test_xml_refusals(text: str, says: str) -> None:
    with pytest.raises(RefusedInput, match=says):
        fcp7.look_at(text.encode())


def test_what_is_not_ours_survives_reading(tmp_path: Path) -> None:
    timeline = otio.schema.Timeline(name="t", metadata={"studio": {"deep": [1, 2.5, None, "ü"]}})
    timeline.tracks.append(otio.schema.Track(children=[a_clip()]))
    file = tmp_path / "a.otio"
    file.write_text(timeline.to_json_string())
    again = json.loads(read_edit(file).timeline.to_json_string())
    assert again == json.loads(file.read_text())


@pytest.mark.parametrize("text", ["null", "5", "true", '"x"', "[]"])
def test_json_that_is_no_object_holds_no_timeline(text: str, tmp_path: Path) -> None:
    path = tmp_path / "cut.otio"
    path.write_text(text)
    with pytest.raises(RefusedInput, match="no timeline"):
        read_edit(path)
