"""The OTIO plug-in as OpenTimelineIO finds and runs it, in a process of its own."""

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio

import otio_bridge
from otio_bridge.media.decode import decode
from otio_bridge.testing.framecode import make_movie, read_code
from tests.e2e.loop import clip as shot
from tests.e2e.loop import opened, project, save, sent, timeline
from tests.unit.linkable import clip, cut

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


def test_any_otio_tool_gets_the_takes_of_the_ledger(tmp_path: Path) -> None:
    """A project with one READY take; `otioconvert -m otio_bridge` writes it beside the original, active."""
    folder = tmp_path / "project"
    with opened(project(folder)) as app:
        movie = make_movie(folder / "A001.mov", range(30), Fraction(24), codec="prores", start=86400)
        marked = shot(
            movie, start=86410, frames=6, rate=Fraction(24), first=86400, count=30, mark="@deflicker"
        )
        plain = shot(movie, start=86422, frames=4, rate=Fraction(24), first=86400, count=30)
        path = save(timeline(marked, plain), folder / "cut_v001.otio")
        sent(app, path)
    out = tmp_path / "review.otio"
    code = "from opentimelineio.console.otioconvert import main; main()"
    arguments = ["-i", path, "-o", out, "-m", "otio_bridge", "-M", f"project='{folder}'", "-M", "newest=True"]
    done = run(code, *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "no takes were added" not in done.stderr
    linked = otio.adapters.read_from_file(str(out))
    one, other = linked.tracks[0]
    assert one.active_media_reference_key == "otio_bridge/v001"
    assert one.media_references()["DEFAULT_MEDIA"].target_url == str(movie)
    assert one.source_range == marked.source_range
    assert set(other.media_references()) == {"DEFAULT_MEDIA"}
    assert read_code(next(iter(decode(one.media_reference.target_url.removeprefix("file://"), [8])))) == 10
