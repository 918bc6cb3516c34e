"""`python -P -m otio_bridge_worker ROLE …`: what `otio_bridge.launch` starts. People type `otio-bridge`.

No secret is ever an argument: addresses and passwords come from the environment and owner-only files.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import Final

from otio_bridge.errors import BridgeError

#: As in otio_bridge.settings, which would bring pydantic into the queue server's keeper.
STATE_FOLDER: Final = ".otio-bridge"


def main(argv: list[str] | None = None) -> int:
    """Run one process and return its exit code."""
    parser = argparse.ArgumentParser(prog="otio_bridge_worker", description=__doc__)
    parser.add_argument("role", choices=["worker", "poller", "queue-server"])
    parser.add_argument("--project", type=Path, required=True, help="the folder of otio-bridge.toml")
    parser.add_argument("--queue", action="append", help="the queue a worker serves (cpu)")
    parser.add_argument("--slot", type=int, default=0, help="which of the queue's workers this is")
    parser.add_argument(
        "--kind", choices=["valkey", "fake"], default="valkey", help="the queue server's make"
    )
    parser.add_argument("--until-eof", action="store_true", help="end when standard input ends")
    chosen = parser.parse_args(argv)
    chosen.queue = chosen.queue or ["cpu"]
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        return _run(chosen)
    except KeyboardInterrupt:
        # Before anything was started; from then on an interrupt asks for an orderly end.
        return 130
    except BridgeError as exc:
        logging.getLogger("otio_bridge_worker").error("%s", exc)
        return exc.exit_code


def _run(chosen: argparse.Namespace) -> int:
    # Imported by role: the queue server's keeper needs neither rq, the ledger nor pydantic.
    if chosen.role == "queue-server":
        from otio_bridge_worker import queue_server  # noqa: PLC0415

        return queue_server.keep(chosen.project / STATE_FOLDER, kind=chosen.kind, tied=chosen.until_eof)
    if not chosen.until_eof:
        return _supervise(chosen)
    if chosen.role == "poller":
        from otio_bridge_worker import poller  # noqa: PLC0415

        return poller.run(chosen.project)
    from otio_bridge_worker import worker  # noqa: PLC0415

    return worker.run(chosen.project, chosen.queue[0], chosen.slot)


def _supervise(chosen: argparse.Namespace) -> int:
    """Typed by a person: the same under a supervisor, which replaces it and keeps Ctrl-C from its ffmpeg."""
    from otio_bridge.launch import up  # noqa: PLC0415
    from otio_bridge.settings import load  # noqa: PLC0415

    slots = dict.fromkeys(chosen.queue, 1) if chosen.role == "worker" else {}
    return up(
        load(chosen.project), slots=slots, poller=chosen.role == "poller", queue_server=False, say=print
    )


if __name__ == "__main__":
    sys.exit(main())
