"""The life of a take: states, legal moves, and what waiting means (design §4).

A state says what is *finished*; a lease says who works on the next thing.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class TakeState(StrEnum):
    """What is finished."""

    PLANNED = "PLANNED"  #: asked for, money reserved
    PREPARED = "PREPARED"  #: plate cut, submission made
    SENDING = "SENDING"  #: the intent to call is committed; the call may be on its way
    UNCERTAIN = "UNCERTAIN"  #: it may have been sent and the answer was lost; never sent again by itself
    SUBMITTED = "SUBMITTED"  #: the provider has accepted every part
    DONE = "DONE"  #: the provider (or local work) has finished every part
    FETCHED = "FETCHED"  #: every result is on our disk
    CONFORMED = "CONFORMED"  #: a frame-exact twin of the plate exists
    READY = "READY"  #: proven by decoding; never changes again
    FAILED = "FAILED"  #: stopped, with a code and the state a retry resumes at
    CANCELLED = "CANCELLED"  #: given up, with no call open


#: From -> the states it may become. FAILED additionally returns to its `resume_state` (`retry`).
MOVES: dict[TakeState, frozenset[TakeState]] = {
    TakeState.PLANNED: frozenset({TakeState.PREPARED, TakeState.FAILED, TakeState.CANCELLED}),
    TakeState.PREPARED: frozenset(
        # DONE: local work, which is never SENDING.
        {TakeState.SENDING, TakeState.DONE, TakeState.UNCERTAIN, TakeState.FAILED, TakeState.CANCELLED}
    ),
    TakeState.SENDING: frozenset(
        # PREPARED: provably not sent, or the next part is to be sent.
        {TakeState.PREPARED, TakeState.SUBMITTED, TakeState.UNCERTAIN, TakeState.FAILED, TakeState.CANCELLED}
    ),
    TakeState.UNCERTAIN: frozenset({TakeState.SUBMITTED, TakeState.PREPARED, TakeState.FAILED}),
    TakeState.SUBMITTED: frozenset(
        {TakeState.DONE, TakeState.FAILED, TakeState.UNCERTAIN, TakeState.CANCELLED}
    ),
    TakeState.DONE: frozenset({TakeState.FETCHED, TakeState.FAILED, TakeState.CANCELLED}),
    TakeState.FETCHED: frozenset(
        # PREPARED: the next part of a chain.
        {TakeState.CONFORMED, TakeState.PREPARED, TakeState.FAILED, TakeState.CANCELLED}
    ),
    TakeState.CONFORMED: frozenset({TakeState.READY, TakeState.FAILED, TakeState.CANCELLED}),
    TakeState.READY: frozenset(),
    TakeState.FAILED: frozenset(
        {
            TakeState.PLANNED,
            TakeState.PREPARED,
            TakeState.SUBMITTED,
            TakeState.DONE,
            TakeState.FETCHED,
            TakeState.CONFORMED,
            TakeState.CANCELLED,
        }
    ),
    TakeState.CANCELLED: frozenset(),
}

#: States in which there is still something to do.
OPEN_STATES = frozenset(TakeState) - {TakeState.READY, TakeState.FAILED, TakeState.CANCELLED}
#: How far along, for "the least advanced part"; UNCERTAIN outranks them all.
ADVANCE: tuple[TakeState, ...] = (
    TakeState.PLANNED,
    TakeState.PREPARED,
    TakeState.SENDING,
    TakeState.SUBMITTED,
    TakeState.DONE,
    TakeState.FETCHED,
    TakeState.CONFORMED,
    TakeState.READY,
)


def may_move(from_: TakeState, to: TakeState) -> bool:
    """Whether a take in `from_` may become `to`."""
    return to in MOVES[from_]


def of_parts(parts: Iterable[TakeState]) -> TakeState:
    """The take's state from its parts': UNCERTAIN or FAILED if any is, else the least advanced."""
    states = list(parts)
    for loud in (TakeState.UNCERTAIN, TakeState.FAILED):
        if loud in states:
            return loud
    return min(states, key=ADVANCE.index)


class WaitCode(StrEnum):
    """Why an open take is not being worked on; waiting is no state."""

    BUDGET = "BUDGET"  #: no money left inside a cap
    HELD = "HELD"  #: a person has to release it
    SLOT = "SLOT"  #: the provider takes no more of ours at once
    RATE = "RATE"  #: the provider asked us to slow down
    DISK = "DISK"  #: a disk is full
    ROOT = "ROOT"  #: a media root is not there, or not writable
    REMOTE = "REMOTE"  #: the provider is working, or its service is failing
    LEDGER = "LEDGER"  #: the ledger could not be written
    REFERENCE = "REFERENCE"  #: a take it is made from is not READY yet


class CallState(StrEnum):
    """What is known of one paid request."""

    INTENT = "INTENT"  #: about to be sent, or sent and unanswered
    ACCEPTED = "ACCEPTED"  #: the provider has it and gave an id
    REFUSED = "REFUSED"  #: the provider would not have it; nothing was charged
    UNCERTAIN = "UNCERTAIN"  #: the answer was lost; somebody has to find out
    NOT_SENT = "NOT_SENT"  #: proved, or said by a person, not to have reached the provider
    SETTLED = "SETTLED"  #: finished and paid
    FAILED = "FAILED"  #: the provider declared failure; settled at what it charged
    ORPHAN = "ORPHAN"  #: thought not sent, then its receipt turned up: booked, fetched, shown


#: A part with a call in one of these may not be called again; the ledger's unique index says the same.
HOLDING_CALLS = frozenset({CallState.INTENT, CallState.ACCEPTED, CallState.UNCERTAIN, CallState.SETTLED})

CALL_MOVES: dict[CallState, frozenset[CallState]] = {
    CallState.INTENT: frozenset(
        {CallState.ACCEPTED, CallState.REFUSED, CallState.UNCERTAIN, CallState.NOT_SENT}
    ),
    CallState.UNCERTAIN: frozenset({CallState.ACCEPTED, CallState.NOT_SENT, CallState.REFUSED}),
    CallState.ACCEPTED: frozenset({CallState.SETTLED, CallState.FAILED}),
    CallState.NOT_SENT: frozenset({CallState.ORPHAN}),
    CallState.ORPHAN: frozenset(),
    CallState.REFUSED: frozenset(),
    CallState.SETTLED: frozenset(),
    CallState.FAILED: frozenset(),
}


class ReviewState(StrEnum):
    """What people think of a take; independent of its state."""

    UNREVIEWED = "unreviewed"
    REJECTED = "rejected"
    MAYBE = "maybe"
    SELECTED = "selected"
    APPROVED = "approved"


def take_name(number: int) -> str:
    """`v001`."""
    return f"v{number:03d}"


def plate_name(number: int) -> str:
    """`p001`."""
    return f"p{number:03d}"


def parse_take_name(text: str) -> int:
    """3 for `v003`, `V3` or `3`. Raises ValueError."""
    digits = text.strip().lower().removeprefix("v")
    if not digits.isdecimal() or int(digits) < 1:
        raise ValueError(f"not a take: {text!r} (write v001)")
    return int(digits)
