"""Shot lists: a CSV or YAML file with a row a shot.

Columns: `clip`, `record`, `track` say where (see model.choice.ShotRow), `shot` names it, `operation` and
`prompt` say what, and every option of a mark may be a column: `provider`, `takes`, `seed`, `camera` …
Several references in one `ref` cell are separated by `;`. A CSV may be separated by comma, semicolon or
tab (the header line tells). YAML is a list of mappings with the same keys; a top-level mapping may hold
`defaults:` and `shots:`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from otio_bridge.errors import RefusedInput
from otio_bridge.model.choice import ShotRow
from otio_bridge.model.marks import KEYS, make_ask

_PLACES = ("clip", "record", "track")
_ALIASES = {"shot": "name", "negative_prompt": "negative", "color": "colour"}
COLUMNS = (*_PLACES, "shot", "operation", "prompt", *(key for key in KEYS if key != "name"))
#: Larger lists are no shot lists.
_LIMIT = 16 * 1024 * 1024


def read_shot_list(path: Path) -> tuple[ShotRow, ...]:
    """The rows of a shot list. Raises RefusedInput naming every problem of the file at once."""
    try:
        raw = path.read_bytes()[: _LIMIT + 1]
        text = raw.decode("utf-8-sig")
    except OSError as exc:
        raise RefusedInput("the shot list cannot be read", value=path) from exc
    except UnicodeDecodeError as exc:
        raise RefusedInput("the shot list is not UTF-8 text", value=path) from exc
    if len(raw) > _LIMIT:
        raise RefusedInput("the shot list is larger than 16 MB", value=path)
    suffix = path.suffix.lower()
    if suffix == ".csv":
        rows = _csv_rows(text)
    elif suffix in (".yaml", ".yml"):
        rows = _yaml_rows(text, path)
    else:
        raise RefusedInput("not a shot list", value=path, allowed=".csv, .yaml")
    problems: list[str] = []
    found = [_row(row, f"{path.name} row {number}", problems) for number, row in rows]
    if problems:
        raise RefusedInput("; ".join(problems), value=path, allowed=f"columns {', '.join(COLUMNS)}")
    if not found:
        raise RefusedInput("the shot list has no rows", value=path)
    return tuple(row for row in found if row is not None)


def _csv_rows(text: str) -> list[tuple[int, dict[str, str]]]:
    """Rows with their line numbers as a spreadsheet shows them (the header is 1)."""
    header = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text.replace("\0", "")), delimiter=delimiter)
    lines = [(number, line) for number, line in enumerate(reader, 1) if any(cell.strip() for cell in line)]
    if not lines:
        return []
    names = [name.strip() for name in lines[0][1]]
    rows = []
    for number, line in lines[1:]:
        row = {name: cell for name, cell in zip(names, line, strict=False) if name or cell.strip()}
        if any(cell.strip() for cell in line[len(names) :]):
            row["more cells than columns"] = "x"
        rows.append((number, row))
    return rows


def _yaml_rows(text: str, path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        if "&" in text and any(
            isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)
        ):
            # Aliases are how a small YAML becomes a huge one.
            raise RefusedInput("the shot list uses YAML aliases", value=path, next="write the rows out")
        document: Any = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as exc:
        where = getattr(exc, "problem_mark", None)
        line = f" at line {where.line + 1}" if where is not None else ""
        raise RefusedInput(f"the shot list is no YAML{line}", value=path) from exc
    defaults: dict[str, Any] = {}
    if isinstance(document, Mapping) and "shots" in document and set(document) <= {"shots", "defaults"}:
        defaults, document = document.get("defaults") or {}, document["shots"]
    rows = document if isinstance(document, list) else [None]
    if not all(isinstance(row, Mapping) for row in (defaults, *rows)):
        raise RefusedInput(
            "the shot list is no list of shots", value=path, next="write `- clip: NAME` a shot"
        )
    return [(number, _flat({**defaults, **row})) for number, row in enumerate(rows, 1)]


def _flat(row: Mapping[str, Any]) -> dict[str, str]:
    """A YAML row as text; lists (of references) are joined, `options:` and `brief:` mappings opened."""
    flat: dict[str, str] = {}
    for key, value in row.items():
        if isinstance(value, Mapping):
            flat.update((f"option.{k}" if key == "options" else str(k), str(v)) for k, v in value.items())
        elif isinstance(value, list):
            flat[str(key)] = "; ".join(map(str, value))
        elif value is not None:
            flat[str(key)] = str(value)
    return flat


def _row(row: Mapping[str, str], where: str, problems: list[str]) -> ShotRow | None:
    """One row, or its problems added to the list."""
    cells = {_ALIASES.get(key, key): value.strip() for key, value in row.items() if value.strip()}
    unknown = [
        key
        for key in row
        if _ALIASES.get(key, key) not in (*COLUMNS, "name") and not key.startswith("option.")
    ]
    if unknown:
        problems.append(f"{where} has unknown columns: {', '.join(unknown)}")
        return None
    operation = cells.pop("operation", "")
    prompt = cells.pop("prompt", "")
    places = {key: cells.pop(key, None) for key in _PLACES}
    if not operation:
        problems.append(f"{where} says no operation")
        return None
    if not any(places.values()) and "name" not in cells:
        problems.append(f"{where} names no clip: give clip, record, track or shot")
        return None
    pairs = [
        (key, part)
        for key, value in cells.items()
        for part in ([p.strip() for p in value.split(";") if p.strip()] if key == "ref" else [value])
    ]
    try:
        return ShotRow(where=where, ask=make_ask(operation, prompt, pairs, where=where), **places)
    except RefusedInput as exc:
        problems.append(exc.what + (f" ({exc.value})" if exc.value else ""))
        return None
