"""What became of work whose worker died, and of takes a person has given up."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from otio_bridge.app import App
from otio_bridge.errors import BridgeError, LedgerError
from otio_bridge.model.take import OPEN_STATES, CallState, TakeState
from otio_bridge.provider import Remote, RemoteProvider
from otio_bridge.store import calls, takes
from otio_bridge.store.records import TakeRecord
from otio_bridge.workflow.move import nudge_for
from otio_bridge.workflow.receipts import lost

log = logging.getLogger(__name__)


@contextmanager
def alone(action: str) -> Iterator[None]:
    """One call's, take's or plug-in's trouble is its own: it is looked at again in the next round."""
    try:
        yield
    except BridgeError as exc:
        log.warning("%s", exc, extra={"action": action})
    except Exception:  # a stranger's code may raise anything
        log.exception("unexpected", extra={"action": action})


def judge(app: App) -> None:
    """Free what dead workers held; judge what was being sent by the provider's kind.

    pure and keyed calls are sent again under the same uuid; a paid one becomes UNCERTAIN: it may have arrived.
    """
    for take in takes.reclaim(app.ledger):
        with alone("nudge_failed"):
            nudge_for(app, take)
    for stale in takes.stale_sending(app.ledger):
        why = (
            "the process that was sending it died"
            if stale.holder_dead
            else "whoever was sending it fell silent"
        )
        with alone("judge_failed"):
            lost(app, stale.call, why)


def give_up(app: App) -> None:
    """Cancel what was asked to be: with no call open at once, else the provider is asked to stop.

    Nothing that finished is thrown away: a call that ends DONE all the same is fetched and kept.
    """
    states = OPEN_STATES | {TakeState.FAILED}
    asked = (take for take in takes.by_state(app.ledger, states) if take.cancel_asked_at is not None)
    for take in asked:
        with alone("cancel_failed"):
            _give_up(app, take)


def _give_up(app: App, take: TakeRecord) -> None:
    mine = calls.calls_of(app.ledger, take.id)
    running = [call for call in mine if call.state is CallState.ACCEPTED]
    if running:
        provider = app.providers.get(take.provider)
        if isinstance(provider, RemoteProvider) and provider.capabilities().cancels:
            now = app.ledger.now()
            # As often as it is asked after.
            for call in (call for call in running if call.due_at is not None and call.due_at <= now):
                provider.cancel(Remote(remote_id=call.remote_id or "", reference=call.uuid, model=call.model))
    elif take.state is not TakeState.FAILED or all(call.state is not CallState.SETTLED for call in mine):
        try:
            takes.cancel_now(app.ledger, take, author="poller", why="cancel was asked for")
        except LedgerError as exc:
            # It is being worked on, may still have been sent, or is paid for: it goes on, and is kept.
            log.debug("%s", exc, extra={"action": "cancel_later", "take": take.id})
