"""Every verb as a user types it, on one small project that was sent and came back."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path

import pytest
from click.testing import CliRunner

from otio_bridge.cli import main
from otio_bridge.model.take import TakeState
from otio_bridge.store import takes
from otio_bridge.testing.framecode import make_movie, make_sequence, read_movie, sample_code
from otio_bridge.testing.sandbox.process import Sandbox
from tests.e2e.loop import clip, drive, opened, project, save, timeline
from tests.e2e.typed import assert_ended, printed, typed
from tests.e2e.verbs_project import FIRST, MARK, R, cut, edit_of, first_sample, lines, made, sent

__all__ = ["made", "sent"]  # fixtures


# ---------------------------------------------------------------- shots


def test_shots_says_what_is_asked_and_why_and_makes_no_ledger(tmp_path: Path) -> None:
    folder = project(tmp_path / "p")
    media = make_movie(folder / "A001.mov", range(120), R, start=FIRST)
    edit = save(cut(media), folder / "c_v003.otio")
    report = printed(folder, "shots", edit)
    assert (report["cut"], report["format"]) == ("c", "otio")
    rain, street = report["shots"]
    assert (rain["name"], rain["ask"]["operation"], rain["placement"]) == ("t_0010", "restyle", "in place")
    assert rain["ask"]["prompt"] == "rainy night"
    assert "@restyle" in rain["why"]
    assert [one["record"]["start"] for one in rain["occurrences"]] == [FIRST, FIRST + 72]
    assert rain["need"] == {"start": FIRST + 30, "duration": 12}
    assert rain["handles"]["had"] == {"start": FIRST + 22, "duration": 28}
    assert street["ask"]["operation"] == "upscale"
    text = typed(folder, "shots", edit).stdout
    assert "01:00:01:06" in text and "rainy night" in text
    assert not (folder / ".otio-bridge").exists()


@pytest.mark.parametrize(
    ("terms", "names"),
    [
        (["missing"], ["gone"]),
        (["gaps"], [""]),
        (["name:str*"], ["street"]),
        (["track:V1"], ["rain", "street", "plain", "gone"]),
        (["missing", "gaps"], ["", "gone"]),
        (["marker:RED"], ["rain", "street"]),
        (["all"], ["rain", "street", "plain", "gone"]),
    ],
)
def test_select_chooses(made: Path, terms: list[str], names: list[str]) -> None:
    select = [word for term in terms for word in ("--select", term)]
    report = printed(
        made, "shots", edit_of(made), *select, "--operation", "generate", "--prompt", "a fox", "-o", "seed=3"
    )
    assert [shot["occurrences"][0]["name"] for shot in report["shots"]] == names
    unmarked = [shot for shot in report["shots"] if shot["ask"]["operation"] == "generate"]
    assert all(shot["ask"]["prompt"] == "a fox" and shot["ask"]["seed"] == 3 for shot in unmarked)


def test_a_shot_list_is_a_row_a_shot_in_the_projects_names(made: Path, tmp_path: Path) -> None:
    rows = "clip,operation,prompt,takes,camera,ref\nplain,restyle,snow,3,slow pan,style:a.png\ngone,generate,a fox,,,\n"
    (tmp_path / "l.csv").write_text(rows, encoding="utf-8")
    (tmp_path / "l.yaml").write_text(
        "defaults: {operation: restyle}\nshots:\n"
        "- {clip: plain, prompt: snow, takes: 3, camera: slow pan, ref: 'style:a.png'}\n"
        "- {clip: gone, operation: generate, prompt: a fox}\n",
        encoding="utf-8",
    )
    reports = [
        printed(made, "shots", edit_of(made), "--shots", tmp_path / f"l.{kind}") for kind in ("csv", "yaml")
    ]
    for report in reports:
        plain, gone = report["shots"]
        # 0010 and 0020 are taken: names are the project's.
        assert (plain["name"], gone["name"]) == ("t_0030", "t_0040")
        assert (plain["ask"]["takes"], plain["ask"]["brief"]["camera"]) == (3, "slow pan")
        assert plain["ask"]["references"][0]["source"] == "a.png"
        assert (gone["ask"]["operation"], gone["ask"]["prompt"]) == ("generate", "a fox")


# ---------------------------------------------------------------- plan and send


def test_plan_says_what_is_covered_and_what_it_would_cost_and_sends_nothing(sent: Path) -> None:
    plan = printed(sent, "plan", edit_of(sent))
    assert [entry["changes"] for entry in plan["entries"]] == [["UNCHANGED"], ["UNCHANGED"]]
    assert plan["to_send"] == 0
    more = printed(sent, "plan", edit_of(sent), "--more", 1)
    assert (more["to_send"], more["total"]["currency"]) == (2, "EUR")
    assert more["total"]["micro"] > 0
    assert len(lines(sent)) == 3


def test_what_is_covered_is_never_sent_again_whatever_the_file_is_called(sent: Path) -> None:
    other = shutil.copy(edit_of(sent), sent / "some other name.otio")
    assert not any(take["new"] for take in printed(sent, "send", edit_of(sent))["takes"])
    assert not any(take["new"] for take in printed(sent, "send", other)["takes"])
    # As many as were asked are there; more only by --takes above that, or --more.
    new = [take for take in printed(sent, "send", edit_of(sent), "--takes", 3)["takes"] if take["new"]]
    assert [(take["shot"], take["take"]) for take in new] == [
        ("t_0010", "v003"), ("t_0020", "v002"), ("t_0020", "v003")
    ]  # fmt: skip
    new = [take for take in printed(sent, "send", edit_of(sent), "--more", 1)["takes"] if take["new"]]
    assert [(take["shot"], take["take"]) for take in new] == [("t_0010", "v004"), ("t_0020", "v004")]
    assert [line["seed"] for line in lines(sent, "t_0010")] == [7, 8, 9, 10]


def test_a_proxy_is_sent_only_where_it_is_allowed(sent: Path) -> None:
    made = cut(sent / "footage" / "A001.mov", mark=MARK + " by proxy")
    for each in made.find_clips():
        each.media_reference.metadata["proxy"] = True
    edit = save(made, sent / "proxied.otio")
    plan = printed(sent, "plan", edit)
    assert all("--allow-proxy" in entry["refused"] for entry in plan["entries"])
    error = json.loads(typed(sent, "send", edit, "--json", exit_code=2).stdout)["error"]
    assert "--allow-proxy" in error["value"]
    assert printed(sent, "plan", edit, "--allow-proxy")["to_send"] > 0


def test_plates_pulled_elsewhere_serve_media_that_is_not_here(sent: Path, tmp_path: Path) -> None:
    gone = clip(
        sent / "gone.mov", start=FIRST + 30, frames=12, rate=R, first=FIRST, count=120,
        mark="@upscale provider=local", name="B002",
    )  # fmt: skip
    edit = save(timeline(gone), sent / "pulled_v001.otio")
    (tmp_path / "pulled").mkdir()
    make_movie(tmp_path / "pulled" / "B002.mov", range(26, 46), R, start=FIRST + 26, codec="prores")
    assert printed(sent, "plan", edit)["entries"][0]["refused"]
    with_plates = printed(sent, "plan", edit, "--plates", tmp_path / "pulled")
    assert (with_plates["to_send"], with_plates["entries"][0]["refused"]) == (1, "")
    printed(sent, "send", edit, "--plates", tmp_path / "pulled")
    with opened(sent) as app:
        drive(app)
    take = lines(sent, with_plates["entries"][0]["name"])[0]
    assert (take["state"], take["range"]) == ("READY", {"start": FIRST + 26, "duration": 20}), take["why"]
    assert read_movie(take["file"]) == list(range(26, 46))


# ---------------------------------------------------------------- status and takes


def test_status_says_what_is_being_done_now(sent: Path) -> None:
    printed(sent, "send", edit_of(sent), "--more", 1)
    assert {line["doing"] for line in printed(sent, "status")["takes"]} == {"waiting for a worker"}
    with opened(sent) as app:
        held = takes.claim(app.ledger, "cpu", owner="somebody", lease=60, tries=5)
        assert held is not None
    (line,) = [line for line in printed(sent, "status")["takes"] if line["id"] == held.id]
    assert (line["state"], line["doing"]) == ("PLANNED", "cutting its plate")
    assert "cutting its plate" in typed(sent, "status").stdout


def test_the_projects_folder_may_be_said_before_or_after_the_word(sent: Path, tmp_path: Path) -> None:
    file = str(make_movie(tmp_path / "plate.mov", range(22, 50), R, codec="prores"))
    for words in (
        ["takes", "-C", str(sent), "add", "t_0010", file],
        ["takes", "add", "-C", str(sent), "t_0010", file],
    ):
        assert_ended(CliRunner().invoke(main, words), 0)
    for words in (["takes", "-C", str(sent), "t_0010"], ["takes", "t_0010", "-C", str(sent)]):
        said = CliRunner().invoke(main, words)
        assert_ended(said, 0)
        assert "v004" in said.stdout and "t_0020" not in said.stdout
    assert "t_0020" in CliRunner().invoke(main, ["takes", "-C", str(sent)]).stdout
    assert "made elsewhere" in CliRunner().invoke(main, ["takes", "--help"]).stdout


def test_status_and_takes_say_what_there_is(sent: Path) -> None:
    status = printed(sent, "status")
    assert (status["open"], status["takes"], status["counts"]) == (0, [], {"READY": 3})
    assert [line["state"] for line in printed(sent, "status", "--all")["takes"]] == ["READY"] * 3
    watched = typed(sent, "status", "--watch", "--json").stdout
    assert json.loads(watched)["counts"] == {"READY": 3}
    assert "nothing is open" in typed(sent, "status").stdout
    assert [line["take"] for line in lines(sent, "t_0010")] == ["v001", "v002"]
    text = typed(sent, "takes").stdout
    assert text.count("t_0010_v00") == 2 and "sandbox-any (temp)" in text


def test_a_take_given_up_says_so_until_it_is_over(sent: Path) -> None:
    printed(sent, "send", edit_of(sent), "--more", 1)
    asked = printed(sent, "cancel", "t_0020")["takes"]
    assert [(line["take"], line["cancelling"]) for line in asked] == [("v002", True)]
    printed(sent, "cancel", "t_0010", "v003")
    assert "cancel asked" in typed(sent, "status").stdout
    with opened(sent) as app:
        rows = drive(app)
    assert sorted(row.label for row in rows if row.state is TakeState.CANCELLED) == [
        "t_0010/v003",
        "t_0020/v002",
    ]
    assert printed(sent, "status")["budgets"][0]["held"]["micro"] == 0


def test_a_failed_take_is_retried_and_a_lost_call_resolved(sent: Path, sandbox: Sandbox) -> None:
    sandbox.control("moderate*1")
    printed(sent, "send", edit_of(sent), "--more", 1)
    with opened(sent) as app:
        drive(app)
    failed = [line for line in printed(sent, "status")["takes"] if line["state"] == "FAILED"]
    assert [(line["shot"], line["next"]) for line in failed] == [("t_0010", "otio-bridge retry t_0010 v003")]
    assert "otio-bridge retry t_0010 v003" in typed(sent, "status").stdout
    sandbox.control("lose_answer*1", "no_list")
    printed(sent, "retry", "t_0010", "v003")
    with opened(sent) as app:
        drive(app)
    lost = lines(sent, "t_0010")[2]
    assert lost["state"] == "UNCERTAIN"
    assert lost["next"].startswith("otio-bridge resolve-uncertain t_0010 v003 --sent")
    remote = sandbox.lines("accepted")[-1]["id"]
    printed(sent, "resolve-uncertain", "t_0010", "v003", "--sent", remote)
    with opened(sent) as app:
        drive(app)
    assert lines(sent, "t_0010")[2]["state"] == "READY"


# ---------------------------------------------------------------- takes made elsewhere


def test_takes_made_elsewhere_find_their_frames(sent: Path, tmp_path: Path) -> None:
    given = {
        "plate": (make_movie(tmp_path / "plate.mov", range(22, 50), R, codec="prores"), range(22, 50)),
        "need": (make_movie(tmp_path / "need.mp4", range(30, 42), R), range(30, 42)),
        "inside": (make_movie(tmp_path / "in.mov", range(28, 45), R, start=FIRST + 28), range(28, 45)),
        "longer, its timecode told": (
            make_movie(tmp_path / "long_tc.mov", range(10, 70), R, start=FIRST + 10), range(22, 50),
        ),
        "longer": (make_movie(tmp_path / "long.mp4", range(22, 58), R), range(22, 50)),
        "another rate": (make_movie(tmp_path / "r30.mov", range(22, 50), Fraction(30)), range(22, 50)),
        "larger": (make_movie(tmp_path / "big.mov", range(22, 50), R, size=(640, 360)), range(22, 50)),
        "sequence": (make_sequence(tmp_path / "s.%04d.png", range(22, 50), first_number=1), range(22, 50)),
    }  # fmt: skip
    told = ("--prompt", "by hand", "--model", "veo", "--cost", "1.20")
    before = printed(sent, "status")["budgets"][0]["spent"]["micro"]
    report = printed(sent, "takes", "add", "t_0010", *(file for file, _ in given.values()), *told)
    assert [line["take"] for line in report["takes"]] == [f"v{n:03d}" for n in range(3, 3 + len(given))]
    with opened(sent) as app:
        drive(app)
        rows = {row.name: row for row in takes.by_state(app.ledger, TakeState) if row.shot == "t_0010"}
    found = lines(sent, "t_0010")[2:]
    for (what, (_, frames)), line in zip(given.items(), found, strict=True):
        assert line["state"] == "READY", (what, line["why"])
        assert read_movie(line["file"]) == list(frames), what
        assert line["range"] == {"start": FIRST + frames.start, "duration": len(frames)}, what
        assert (line["prompt"], line["model"], line["spent"]["micro"]) == ("by hand", "veo", 1_200_000)
        assert rows[line["take"]].provenance["made"] == "elsewhere"
        # It sounds as its own frames do, wherever on the plate it begins.
        assert first_sample(line["file"]) == sample_code(frames.start * 2000), what
    spent = printed(sent, "status")["budgets"][0]["spent"]["micro"]
    assert spent - before == 1_200_000 * len(given)


def test_a_file_that_cannot_be_a_take_is_refused_with_what_would_do(sent: Path, tmp_path: Path) -> None:
    good = make_movie(tmp_path / "good.mov", range(22, 50), R)
    short = make_movie(tmp_path / "short.mov", range(22, 30), R)
    square = make_movie(tmp_path / "square.mov", range(22, 50), R, size=(300, 300))
    (tmp_path / "junk.mov").write_bytes(b"\x01\x02 no movie" * 50)
    for bad, words in {
        short: ("8 frames", "28 frames", "12", "01:00:00:22"),
        square: ("300x300", "320x180"),
        tmp_path / "junk.mov": ("junk.mov", "mov, mp4"),
        tmp_path / "none.mov": ("none.mov", "%04d"),
    }.items():
        # With a good one beside it: all or nothing.
        said = typed(sent, "takes", "add", "t_0010", good, bad, exit_code=2).stderr
        assert all(word in said for word in words), said
    assert "1.20" in typed(sent, "takes", "add", "t_0010", good, "--cost", "much", exit_code=2).stderr
    typed(sent, "takes", "add", "t_0010", good, "--cost", "-1", exit_code=2)
    assert len(lines(sent, "t_0010")) == 2
    assert not (sent / "media" / "returned" / "t_0010" / "elsewhere").exists()
