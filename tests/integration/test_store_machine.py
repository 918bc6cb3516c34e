"""Any order of steps, answers, deaths and decisions: nothing is paid twice, and the sums agree.

The machine keeps the provider's own book: what really reached it, whatever the ledger believes.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from wanted import Clock, eur, shot, wanted

from otio_bridge.errors import LedgerError, MoneyError
from otio_bridge.model.take import HOLDING_CALLS, OPEN_STATES, CallState, TakeState
from otio_bridge.store import calls, events, money, parts, rows, takes
from otio_bridge.store.ledger import Ledger
from otio_bridge.store.records import CallRecord, PartRecord, TakeRecord
from otio_bridge.store.tables import budget, call, part

LEASE = 20
NEXT = {
    TakeState.PLANNED: TakeState.PREPARED,
    TakeState.DONE: TakeState.FETCHED,
    TakeState.FETCHED: TakeState.CONFORMED,
    TakeState.CONFORMED: TakeState.READY,
}
which = st.integers(min_value=0, max_value=50)


class Step(NamedTuple):
    fate: str
    part: int
    reaches: bool
    answered: bool


steps = st.builds(
    Step,
    fate=st.sampled_from(["works"] * 7 + ["fails", "dies", "lingers"]),
    part=st.integers(0, 1),
    reaches=st.sampled_from([True, True, False]),
    answered=st.sampled_from([True, True, False]),
)
shapes = st.sampled_from([(1, False), (2, False), (2, True)])
amount = st.sampled_from(["0", "0.5", "1", "1.5"])
#: FULL sync costs milliseconds a commit on a disk; what is tested here is not the disk.
_MEMORY = Path("/dev/shm")
_template: Path | None = None


def fresh(folder: Path) -> str:
    """A new ledger's URL; migrated once, then copied."""
    global _template
    if _template is None:
        _template = Path(tempfile.mkdtemp()) / "template.sqlite"
        Ledger.open(f"sqlite:///{_template.as_posix()}").close()
    path = shutil.copy(_template, folder / "ledger.sqlite")
    return f"sqlite:///{Path(path).as_posix()}"


class Life(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None)
        self.clock = Clock()
        self.ledger = Ledger.open(fresh(Path(self.folder.name)), clock=self.clock)
        #: What reached the provider: uuid -> remote id; which of them it declared failed; what it charged.
        self.book: dict[str, str] = {}
        self.declared: set[str] = set()
        self.charged: Counter[str] = Counter()
        #: Calls a person wrongly said were not sent.
        self.mistakes: set[str] = set()
        self.hands: list[TakeRecord] = []
        self.hits: Counter[str] = Counter()

    def teardown(self) -> None:
        self.ledger.close()
        self.folder.cleanup()

    # ------------------------------------------------------------ the world

    @initialize(caps=st.sampled_from(["3", "6", "50"]), shape=shapes)
    def begin(self, caps: str, shape: tuple[int, bool]) -> None:
        money.set_cap(self.ledger, "project", eur(caps))
        self.shot, (self.parts, self.chained) = shot(), shape
        self.send(1, 0)

    def all(self) -> list[TakeRecord]:
        return takes.by_state(self.ledger, list(TakeState))

    def pick(self, n: int, *states: TakeState) -> TakeRecord | None:
        found = [one for one in self.all() if not states or one.state in states]
        return found[n % len(found)] if found else None

    def one_call(self, n: int, *states: CallState) -> CallRecord | None:
        with self.ledger.read() as conn:
            found = rows.read_calls(conn, rows.calls().where(call.c.state.in_(states)).order_by(call.c.uuid))
        return found[n % len(found)] if found else None

    def attempt(self, verb: object, *given: object, **more: object) -> object | None:
        """Do it, or be refused with words; the database's own refusal would be a bug of ours."""
        try:
            return verb(self.ledger, *given, **more)
        except (LedgerError, MoneyError) as exc:
            assert not isinstance(exc.__cause__, IntegrityError), exc
            return None

    # ------------------------------------------------------------ people

    @rule(n=st.integers(0, 2), more=st.integers(0, 1))
    def send(self, n: int, more: int) -> None:
        if len(self.all()) > 2:
            return
        shape = {"parts": self.parts, "chained": self.chained, "hold": str(self.parts)}
        asked = wanted(shot=self.shot, takes=n, more=more, queue="q", **shape)
        given = {"author": "ann", "edit": None, "currency": "EUR"}
        try:
            takes.dispatch(self.ledger, [asked], **given)
        except MoneyError:
            self.hits["budget"] += 1

    def retry(self, n: int) -> None:
        one = self.pick(n, TakeState.FAILED)
        if one:
            self.attempt(takes.retry, one, author="ann")

    def cancel(self, n: int, ask: bool) -> None:
        one = self.pick(n)
        if one:
            self.attempt(takes.ask_cancel if ask else takes.cancel_now, one, author="ann")

    def resolve(self, n: int, truth: bool) -> None:
        lost = self.one_call(n, CallState.UNCERTAIN, CallState.INTENT)
        if lost is None:
            return
        there = self.book.get(lost.uuid)
        if there and not truth:
            self.mistakes.add(lost.uuid)
        row = takes.get(self.ledger, lost.take_id)
        sent = there if truth else None
        self.attempt(calls.resolve, row, sent=sent, author="ann", part=lost.part)

    @rule(what=st.sampled_from(["retry", "retry", "ask", "cancel", "sent", "not sent"]), n=which)
    def decide(self, what: str, n: int) -> None:
        if what == "retry":
            self.retry(n)
        elif what in ("ask", "cancel"):
            self.cancel(n, what == "ask")
        else:
            self.resolve(n, what == "sent")

    # ------------------------------------------------------------ workers

    @rule(hows=st.lists(steps, min_size=1, max_size=8), owner=st.sampled_from(["w1", "w2"]))
    def work(self, hows: list[Step], owner: str) -> None:
        for how in hows:
            self.work_once(how, owner)

    def work_once(self, how: Step, owner: str) -> None:
        """A worker claims what is due and does it; or dies; or stands still and does it later."""
        found = takes.claim(self.ledger, "q", owner=owner, lease=LEASE, tries=3)
        if found is None:
            return
        assert found.state in takes.CLAIMABLE
        if how.fate == "lingers":
            self.hands.append(found)
        elif how.fate != "dies":
            self.do(found, how)

    @precondition(lambda self: self.hands)
    @rule(n=which, how=steps)
    def wakes(self, n: int, how: Step) -> None:
        self.do(self.hands.pop(n % len(self.hands)), how)

    def do(self, held: TakeRecord, how: Step) -> None:
        if how.fate == "fails":
            self.attempt(takes.move, held, TakeState.FAILED)
        elif held.state is TakeState.PREPARED:
            there = [one for one in parts.parts_of(self.ledger, held.id) if one.state is TakeState.PREPARED]
            if there:
                self.post(held, there[how.part % len(there)].part, how)
        elif held.state is TakeState.FETCHED and held.chained and self.more_parts(held):
            self.attempt(takes.move, held, TakeState.PREPARED, queue="q")
        else:
            self.attempt(takes.move, held, NEXT[held.state], queue="q")

    def more_parts(self, held: TakeRecord) -> bool:
        return any(one.state is TakeState.PLANNED for one in parts.parts_of(self.ledger, held.id))

    def post(self, held: TakeRecord, part: int, how: Step) -> None:
        """The request may or may not arrive, the answer may or may not come back."""
        given = {"provider": "sandbox", "account": "default", "fingerprint": "f", "slots": 0}
        made = self.attempt(calls.intend, held, part=part, hold=eur("1"), quiet_in=60, **given)
        if made is None:
            return
        self.hits["sent"] += 1
        known = made.uuid in self.book
        if how.reaches:
            self.book.setdefault(made.uuid, f"r{len(self.book)}")
        if how.answered and how.reaches:
            self.answer(made.uuid)
        elif how.answered and not known:
            # Only who knows that it never arrived may say so; a keyed call may have the first time.
            self.attempt(calls.not_sent, made.uuid, why="refused connection")

    def answer(self, uuid: str) -> None:
        receipt = self.attempt(calls.receive, uuid, remote_id=self.book[uuid], quoted=None)
        if receipt is not None:
            self.hits["orphan" if receipt.orphan else "answer"] += 1
            assert not receipt.conflict

    @rule(n=which)
    def late_answer(self, n: int) -> None:
        """A receipt is replayed, by whoever, whenever."""
        uuids = sorted(self.book)
        if uuids:
            self.answer(uuids[n % len(uuids)])

    @rule(seconds=st.sampled_from([1, LEASE + 1, 100]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)

    # ------------------------------------------------------------ the poller

    @rule(keyed=st.sampled_from([False, False, True]), after=st.sampled_from([0, LEASE + 1, 100]))
    def judge(self, keyed: bool, after: int) -> None:
        self.clock.advance(after)
        for stale in takes.stale_sending(self.ledger):
            verb = calls.send_again if keyed else calls.uncertain
            self.attempt(verb, stale.call.uuid, why="its sender died")
        takes.reclaim(self.ledger)

    def settle(self, n: int, charge: str) -> None:
        one = self.one_call(n, CallState.ACCEPTED, CallState.ORPHAN, CallState.SETTLED)
        if one is None:
            return
        before = one.settled_at
        if self.attempt(calls.settle, one.uuid, charge=eur(charge), reported=True, queue="q") and not before:
            self.charged[one.uuid] += eur(charge).micro

    def provider_fails(self, n: int, charge: str) -> None:
        one = self.one_call(n, CallState.ACCEPTED)
        if one and self.attempt(calls.failed, one.uuid, charge=eur(charge), why="gpu"):
            self.charged[one.uuid] += eur(charge).micro
            self.declared.add(one.uuid)

    def provider_refuses(self, n: int) -> None:
        one = self.one_call(n, CallState.INTENT)
        if one and one.uuid not in self.book and not one.again:
            self.attempt(calls.refused, one.uuid, charge=None, why="no")

    @rule(what=st.sampled_from(["settle"] * 3 + ["fails", "refuses"]), n=which, charge=amount)
    def provider(self, what: str, n: int, charge: str) -> None:
        if what == "settle":
            self.settle(n, charge)
        elif what == "fails":
            self.provider_fails(n, charge)
        else:
            self.provider_refuses(n)

    # ------------------------------------------------------------ what always holds

    @invariant()
    def what_always_holds(self) -> None:
        with self.ledger.read() as conn:
            found_ = {one.id: one for one in rows.read_takes(conn, rows.takes())}
            made = rows.read_calls(conn, rows.calls())
            there = [PartRecord.of(row) for row in conn.execute(select(part)).mappings()]
            cap = conn.execute(select(budget).where(budget.c.scope == "project")).first()
        self.nothing_is_bought_twice(made)
        if cap:
            self.the_sums_agree(found_, made, cap.held, cap.spent, cap.cap)
        for each in found_.values():
            if each.state in OPEN_STATES | {TakeState.READY}:
                mine = sorted((one for one in there if one.take_id == each.id), key=lambda one: one.part)
                assert parts.state_of(each, mine) is each.state, each

    def nothing_is_bought_twice(self, made: list[CallRecord]) -> None:
        bought: Counter[tuple[str, int]] = Counter()
        holding: Counter[tuple[str, int]] = Counter()
        for one in made:
            key = (one.take_id, one.part)
            holding[key] += one.state in HOLDING_CALLS
            bought[key] += one.uuid in self.book and one.uuid not in self.declared | self.mistakes
        assert all(number <= 1 for number in holding.values()), holding
        assert all(number <= 1 for number in bought.values()), bought

    def the_sums_agree(
        self, there: dict[str, TakeRecord], made: list[CallRecord], held: int, spent: int, cap: int
    ) -> None:
        assert held == sum(one.held for one in there.values())
        assert spent == sum(one.spent for one in there.values()) == sum(one.spent for one in made)
        assert spent == self.charged.total()
        bound: Counter[str] = Counter()
        for one in made:
            bound[one.take_id] += one.held
        for each in there.values():
            free = each.held - bound[each.id]
            assert free >= 0, each
            assert free == 0 or each.state in OPEN_STATES, each
        if spent + held > cap:
            found = [one for one in events.events_of(self.ledger) if one.data.get("beyond")]
            assert found, "over the cap, and nothing says so"


Life.TestCase.settings = settings(
    max_examples=20,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestLife = Life.TestCase


def walk(seed: int, length: int) -> Counter[str]:
    """One long life with every dice thrown by `seed`; what happened in it."""
    dice = random.Random(seed)
    life = Life()
    try:
        life.begin(dice.choice(["3", "6", "50"]), dice.choice([(1, False), (2, False), (2, True)]))
        for _ in range(length):
            deed = dice.choices(
                ["work", "wakes", "poller", "late", "judge", "people", "send"], [9, 1, 4, 3, 4, 4, 1]
            )[0]
            n, how = dice.randrange(50), step(dice)
            if deed == "work":
                life.work_once(how, dice.choice(["w1", "w2"]))
            elif deed == "wakes" and life.hands:
                life.wakes(n, how)
            elif deed == "poller":
                what = dice.choices(["settle", "fails", "refuses"], [8, 1, 1])[0]
                life.provider(what, n, dice.choice(["0", "0.5", "1", "1.5"]))
            elif deed == "late":
                life.late_answer(n)
            elif deed == "judge":
                life.judge(dice.random() < 0.3, dice.choice([0, LEASE + 1, 100]))
            elif deed == "people":
                kinds = ["retry", "ask", "cancel", "sent", "not sent"]
                life.decide(dice.choices(kinds, [6, 1, 1, 2, 3])[0], n)
            elif deed == "send":
                life.send(dice.randrange(3), dice.randrange(2))
            life.what_always_holds()
        with life.ledger.read() as conn:
            ends = Counter(str(one.state) for one in rows.read_calls(conn, rows.calls()))
        return life.hits + ends + Counter(str(one.state) for one in life.all())
    finally:
        life.teardown()


def step(dice: random.Random) -> Step:
    fate = dice.choices(["works", "fails", "dies", "lingers"], [14, 1, 1, 1])[0]
    return Step(fate, dice.randrange(2), dice.random() < 0.7, dice.random() < 0.5)


def test_long_lives_meet_everything() -> None:
    met: Counter[str] = Counter()
    for seed in range(16):
        met += walk(seed, 100)
    print(dict(met))
    rare = {"READY", "FAILED", "SETTLED", "REFUSED", "NOT_SENT", "ORPHAN", "UNCERTAIN", "orphan", "budget"}
    assert rare <= set(met), rare - set(met)
