"""What is refused, in words: one sentence, the value, what is allowed, the next command; nothing half-written."""

from __future__ import annotations

import json
import os
import stat
from fractions import Fraction
from pathlib import Path

import pytest
from click.testing import CliRunner

from otio_bridge.cli import main
from otio_bridge.testing.framecode import make_movie
from tests.e2e.loop import clip, project, save, timeline
from tests.e2e.typed import assert_ended

R = Fraction(24)
FIRST = 86400
ALLOWED = ".otio, .otioz, .otiod, .edl, .xml (FCP 7), .aaf"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project nothing was sent from, and files of every wrong kind."""
    folder = project(tmp_path_factory.mktemp("messages") / "p")
    media = make_movie(folder / "A001.mov", range(60), R, start=FIRST)

    def edit(name: str, mark: str, path: Path = media) -> None:
        made = clip(path, start=FIRST + 20, frames=8, rate=R, first=FIRST, count=60, mark=mark, name="one")
        save(timeline(made), folder / name)

    edit("good.otio", "@upscale provider=local")
    edit("unknown_option.otio", "@upscale provider=local option.sparkle=9")
    edit("unknown_operation.otio", "@sparkle nicely")
    edit("bad_value.otio", "@upscale takes=many")
    edit("no_reference.otio", "@generate provider=local first=none.png a fox")
    edit("nobody.otio", "@restyle provider=nobody neon")
    edit("no_media.otio", "@upscale provider=local", folder / "gone.mov")
    (folder / "page.mov").write_text("<html>not a movie</html>")
    edit("page.otio", "@upscale provider=local", folder / "page.mov")
    (folder / "broken.otio").write_text('{"OTIO_SCHEMA": "Timeline.1", "tracks":', encoding="utf-8")
    (folder / "hostile.otio").write_text(
        '{"OTIO_SCHEMA":"SerializableObjectRef.1","id":"x"}', encoding="utf-8"
    )
    (folder / "deep.otio").write_text("[" * 100_000, encoding="utf-8")
    (folder / "final.fcpxml").write_text("<fcpxml/>", encoding="utf-8")
    (folder / "bin.ale").write_text("Heading\n", encoding="utf-8")
    (folder / "list.csv").write_text("clip,operation,colour of the cat\none,upscale,red\n", encoding="utf-8")
    (folder / "list.txt").write_text("x", encoding="utf-8")
    return folder


#: What is typed (after -C) -> words that must be said.
REFUSED: dict[str, tuple[str, ...]] = {
    "shots none.otio": ("no such file", "none.otio"),
    "shots .": ("not an edit", ALLOWED),
    "shots list.txt": ("not an edit", "list.txt", ALLOWED),
    "shots broken.otio": ("cannot be read", "broken.otio"),
    "shots hostile.otio": ("hostile.otio",),
    "plan deep.otio": ("nested deeper", "deep.otio"),
    "send final.fcpxml": ("FCPXML is not read yet", "next:"),
    "relink bin.ale -o x.otio": ("an ALE is a list", ALLOWED),
    "sheet broken.otio -o x.png": ("cannot be read", "broken.otio"),
    "shots good.otio --select red": ("not a selection: red", "marker:COLOUR"),
    "shots good.otio --prompt hello": ("--operation",),
    "shots good.otio -s all --operation paint": ("paint", "restyle, upscale"),
    "shots good.otio -s all --operation upscale -o seed=-1": ("seed=-1: a whole number from 0 up",),
    "shots good.otio -s all --operation upscale -o priority=1.5 -o handles=x": (
        "priority=1.5: a whole number from -100 to 100", "handles=x: a whole number from 0 to 1000",
    ),
    "shots good.otio -s all --operation upscale -o colour": ("not an option: colour", "takes=…"),
    "shots good.otio --rate fast": ("not a frame rate: fast", "23.976"),
    "plan good.otio --shots list.csv": ("colour of the cat", "list.csv", "columns"),
    "plan good.otio --shots list.txt": ("not a shot list", ".csv, .yaml"),
    "plan good.otio --shots none.csv": ("cannot be read", "none.csv"),
    "plan good.otio --takes 0": ("--takes", "next: otio-bridge plan --help"),
    "plan good.otio --plates nowhere": ("nowhere", "next:"),
    "send unknown_option.otio": ("sparkle", "next:"),
    "shots unknown_operation.otio": ("sparkle", "restyle, upscale"),
    "shots bad_value.otio": (
        "@upscale takes=many", "takes=many: a whole number from 1 to 99", "allowed: takes= a whole number",
    ),
    "send no_reference.otio": ("none.png", "a file"),
    "send nobody.otio": ("nobody", "local"),
    "send no_media.otio": ("gone.mov", "[media.paths]"),
    "send page.otio": ("page.mov", "relink the clip", "--plates DIR"),
    "takes t_0010": ("no shot of that name: t_0010", "none yet"),
    "takes add t_0010 A001.mov": ("no shot of that name: t_0010",),
    "pick t_0010 v001": ("no shot of that name",),
    "review t_0010 v001 lovely": ("lovely", "rejected, maybe, selected, approved"),
    "retry t_0010": ("no shot of that name",),
    "retry": ("nothing there has failed", "otio-bridge status"),
    "cancel t_0010": ("no shot of that name",),
    "resolve-uncertain t_0010 v001": ("--sent REMOTE_ID, --not-sent",),
    "relink good.otio -o x.otio": ("no clip of this edit is a shot", "otio-bridge send good.otio"),
    "relink good.otio -o x.otio --for paper": ("no such target: paper", "resolve"),
    "relink good.otio -o good.otio": ("never overwritten",),
    "relink -o x.otio": ("say which edit", "--undo FILE"),
    "relink --undo good.otio -o x.otio": ("neither the ledger nor a sidecar", "--sidecar FILE"),
    "relink --undo good.otio -o x.otio --sidecar list.csv": ("no sidecar of ours", "list.csv"),
    "sheet good.otio -o good.otio": ("is a PNG", "-o good.png"),
    "shots": ("missing argument 'EDIT'", "next: otio-bridge shots --help"),
    "shots good.otio --slect all": ("--slect", "--select"),
}  # fmt: skip


@pytest.mark.parametrize("words", REFUSED)
def test_refused_input_is_said_and_leaves_nothing(
    words: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    there = sorted(str(path) for path in place.rglob("*") if ".otio-bridge" not in path.parts)
    said = CliRunner().invoke(main, words.split())
    assert_ended(said, 2)
    assert said.stdout == ""
    first, *more = said.stderr.rstrip("\n").split("\n")
    assert first.startswith("otio-bridge: ")
    assert all(line.startswith(("  allowed: ", "  next: ")) for line in more), said.stderr
    for word in (*REFUSED[words], "  next: "):
        assert word in said.stderr, said.stderr
    told = CliRunner().invoke(main, [*words.split(), "--json"])
    assert_ended(told, 2)
    error = json.loads(told.stdout)["error"]
    assert list(error) == ["code", "what", "value", "allowed", "next"]
    assert told.stderr == ""
    assert sorted(str(path) for path in place.rglob("*") if ".otio-bridge" not in path.parts) == there


@pytest.mark.parametrize("word", ["nonsense", "nonsense --json"])
def test_an_unknown_command_lists_those_there_are(word: str) -> None:
    said = CliRunner().invoke(main, word.split())
    assert_ended(said, 2)
    assert "shots, plan, send" in said.output


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = = 1", ("cannot be read", "line 1")),
        ("nokey = 1", ("no setting nokey", "database_url")),
        ("[media]\nroof = 'x'", ("no setting media.roof", "min_free_mb")),
        ("[money]\nbudget = 'lots'", ("money.budget", "lots")),
        ("[money]\nbudget = '-5'", ("money.budget", "never negative")),
        ("[project]\nrate = 'fast'", ("project.rate", "fast")),
        ("[project]\nnaming = 'shot'", ("project.naming", "{number")),
        ("[project]\nselection = 'red'", ("project.selection", "marker:COLOUR")),
    ],
)
def test_a_broken_project_file_names_the_setting(text: str, words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "otio-bridge.toml").write_text(text, encoding="utf-8")
    said = CliRunner().invoke(main, ["status", "-C", str(tmp_path)])
    assert_ended(said, 2)
    assert all(word in said.stderr for word in words), said.stderr
    assert not (tmp_path / ".otio-bridge").exists()


def test_without_a_project_the_next_command_makes_one(tmp_path: Path) -> None:
    said = CliRunner().invoke(main, ["status", "-C", str(tmp_path)])
    assert_ended(said, 2)
    assert "next: otio-bridge init" in said.stderr


@pytest.mark.parametrize(
    "words",
    [["--rate", "fast"], ["--size", "big"], ["--budget", "lots"], ["--naming", "x"], ["--size", "0x0"]],
)
def test_init_writes_nothing_that_cannot_be(words: list[str], tmp_path: Path) -> None:
    said = CliRunner().invoke(main, ["init", str(tmp_path / "new"), *words])
    assert_ended(said, 2)
    assert not (tmp_path / "new").exists()


def test_init_quotes_what_it_is_told_and_never_writes_over(tmp_path: Path) -> None:
    words = ["init", str(tmp_path), "--encoding", 'a "log" \\ of ours', "--name", 'the "film"']
    assert_ended(CliRunner().invoke(main, words), 0)
    text = (tmp_path / "otio-bridge.toml").read_bytes()
    again = CliRunner().invoke(main, words)
    assert_ended(again, 2)
    assert "already" in again.stderr
    assert (tmp_path / "otio-bridge.toml").read_bytes() == text


def test_more_than_the_budget_ends_with_3_and_nothing_is_sent(tmp_path: Path) -> None:
    folder = project(tmp_path / "p", budget="0.01")
    media = make_movie(folder / "A001.mov", range(60), R, start=FIRST)
    mark = "@restyle provider=sandbox model=sandbox-any takes=9 neon"
    shot = clip(media, start=FIRST + 20, frames=8, rate=R, first=FIRST, count=60, mark=mark)
    edit = save(timeline(shot), folder / "c.otio")
    plan = CliRunner().invoke(main, ["plan", str(edit), "-C", str(folder)])
    assert_ended(plan, 0)
    assert "more than is left" in plan.stdout
    said = CliRunner().invoke(main, ["send", str(edit), "-C", str(folder)])
    assert_ended(said, 3)
    assert "0.01 EUR" in said.stderr and "next: raise [money] budget" in said.stderr
    error = json.loads(CliRunner().invoke(main, ["send", str(edit), "-C", str(folder), "--json"]).stdout)[
        "error"
    ]
    assert error["code"] == "money"
    listed = CliRunner().invoke(main, ["takes", "-C", str(folder), "--json"])
    assert json.loads(listed.stdout) == {"takes": []}


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions stop nobody here")
def test_a_folder_nobody_may_write_in_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    said = CliRunner().invoke(main, ["init", str(tmp_path / "new")])
    assert_ended(said, 2)
    assert "cannot be written" in said.stderr


def test_what_the_system_refuses_has_the_same_shape(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for words in (["init", str(tmp_path / "file" / "below")], ["demo", str(tmp_path / "file" / "below")]):
        said = CliRunner().invoke(main, [*words, "--json"])
        assert_ended(said, 2)
        assert set(json.loads(said.stdout)["error"]) == {"code", "what", "value", "allowed", "next"}
