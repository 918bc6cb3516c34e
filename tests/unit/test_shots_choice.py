"""Selections and shot lists: a pure grammar, and files whose problems are all told at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otio_bridge.errors import RefusedInput
from otio_bridge.model.choice import Select, SelectKind, make_choice, parse_select
from otio_bridge.model.request import Operation, Role
from otio_bridge.timeline.shotlist import read_shot_list


def test_terms() -> None:
    assert parse_select('marker:green name:"SC 010*" missing') == (
        Select(kind=SelectKind.MARKER, value="green"),
        Select(kind=SelectKind.NAME, value="SC 010*"),
        Select(kind=SelectKind.MISSING),
    )
    assert parse_select("  ") == ()


@pytest.mark.parametrize(
    "text", ["marker", "all:x", "gapz", "name:", "all,missing", 'name:"open', "track:a b"]
)
def test_other_words_are_refused_with_the_grammar(text: str) -> None:
    with pytest.raises(RefusedInput, match="marker:COLOUR, track:NAME"):
        parse_select(text)


@given(
    st.lists(
        st.one_of(
            st.builds(
                Select,
                kind=st.sampled_from([SelectKind.MARKER, SelectKind.TRACK, SelectKind.NAME]),
                value=st.text(min_size=1, max_size=20),
            ),
            st.builds(Select, kind=st.sampled_from([SelectKind.MISSING, SelectKind.GAPS, SelectKind.ALL])),
        ),
        max_size=5,
    )
)
def test_a_written_selection_reads_as_the_same(terms: list[Select]) -> None:
    assert parse_select(" ".join(map(str, terms))) == tuple(terms)


def test_the_command_line_makes_a_choice() -> None:
    choice = make_choice(terms=["missing", "gaps"], operation="generate", prompt="dunes", options=["takes=2"])
    assert [str(term) for term in choice.select] == ["missing", "gaps"]
    assert choice.ask is not None and choice.ask.takes == 2 and choice.ask.prompt == "dunes"
    with pytest.raises(RefusedInput, match="not an option"):
        make_choice(operation="generate", options=["tokes=2"])
    with pytest.raises(RefusedInput, match="--operation"):
        make_choice(terms=["all"], prompt="dunes")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_csv_list(tmp_path: Path, separator: str) -> None:
    file = tmp_path / "shots.csv"
    lines = [
        ["clip", "shot", "operation", "takes", "prompt", "camera"],
        ["A003*", "SC010", "restyle", "3", '"rain, night; neon"', "dolly"],
        ["", "", "", "", "", ""],
        ["B001", "", "generate", "", "dunes", ""],
    ]
    file.write_text("\r\n".join(separator.join(line) for line in lines), encoding="utf-8-sig")
    first, second = read_shot_list(file)
    assert (first.clip, first.ask.name, first.ask.takes, first.where) == (
        "A003*",
        "SC010",
        3,
        "shots.csv row 2",
    )
    assert first.ask.prompt == "rain, night; neon" and first.ask.brief.camera == "dolly"
    assert second.where == "shots.csv row 4" and second.ask.operation is Operation.GENERATE


def test_a_yaml_list(tmp_path: Path) -> None:
    file = tmp_path / "shots.yaml"
    file.write_text(
        "defaults: {operation: animate, provider: sandbox}\n"
        "shots:\n"
        "  - record: '01:00:01:00'\n"
        "    takes: 2\n"
        "    ref: ['character:hero.png', look.png]\n"
        "    brief: {camera: slow dolly}\n"
        "    options: {cfg: 7}\n"
    )
    (row,) = read_shot_list(file)
    assert row.record == "01:00:01:00" and row.ask.provider == "sandbox" and row.ask.takes == 2
    assert [reference.role for reference in row.ask.references] == [Role.CHARACTER, Role.STYLE]
    assert row.ask.brief.camera == "slow dolly" and row.ask.options == {"cfg": "7"}


def test_all_problems_are_listed_at_once(tmp_path: Path) -> None:
    file = tmp_path / "shots.csv"
    file.write_text("clip,operation,takes,promt\na,restyle,2,x\nb,paint,,\n,restyle,,\nc,restyle,0,\n")
    with pytest.raises(RefusedInput) as refused:
        read_shot_list(file)
    file.write_text("clip,operation,takes\nb,paint,\n,restyle,\nc,restyle,0\nd,,\n")
    assert "row 2 has unknown columns: promt" in str(refused.value)
    with pytest.raises(RefusedInput) as refused:
        read_shot_list(file)
    for words in (
        "row 2 asks for an operation",
        "row 3 names no clip",
        "row 4 cannot be",
        "row 5 says no oper",
    ):
        assert words in str(refused.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", b"clip\n"),
        ("a.csv", b"\xff\xfe\x00"),
        ("a.csv", b""),
        ("a.yaml", b"a: [b"),
        ("a.yaml", b"hello"),
        ("a.yaml", b"- &a [x, x]\n- *a\n"),
        ("gone.csv", None),
    ],
)
def test_what_is_no_shot_list_is_refused(tmp_path: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(RefusedInput):
        read_shot_list(tmp_path / name)
