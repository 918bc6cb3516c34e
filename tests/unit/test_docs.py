"""The docs know everything the code has: settings, states, errors, options, tables, links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

import otio_bridge.provider
import otio_bridge.store.tables
from otio_bridge.cli import main
from otio_bridge.errors import BridgeError
from otio_bridge.model.choice import SelectKind
from otio_bridge.model.diff import ChangeWord
from otio_bridge.model.marks import KEYS
from otio_bridge.model.request import Operation
from otio_bridge.model.take import MOVES, CallState, ReviewState, TakeState, WaitCode
from otio_bridge.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]


def read(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def headings(page: str) -> set[str]:
    return {line.lstrip("#").strip() for line in read(page).splitlines() if line.startswith("#")}


def codes(root: type[BridgeError] = BridgeError) -> Iterator[tuple[str, int]]:
    """Every error's code, those of the provider contract too (which is imported above)."""
    yield root.code, root.exit_code
    for below in root.__subclasses__():
        if below.__module__.startswith("otio_bridge"):
            yield from codes(below)


@pytest.mark.parametrize(("code", "exit_code"), sorted(set(codes())))
def test_every_error_code_has_a_heading(code: str, exit_code: int) -> None:
    assert code in headings("errors.md")
    section = read("errors.md").split(f"### {code}\n")[1].split("\n###")[0]
    said = re.findall(r"Exit (\d)", section)
    assert said in ([], [str(exit_code)])


@pytest.mark.parametrize(
    "heading",
    [f"take {state}" for state in TakeState]
    + [f"call {state}" for state in CallState]
    + [f"waiting {code}" for code in WaitCode]
    + [f"review {state}" for state in ReviewState],
)
def test_every_state_has_a_heading(heading: str) -> None:
    assert heading in headings("states.md")


def test_the_lettered_moves_are_the_moves() -> None:
    told: set[tuple[str, str]] = set()
    letters = []
    for letter, before, after in re.findall(
        r"^\| (\w) \| ([A-Z, ]+) → ([A-Z, ]+) \|", read("states.md"), re.M
    ):
        letters.append(letter)
        told |= {(a, b) for a in before.split(", ") for b in after.split(", ")}
    assert letters == sorted(set(letters))
    assert told == {(before.value, after.value) for before, moves in MOVES.items() for after in moves}


@pytest.mark.parametrize("word", ChangeWord)
def test_every_change_word_is_explained(word: ChangeWord) -> None:
    assert f"| `{word}` |" in read("how-it-works.md")


@pytest.mark.parametrize("table", sorted(otio_bridge.store.tables.metadata.tables))
def test_every_table_is_explained(table: str) -> None:
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", read("how-it-works.md"), re.M)
    assert table in {name for row in rows for name in re.findall(r"\w+", row)}


@pytest.mark.parametrize("word", [*KEYS, *Operation, *SelectKind])
def test_every_option_operation_and_term_is_in_the_grammar(word: str) -> None:
    assert re.search(rf"`{word}[`:]", read("selection.md"))


def test_every_note_is_explained() -> None:
    told = set(re.findall(r"^\| `([a-z0-9-]+)` \| (?:note|warn|refuse) \|", read("reading-edits.md"), re.M))
    written: set[str] = set()
    for folder in ("timeline", "workflow"):
        for file in (ROOT / "otio_bridge" / folder).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            written |= set(re.findall(r'Severity\.\w+,\s*(?:code=)?"([a-z0-9-]+)"', text))
    assert written == told


def settings_of(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        inner = getattr(kind, "__args__", [kind])[-1] if "dict[" in str(kind) else kind
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from settings_of(inner, f"{prefix}{name}{'.NAME' if inner is not kind else ''}.")
        elif not field.exclude:
            yield prefix + name


@pytest.mark.parametrize("setting", list(settings_of(Settings)))
def test_every_setting_has_a_heading_and_a_sentence(setting: str) -> None:
    assert setting in headings("settings.md")
    section = read("settings.md").split(f"### {setting}\n")[1].split("\n#")[0]
    assert len(section.strip().splitlines()[-1]) > 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


def test_every_dependency_has_its_reason() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = project["dependencies"] + [
        line for extra in project["optional-dependencies"].values() for line in extra
    ]
    for line in lines:
        name = re.match(r"[\w-]+(\[\w+\])?", line)
        assert name is not None
        assert f"`{name.group()}`" in read("decisions.md"), line


def test_the_lock_holds_every_dependency() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    lock = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8").lower()
    pinned = {line.partition("==")[0].replace("_", "-") for line in lock.splitlines() if "==" in line}
    names = {re.match(r"[\w-]+", line.lower()).group().replace("_", "-") for line in wanted}
    assert names <= pinned
    assert "@" not in lock
    assert "--" not in lock, "no hosts, no hashes, no options"


def command_lines() -> Iterator[tuple[str, str]]:
    """Every `otio-bridge …` a page shows, in a block or in a sentence."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"```[a-z]*\n(.*?)```", text, re.S)
        shown = [line.partition("  #")[0].strip() for block in blocks for line in block.splitlines()]
        shown += re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
        for line in dict.fromkeys(shown):
            if line.startswith("otio-bridge ") and "…" not in line:
                yield page.name, line


@pytest.mark.parametrize(("page", "line"), sorted(set(command_lines())))
def test_every_command_line_shown_can_be_typed(page: str, line: str) -> None:
    context = main.make_context("otio-bridge", shlex.split(line)[1:])
    command: click.Command = main
    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(context, [*context._protected_args, *context.args])
        assert found is not None, page
        command, context = found, found.make_context(name, words, parent=context)
