"""Deciding and relinking as a user types it: pick, review, relink, undo, sheet; and `send --wait`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import opentimelineio as otio
import pytest
from PIL import Image

from otio_bridge.testing.sandbox.process import Sandbox
from tests.e2e.loop import clip, project, save, timeline
from tests.e2e.typed import assert_valid, printed, typed
from tests.e2e.verbs_project import FIRST, R, edit_of, lines, made, sent

__all__ = ["made", "sent"]  # fixtures

RAIN, STREET, AGAIN = "01:00:00:00", "01:00:00:12", "01:00:03:00"


def shows(folder: Path, *words: object) -> dict[str, str]:
    """What every linked clip shows after a relink, by its record timecode."""
    report = printed(folder, "relink", edit_of(folder), "-o", folder / "out.otio", *words)
    back = otio.adapters.read_from_file(str(folder / "out.otio"))
    assert len(back.find_clips()) == 5
    return {line["at"]: line["shows"] for line in report["lines"]}


def test_the_take_shown_is_picked_else_approved_else_selected_else_the_original(sent: Path) -> None:
    original = dict.fromkeys((RAIN, STREET, AGAIN), "original")
    assert shows(sent) == original
    # The sandbox's takes are temp: without --temp nothing of them is shown by itself.
    assert shows(sent, "--newest") == original | {STREET: "v001"}
    assert shows(sent, "--newest", "--temp") == {RAIN: "v002", STREET: "v001", AGAIN: "v002"}
    printed(sent, "review", "t_0010", "v002", "selected")
    assert shows(sent, "--temp")[RAIN] == "v002"
    decided = printed(sent, "review", "t_0010", "v001", "approved", "--note", "the one")
    assert (decided["decision"], decided["note"]) == ("approved", "the one")
    assert [line["review"] for line in lines(sent, "t_0010")] == ["approved", "selected"]
    assert shows(sent, "--temp")[RAIN] == "v001"
    printed(sent, "pick", "t_0010", "v002")
    assert shows(sent, "--temp") == {RAIN: "v002", STREET: "original", AGAIN: "v002"}
    # A pick is an occurrence's.
    here = printed(sent, "pick", "t_0010", "v001", "--at", "01:00:03:05")
    assert here["at"] == [AGAIN]
    assert shows(sent, "--temp") == {RAIN: "v002", STREET: "original", AGAIN: "v001"}
    said = typed(sent, "pick", "t_0010", "original", exit_code=2).stderr
    assert "allowed: v001, v002, none" in said
    printed(sent, "pick", "t_0010", "none")
    assert shows(sent, "--temp")[RAIN] == "v001"
    printed(sent, "review", "t_0010", "v001", "rejected")
    printed(sent, "review", "t_0010", "v002", "rejected")
    assert shows(sent, "--temp", "--newest")[RAIN] == "original"


def test_a_wish_for_a_temp_take_is_answered_with_the_option_that_shows_it(sent: Path) -> None:
    def why() -> str:
        report = printed(sent, "relink", edit_of(sent), "-o", sent / "out.otio")
        (line,) = [line for line in report["lines"] if line["at"] == RAIN]
        assert line["shows"] == "original"
        return str(line["why"])

    assert why() == "no take is chosen"
    printed(sent, "review", "t_0010", "v001", "selected")
    assert why() == "v001 is selected but temp (--temp shows it)"
    printed(sent, "review", "t_0010", "v002", "approved")
    assert why() == "v002 is approved but temp (--temp shows it)"
    text = typed(sent, "relink", edit_of(sent), "-o", sent / "out.otio").stdout
    # For the street nothing was decided, for the rain it was.
    assert "--temp, to show temp takes too" in text and "review SHOT vNNN approved" in text
    printed(sent, "pick", "t_0010", "v001")
    assert why() == "v001 is picked but temp (--temp shows it)"
    typed(sent, "review", "t_0020", "v001", "approved")
    text = typed(sent, "relink", edit_of(sent), "-o", sent / "out.otio").stdout
    assert "review SHOT vNNN approved" not in text


def test_relink_keeps_every_take_or_one_and_is_undone_by_ledger_or_sidecar(sent: Path) -> None:
    before = otio.adapters.read_from_file(str(edit_of(sent)))
    assert shows(sent, "--newest", "--temp", "--only", "t_0010").keys() == {RAIN, AGAIN}
    shows(sent, "--newest", "--temp")
    rain = otio.adapters.read_from_file(str(sent / "out.otio")).find_clips()[0]
    assert set(rain.media_references()) == {"DEFAULT_MEDIA", "otio_bridge/v001", "otio_bridge/v002"}
    one = sent / "resolve.otio"
    report = printed(sent, "relink", edit_of(sent), "-o", one, "--for", "resolve", "--newest", "--temp")
    rain = otio.adapters.read_from_file(str(one)).find_clips()[0]
    assert set(rain.media_references()) == {"DEFAULT_MEDIA"}
    assert rain.media_reference.target_url.endswith("t_0010_v002.mov")
    sidecar = Path(report["sidecar"])
    assert_valid(json.loads(sidecar.read_text(encoding="utf-8")), "sidecar")

    def undone(file: Path, *words: object) -> bool:
        printed(sent, "relink", "--undo", file, "-o", sent / "undone.otio", *words)
        return bool(before.is_equivalent_to(otio.adapters.read_from_file(str(sent / "undone.otio"))))

    assert undone(sent / "out.otio")
    kept = sidecar.rename(sent / "kept.json")
    assert undone(one)  # by the ledger
    # In another project's hands only the sidecar knows, and the editor's other changes stay.
    changed = otio.adapters.read_from_file(str(one))
    changed.find_clips()[3].name = before.find_clips()[3].name = "renamed by the editor"
    save(changed, one)
    other = project(sent / "other")
    typed(other, "relink", "--undo", one, "-o", other / "x.otio", exit_code=2)
    assert not (other / "x.otio").exists()
    printed(other, "relink", "--undo", one, "-o", other / "x.otio", "--sidecar", kept)
    assert before.is_equivalent_to(otio.adapters.read_from_file(str(other / "x.otio")))


def test_a_take_put_into_the_edit_by_hand_is_read_back_as_the_choice(sent: Path) -> None:
    taken = Path(lines(sent, "t_0010")[0]["file"])
    edited = otio.adapters.read_from_file(str(edit_of(sent)))
    edited.find_clips()[0].media_reference = otio.schema.ExternalReference(
        target_url=str(taken),
        available_range=otio.opentime.TimeRange(
            otio.opentime.RationalTime(FIRST + 22, 24), otio.opentime.RationalTime(28, 24)
        ),
    )
    by_hand = save(edited, sent / "rain_v002.otio")
    plan = printed(sent, "plan", by_hand)
    assert (plan["to_send"], plan["omitted"]) == (0, []), plan
    report = printed(sent, "relink", by_hand, "-o", sent / "back.otio", "--temp")
    assert {line["at"]: line["shows"] for line in report["lines"]} == {
        RAIN: "v001", STREET: "original", AGAIN: "original",
    }  # fmt: skip
    back = otio.adapters.read_from_file(str(sent / "back.otio")).find_clips()[0]
    # The camera's own media is the original again, not our take.
    assert not back.media_references()["DEFAULT_MEDIA"].target_url.endswith(taken.name)


def test_the_sheet_is_a_picture_with_a_row_a_shot(sent: Path) -> None:
    report = printed(sent, "sheet", edit_of(sent), "-o", sent / "s.png")
    assert (report["shots"], report["takes"]) == (2, 3)
    with Image.open(report["out"]) as sheet:
        assert sheet.format == "PNG"
        assert min(sheet.size) > 200


def test_the_sheet_frames_what_relink_with_the_same_options_shows(sent: Path) -> None:
    def framed(*words: object) -> bool:
        report = printed(sent, "sheet", edit_of(sent), "-o", sent / "s.png", *words)
        with Image.open(report["out"]) as sheet:
            return (245, 185, 66) in {colour for _, colour in sheet.getcolors(1 << 24) or ()}

    assert not framed()
    printed(sent, "review", "t_0010", "v002", "approved")
    assert not framed()  # it is temp
    assert framed("--temp")
    assert framed("--newest")  # the upscale, which is not


@pytest.mark.parametrize("verb", [("relink", "x.otio"), ("sheet", "x.png")], ids=lambda verb: verb[0])
def test_what_cannot_be_written_is_said(verb: tuple[str, str], sent: Path) -> None:
    (sent / "file").write_text("x", encoding="utf-8")
    for folder in ("file", "none"):
        out = sent / folder / verb[1]
        said = typed(sent, verb[0], edit_of(sent), "-o", out, exit_code=2).stderr
        assert "cannot be written" in said and str(out) in said
    (sent / verb[1]).mkdir()
    typed(sent, verb[0], edit_of(sent), "-o", sent / verb[1], exit_code=2)
    assert not list(sent.glob(".x.*"))


def test_doctor_and_init_say_what_they_found_and_made(sent: Path, tmp_path: Path) -> None:
    checks = {check["what"]: check for check in printed(sent, "doctor")["checks"]}
    assert all(checks[what]["ok"] for what in ("ffmpeg", "media root", "ledger", "queue", "provider local"))
    report = printed_init(tmp_path / "new", "--rate", "29.97", "--size", "720x576", "--budget", "5 USD")
    assert report["rate"] == "30000/1001"
    text = Path(report["file"]).read_text("utf-8")
    assert all(word in text for word in ("720", "576", '"USD"', '"5"', "naming", "encoding", "handles", "# "))


def printed_init(folder: Path, *words: str) -> dict[str, str]:
    from click.testing import CliRunner

    from otio_bridge.cli import main

    result = CliRunner().invoke(main, ["init", str(folder), *words, "--json"])
    assert result.exit_code == 0, result.output
    document: dict[str, str] = json.loads(result.stdout)
    assert_valid(document, "init")
    return document


def test_send_and_wait_starts_what_it_needs_and_says_what_failed(folder: Path, sandbox: Sandbox) -> None:
    sandbox.control("moderate*1")
    project(folder, sandbox=sandbox.url)
    from otio_bridge.testing.framecode import make_movie

    media = make_movie(folder / "A001.mov", range(60), R, start=FIRST)
    shots = [
        clip(media, start=FIRST + 20, frames=6, rate=R, first=FIRST, count=60, mark=mark)
        for mark in ("@restyle provider=sandbox model=sandbox-any neon", "@deflicker provider=local")
    ]
    edit = save(timeline(*shots), folder / "c.otio")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "otio_bridge", "send", str(edit), "-C", str(folder), "--wait", "--json"],
        capture_output=True, text=True, timeout=120, check=False, env=os.environ,
    )  # fmt: skip
    assert done.returncode == 4, done.stderr
    report = json.loads(done.stdout)  # one document
    assert_valid(report, "send")
    assert {take["shot"]: take["state"] for take in report["takes"]} == {
        "t_0010": "FAILED",
        "t_0020": "READY",
    }
    assert report["failed"] == ["t_0010/v001"]
    assert "Traceback" not in done.stderr
    assert "otio-bridge retry" in done.stderr
    assert printed(folder, "status")["processes"] == []


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is a signal")
def test_a_wait_that_is_stopped_says_how_to_go_on(folder: Path, sandbox: Sandbox) -> None:
    sandbox.control("stuck")
    project(folder, sandbox=sandbox.url)
    from otio_bridge.testing.framecode import make_movie

    media = make_movie(folder / "A001.mov", range(60), R, start=FIRST)
    marks = ("@restyle provider=sandbox model=sandbox-any neon", "@deflicker provider=local")
    edit = save(
        timeline(
            *(
                clip(media, start=FIRST + 20, frames=6, rate=R, first=FIRST, count=60, mark=mark)
                for mark in marks
            )
        ),
        folder / "c.otio",
    )
    # A shell that starts tests in the background has them ignore Ctrl-C, and so whatever they start.
    typed = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from otio_bridge.cli import run; run()"
    )
    words = [sys.executable, "-P", "-c", typed, "send", str(edit), "-C", str(folder), "--wait"]
    with subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
        start_new_session=True,
    ) as waiting:
        until = time.monotonic() + 60
        while not any(line["state"] == "SUBMITTED" for line in lines_or_none(folder)):
            if time.monotonic() > until or waiting.poll() is not None:
                waiting.kill()
                pytest.fail(f"nothing was submitted: {waiting.communicate()}")
            time.sleep(0.2)
        waiting.send_signal(signal.SIGINT)
        try:
            _, said = waiting.communicate(timeout=60)
        finally:
            waiting.kill()
    assert waiting.returncode == 130, said
    assert "stopped; run the same command again to go on" in said
    assert "Traceback" not in said
    sandbox.control(clear=True)
    assert printed(folder, "status")["processes"] == []


def lines_or_none(folder: Path) -> list[dict[str, object]]:
    return lines(folder) if (folder / ".otio-bridge" / "ledger.sqlite").is_file() else []


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_help_loads_nothing_heavy(word: str) -> None:
    code = (
        "import sys; from otio_bridge.cli import main; main(sys.argv[1:], standalone_mode=False);"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & set("
        "'opentimelineio av sqlalchemy alembic rq redis pydantic httpx numpy PIL rich yaml'.split())))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, word], capture_output=True, text=True, check=True
    ).stdout
    assert said.rstrip().endswith("[]"), said
