"""`python -P -m otio_bridge.testing.sandbox --book PATH`: the sandbox as a process of its own."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from pathlib import Path

from otio_bridge.errors import BridgeError
from otio_bridge.testing.sandbox.book import Book
from otio_bridge.testing.sandbox.misbehave import MISBEHAVIOURS, Mood, parse
from otio_bridge.testing.sandbox.models import MODELS
from otio_bridge.testing.sandbox.server import SandboxServer
from otio_bridge.testing.sandbox.service import Service

PORT = 7420
BOOK = Path(".otio-bridge/sandbox/book.jsonl")


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    wrongs = "\n".join(f"  {name:24}{what}" for name, what in MISBEHAVIOURS.items())
    parser = argparse.ArgumentParser(
        prog="otio-bridge sandbox",
        description="A stand-in for a hosted provider, with pretend money.",
        epilog=f"misbehaviours, NAME[=VALUE][*TIMES]:\n{wrongs}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--book", type=Path, default=BOOK, help=f"its book ({BOOK}); results lie beside it")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=PORT, help="0: any free one")
    parser.add_argument("--port-file", type=Path, help="write the port here once it listens")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long each generation waits")
    parser.add_argument(
        "--key", default=os.environ.get("OTIO_BRIDGE_SANDBOX_KEY", ""), help=argparse.SUPPRESS
    )
    parser.add_argument("--price", action="append", default=[], metavar="MODEL=AMOUNT")
    parser.add_argument("--misbehave", action="append", default=[], metavar="NAME")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input closes")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Serve until interrupted, or until standard input closes."""
    args = arguments().parse_args(argv)
    try:
        mood = Mood(parse(text) for text in args.misbehave)
    except BridgeError as exc:
        print(exc, file=sys.stderr)
        return exc.exit_code
    prices = dict(text.partition("=")[::2] for text in args.price)
    if unknown := set(prices) - set(MODELS):
        print(f"no such model: {', '.join(unknown)}; there are {', '.join(MODELS)}", file=sys.stderr)
        return 2
    service = Service(Book(args.book), mood, seconds=args.seconds, prices=prices)
    with SandboxServer((args.host, args.port), service, key=args.key) as server:
        if args.port_file:
            fresh = args.port_file.with_name(args.port_file.name + ".new")
            fresh.write_text(f"{server.server_address[1]}\n", encoding="ascii")
            fresh.replace(args.port_file)
        if args.until_eof:
            threading.Thread(target=_end_with_input, args=(server,), daemon=True).start()
        else:
            print(f"sandbox listening at {server.url}, book {args.book}", flush=True)
        try:
            server.serve_forever(poll_interval=0.1)
        except KeyboardInterrupt:
            pass
        finally:
            service.close()
    return 0


def _end_with_input(server: SandboxServer) -> None:
    while sys.stdin.buffer.read(4096):
        pass
    server.shutdown()


if __name__ == "__main__":
    sys.exit(main())
