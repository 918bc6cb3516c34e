"""What an answer means, by what was asked: a pure table from status and kind of request to failure.

| what happened                                   | paid POST      | upload, unpaid POST | GET          |
|-------------------------------------------------|----------------|---------------------|--------------|
| no connection (refused, DNS, TLS)               | NotSent        | Unavailable         | Unavailable  |
| lost or timed out after something was sent      | Uncertain      | Unavailable         | Unavailable  |
| 429                                             | NotSent (RATE) | Unavailable         | Unavailable  |
| 5xx, 408, 302 and 303 (done, answer elsewhere?) | Uncertain      | Unavailable         | Unavailable  |
| 404, 410                                        | Refused        | Refused             | Gone         |
| 401, 403                                        | Refused        | Refused             | Unavailable¹ |
| any other 3xx, 4xx                              | Refused        | Refused             | Unavailable  |
| 2xx that is not the JSON promised               | Uncertain      | Unavailable         | Unavailable  |
| an address that is not allowed                  | Refused        | Refused             | Unavailable¹ |

¹ Gone for a download: its signed address has run out, or points where we do not go; poll gives another.
"""

from __future__ import annotations

import email.utils
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from otio_bridge.provider import Gone, NotSent, ProviderFailure, Refused, Unavailable, Uncertain

_DAY = 86400.0
_QUERY = re.compile(r"\?[^\s'\"]+")


class Asked(Enum):
    """What kind of request it was; decides what a failure means."""

    PAID = "paid"
    UNPAID = "unpaid"
    GET = "get"
    DOWNLOAD = "download"


@dataclass(frozen=True)
class Reply:
    """An answer: its status, headers and body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON. Raises ValueError."""
        return json.loads(self.body)


def failure(asked: Asked, reply: Reply, where: str, *, name: str, secrets: Iterable[str]) -> ProviderFailure:
    """The failure an answer that is no 2xx stands for."""
    status = reply.status
    why, wait, said = f"{where} answered {status}", retry_after(reply.headers), said_by(reply, secrets)
    if status in (401, 403) and asked is not Asked.DOWNLOAD:
        why += f" (is the key of [providers.{name}] right?)"
    maybe_done = status >= 500 or status in (302, 303, 408)
    if asked is Asked.PAID:
        if status == 429:
            return NotSent(why, retry_after=wait, throttled=True, provider=name, detail=said)
        return (Uncertain if maybe_done else Refused)(why, provider=name, detail=said)
    if asked is Asked.UNPAID and not maybe_done and status != 429:
        return Refused(why, provider=name, detail=said)
    if status in (404, 410) or (asked is Asked.DOWNLOAD and status in (401, 403)):
        return Gone(why, provider=name, detail=said)
    return Unavailable(why, retry_after=wait, provider=name, detail=said)


def said_by(reply: Reply, secrets: Iterable[str]) -> str:
    """What the answer says went wrong, in at most 200 characters, without keys and query strings."""
    try:
        said = reply.json()
    except ValueError:
        return ""
    for key in ("error", "message", "detail"):
        if isinstance(said, dict) and key in said:
            said = said[key]
    text = said if isinstance(said, str) else ""
    for secret in secrets:
        text = text.replace(secret, "…")
    return _QUERY.sub("?…", text)[:200]


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of `Retry-After`: a number, or a date against the answer's own `Date`; at most a day."""
    text = headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        when = _date(text)
        now = _date(headers.get("date", "")) or datetime.now(UTC)
        seconds = (when - now).total_seconds() if when else math.nan
    return min(max(seconds, 0.0), _DAY) if math.isfinite(seconds) else None


def _date(text: str) -> datetime | None:
    try:
        found = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
