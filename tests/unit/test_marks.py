"""The mark grammar: options end at the first word that is no known key=value."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otio_bridge.errors import RefusedInput
from otio_bridge.model.marks import KEYS, mark_text, odd_option, parse_mark, split_token, with_token
from otio_bridge.model.request import Ask, Brief, Operation, Reference, Role


def test_the_mark_of_the_readme() -> None:
    ask = parse_mark("@restyle provider=sandbox takes=3 seed=7 rainy night, neon")
    assert ask == Ask(
        operation=Operation.RESTYLE, provider="sandbox", takes=3, seed=7, prompt="rainy night, neon"
    )


@pytest.mark.parametrize("text", ["", "restyle", "see @restyle", "@ restyle", "mail@restyle.com", "@7up"])
def test_other_text_is_no_mark(text: str) -> None:
    assert parse_mark(text) is None


def test_options_end_at_the_first_other_word_and_at_two_dashes() -> None:
    ask = parse_mark("@generate takes=2 a=b seed=3 dunes")
    assert ask is not None and ask.takes == 2 and ask.prompt == "a=b seed=3 dunes" and ask.seed is None
    ask = parse_mark("@generate takes=2 -- seed=3 is written on a wall")
    assert ask is not None and ask.seed is None and ask.prompt == "seed=3 is written on a wall"
    ask = parse_mark("@generate takes=2 -- ")
    assert ask is not None and ask.prompt == ""


def test_quotes_references_brief_and_options() -> None:
    ask = parse_mark(
        '@animate first=plate last="my take.png" ref=character@0.5:hero.png ref=C:\\art\\look.png '
        'negative="a \\"b\\" c" camera="slow dolly" strength=0.4 option.cfg=7 color=as-is waves\nat night'
    )
    assert ask is not None
    assert ask.references == (
        Reference(role=Role.FIRST, source="plate"),
        Reference(role=Role.LAST, source="my take.png"),
        Reference(role=Role.CHARACTER, source="hero.png", strength=Fraction(1, 2)),
        Reference(role=Role.STYLE, source="C:\\art\\look.png"),
    )
    assert ask.negative_prompt == 'a "b" c'
    assert ask.brief.camera == "slow dolly"
    assert ask.options == {"strength": "0.4", "cfg": "7", "colour": "as-is"}
    assert ask.prompt == "waves\nat night"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("@paint a wall", "allowed: restyle, upscale"),
        ("@restyle takes=0 x", "takes"),
        ("@restyle takes=many x", "takes"),
        ("@restyle seed=1 seed=2 x", "twice"),
        ("@restyle first= x", "empty first="),
        ('@restyle negative="never closed', "not closed"),
    ],
)
def test_bad_marks_are_refused_in_one_sentence(text: str, says: str) -> None:
    with pytest.raises(RefusedInput, match=says) as refused:
        parse_mark(text)
    assert "\n" not in str(refused.value)


def test_a_mistyped_option_is_noticed() -> None:
    ask = parse_mark("@restyle take=3 neon")
    assert ask is not None and odd_option(ask) == "take=3"
    assert odd_option(Ask(operation=Operation.RESTYLE, prompt="neon a=b")) is None


@given(note=st.text(max_size=40), token=st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True))
def test_the_token_is_the_last_line(note: str, token: str) -> None:
    words = split_token(note)[0]
    written = with_token(note, token)
    assert split_token(written)[1] == token
    assert split_token(written)[0] == words.rstrip()
    assert with_token(written, token) == written


_words = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
_prompt = st.one_of(_words, st.sampled_from(["-- x", "takes=2 x", "a=b", "--", "rain — neon"])).map(str.strip)
_asks = st.builds(
    Ask,
    operation=st.sampled_from(Operation),
    prompt=_prompt,
    negative_prompt=_words,
    provider=st.sampled_from(["auto", "sandbox", "x y"]),
    model=_words.filter(bool),
    takes=st.integers(1, 99),
    seed=st.none() | st.integers(0, 2**63 - 1),
    references=st.lists(
        st.builds(
            Reference,
            role=st.sampled_from(Role),
            source=_words.filter(bool),
            strength=st.none() | st.fractions(0, 1, max_denominator=100),
        ),
        max_size=3,
        unique_by=lambda reference: (
            (reference.role in (Role.FIRST, Role.LAST) and reference.role) or id(reference)
        ),
    ).map(tuple),
    options=st.dictionaries(
        st.from_regex(r"[a-z0-9_.-]{1,10}", fullmatch=True).filter(lambda k: k not in KEYS and k != "color")
        | st.sampled_from(["fit", "rate"]),
        _words,
        max_size=3,
    ),
    name=st.none() | _words,
    handles=st.none() | st.integers(0, 1000),
    priority=st.integers(-100, 100),
    brief=st.builds(Brief, camera=_words, shot_job=_words),
)


@given(_asks)
def test_a_written_mark_reads_as_the_same_ask(ask: Ask) -> None:
    assert parse_mark(mark_text(ask)) == ask


def test_an_option_without_a_value_is_refused() -> None:
    with pytest.raises(RefusedInput, match="empty provider="):
        parse_mark("@restyle provider= sandbox neon")
