"""`python -m otio_bridge`: the command line."""

from otio_bridge.cli import run

if __name__ == "__main__":
    run()
