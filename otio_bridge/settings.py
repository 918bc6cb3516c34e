"""Every setting, from `otio-bridge.toml` and the environment (`OTIO_BRIDGE_…`, `__` between levels).

The environment outranks the file. Secrets are `SecretStr`: never in a repr, a log or the ledger.
`docs/settings.md` is generated from this file.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as EnvironmentUnreadable

from otio_bridge.errors import BridgeError, SettingsError
from otio_bridge.model.choice import parse_select
from otio_bridge.model.money import Money
from otio_bridge.model.naming import Pattern
from otio_bridge.model.time import Rate
from otio_bridge.model.value import Exact

PROJECT_FILE = "otio-bridge.toml"
STATE_FOLDER = ".otio-bridge"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


@contextmanager
def _as_value() -> Iterator[None]:
    """A refusal of the model as one of a value, so that all problems of the file are told at once."""
    try:
        yield
    except BridgeError as exc:
        raise ValueError(f"{exc.what}: {exc.value!r} (allowed: {exc.allowed})") from exc


class ProjectSettings(_Section):
    """What is true of the whole project."""

    name: str = Field(default="project", description="Short name, used in shot names and reels.")
    rate: Rate | None = Field(default=None, description="Timeline rate, for edits that state none.")
    width: int | None = Field(default=None, gt=0, description="Raster of shots without media.")
    height: int | None = Field(default=None, gt=0, description="Raster of shots without media.")
    pixel_aspect: Exact = Field(default=Fraction(1), description="Pixel aspect of shots without media.")
    encoding: str = Field(
        default="unknown",
        description="Colour encoding of plates whose file and edit do not say: "
        "rec709, srgb, log names, linear, hdr10, hlg or unknown.",
    )
    naming: str = Field(
        default="{project}_{number:04d}",
        description="Shot names; {project}, {cut} and {number} (tens) may be used.",
    )
    handles: int = Field(default=8, ge=0, le=1000, description="Record frames kept on each side of the need.")
    retime_convention: Literal["record", "source"] = Field(
        default="record",
        description="What a retimed source_range's duration counts: record frames, or media frames.",
    )
    drop_frame: Literal["auto", "yes", "no"] = Field(
        default="auto",
        description="Whether edits at 29.97 and 59.94 count drop-frame timecode; auto: as the file says, else as "
        "its start and its media do, and the edit's notes say so. EDLs always say it themselves.",
    )
    selection: str = Field(default="", description="A --select used when no clip carries an @mark.")
    author: str = Field(
        default="", description="Who decisions are booked to; else OTIO_BRIDGE_USER, else login."
    )

    @field_validator("naming")
    @classmethod
    def _numbers(cls, value: str) -> str:
        with _as_value():
            Pattern(value, project="p", cut="c")
        return value

    @field_validator("selection")
    @classmethod
    def _selects(cls, value: str) -> str:
        with _as_value():
            parse_select(value)
        return value


class MediaSettings(_Section):
    """Where media live and how they are written."""

    root: str = Field(default="media", description="Folder of plates and takes, under the project.")
    codec: Literal["prores", "dnxhr", "h264", "png"] = Field(
        default="prores", description="Mezzanine of plates and takes (alpha keeps a codec that has it)."
    )
    ffmpeg: str = Field(default="", description="An ffmpeg to use instead of PATH's or the bundled one.")
    min_free_mb: int = Field(default=512, ge=0, description="Work waits (DISK) below this much free space.")
    audio: Literal["source", "none", "provider"] = Field(
        default="source", description="The sound a take carries; the edit's own sound is never touched."
    )
    paths: dict[str, list[str]] = Field(
        default={},
        description="Path maps: a name and the spellings of one folder on every machine; the first is canonical.",
    )
    roots: list[str] = Field(
        default=[], description="Folders edits may name media in; empty: anywhere this user can read."
    )
    to_display: dict[str, str] = Field(
        default={}, description="Encoding -> LUT that makes a display picture."
    )
    from_display: dict[str, str] = Field(default={}, description="Encoding -> LUT that inverts it.")


class MoneySettings(_Section):
    """What may be spent. Amounts are text, so that they stay exact."""

    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3,12}$", description="The currency of the budgets.")
    budget: str = Field(default="0", description="The project's cap; sends beyond it are refused.")
    shot_budget: str = Field(default="", description="A cap for every single shot; empty: none.")
    rates: dict[str, str] = Field(
        default={}, description='Exchange rates into the budget\'s currency: USD = "0.92 2026-11-01".'
    )
    max_cost: str = Field(default="", description="The most one take may cost where the price is unknown.")

    @field_validator("budget", "shot_budget", "max_cost")
    @classmethod
    def _amount(cls, value: str) -> str:
        amount = value.strip()
        if amount and Money.of(amount, "EUR").micro < 0:
            raise ValueError(f"a cap is never negative: {value!r}")
        return amount


class QueueSettings(_Section):
    """Time limits of the machinery, in seconds."""

    lease: float = Field(default=20.0, gt=0, description="How long a step is believed alive without renewal.")
    renew: float = Field(default=5.0, gt=0, description="How often a running step renews its lease.")
    tick: float = Field(default=2.0, gt=0, description="How often poller and supervisor look around.")
    poll: float = Field(default=5.0, gt=0, description="First wait between two questions after a take.")
    poll_max: float = Field(default=60.0, gt=0, description="Longest such wait.")
    step_limit: float = Field(default=3600.0, gt=0, description="Deadline of one step; its lease ends there.")
    tries: int = Field(default=3, ge=1, description="Deaths on one step after which the take fails.")
    recycle: int = Field(default=200, ge=1, description="Steps after which a worker process is replaced.")
    poll_threads: int = Field(default=8, ge=1, le=64, description="Providers asked at once by the poller.")
    slots: dict[str, int] = Field(
        default={"cpu": 2, "net": 2, "heavy": 1}, description="Worker processes by queue, for `up`."
    )


class ProviderSettings(_Section):
    """One `[providers.NAME]` section."""

    enabled: bool = Field(default=True, description="Whether it may be used at all.")
    url: str = Field(default="", description="Base address, where it is not the public one.")
    key: SecretStr | None = Field(default=None, description="API key; better set in the environment.")
    account: str = Field(default="default", description="Whose money it is; calls are unique per account.")
    timeout: float = Field(default=30.0, gt=0, description="Seconds for one HTTP request.")
    allow_private: bool = Field(default=False, description="Allow plain http and private addresses.")
    slots: int = Field(default=0, ge=0, description="Calls open at once; 0: the provider's own limit.")
    options: dict[str, str] = Field(default={}, description="Anything else the provider documents.")


class Settings(BaseSettings):
    """All settings of one project. `folder` is where otio-bridge.toml lies."""

    model_config = SettingsConfigDict(
        env_prefix="OTIO_BRIDGE_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    folder: Path = Field(default=Path(), exclude=True, description="The project's folder; found, not set.")
    project: ProjectSettings = ProjectSettings()
    media: MediaSettings = MediaSettings()
    money: MoneySettings = MoneySettings()
    queue: QueueSettings = QueueSettings()
    providers: dict[str, ProviderSettings] = Field(default={}, description="Providers by name.")
    database_url: SecretStr | None = Field(
        default=None,
        description="SQLAlchemy URL of the ledger; empty: SQLite in the project's .otio-bridge/.",
    )
    redis_url: SecretStr | None = Field(
        default=None, description="Queue server; empty: a private one, started on demand."
    )
    user: str = Field(default="", description="Who is acting; also OTIO_BRIDGE_USER.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment first, then what the file said (given as init values)."""
        return env_settings, init_settings

    @field_validator("folder")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.absolute()

    @property
    def state_folder(self) -> Path:
        """`.otio-bridge/`: the ledger, work in progress, receipts, logs."""
        return self.folder / STATE_FOLDER

    @property
    def media_root(self) -> Path:
        """Where plates and takes are published."""
        return (self.folder / self.media.root).absolute()

    @property
    def ledger_url(self) -> str:
        """The ledger's SQLAlchemy URL."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{(self.state_folder / 'ledger.sqlite').as_posix()}"


def find_project(start: Path) -> Path:
    """The nearest folder at or above `start` with an otio-bridge.toml. Raises SettingsError."""
    start = start.absolute()
    for folder in (start, *start.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder
    raise SettingsError(
        "no otio-bridge.toml here or in any folder above", value=start, next="otio-bridge init"
    )


def load(folder: Path) -> Settings:
    """Read the project's settings. Raises SettingsError with every problem at once."""
    file = folder / PROJECT_FILE
    try:
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{PROJECT_FILE} cannot be read ({exc})", value=file) from exc
    return parse(text, folder)


def parse(text: str, folder: Path) -> Settings:
    """The settings a project's file of this text makes. Raises SettingsError with every problem at once."""
    file = folder / PROJECT_FILE
    try:
        raw: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise SettingsError(
            f"{PROJECT_FILE} cannot be read, it is no TOML: {exc}",
            value=file,
            next="mend that line; text stands in quotes",
        ) from exc
    raw.pop("folder", None)
    try:
        return Settings(folder=folder.absolute(), **raw)
    except EnvironmentUnreadable as exc:
        # pydantic-settings reads a variable named like a whole section as JSON.
        named = re.search(r'field "(\w+)"', str(exc))
        section = named[1] if named else "…"
        raise SettingsError(
            f"the environment variable OTIO_BRIDGE_{section.upper()} stands for the whole section [{section}]",
            value=os.environ.get(f"OTIO_BRIDGE_{section.upper()}"),
            allowed=f"OTIO_BRIDGE_{section.upper()}__NAME for one setting of it (two underscores)",
            next="unset it; the project's folder is -C FOLDER, for the OTIO plug-in OTIO_BRIDGE_LINKER_PROJECT",
        ) from exc
    except ValidationError as exc:
        raise SettingsError(
            "; ".join(_problem(error["loc"], error["type"], error["msg"]) for error in exc.errors()),
            value=file,
            next="mend it there (or OTIO_BRIDGE_… in the environment); docs/settings.md has every setting",
        ) from exc


def _problem(where: tuple[int | str, ...], kind: str, message: str) -> str:
    """One problem of the file: the setting by its name in it, and what it may be."""
    name = ".".join(map(str, where)) or PROJECT_FILE
    if kind == "extra_forbidden":
        return f"there is no setting {name} (there {_known(where[:-1])})"
    said = message.removeprefix("Value error, ")
    return f"{name}: {said[:1].lower()}{said[1:]}"


def _known(section: tuple[int | str, ...]) -> str:
    """What a section of the file may hold."""
    model: Any = Settings
    if section:
        sections = {
            "project": ProjectSettings, "media": MediaSettings, "money": MoneySettings, "queue": QueueSettings
        }  # fmt: skip
        model = sections.get(str(section[0]), ProviderSettings)
    return "are " + ", ".join(sorted(name for name, field in model.model_fields.items() if not field.exclude))
