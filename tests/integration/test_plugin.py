"""The OTIO plug-in as OpenTimelineIO finds and runs it, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import opentimelineio as otio

import otio_bridge
from tests.unit.cuts import clip, cut

MANIFEST = Path(otio_bridge.__file__).parent / "otio_plugin" / "plugin_manifest.json"


def run(code: str, *arguments: object, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Python with our manifest and no entry points, warnings shown."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTIO_", "PYTHON"))}
    ours = {"OTIO_PLUGIN_MANIFEST_PATH": str(MANIFEST), "OTIO_DISABLE_ENTRYPOINTS_PLUGINS": "1"}
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True, text=True, timeout=120, cwd=cwd, env={**kept, **ours, **env},
    )  # fmt: skip


READ = """
import sys, json, opentimelineio as otio
timeline = otio.adapters.read_from_file(sys.argv[1], media_linker_name="otio_bridge",
    media_linker_argument_map=json.loads(sys.argv[2]))
print(timeline.to_json_string())
"""


def test_the_manifest_names_a_documented_linker(tmp_path: Path) -> None:
    code = "from opentimelineio.console.otiopluginfo import main; main()"
    done = run(code, "otio_bridge", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Adds the takes of an OTIO Bridge project" in done.stdout


def test_the_plugin_costs_nothing_until_it_is_used(tmp_path: Path) -> None:
    code = (
        "import sys, opentimelineio as otio, otio_bridge.otio_plugin; otio.plugins.ActiveManifest();"
        "print([m for m in ('sqlalchemy', 'av', 'pydantic') if m in sys.modules])"
    )
    assert run(code, cwd=tmp_path).stdout.strip() == "[]"


def test_without_a_project_the_read_works_and_warns_once(tmp_path: Path) -> None:
    timeline = cut(clip("A"), clip("B"))
    path = tmp_path / "cut.otio"
    otio.adapters.write_to_file(timeline, str(path))
    done = run(READ, path, "{}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads(timeline.to_json_string())
    assert done.stderr.count("no takes were added") == 1
    assert "otio-bridge init" in done.stderr


def test_a_project_without_a_ledger_is_told_and_gets_none(tmp_path: Path) -> None:
    (tmp_path / "otio-bridge.toml").write_text('[project]\nname = "SC"\n')
    path = tmp_path / "cut.otio"
    otio.adapters.write_to_file(cut(clip("A")), str(path))
    done = run(READ, path, json.dumps({"project": str(tmp_path)}), cwd=Path(tmp_path.anchor))
    assert done.returncode == 0, done.stderr
    assert "no ledger yet" in done.stderr
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["cut.otio", "otio-bridge.toml"]
