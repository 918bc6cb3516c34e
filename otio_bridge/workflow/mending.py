"""Retry, cancel, and deciding what became of a lost call: each always typed by a person."""

from __future__ import annotations

from otio_bridge.app import App
from otio_bridge.errors import RefusedInput
from otio_bridge.model.take import TakeState
from otio_bridge.model.value import Value
from otio_bridge.store import calls, takes
from otio_bridge.store.records import TakeRecord
from otio_bridge.workflow.move import next_queue, nudge_for
from otio_bridge.workflow.review import shot_named, take_of
from otio_bridge.workflow.status import TakeLine, lines


class Mended(Value):
    """The takes that were acted on, as they are now."""

    what: str
    takes: tuple[TakeLine, ...]


def retry(app: App, shot: str | None = None, version: str | None = None) -> Mended:
    """Resume failed takes where they stopped; only a part the provider declared failed is paid for again.

    Without a take all failed takes of the shot, without a shot all failed takes. Raises RefusedInput where
    there is none, MoneyError where a cap forbids paying again.
    """
    failed = [take for take in _chosen(app, shot, version) if take.state is TakeState.FAILED]
    if not failed:
        raise RefusedInput("nothing there has failed", value=version or shot, next="otio-bridge status")
    done: list[TakeRecord] = []
    for take in failed:
        queue = next_queue(app, take, take.resume_state or TakeState.PLANNED)
        back = takes.retry(app.ledger, take, author=app.author, queue=queue or "cpu")
        nudge_for(app, back)
        done.append(back)
    return Mended(what="retried", takes=lines(app, done))


def cancel(app: App, shot: str, version: str | None = None) -> Mended:
    """Give takes up. Those with a call open end when the provider says so; what finished anyway is kept."""
    chosen = [
        take
        for take in _chosen(app, shot, version)
        if take.state not in (TakeState.READY, TakeState.CANCELLED)
    ]
    if not chosen:
        raise RefusedInput("nothing there can be cancelled", value=version or shot, next="otio-bridge status")
    done = [takes.ask_cancel(app.ledger, take, author=app.author) for take in chosen]
    return Mended(what="cancel asked", takes=lines(app, done))


def resolve_uncertain(app: App, shot: str, version: str, *, sent: str | None, not_sent: bool) -> Mended:
    """Say what became of a lost call: its id at the provider, or that it never arrived.

    Raises RefusedInput unless exactly one is said, or while the call may still be on its way.
    """
    if (sent is None) == (not not_sent):
        raise RefusedInput(
            "say one of the two",
            allowed=("--sent REMOTE_ID", "--not-sent"),
            next=f"look for it at the provider, then otio-bridge resolve-uncertain {shot} {version} --not-sent",
        )
    take = take_of(app, shot, version)
    if take.state is not TakeState.UNCERTAIN:
        raise RefusedInput(f"{take.label} is {take.state}, not UNCERTAIN", next="otio-bridge status")
    after = calls.resolve(app.ledger, take, sent=sent, author=app.author)
    nudge_for(app, after)
    return Mended(what="resolved", takes=lines(app, [after]))


def _chosen(app: App, shot: str | None, version: str | None) -> list[TakeRecord]:
    if shot is None:
        return takes.by_state(app.ledger, TakeState)
    if version is not None:
        return [take_of(app, shot, version)]
    return takes.by_shot(app.ledger, shot_named(app, shot).id)
