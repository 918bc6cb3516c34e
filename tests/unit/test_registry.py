"""Providers are found by entry point; what cannot be used is named with its reason, never skipped."""

from __future__ import annotations

import textwrap
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from otio_bridge.errors import RefusedInput
from otio_bridge.provider import ProviderConfig
from otio_bridge.registry import GROUP, Registry, load_providers
from otio_bridge.settings import MoneySettings, ProviderSettings, Settings
from otio_bridge_providers.local import LocalProvider

LOCAL = EntryPoint("local", "otio_bridge_providers.local:LocalProvider", GROUP)


def registry(*found: EntryPoint, **sections: ProviderSettings) -> Registry:
    return load_providers(Settings(providers=sections), found)


def plug_in(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, body: str) -> EntryPoint:
    (folder / f"plugin_{name}.py").write_text(textwrap.dedent(body), encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    return EntryPoint(name, f"plugin_{name}:Plugin", GROUP)


def test_a_provider_is_made_once_with_its_section() -> None:
    money = MoneySettings(currency="USD")
    found = load_providers(Settings(money=money, providers={}), [LOCAL])
    assert isinstance(found.get("local"), LocalProvider)
    assert found.get("local") is found.get("local")
    assert found.names() == ["local"]
    assert found.broken == {}


def test_the_section_reaches_the_provider(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    entry = plug_in(
        monkeypatch,
        tmp_path,
        "told",
        """
        from otio_bridge_providers.local import LocalProvider
        class Plugin(LocalProvider):
            name = "told"
            def __init__(self, config):
                self.config = config
            def capabilities(self):
                return super().capabilities().model_copy(update={"name": "told"})
        """,
    )
    section = ProviderSettings(url="https://told.example", options={"a": "b"}, timeout=3)
    found = load_providers(
        Settings(money=MoneySettings(currency="USD"), providers={"told": section}), [entry]
    )
    config = found.get("told").config  # type: ignore[union-attr]
    assert config == ProviderConfig(
        name="told", url="https://told.example", options={"a": "b"}, timeout=3, currency="USD"
    )


def test_nothing_is_imported_before_it_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    entry = plug_in(monkeypatch, tmp_path, "bomb", "raise RuntimeError('boom')")
    found = registry(LOCAL, entry)
    assert found.get("local")
    assert found.names() == ["local"]
    assert found.broken == {"bomb": "plugin_bomb:Plugin: RuntimeError: boom"}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("import no_such_module", "ModuleNotFoundError"),
        ("x = 1", "AttributeError"),
        ("class Plugin:\n    def __init__(self, config): raise ValueError('no key')", "ValueError: no key"),
        ("class Plugin:\n    def __init__(self, config): pass", "it has no capabilities()"),
        (
            "class Plugin:\n    name='p'\n    def __init__(self, config): pass\n"
            "    def capabilities(self): return {'models': []}",
            "capabilities() gave dict, not Capabilities",
        ),
        (
            "from otio_bridge.provider import Capabilities\n"
            "class Plugin:\n    name='q'\n    def __init__(self, config): pass\n"
            "    def capabilities(self): return Capabilities(name='q', local=True, models=())",
            "it calls itself 'q' and 'q', its entry point 'p'",
        ),
        (
            "from otio_bridge.provider import Capabilities\n"
            "class Plugin:\n    name='p'\n    def __init__(self, config): pass\n"
            "    def capabilities(self): return Capabilities(name='p', models=())\n"
            "    def estimate(self, part): return None\n"
            "    def submit(self, part): return None",
            "it lacks what a remote provider has: upload, poll, fetch, list_calls, cancel",
        ),
    ],
)
def test_a_broken_plug_in_is_reported_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str, why: str
) -> None:
    monkeypatch.delitem(__import__("sys").modules, "plugin_p", raising=False)
    found = registry(LOCAL, plug_in(monkeypatch, tmp_path, "p", body))
    assert why in found.broken["p"]
    with pytest.raises(RefusedInput) as refused:
        found.get("p")
    assert why in str(refused.value)
    assert "allowed: local" in str(refused.value)
    assert found.names() == ["local"]


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(RefusedInput, match=r"no such provider: nobody · allowed: local"):
        registry(LOCAL).get("nobody")


def test_a_section_without_a_package_is_reported() -> None:
    found = registry(LOCAL, runway=ProviderSettings())
    assert found.broken == {"runway": "otio-bridge.toml configures it, and no installed package offers it"}
    with pytest.raises(RefusedInput, match="no installed package offers it"):
        found.get("runway")


def test_a_provider_that_is_off_is_not_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    entry = plug_in(monkeypatch, tmp_path, "off", "raise RuntimeError('loaded')")
    found = registry(LOCAL, entry, off=ProviderSettings(enabled=False))
    assert (found.names(), found.broken) == (["local"], {})
    with pytest.raises(RefusedInput, match="switched off"):
        found.get("off")


def test_two_packages_with_one_name_are_reported() -> None:
    found = registry(LOCAL, EntryPoint("local", "other:Local", GROUP))
    assert "two packages offer it" in found.broken["local"]


def test_closing_closes_what_a_provider_holds_open() -> None:
    found = registry(EntryPoint("sandbox", "otio_bridge_providers.sandbox:SandboxProvider", GROUP))
    provider = found.get("sandbox")
    found.close()
    assert provider._http._kept.is_closed  # type: ignore[union-attr]
