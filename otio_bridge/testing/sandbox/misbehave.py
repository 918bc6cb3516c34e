"""Ways the sandbox can go wrong on purpose, each once, a few times, or always.

Written `NAME`, `NAME=VALUE`, `NAME*TIMES` or `NAME=VALUE*TIMES`: `lose_answer*1`, `more_frames=4`,
`429=7*2` (twice, "ask again in 7 seconds"). Without TIMES it holds until it is taken back.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from otio_bridge.errors import RefusedInput

#: Name -> what the sandbox then does.
MISBEHAVIOURS: dict[str, str] = {
    # the paid request
    "lose_answer": "accepts and books the request, then closes the connection without an answer",
    "429": "turns the request away: too many; VALUE is Retry-After in seconds (default 1)",
    "500": "fails on the request without accepting it (from outside that cannot be known)",
    "504": "accepts and books the request, then answers like a gateway that lost patience",
    "hang": "accepts and books the request, then says nothing for VALUE seconds (default 3600)",
    "malformed": "accepts and books the request, then answers with broken JSON",
    "html": "accepts and books the request, then answers with a web page",
    "refuse": "answers that it will not do this; VALUE is the reason",
    "moderate_at_once": "refuses the request for its content",
    # the work
    "moderate": "accepts, then fails the work for its content",
    "fail": "accepts, then fails the work",
    "charge_for_failure": "accepts, fails the work, and charges for it all the same",
    "stuck": "accepts and never finishes",
    "more_frames": "returns VALUE frames more than asked (default 4)",
    "fewer_frames": "returns VALUE frames fewer than asked (default 3)",
    "other_rate": "returns the frames at VALUE frames a second (default 16)",
    "other_size": "returns pictures of half the size",
    # being asked
    "poll_429": "answers a question with 'too many'; VALUE is Retry-After (default 1)",
    "poll_500": "answers a question with a failure of its own",
    "poll_hang": "does not answer a question for VALUE seconds (default 3600)",
    "poll_malformed": "answers a question with broken JSON",
    "poll_html": "answers a question with a web page",
    "poll_gone": "says it does not know the request",
    # uploads, results, list, cancel
    "upload_500": "fails on an upload",
    "upload_refuse": "refuses an upload",
    "cut_download": "closes the connection in the middle of a download",
    "html_download": "sends a web page instead of a result",
    "expired_url": "says that the address of a result has run out",
    "no_list": "has no list of requests",
    "late_list": "lists a request only VALUE seconds after it came (default 5)",
    "list_without_reference": "lists requests without the caller's reference",
    "no_cancel": "does not cancel anything",
}

_GRAMMAR = re.compile(r"^(?P<name>[a-z0-9_]+)(=(?P<value>[^*]*))?(\*(?P<times>\d+))?$")


@dataclass(frozen=True)
class Misbehaviour:
    """One way to go wrong; `times` None means until it is taken back."""

    name: str
    value: str = ""
    times: int | None = None

    def __str__(self) -> str:
        times = "" if self.times is None else f"*{self.times}"
        return f"{self.name}={self.value}{times}" if self.value else f"{self.name}{times}"

    def number(self, default: int) -> int:
        """The value as a whole number."""
        return int(self.value) if self.value else default


def parse(text: str) -> Misbehaviour:
    """Read `NAME[=VALUE][*TIMES]`. Raises RefusedInput with the names there are."""
    match = _GRAMMAR.match(text.strip())
    if not match or match["name"] not in MISBEHAVIOURS:
        raise RefusedInput("not a misbehaviour", value=text, allowed=sorted(MISBEHAVIOURS))
    times = int(match["times"]) if match["times"] else None
    found = Misbehaviour(match["name"], match["value"] or "", times)
    if found.value and found.name != "refuse" and not found.value.isdecimal():
        raise RefusedInput("the value of a misbehaviour is a whole number", value=text)
    return found


class Mood:
    """What the sandbox does wrong just now; thread-safe."""

    def __init__(self, wrongs: Iterable[Misbehaviour] = ()) -> None:
        self._lock = threading.Lock()
        self._wrongs: dict[str, Misbehaviour] = {wrong.name: wrong for wrong in wrongs}

    def take(self, name: str) -> Misbehaviour | None:
        """The misbehaviour, used up by one, or None where the sandbox behaves."""
        with self._lock:
            wrong = self._wrongs.get(name)
            if wrong is None or wrong.times == 0:
                return None
            if wrong.times is not None:
                self._wrongs[name] = Misbehaviour(name, wrong.value, wrong.times - 1)
            return wrong

    def first(self, *names: str) -> Misbehaviour | None:
        """The first of these that is on, used up by one."""
        return next((wrong for name in names if (wrong := self.take(name))), None)

    def add(self, *texts: str) -> None:
        """Go wrong in these ways from now on. Raises RefusedInput, then nothing was changed."""
        wrongs = [parse(text) for text in texts]
        with self._lock:
            self._wrongs.update({wrong.name: wrong for wrong in wrongs})

    def clear(self) -> None:
        """Behave again."""
        with self._lock:
            self._wrongs.clear()

    def shown(self) -> list[str]:
        """What is on, as it is written."""
        with self._lock:
            return [str(wrong) for wrong in self._wrongs.values() if wrong.times != 0]
