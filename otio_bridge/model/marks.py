r"""The mark an editor writes: `@operation key=value … prompt`.

    @restyle provider=sandbox takes=3 seed=7 negative="blurry, text" rainy night, neon

* A mark starts with `@` and the operation's name, at the very start of a marker's name or note.
* Options follow. They end at the first word that is no known `key=value`; `--` ends them too, for prompts
  that begin like an option. A value with spaces is quoted (`"…"`, `\"` and `\\` inside).
* The rest is the prompt.
* `first=`, `last=` and `ref=` name references: a file, `plate`, or a take. `ref=` may say its role and
  strength: `ref=character:hero.png`, `ref=control@0.5:depth.mov`; without a role it steers the style.
* `option.NAME=value` reaches options that only one provider knows.

Our token stands in the last line of a marker's note, `otio-bridge:TOKEN`; the lines before are the editor's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from otio_bridge.errors import RefusedInput
from otio_bridge.model.request import Ask, Brief, Operation, Reference, Role
from otio_bridge.model.value import exact, fraction_text

#: Key -> field of Ask.
_FIELDS: dict[str, str] = {
    "provider": "provider",
    "model": "model",
    "takes": "takes",
    "seed": "seed",
    "name": "name",
    "handles": "handles",
    "priority": "priority",
    "negative": "negative_prompt",
}
_REFERENCES = ("first", "last", "ref")
#: Options every provider may be asked for; others are reached as `option.NAME`.
OPTIONS = (
    "audio",
    "color",
    "colour",
    "deinterlace",
    "fit",
    "length",
    "max_cost",
    "parent",
    "rate",
    "scale",
    "size",
    "strength",
    "transport",
)
BRIEF = tuple(Brief.model_fields)
#: Every key a mark, a shot-list column or the command line may use.
KEYS = (*_FIELDS, *_REFERENCES, *OPTIONS, *BRIEF)
_FREE = "option."

_MARK = re.compile(r"\s*@(?P<operation>[A-Za-z][A-Za-z_-]*)(?=\s|$)")
_KEY = re.compile(r"(?P<key>option\.[A-Za-z0-9_.-]+|[A-Za-z_]+)=")
_QUOTED = re.compile(r'["“”](?P<value>(?:[^"“”\\]|\\.)*)["“”](?=\s|$)', re.DOTALL)
_QUOTES = ('"', "“", "”")
_END = re.compile(r"--(?=\s|$)")
_ROLE = re.compile(r"(?P<role>[a-z]+)(?:@(?P<strength>[0-9./]+))?:(?P<source>.+)", re.DOTALL)
_TOKEN = re.compile(r"(?:\A|\n)[ \t]*otio-bridge:(?P<token>[A-Za-z0-9_-]+)\s*\Z")


def parse_mark(text: str) -> Ask | None:
    """What a mark asks for; None where the text is no mark at all.

    Raises RefusedInput for an unknown operation, a value that cannot be, or a key said twice.
    """
    match = _MARK.match(text)
    if not match:
        return None
    where = f"mark {_short(text)!r}"
    pairs, end = _options(text, match.end(), where)
    prompt = text[end:].strip()
    return make_ask(match["operation"], prompt, pairs, where=where)


def make_ask(operation: str, prompt: str, pairs: Sequence[tuple[str, str]], *, where: str) -> Ask:
    """An Ask from words: of a mark, a shot-list row or the command line. Raises RefusedInput."""
    fields: dict[str, Any] = {"operation": _operation(operation, where), "prompt": prompt}
    references: list[Reference] = []
    options: dict[str, str] = {}
    brief: dict[str, str] = {}
    seen: set[str] = set()
    for key, value in pairs:
        if key in seen and key != "ref":
            raise RefusedInput(f"{where} says {key}= twice", value=value)
        seen.add(key)
        if key in _FIELDS:
            fields[_FIELDS[key]] = value
        elif key in _REFERENCES:
            references.append(_reference(key, value, where))
        elif key in BRIEF:
            brief[key] = value
        else:
            options["colour" if key == "color" else key.removeprefix(_FREE)] = value
    try:
        return Ask(**fields, references=tuple(references), options=options, brief=Brief(**brief))
    except ValidationError as exc:
        said = "; ".join(dict.fromkeys(map(_problem, exc.errors())))
        raise RefusedInput(
            f"{where} cannot be: {said}",
            allowed=[
                f"{key}= {_NUMBERS[key]}"
                for key in sorted({_key(error) for error in exc.errors()} & _NUMBERS.keys())
            ]
            or None,
        ) from exc


def mark_text(ask: Ask) -> str:
    """The mark that asks for this; `parse_mark` of it gives the same Ask (without reference contents)."""
    plain = Ask(operation=ask.operation)
    words = [f"@{ask.operation}"]
    for key, field in _FIELDS.items():
        value = getattr(ask, field)
        if value != getattr(plain, field):
            words.append(f"{key}={_quote(str(value))}")
    words += [_reference_text(reference) for reference in ask.references]
    words += [f"{k if k in OPTIONS else _FREE + k}={_quote(v)}" for k, v in ask.options.items()]
    words += [f"{key}={_quote(value)}" for key, value in ask.brief.model_dump().items() if value]
    prompt = ask.prompt.strip()
    if prompt:
        first = prompt.split(maxsplit=1)[0]
        words += ["--", prompt] if "=" in first or first == "--" else [prompt]
    return " ".join(words)


def split_token(note: str) -> tuple[str, str | None]:
    """The editor's part of a marker's note, and our token from its last line."""
    match = _TOKEN.search(note)
    return (note[: match.start()].rstrip(), match["token"]) if match else (note, None)


def with_token(note: str, token: str) -> str:
    """The note with our token as its last line, replacing an older one."""
    words = split_token(note)[0].rstrip()
    return f"{words}\notio-bridge:{token}" if words else f"otio-bridge:{token}"


def odd_option(ask: Ask) -> str | None:
    """The prompt's first word where it looks like a mistyped option (`take=3`), for a warning."""
    word = ask.prompt.split(maxsplit=1)[0] if ask.prompt.strip() else ""
    return word if re.fullmatch(r"[A-Za-z_.]{2,20}=\S+", word) else None


def _options(text: str, at: int, where: str) -> tuple[list[tuple[str, str]], int]:
    """The options from `at`, and where the prompt begins."""
    pairs: list[tuple[str, str]] = []
    while True:
        at = _next_word(text, at)
        if _END.match(text, at):
            return pairs, at + 2
        match = _KEY.match(text, at)
        if not match or not (match["key"] in KEYS or match["key"].startswith(_FREE)):
            return pairs, at
        if not text[match.end() : match.end() + 1].strip():
            raise RefusedInput(
                f"{where} has an empty {match['key']}=",
                value=_short(text),
                allowed="key=value, no space between",
            )
        value, at = _value(text, match.end(), where)
        pairs.append((match["key"], value))


def _next_word(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _value(text: str, at: int, where: str) -> tuple[str, int]:
    """The value that begins at `at`, and the first position after it."""
    if text[at : at + 1] in _QUOTES and at < len(text):
        quoted = _QUOTED.match(text, at)
        if not quoted:
            raise RefusedInput(f"{where} has a quote that is not closed", value=_short(text[at:]))
        return re.sub(r"\\(.)", r"\1", quoted["value"], flags=re.DOTALL), quoted.end()
    plain = re.compile(r"\S*").match(text, at)
    assert plain is not None
    return plain.group(), plain.end()


def _quote(value: str) -> str:
    if value and not any(sign.isspace() for sign in value) and value[0] not in _QUOTES:
        return value
    return '"' + re.sub(r'(["“”\\])', r"\\\1", value) + '"'


def _operation(word: str, where: str) -> Operation:
    try:
        return Operation(word.lower())
    except ValueError:
        raise RefusedInput(
            f"{where} asks for an operation that does not exist", value=word, allowed=[*Operation]
        ) from None


def _reference(key: str, value: str, where: str) -> Reference:
    role, strength, source = Role.STYLE if key == "ref" else Role(key), None, value
    match = _ROLE.fullmatch(value) if key == "ref" else None
    if match and match["role"] in Role.__members__.values():
        role, source = Role(match["role"]), match["source"]
        try:
            strength = exact(match["strength"]) if match["strength"] else None
        except ValueError:
            raise RefusedInput(f"{where} has a strength that is no number", value=value) from None
    if not source:
        raise RefusedInput(f"{where} has an empty {key}=", allowed="a file, plate, or a take such as v002")
    return Reference(role=role, source=source, strength=strength)


def _reference_text(reference: Reference) -> str:
    if reference.role in (Role.FIRST, Role.LAST) and reference.strength is None:
        return f"{reference.role}={_quote(reference.source)}"
    strength = "" if reference.strength is None else f"@{fraction_text(reference.strength)}"
    return "ref=" + _quote(f"{reference.role}{strength}:{reference.source}")


def _key(error: ErrorDetails) -> str:
    """The key as it is typed of what cannot be."""
    field = str(error["loc"][0])
    return next((key for key, name in _FIELDS.items() if name == field), field)


def _problem(error: ErrorDetails) -> str:
    """`takes=two: a whole number from 1 to 99`."""
    key = _key(error)
    return f"{key}={error['input']}: {_NUMBERS.get(key) or error['msg'].lower()}"


def _number(field: str) -> str:
    """What a number may be, by the field's own limits; one without an upper limit we would name has none."""
    limits = Ask.model_fields[field].metadata
    low = next(limit.ge for limit in limits if hasattr(limit, "ge"))
    high = next((f" to {limit.le}" for limit in limits if hasattr(limit, "le")), " up")
    return f"a whole number from {low}{high}"


#: Key -> what its number may be, in words.
_NUMBERS = {key: _number(_FIELDS[key]) for key in ("takes", "seed", "handles", "priority")}


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "…"
