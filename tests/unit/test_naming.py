"""Names: tens in record order, room between, none used twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otio_bridge.errors import RefusedInput
from otio_bridge.model.naming import Pattern, propose_names

PATTERN = "{project}_{number:04d}"


def names(*ordered: str | None, taken: tuple[str, ...] = ()) -> list[str]:
    given = [None if name is None else f"SC_{name}" if name.isdigit() else name for name in ordered]
    return propose_names(given, {f"SC_{name}" for name in taken}, PATTERN, "SC", "reel1")


def test_a_first_edit_counts_in_tens() -> None:
    assert names(None, None, None) == ["SC_0010", "SC_0020", "SC_0030"]


@pytest.mark.parametrize(
    ("ordered", "taken", "expected"),
    [
        (("0010", None, "0020"), (), "SC_0015"),
        (("0010", None, "0015"), (), "SC_0013"),
        (("0010", None, "0011"), (), "SC_0020"),
        (("0010", None, "0011"), ("0090",), "SC_0100"),
        ((None, "0010"), (), "SC_0005"),
        (("0010", None, "0030"), (), "SC_0020"),
        (("0010", None, "0030"), ("0020",), "SC_0025"),
        (("0010", None), ("0020",), "SC_0030"),
        (("0030", None, "0020"), ("0040",), "SC_0050"),
        (("0010", None, "HERO", "0020"), (), "SC_0015"),
        (("HERO", None), (), "SC_0010"),
    ],
)
def test_one_new_shot(ordered: tuple[str | None, ...], taken: tuple[str, ...], expected: str) -> None:
    result = names(*ordered, taken=taken)
    assert result[ordered.index(None)] == expected


def test_two_new_shots_between_keep_their_order() -> None:
    assert names("0010", None, None, "0020") == ["SC_0010", "SC_0013", "SC_0017", "SC_0020"]


def test_the_cut_may_be_part_of_the_name_and_case_makes_no_other_name() -> None:
    assert propose_names([None], {"REEL1-010"}, "{cut}-{number:03d}", "SC", "reel1") == ["reel1-020"]


@pytest.mark.parametrize(
    "pattern", ["{project}", "{number}{number}", "{shot}_{number}", "{number:q}", "{", "{}"]
)
def test_a_pattern_that_cannot_number_is_refused(pattern: str) -> None:
    with pytest.raises(RefusedInput, match="naming pattern"):
        propose_names([None], set(), pattern, "SC", "reel1")


def test_ten_thousand_shots_are_named_at_once() -> None:
    ordered = [f"SC_{n:04d}" if n % 20 else None for n in range(10, 100_000, 10)]
    result = propose_names(ordered, set(), PATTERN, "SC", "reel1")
    assert result == [f"SC_{n:04d}" for n in range(10, 100_000, 10)]


_numbers = st.integers(1, 60).map(lambda n: f"SC_{n:04d}")
_own = st.sampled_from(["HERO", "end card", "SC_x"])


@given(
    st.lists(st.one_of(st.none(), _numbers, _own), max_size=20, unique_by=lambda name: name or object()),
    st.sets(_numbers, max_size=20),
)
def test_names_are_kept_new_ones_are_nobodys_and_room_is_used_in_order(
    ordered: list[str | None], taken: set[str]
) -> None:
    result = propose_names(ordered, taken, PATTERN, "SC", "reel1")
    fresh = [name for was, name in zip(ordered, result, strict=True) if was is None]
    assert [name for was, name in zip(ordered, result, strict=True) if was] == [n for n in ordered if n]
    assert len(set(result)) == len(result)
    assert not set(fresh) & (taken | set(ordered))
    # A run of new shots is named in ascending order.
    form = Pattern(PATTERN, project="SC", cut="")
    for i in range(1, len(ordered)):
        if ordered[i] is None and ordered[i - 1] is None:
            assert (form.number(result[i - 1]) or 0) < (form.number(result[i]) or 0)
    # Naming again changes nothing.
    assert propose_names(result, taken, PATTERN, "SC", "reel1") == result
