"""The providers of this installation: found by entry point, loaded when first asked for.

A plug-in that cannot be used is never skipped silently: it is in `Registry.broken` with the reason.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points

from otio_bridge.errors import RefusedInput
from otio_bridge.provider import Capabilities, LocalProvider, ProviderConfig, RemoteProvider
from otio_bridge.settings import ProviderSettings, Settings

#: Where packages announce their providers: `name = "package.module:Class"`.
GROUP = "otio_bridge.providers"

AnyProvider = LocalProvider | RemoteProvider


class Registry:
    """Providers by name; each is imported and made once, when it is first asked for."""

    def __init__(self, settings: Settings, found: Iterable[EntryPoint]) -> None:
        self._settings = settings
        self._made: dict[str, AnyProvider] = {}
        self._broken: dict[str, str] = {}
        self._lock = threading.RLock()
        self._found: dict[str, EntryPoint] = {}
        for entry in found:
            other = self._found.setdefault(entry.name, entry)
            if other.value != entry.value:
                self._broken[entry.name] = (
                    f"two packages offer it: {other.value} and {entry.value}; uninstall one"
                )
        self._disabled = sorted(name for name, section in settings.providers.items() if not section.enabled)
        for name in settings.providers:
            if name not in self._found and name not in self._disabled:
                self._broken[name] = "otio-bridge.toml configures it, and no installed package offers it"

    @property
    def broken(self) -> dict[str, str]:
        """Name -> why it cannot be used. Loads every plug-in, so that nothing is missed."""
        self._load_all()
        return dict(sorted(self._broken.items()))

    def names(self) -> list[str]:
        """Every enabled provider that works, sorted; the others are in `broken`. Loads every plug-in."""
        self._load_all()
        return sorted(self._made)

    def get(self, name: str) -> AnyProvider:
        """The provider of that name. Raises RefusedInput with the names there are, and why it is none."""
        with self._lock:
            if name in self._disabled:
                raise RefusedInput(
                    f"provider {name} is switched off",
                    allowed=self.names(),
                    next=f"set [providers.{name}] enabled = true in otio-bridge.toml",
                )
            if name not in self._made and name not in self._broken and name in self._found:
                self._load(self._found[name])
            if name in self._made:
                return self._made[name]
            why = self._broken.get(name)
            raise RefusedInput(
                f"provider {name} cannot be used ({why})" if why else "no such provider",
                value=None if why else name,
                allowed=self.names() or "none is installed",
                next="otio-bridge doctor",
            )

    def close(self) -> None:
        """Let go of what providers hold open; a provider may have a `close()`."""
        with self._lock:
            for provider in self._made.values():
                close = getattr(provider, "close", None)
                if callable(close):
                    close()
            self._made.clear()

    def _load_all(self) -> None:
        with self._lock:
            for name, entry in self._found.items():
                if name not in self._made and name not in self._broken and name not in self._disabled:
                    self._load(entry)

    def _load(self, entry: EntryPoint) -> None:
        config = config_of(entry.name, self._settings)
        try:
            provider = entry.load()(config)
            problem = _wrong(entry.name, provider)
        # A stranger's code: whatever it raises is the reason it cannot be used.
        except Exception as exc:  # noqa: BLE001
            self._broken[entry.name] = f"{entry.value}: {type(exc).__name__}: {exc}"
            return
        if problem:
            self._broken[entry.name] = f"{entry.value}: {problem}"
        else:
            self._made[entry.name] = provider


def load_providers(settings: Settings, found: Iterable[EntryPoint] | None = None) -> Registry:
    """The installed providers with this project's settings; `found` replaces what is installed (tests)."""
    return Registry(settings, entry_points(group=GROUP) if found is None else found)


def config_of(name: str, settings: Settings) -> ProviderConfig:
    """What a provider is made with, from its `[providers.NAME]` section."""
    section = settings.providers.get(name) or ProviderSettings()
    return ProviderConfig(
        name=name,
        url=section.url or None,
        key=section.key,
        account=section.account,
        options=section.options,
        timeout=section.timeout,
        allow_private=section.allow_private,
        currency=settings.money.currency,
    )


def _wrong(name: str, provider: object) -> str | None:
    """Why an object is not the provider `name`; None where it is."""
    capabilities = getattr(provider, "capabilities", None)
    if not callable(capabilities):
        return "it has no capabilities()"
    can = capabilities()
    if not isinstance(can, Capabilities):
        return f"capabilities() gave {type(can).__name__}, not Capabilities"
    if (getattr(provider, "name", None), can.name) != (name, name):
        return (
            f"it calls itself {getattr(provider, 'name', None)!r} and {can.name!r}, its entry point {name!r}"
        )
    wanted = _LOCAL if can.local else _REMOTE
    missing = [method for method in wanted if not callable(getattr(provider, method, None))]
    if missing:
        return f"it lacks what a {'local' if can.local else 'remote'} provider has: {', '.join(missing)}"
    return None


#: What each kind has besides `name` and `capabilities`.
_LOCAL = ("estimate", "run")
_REMOTE = ("estimate", "upload", "submit", "poll", "fetch", "list_calls", "cancel")
