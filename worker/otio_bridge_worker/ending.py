"""How a process of ours is asked to end, and what it does when it cannot end in time."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from otio_bridge.platform import die_with_parent, end_at_once, on_stop_request

log = logging.getLogger(__name__)

#: Seconds a step may go on after its process was asked to end. Its lease then runs out, and it is done again.
GIVE_UP: Final = 10.0
#: Exit code of a process that gave up (where it does not kill itself with its group).
GAVE_UP: Final = 4


def asked_to_end(*, tied: bool) -> threading.Event:
    """An event set by SIGTERM, SIGINT or, for a tied process, the end of standard input.

    From then on the process has GIVE_UP seconds; what it started is killed with it.
    """
    asked = threading.Event()

    def end() -> None:
        if asked.is_set():
            return
        asked.set()
        time.sleep(GIVE_UP)
        log.error("giving up the step under way")
        end_at_once(GAVE_UP)

    on_stop_request(end)
    if tied:
        die_with_parent(end)
    return asked
