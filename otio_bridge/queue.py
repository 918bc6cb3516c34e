"""Which queue a take's next step belongs on, and how a worker is told that there is something to do.

A nudge is a token, not an assignment: it names no take, and losing it costs a delay (design §2, rule 4).
"""

from __future__ import annotations

import time
from typing import Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue

from otio_bridge.errors import QueueError
from otio_bridge.model.take import TakeState
from otio_bridge.settings import Settings

#: cpu: plates, conform, checks · net: uploads, calls, downloads · heavy: neural and other long local work.
QUEUES: Final = ("cpu", "net", "heavy")
#: The only job there is. Its name is wire format; workers compare it and never import it.
JOB: Final = "otio_bridge_worker.job.step"
#: Tokens kept in one queue. A worker keeps stepping while it finds work, so more would only pile up.
MOST_TOKENS: Final = 64
#: Seconds for which a server that hangs is not nudged again.
HANG_REST: Final = 15.0
#: In the state folder: the private queue server's address while one runs (owner-only, it holds the password).
URL_FILE: Final = "queue-url"
#: Seconds after which a token nobody took vanishes.
TOKEN_LIFE: Final = 3600


def queue_of(state: TakeState, *, local: bool, heavy: bool) -> str | None:
    """The queue of the step that follows `state`; None where no worker has one (poller, person, end)."""
    match state:
        case TakeState.PLANNED | TakeState.FETCHED | TakeState.CONFORMED:
            return "cpu"
        case TakeState.PREPARED:
            return ("heavy" if heavy else "cpu") if local else "net"
        case TakeState.DONE:
            return "cpu" if local else "net"
        case _:
            return None


def queue_name(ledger_id: str, queue: str) -> str:
    """The queue's name on a server that several ledgers share."""
    return f"otio-bridge:{ledger_id}:{queue}"


def server_url(settings: Settings) -> str | None:
    """Where the queue server is: as set, else the private one's address; None where none was started.

    The file is read anew each time, because a restarted server may have moved. The address is a secret.
    """
    if settings.redis_url is not None:
        return settings.redis_url.get_secret_value()
    try:
        return (settings.state_folder / URL_FILE).read_text(encoding="ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def connect(url: str, *, timeout: float = 5.0) -> redis.Redis:
    """A client that gives up after `timeout` seconds and tries a broken connection once more, at once.

    redis-py's own default waits up to half a minute over ten tries. Raises QueueError for a bad address.
    """
    try:
        return redis.Redis.from_url(
            url,
            socket_connect_timeout=min(timeout, 2.0),
            socket_timeout=timeout,
            retry=Retry(NoBackoff(), 1),
        )
    except ValueError as exc:
        raise QueueError("the queue server's address is no redis:// URL", next="otio-bridge doctor") from exc


class Nudger:
    """Puts tokens into a ledger's queues; connects when first used."""

    def __init__(self, url: str, ledger_id: str) -> None:
        self._client = connect(url, timeout=2.0)
        self._ledger_id = ledger_id
        self._rest_until = 0.0

    def nudge(self, queue: str, count: int = 1) -> int:
        """Add up to `count` tokens and return how many were added: a full queue takes no more.

        Raises QueueError where the server cannot be reached; the work itself stands in the ledger.
        """
        if time.monotonic() < self._rest_until:
            raise QueueError(
                "the queue server hung a moment ago and is left alone", next="otio-bridge doctor"
            )
        try:
            target = Queue(queue_name(self._ledger_id, queue), connection=self._client, serializer="json")
            wanted = max(min(count, MOST_TOKENS - target.count), 0)
            if wanted:
                token = Queue.prepare_data(
                    JOB, description="step", timeout=-1, ttl=TOKEN_LIFE, result_ttl=0, failure_ttl=0
                )
                target.enqueue_many([token] * wanted)
            return wanted
        except redis.RedisError as exc:
            if isinstance(exc, redis.TimeoutError):
                self._rest_until = time.monotonic() + HANG_REST
            raise _unusable(exc) from exc

    def close(self) -> None:
        """Drop the connection."""
        self._client.close()


def ping(url: str) -> None:
    """Raises QueueError where no server answers at that address, or turns us away."""
    client = connect(url, timeout=2.0)
    try:
        client.ping()
    except redis.RedisError as exc:
        raise _unusable(exc) from exc
    finally:
        client.close()


def _unusable(exc: redis.RedisError) -> QueueError:
    # Only the kind: a message may quote the address.
    return QueueError(f"the queue server cannot be used ({type(exc).__name__})", next="otio-bridge doctor")
