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
    parser.add_argument("--queue", action="append", help="a queue the worker serves (cpu)")
    parser.add_argument("--slot", type=int, default=0, help="which of the queue's workers this is")
    parser.add_argument(
        "--kind", choices=["valkey", "fake"], default="valkey", help="the queue server's make"
    )
    parser.add_argument("--until-eof", action="store_true", help="end when standard input ends")
    chosen = parser.parse_args(argv)
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        return _run(chosen)
    except BridgeError as exc:
        logging.getLogger("otio_bridge_worker").error("%s", exc)
        return exc.exit_code


def _run(chosen: argparse.Namespace) -> int:
    # Imported by role: the queue server's keeper needs neither rq, the ledger nor pydantic.
    if chosen.role == "queue-server":
        from otio_bridge_worker import queue_server  # noqa: PLC0415

        return queue_server.keep(chosen.project / STATE_FOLDER, kind=chosen.kind, tied=chosen.until_eof)
    if chosen.role == "poller":
        from otio_bridge_worker import poller  # noqa: PLC0415

        return poller.run(chosen.project, tied=chosen.until_eof)
    from otio_bridge_worker import worker  # noqa: PLC0415

    return worker.run(chosen.project, chosen.queue or ["cpu"], chosen.slot, tied=chosen.until_eof)


if __name__ == "__main__":
    sys.exit(main())
