"""The process that reads what may be hostile: `python -P -m otio_bridge.timeline.child FORMAT PATH [RATE]`.

It caps its own memory, reads one file through its adapter, and writes one JSON line to standard output:
`{"otio": …, "drop": …, "notes": […]}` or `{"refused": {…}}`. The adapters are called directly, so that no
plug-in, hook or media linker of the environment takes part.
"""

from __future__ import annotations

import json
import logging
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio

from otio_bridge import platform
from otio_bridge.errors import RefusedInput

#: Megabytes of address space; 10,000 clips of AAF need about 520.
MEMORY_MB = 3072


def main(arguments: list[str]) -> int:
    """Read one file; what the adapter raises becomes one sentence."""
    logging.disable(logging.CRITICAL)
    answer_to = sys.stdout
    # Adapters print; standard output carries the answer alone.
    sys.stdout = sys.stderr
    platform.limit_memory(MEMORY_MB)
    try:
        answer = _read(arguments[0], Path(arguments[1]), Fraction(arguments[2]) if arguments[2:] else None)
    except RefusedInput as exc:
        answer = {"refused": exc.as_dict()}
    except MemoryError:
        answer = {"refused": {"what": f"reading it needs more than {MEMORY_MB} MB of memory"}}
    except Exception as exc:  # noqa: BLE001 - adapters raise anything (10 types in 150 fuzzed AAFs)
        words = " ".join(str(exc).split())[:200]
        answer = {"refused": {"what": f"the adapter cannot read it ({type(exc).__name__}: {words})"}}
    json.dump(answer, answer_to)
    answer_to.flush()
    return 0


def _read(format: str, path: Path, rate: Fraction | None) -> dict[str, Any]:
    """Each reader is imported only where it is needed: a process starts for every file."""
    drop: bool | None
    if format == "edl":
        from otio_bridge.timeline.formats import edl  # noqa: PLC0415

        root, notes, drop = edl.read(path.read_bytes(), rate)
    elif format == "fcp7xml":
        from otio_bridge.timeline.formats import fcp7  # noqa: PLC0415

        root, notes, drop = fcp7.read(path.read_bytes())
    elif format == "aaf":
        from otio_bridge.timeline.formats import aaf  # noqa: PLC0415

        root, notes, drop = aaf.read(path)
    else:
        raise RefusedInput("no such format", value=format)
    text = otio.core.serialize_json_to_string(root, indent=-1)
    return {"otio": text, "drop": drop, "notes": [note.model_dump(mode="json") for note in notes]}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
