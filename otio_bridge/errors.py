"""Every error the project raises, as one tree.

    BridgeError            (the face prints it verbatim and exits with `exit_code`)
    ├── RefusedInput       exit 2   a file, option, mark or name we will not act on
    │   └── SettingsError  exit 2   otio-bridge.toml or the environment
    ├── MediaError         exit 1   media could not be read, cut, conformed or proven
    ├── MoneyError         exit 3   a budget, a price or a rate forbids the spending
    ├── LedgerError        exit 1   the ledger cannot be opened, read or written
    │   ├── StaleMove      exit 1   somebody else moved the take first; nothing was changed
    │   └── NoSlot         exit 1   the provider has as many of our calls as it takes at once
    ├── QueueError         exit 1   the queue server cannot be reached
    ├── ProviderFailure    exit 1   see otio_bridge.provider for its classes
    └── TakeFailed         exit 4   a take somebody waited for did not become READY

Foreign exceptions are translated into one of these once, where they enter, `from exc`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class BridgeError(Exception):
    """What happened, the value, what is allowed, and the next command to type."""

    #: Stable word for machines; each has a heading in docs/errors.md.
    code: ClassVar[str] = "error"
    #: What the command line exits with.
    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        what: str,
        *,
        value: object = None,
        allowed: str | Sequence[str] | None = None,
        next: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.value = None if value is None else str(value)
        self.allowed = allowed if allowed is None or isinstance(allowed, str) else ", ".join(allowed)
        self.next = next

    def __str__(self) -> str:
        parts = [self.what if self.value is None else f"{self.what}: {self.value}"]
        if self.allowed:
            parts.append(f"allowed: {self.allowed}")
        if self.next:
            parts.append(f"next: {self.next}")
        return " · ".join(parts)

    def as_dict(self) -> dict[str, str | None]:
        """The one error shape of every face: code, what, value, allowed, next."""
        return {
            "code": self.code,
            "what": self.what,
            "value": self.value,
            "allowed": self.allowed,
            "next": self.next,
        }


class RefusedInput(BridgeError):
    """A file, option, mark or name that will not be acted on; nothing was written."""

    code = "refused-input"
    exit_code = 2


class SettingsError(RefusedInput):
    """otio-bridge.toml or an environment variable says something that cannot be."""

    code = "settings"


class MediaError(BridgeError):
    """Media could not be read, cut, conformed or proven."""

    code = "media"


class MoneyError(BridgeError):
    """A budget, a price or an exchange rate forbids the spending."""

    code = "money"
    exit_code = 3


class LedgerError(BridgeError):
    """The ledger cannot be opened, read or written."""

    code = "ledger"


class StaleMove(LedgerError):
    """Somebody else moved the take first; nothing was changed."""

    code = "stale-move"


class NoSlot(LedgerError):
    """The provider has as many of our calls as it takes at once; the take waits (SLOT)."""

    code = "no-slot"


class QueueError(BridgeError):
    """The queue server cannot be reached; the ledger keeps the work."""

    code = "queue"


class TakeFailed(BridgeError):
    """A take somebody waited for did not become READY."""

    code = "take-failed"
    exit_code = 4
