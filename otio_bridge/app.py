"""One opened project: its settings, ledger, providers and queue; made once, passed on, no globals."""

from __future__ import annotations

import getpass
import logging
import threading
from types import TracebackType
from typing import Self

from otio_bridge.errors import QueueError, RefusedInput
from otio_bridge.media.ffmpeg import executable
from otio_bridge.model.money import Money
from otio_bridge.queue import Nudger, server_url
from otio_bridge.registry import Registry, load_providers
from otio_bridge.settings import Settings
from otio_bridge.store.ledger import Ledger
from otio_bridge.store.money import set_cap
from otio_bridge.timeline.url import PathMaps

log = logging.getLogger(__name__)


class App:
    """Everything a verb needs. Close it, or use it as a context manager."""

    def __init__(self, settings: Settings, ledger: Ledger, providers: Registry) -> None:
        self.settings = settings
        self.ledger = ledger
        self.providers = providers
        #: Set where this process has been asked to end: what fails from then on says nothing about a take.
        self.ending = threading.Event()
        self._nudger: Nudger | None = None
        self._nudger_url: str | None = None

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Open (and on first use create) the project's ledger and find its providers.

        Raises LedgerError, and SettingsError for money that cannot be read.
        """
        if settings.database_url is None:
            settings.state_folder.mkdir(parents=True, exist_ok=True)
        ledger = Ledger.open(settings.ledger_url)
        try:
            set_cap(ledger, "project", cap=budget_cap(settings))
            return cls(settings, ledger, load_providers(settings))
        except BaseException:
            ledger.close()
            raise

    @property
    def author(self) -> str:
        """Who decisions are booked to: `OTIO_BRIDGE_USER`, the setting, else the login name."""
        chosen = self.settings.user or self.settings.project.author
        if chosen:
            return chosen
        try:
            return getpass.getuser()
        except (OSError, KeyError):
            return "unknown"

    @property
    def maps(self) -> PathMaps:
        """The project's path maps."""
        return PathMaps.from_settings(self.settings.media.paths)

    @property
    def ffmpeg(self) -> str:
        """The ffmpeg to run."""
        return executable(self.settings.media.ffmpeg)

    @property
    def redis_url(self) -> str | None:
        """The queue server: as set, else the private one while it runs, else None."""
        return server_url(self.settings)

    def nudge(self, queue: str, count: int = 1) -> None:
        """Tell workers there is something on `queue`. A nudge that cannot be sent only delays."""
        url = self.redis_url
        if url is None:
            return
        if self._nudger is None or url != self._nudger_url:
            self._nudger, self._nudger_url = Nudger(url, self.ledger.id), url
        try:
            self._nudger.nudge(queue, count)
        except QueueError as exc:
            log.info("nudge lost: %s", exc, extra={"action": "nudge_lost", "queue": queue})

    def close(self) -> None:
        """Let go of the ledger and the queue."""
        if self._nudger is not None:
            self._nudger.close()
        self.providers.close()
        self.ledger.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def budget_cap(settings: Settings) -> Money:
    """The project's cap as money. Raises RefusedInput for text that is no amount."""
    try:
        return Money.of(settings.money.budget, settings.money.currency)
    except ValueError as exc:
        raise RefusedInput(
            "money.budget is no amount", value=settings.money.budget, allowed='text such as "25.00"'
        ) from exc
