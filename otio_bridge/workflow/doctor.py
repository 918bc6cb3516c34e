"""Can this machine do the work? Every thing it leans on, looked at, with the remedy."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from importlib import metadata
from pathlib import Path

from otio_bridge.app import App
from otio_bridge.errors import BridgeError
from otio_bridge.media.ffmpeg import executable, version
from otio_bridge.media.files import free_mb
from otio_bridge.model.value import Value
from otio_bridge.queue import ping
from otio_bridge.settings import Settings
from otio_bridge.store import money, processes


class Check(Value):
    """One thing looked at."""

    what: str
    ok: bool
    found: str
    remedy: str = ""


class DoctorReport(Value):
    """What `doctor` found."""

    ok: bool
    checks: tuple[Check, ...]


def doctor(settings: Settings) -> DoctorReport:
    """Look at everything, collecting faults instead of stopping at the first."""
    found = [
        _look("python", lambda: sys.version.split()[0]),
        _look("opentimelineio", lambda: metadata.version("opentimelineio")),
        _look("ffmpeg", lambda: _ffmpeg(settings), "[media] ffmpeg in otio-bridge.toml, or leave it out"),
        _look(
            "media root",
            lambda: _root(settings.media_root, settings.media.min_free_mb),
            "[media] root in otio-bridge.toml: a folder you may write in, with room",
        ),
        _look(
            "work folder",
            lambda: _root(settings.state_folder, settings.media.min_free_mb),
            "let this user write in the project's folder, or make room there",
        ),
    ]
    try:
        app = App.open(settings)
    except BridgeError as exc:
        found.append(_failed("ledger", exc, "[money] and database_url in otio-bridge.toml"))
    else:
        with app:
            found += _inside(app)
    return DoctorReport(ok=all(check.ok for check in found), checks=tuple(found))


def _look(what: str, look: Callable[[], str], remedy: str = "") -> Check:
    try:
        return Check(what=what, ok=True, found=look())
    except BridgeError as exc:
        return _failed(what, exc, remedy)
    except OSError as exc:
        return Check(what=what, ok=False, found=str(exc), remedy=remedy)


def _failed(what: str, exc: BridgeError, remedy: str) -> Check:
    """A fault as a line: what and the value; its own remedy, unless that is to come here."""
    own = exc.next if exc.next and "otio-bridge doctor" not in exc.next else None
    allowed = f" (allowed: {exc.allowed})" if exc.allowed else ""
    found = exc.what + (f": {exc.value}" if exc.value else "") + allowed
    return Check(what=what, ok=False, found=found, remedy=own or remedy)


def _root(folder: Path, least: int) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / ".otio-bridge-can-write"
    probe.write_bytes(b"")
    probe.unlink()
    free = free_mb(folder)
    if free < least:
        raise OSError(f"{folder} has {free} MB free; [media] min_free_mb wants {least}")
    return f"{folder} ({free} MB free)"


def _inside(app: App) -> list[Check]:
    url = app.redis_url
    checks = [
        Check(what="ledger", ok=True, found=f"{app.settings.ledger_url.partition(':')[0]}, {app.ledger.id}")
    ]
    if url is None:
        checks.append(Check(what="queue", ok=True, found="private, started on demand"))
    else:
        checks.append(_look("queue", partial(_queue, url), remedy="otio-bridge up"))
    for row in processes.alive(app.ledger, within=5 * app.settings.queue.lease):
        checks.append(
            Check(
                what=f"process {row.kind}",
                ok=True,
                found=f"{row.host} {row.pid} ({', '.join(row.queues) or '-'})",
            )
        )
    for name in app.providers.names():
        checks.append(_look(f"provider {name}", partial(_provider, app, name)))
    for name, why in app.providers.broken.items():
        checks.append(
            Check(
                what=f"provider {name}",
                ok=False,
                found=why,
                remedy=f"mend [providers.{name}] in otio-bridge.toml, or the package that offers it",
            )
        )
    for budget in money.budgets(app.ledger):
        checks.append(
            Check(
                what=f"budget {budget.scope}",
                ok=True,
                found=f"{budget.free} free of {budget.money(budget.cap)}",
            )
        )
    return checks


def _ffmpeg(settings: Settings) -> str:
    path = executable(settings.media.ffmpeg)
    return f"{'.'.join(map(str, version(path) or ())) or 'a build without a number'} ({path})"


def _queue(url: str) -> str:
    ping(url)
    return "answers"


def _provider(app: App, name: str) -> str:
    can = app.providers.get(name).capabilities()
    section = app.settings.providers.get(name)
    reach = "local" if can.local else (section.url if section and section.url else "its own address")
    return f"{reach}; {', '.join(sorted({str(op) for model in can.models for op in model.operations}))}"
