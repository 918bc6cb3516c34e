"""Answers kept in a file before the ledger knows them, and replayed by whoever finds them (design §4)."""

from __future__ import annotations

import logging
from pathlib import Path

from otio_bridge.app import App
from otio_bridge.errors import LedgerError
from otio_bridge.media.files import age_of, read_receipts, receipt_file, write_receipt
from otio_bridge.model.take import CallState
from otio_bridge.provider import Accepted
from otio_bridge.store import calls
from otio_bridge.workflow.move import nudge_for
from otio_bridge.workflow.places import receipts_folder

log = logging.getLogger(__name__)


def make(app: App, uuid: str) -> Path:
    """A zero-filled, synced file for one answer: no file, no call. Raises OSError (disk full) before money moves."""
    folder = receipts_folder(app)
    folder.mkdir(parents=True, exist_ok=True)
    return receipt_file(folder / f"{uuid}.receipt")


def keep(receipt: Path, accepted: Accepted) -> None:
    """Overwrite the file in place with the answer; needs no space and no ledger."""
    write_receipt(receipt, accepted.model_dump(mode="json"))


def _may_still_come(app: App, uuid: str, path: Path) -> bool:
    """Whether somebody may still be sending the call, or about to commit its intent."""
    try:
        found = calls.get(app.ledger, uuid)
    except LedgerError:
        # No intent (yet): the file is older than any step that could still commit one, or it is not.
        return age_of(path) < app.settings.queue.step_limit + app.settings.queue.lease
    return found.state is CallState.INTENT and found.quiet_at > app.ledger.now()


def replay(app: App) -> None:
    """Write every kept answer to the ledger (again), then let go of it."""
    for path, answer in read_receipts(receipts_folder(app)):
        uuid = path.stem
        try:
            if answer is not None:
                accepted = Accepted.model_validate(answer)
                done = calls.receive(app.ledger, uuid, remote_id=accepted.remote_id, quoted=accepted.quoted)
                nudge_for(app, done.take)
            elif _may_still_come(app, uuid, path):
                continue  # its answer belongs in this file
        except LedgerError as exc:
            log.warning("%s", exc, extra={"action": "replay_failed", "call": uuid})
            continue
        path.unlink(missing_ok=True)
