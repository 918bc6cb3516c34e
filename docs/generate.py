"""Writes the pages that come from the code: settings, commands, providers and JSON schemas.

`python docs/generate.py` writes them (`make docs`); `--check` only says whether they are up to date, and
exits with 1 where they are not.
"""

from __future__ import annotations

import importlib
import json
import sys
import tomllib
from collections.abc import Iterator
from fractions import Fraction
from importlib.metadata import EntryPoint
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import click
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from otio_bridge.cli import COMMANDS, main
from otio_bridge.model.value import fraction_text
from otio_bridge.provider import Capabilities, ModelCapability
from otio_bridge.registry import GROUP, load_providers
from otio_bridge.settings import Settings

DOCS = Path(__file__).resolve().parent
_MADE = "<!-- Written by docs/generate.py (make docs); edit the code it comes from. -->\n\n"
#: Command -> the model its `--json` prints.
REPORTS: dict[str, str] = {
    "init": "workflow.init:InitReport",
    "demo": "cli.demo:DemoReport",
    "shots": "workflow.reading:ShotsReport",
    "plan": "workflow.plan:PlanReport",
    "send": "workflow.dispatch:SendReport",
    "status": "workflow.status:StatusReport",
    "takes list": "workflow.status:TakesReport",
    "takes add": "workflow.status:TakesReport",
    "pick": "workflow.review:Decision",
    "review": "workflow.review:Decision",
    "relink": "workflow.relink:RelinkResult",
    "sheet": "workflow.sheet:SheetReport",
    "retry": "workflow.mending:Mended",
    "cancel": "workflow.mending:Mended",
    "resolve-uncertain": "workflow.mending:Mended",
    "doctor": "workflow.doctor:DoctorReport",
}
#: Files we write that others read.
FILES: dict[str, str] = {"sidecar": "model.relink:Sidecar"}


def pages() -> dict[Path, str]:
    """Every generated page and what it should say."""
    made = {
        DOCS / "settings.md": settings_page(),
        DOCS / "commands.md": commands_page(),
        DOCS / "providers.md": providers_page(),
    }
    for name, model in (REPORTS | FILES).items():
        made[DOCS / "schemas" / schema_file(name)] = schema(model)
    return made


def schema_file(command: str) -> str:
    """Where a command's schema lies in docs/schemas."""
    return f"{command.replace(' ', '-')}.json"


# ---------------------------------------------------------------- settings


def settings_page() -> str:
    """docs/settings.md."""
    lines = [
        "# Settings\n",
        "`otio-bridge init` writes an `otio-bridge.toml` with the ones most projects touch. Any of them can "
        "be set in the environment instead, which outranks the file; tables and lists are JSON there. "
        "Where `NAME` stands, put the provider's name.\n",
    ]
    lines += _entries(Settings, "", "OTIO_BRIDGE_")
    return _MADE + "\n".join(lines).rstrip() + "\n"


def _entries(model: type[BaseModel], prefix: str, env: str) -> Iterator[str]:
    """A model's own settings first, then its sections."""
    sections: list[tuple[str, type[BaseModel]]] = []
    for name, field in model.model_fields.items():
        section = _section(field.annotation)
        if field.exclude:
            continue
        if section is not None:
            by_name = get_origin(field.annotation) is dict
            sections.append((f"{prefix}{name}{'.NAME' if by_name else ''}", section))
            continue
        yield f"### {prefix}{name}\n"
        facts = [_kind(field.annotation), *_limits(field), f"default `{_default(field)}`"]
        yield f"{', '.join(facts)} · `{env}{name.upper()}`\n"
        yield f"{field.description}\n"
    for place, section in sections:
        yield f"## [{place}]\n"
        yield f"{(section.__doc__ or '').strip()}\n"
        yield from _entries(section, f"{place}.", f"{env}{place.upper().replace('.', '__')}__")


def _section(annotation: Any) -> type[BaseModel] | None:
    inner = get_args(annotation)[-1] if get_origin(annotation) is dict else annotation
    return inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None


_KINDS: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    SecretStr: "secret",
    Fraction: "exact number, as `24000/1001` or `23.976`",
}


def _kind(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return _kind(next(kind for kind in inner if kind is not NoneType))
    if origin is Literal:
        return "one of " + ", ".join(f"`{value}`" for value in inner)
    if origin is dict:
        return f"table of {_kind(inner[1])}"
    if origin is list:
        return f"list of {_kind(inner[0])}"
    if hasattr(annotation, "__metadata__"):
        return _kind(inner[0])
    return _KINDS[annotation]


def _limits(field: FieldInfo) -> Iterator[str]:
    signs = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
    for limit in field.metadata:
        for sign, words in signs.items():
            if getattr(limit, sign, None) is not None:
                yield f"{words} {getattr(limit, sign)}"


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is PydanticUndefined:
        return "none"
    if isinstance(value, Fraction):
        return fraction_text(value)
    return "none" if value is None else json.dumps(value, ensure_ascii=False)


# ---------------------------------------------------------------- commands


def commands_page() -> str:
    """docs/commands.md: each command's own `--help`."""
    lines = [
        "# Commands\n",
        "Every command that prints a result has `--json`; its schema is in [schemas](schemas). What any of "
        'them prints when it cannot is `{"error": {"code", "what", "value", "allowed", "next"}}`, and '
        "[errors](errors.md) lists the codes and what is exited with.\n",
    ]
    root = click.Context(main, info_name="otio-bridge", terminal_width=100, **main.context_settings)
    lines += [_help(main, root)]
    for name in COMMANDS:
        command = main.get_command(root, name)
        assert command is not None
        lines += _commands(command, name, root)
    return _MADE + "\n".join(lines).rstrip() + "\n"


def leaves(command: click.Command, name: str, parent: click.Context) -> Iterator[tuple[str, click.Context]]:
    """A command, or those below it, by the words that call it."""
    # As a call would make it; the width is said, or it would be this terminal's.
    words = name.rpartition(" ")[2]
    context = click.Context(
        command, info_name=words, parent=parent, terminal_width=100, **command.context_settings
    )
    yield name, context
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            inner = command.get_command(context, below)
            assert inner is not None
            yield from leaves(inner, f"{name} {below}", context)


def _commands(command: click.Command, name: str, parent: click.Context) -> Iterator[str]:
    for words, context in leaves(command, name, parent):
        yield f"{'##' if words == name else '###'} otio-bridge {words}\n"
        if words in REPORTS:
            yield f"JSON: [schemas/{schema_file(words)}](schemas/{schema_file(words)})\n"
        yield _help(context.command, context)


def _help(command: click.Command, context: click.Context) -> str:
    return f"```\n{command.get_help(context).rstrip()}\n```\n"


def schema(where: str) -> str:
    """The JSON schema of a model, named as `module:Class`."""
    module, _, name = where.partition(":")
    model: type[BaseModel] = getattr(importlib.import_module(f"otio_bridge.{module}"), name)
    made = model.model_json_schema(mode="serialization")
    made = {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


# ---------------------------------------------------------------- providers


def providers_page() -> str:
    """docs/providers.md: what the providers that come along say they can do."""
    registry = load_providers(Settings.model_construct(providers={}), shipped())
    lines = [
        "# Providers\n",
        "What comes along. Others are packages of their own ([writing a provider](writing-a-provider.md)); "
        "`otio-bridge doctor` shows what is installed.\n",
    ]
    for name in registry.names():
        can = registry.get(name).capabilities()
        lines += [f"## {name}\n", *_provider(can)]
    return _MADE + "\n".join(lines).rstrip() + "\n"


def shipped() -> list[EntryPoint]:
    """The providers this project announces, whatever else is installed."""
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    announced = project["entry-points"][GROUP]
    return [EntryPoint(name=name, value=value, group=GROUP) for name, value in announced.items()]


def _provider(can: Capabilities) -> Iterator[str]:
    if can.local:
        yield "Works on this machine, costs nothing, and is done again where it was interrupted.\n"
    else:
        yield f"Hosted. Sending the same request twice: `{can.submit}`.\n"
    yield "| model | operations | references | options | price | remarks |"
    yield "|---|---|---|---|---|---|"
    for model in can.models:
        yield _model_row(model)
    yield ""


def _model_row(model: ModelCapability) -> str:
    price = "" if model.price is None else f"{model.price.amount} a {model.price.unit}"
    cells = [
        model.model,
        ", ".join(sorted(model.operations)),
        ", ".join(sorted(model.roles)),
        ", ".join(sorted(model.options)),
        price or "free",
        "temp" if model.temp else "",
    ]
    return "| " + " | ".join(cells) + " |"


def run(check: bool) -> int:
    """Write the pages, or say which differ."""
    made = pages()
    stale = [path for path, text in made.items() if not path.is_file() or path.read_text("utf-8") != text]
    for path in stale:
        print(f"{'stale' if check else 'written'}: {path.relative_to(DOCS.parent)}")
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(made[path], encoding="utf-8", newline="\n")
    if check and stale:
        print("next: make docs")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(run("--check" in sys.argv[1:]))
