"""The command line as it is typed, and the published schemas held against what it prints."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from otio_bridge.cli import main

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schemas"
#: JSON Schema's type -> Python's; a bool is no number there.
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "number": (int, float),
    "boolean": (bool,), "null": (type(None),),
}  # fmt: skip
#: What a schema says to people only.
_TOLD = {"$schema", "$defs", "title", "description", "default", "examples", "format"}
#: What it says of the value, as far as our schemas use it.
_RULES = {
    "anyOf", "type", "enum", "pattern", "minimum", "maximum", "exclusiveMaximum", "items", "required", "properties",
    "additionalProperties",
}  # fmt: skip


def typed(folder: Path, *words: object, exit_code: int = 0) -> Result:
    """Type a command about the project in `folder`; it must end with `exit_code` and without a traceback."""
    at = 2 if words[:2] == ("takes", "add") else 1
    result = CliRunner().invoke(main, [str(word) for word in (*words[:at], "-C", folder, *words[at:])])
    assert_ended(result, exit_code)
    return result


def assert_ended(result: Result, exit_code: int) -> None:
    """It ended by itself, as it should."""
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert result.exit_code == exit_code, (result.stdout, result.stderr)


def printed(folder: Path, *words: object, exit_code: int = 0) -> Any:
    """What the command prints with `--json`, held against its published schema."""
    document = json.loads(typed(folder, *words, "--json", exit_code=exit_code).stdout)
    name = "-".join(map(str, words[:1]))
    if name == "takes":
        name = "takes-add" if words[1:2] == ("add",) else "takes-list"
    assert_valid(document, name)
    return document


def assert_valid(document: Any, name: str) -> None:
    """The document is what `docs/schemas/NAME.json` says."""
    schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    problems = list(_problems(document, schema, schema, "$"))
    assert problems == [], problems


def _problems(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str) -> list[str]:
    """What is wrong with a value; a keyword this does not know is wrong too."""
    if "$ref" in schema:
        return _problems(value, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root, at)
    found = [f"{at}: the test does not know {key}" for key in schema.keys() - _TOLD - _RULES]
    if "anyOf" in schema and all(_problems(value, one, root, at) for one in schema["anyOf"]):
        found.append(f"{at}: {value!r} is of none of its kinds")
    kind = schema.get("type")
    if kind is not None and (
        not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")
    ):
        return [*found, f"{at}: {value!r} is no {kind}"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: {value!r} is not among {schema['enum']}")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{at}: {value!r} is not {schema['pattern']}")
    if "minimum" in schema and value < schema["minimum"]:
        found.append(f"{at}: {value} is less than {schema['minimum']}")
    if "maximum" in schema and value > schema["maximum"]:
        found.append(f"{at}: {value} is more than {schema['maximum']}")
    if "exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"]:
        found.append(f"{at}: {value} is not less than {schema['exclusiveMaximum']}")
    if isinstance(value, list) and "items" in schema:
        found += [
            one
            for i, each in enumerate(value)
            for one in _problems(each, schema["items"], root, f"{at}[{i}]")
        ]
    if isinstance(value, dict):
        found += _fields(value, schema, root, at)
    return found


def _fields(value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], at: str) -> list[str]:
    """What is wrong with an object's fields."""
    found = [f"{at}: {name} is missing" for name in schema.get("required", ()) if name not in value]
    known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name, each in value.items():
        if name in known:
            found += _problems(each, known[name], root, f"{at}.{name}")
        elif isinstance(others, dict):
            found += _problems(each, others, root, f"{at}.{name}")
        elif not others:
            found.append(f"{at}: {name} is not in the schema")
    return found
