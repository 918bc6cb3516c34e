"""What is installed is what is here: every package, migration and data file is in the wheel."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ["otio_bridge", "worker/otio_bridge_worker", "providers/otio_bridge_providers"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, check=True, cwd=ROOT, capture_output=True)
    (made,) = folder.glob("*.whl")
    return zipfile.ZipFile(made)


def test_every_file_of_the_packages_is_in_it(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    for package in PACKAGES:
        root = ROOT / package
        for file in root.rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                assert file.relative_to(root.parent).as_posix() in names
    for script in (ROOT / "resolve_scripts").iterdir():
        if script.is_file():
            assert f"otio_bridge/resolve_scripts/{script.name}" in names


def test_nothing_else_is_in_it(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        Path(package).name for package in PACKAGES
    }


def test_it_announces_its_command_and_plug_ins(wheel: zipfile.ZipFile) -> None:
    (entries,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    text = wheel.read(entries).decode()
    for group in ("[console_scripts]", "[otio_bridge.providers]", "[opentimelineio.plugins]"):
        assert group in text
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())
