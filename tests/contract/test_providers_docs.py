"""The plug-in of docs/writing-a-provider.md is found, run and tried as a stranger's would be."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from otio_bridge.provider import ProviderConfig
from otio_bridge.registry import GROUP, load_providers
from otio_bridge.settings import Settings
from otio_bridge.testing.conformance import check_provider
from otio_bridge.testing.sandbox.misbehave import MISBEHAVIOURS
from otio_bridge.testing.sandbox.models import MODELS
from otio_bridge_providers.sandbox import SandboxProvider

PAGE = (Path(__file__).parents[2] / "docs" / "writing-a-provider.md").read_text(encoding="utf-8")


def test_the_twenty_lines_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in, trial = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    announced = re.search(r'^mirror = "(.+)"$', PAGE, re.MULTILINE)
    assert announced
    written = [line for line in plug_in.splitlines() if line.strip() and not line.startswith('"""')]
    assert len(written) <= 20
    (tmp_path / "acme_mirror.py").write_text(plug_in, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    found = load_providers(Settings(), [EntryPoint("mirror", announced[1], GROUP)])
    assert found.broken == {}
    assert found.names() == ["mirror"]

    names: dict[str, object] = {"Mirror": type(found.get("mirror"))}
    exec(compile(trial, "writing-a-provider.md", "exec"), names)
    test = names["test_mirror_keeps_the_contract"]
    assert callable(test)
    test(tmp_path / "trial")
    report = check_provider(type(found.get("mirror")), folder=tmp_path / "again")
    assert "runs_exactly" in {case.name for case in report.kept}


@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_the_page_tells_every_misbehaviour(name: str) -> None:
    assert f"| `{name}` | {MISBEHAVIOURS[name]} |" in PAGE


def test_the_page_tells_every_model_and_price() -> None:
    for entry in SandboxProvider(ProviderConfig(name="sandbox")).capabilities().models:
        assert entry.price
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{entry.model}`"))
        assert f"{MODELS[entry.model].price} a {entry.price.unit}" in row
