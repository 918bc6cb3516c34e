"""Conformance cases that pay: the whole way of one small request against the real service."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from otio_bridge.provider import PartRequest, Progress, Remote, RemoteProvider, RemoteState
from otio_bridge.testing.provider_bench import Bench, Broken, Skipped, first_part, needs_plate, plate

_OVER = (RemoteState.DONE, RemoteState.FAILED, RemoteState.CANCELLED, RemoteState.GONE)


@contextmanager
def _paying(bench: Bench) -> Iterator[RemoteProvider]:
    provider = bench.remote()
    try:
        if not bench.spend:
            raise Skipped("spend=False")
        yield provider
    finally:
        close = getattr(provider, "close", None)
        if close:
            close()


def _ready(provider: RemoteProvider, bench: Bench) -> PartRequest:
    """The smallest request of the first model, its inputs uploaded, with a reference of its own."""
    asked = first_part(provider)
    uploads = {}
    if needs_plate(asked.request.operation):
        movie = plate(bench.folder, asked.frames, asked.rate, asked.raster)
        uploads["plate"] = provider.upload("plate", movie).handle
    return asked.model_copy(update={"uploads": uploads, "reference": str(uuid4())})


def _settled(provider: RemoteProvider, remote: Remote, patience: float) -> Progress:
    until = time.monotonic() + patience
    while time.monotonic() < until:
        told = list(provider.poll([remote]))
        if [progress.remote_id for progress in told] != [remote.remote_id]:
            raise Broken(f"poll of one request told of {[progress.remote_id for progress in told]}")
        if told[0].state in _OVER:
            return told[0]
        time.sleep(min(told[0].retry_after or 0.1, 5.0))
    raise Broken(f"it had not finished after {patience:g} seconds")


def walks_the_whole_way(bench: Bench) -> None:
    """Upload, submit, poll, list, fetch: a request comes back as pictures, and says what it cost."""
    with _paying(bench) as provider:
        can, asked = provider.capabilities(), _ready(provider, bench)
        started = datetime.now(UTC) - timedelta(minutes=5)
        accepted = provider.submit(asked)
        remote = Remote(remote_id=accepted.remote_id, reference=asked.reference, model=asked.model)
        told = _settled(provider, remote, bench.patience)
        if told.state is not RemoteState.DONE or not told.assets:
            raise Broken(f"it ended {told.state} with {len(told.assets)} results: {told.reason}")
        made = provider.fetch(remote, told.assets[0], bench.folder / "result.mp4")
        found = bench.media().probe(made)
        if found.frames < 1:
            raise Broken("the result has no pictures")
        worst = provider.estimate(asked)
        if told.charge and worst and told.charge.amount.micro > worst.micro:
            raise Broken(f"it cost {told.charge.amount}, the worst case was said to be {worst}")
        if can.accept_within is not None:
            _is_listed(provider, remote, started, can.accept_within, with_reference=can.lists_reference)
        # One that has finished is no failure.
        if can.cancels:
            provider.cancel(remote)


def _is_listed(
    provider: RemoteProvider, remote: Remote, since: datetime, within: float, *, with_reference: bool
) -> None:
    until = time.monotonic() + within
    while True:
        listed = provider.list_calls(since)
        if listed is None:
            raise Broken("accept_within says it can list, list_calls() gave None")
        mine = [entry for entry in listed if entry.remote_id == remote.remote_id]
        if mine:
            break
        if time.monotonic() > until:
            raise Broken(f"the request is not in the list {within:g} seconds after it was accepted")
        time.sleep(0.1)
    if with_reference and mine[0].reference != remote.reference:
        raise Broken(f"lists_reference is set, and the list says {mine[0].reference!r}")


def cancels_quietly(bench: Bench) -> None:
    """Cancelling stops a request, or lets it finish; doing it twice is no failure."""
    with _paying(bench) as provider:
        if not provider.capabilities().cancels:
            raise Skipped("it cannot cancel")
        asked = _ready(provider, bench)
        accepted = provider.submit(asked)
        remote = Remote(remote_id=accepted.remote_id, reference=asked.reference, model=asked.model)
        provider.cancel(remote)
        _settled(provider, remote, bench.patience)
        provider.cancel(remote)


CHECKS = (walks_the_whole_way, cancels_quietly)
