"""The generated pages are what the code says now, and cover every command and provider."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import click
import pytest

from otio_bridge.cli import COMMANDS, main

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_page_drifted(generate: ModuleType) -> None:
    pages = generate.pages()
    assert [
        path.name for path, text in pages.items() if not path.is_file() or path.read_text("utf-8") != text
    ] == []
    kept = set((DOCS / "schemas").glob("*.json"))
    assert kept <= set(pages), "schemas of commands that are gone"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_heading(command: str) -> None:
    assert f"\n## otio-bridge {command}\n" in (DOCS / "commands.md").read_text(encoding="utf-8")


def test_every_command_that_prints_json_has_a_schema(generate: ModuleType) -> None:
    root = click.Context(main)
    found = set()
    for name in COMMANDS:
        for words, context in generate.leaves(main.get_command(root, name), name, root):
            if any(parameter.name == "as_json" for parameter in context.command.params):
                found.add(words)
    assert found == set(generate.REPORTS)


def test_every_schema_is_closed_and_says_what_it_is(generate: ModuleType) -> None:
    for name in generate.REPORTS | generate.FILES:
        schema = json.loads((DOCS / "schemas" / generate.schema_file(name)).read_text(encoding="utf-8"))
        assert schema["additionalProperties"] is False, name
        assert schema["description"], name


def test_every_provider_works_and_has_a_heading(generate: ModuleType) -> None:
    page = (DOCS / "providers.md").read_text(encoding="utf-8")
    for entry in generate.shipped():
        assert f"\n## {entry.name}\n" in page
