"""Does a provider keep the contract? For authors of plug-ins: it tells what was forgotten, in sentences.

    report = check_provider(MyProvider, folder=tmp_path)
    assert report.ok, report

or a case at a time under pytest:

    @pytest.mark.parametrize("case", CASES, ids=str)
    def test_contract(case, tmp_path):
        case.check(Bench(make=MyProvider, config=ProviderConfig(name="mine"), folder=tmp_path))

Nothing is spent unless `spend=True`: failures are played by a service of the suite's own, which the provider
is pointed at by `ProviderConfig.url`. With `spend` the whole way is walked once against the real service.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from otio_bridge.provider import MediaTools, Provider, ProviderConfig
from otio_bridge.testing import provider_cases, provider_failures, provider_money
from otio_bridge.testing.provider_bench import Bench, Broken, Skipped

__all__ = ["CASES", "Bench", "Broken", "Case", "Report", "Skipped", "check_provider"]


@dataclass(frozen=True)
class Case:
    """One promise of the contract and how it is tried."""

    name: str
    promise: str
    check: Callable[[Bench], None]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Report:
    """What a provider keeps, what it breaks and why, and what could not be tried."""

    kept: tuple[Case, ...]
    broken: tuple[tuple[Case, str], ...]
    skipped: tuple[tuple[Case, str], ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found broken."""
        return not self.broken

    def __str__(self) -> str:
        lines = [f"BROKEN   {case.promise}\n         {why}" for case, why in self.broken]
        lines += [f"skipped  {case.promise} ({why})" for case, why in self.skipped]
        lines += [f"kept     {case.promise}" for case in self.kept]
        return "\n".join(lines)


def _named(checks: Sequence[Callable[[Bench], None]]) -> tuple[Case, ...]:
    return tuple(
        Case(check.__name__, (check.__doc__ or "").strip().splitlines()[0].rstrip("."), check)
        for check in checks
    )


#: Every case, in the order an author meets them; each skips itself where it does not apply.
CASES: tuple[Case, ...] = _named((*provider_cases.CHECKS, *provider_failures.CHECKS, *provider_money.CHECKS))


def check_provider(
    make: Callable[[ProviderConfig], Provider],
    config: ProviderConfig | None = None,
    *,
    folder: Path,
    tools: MediaTools | None = None,
    http: bool = True,
    spend: bool = False,
    patience: float = 60.0,
) -> Report:
    """Try every case on the provider `make` makes, in `folder` (a folder of its own).

    `tools` are the bridge's own unless given; `http=False` for a provider whose service cannot be moved by
    `ProviderConfig.url`; `spend` lets it pay for one request; `patience` is how many seconds that may take.
    """
    named = config or ProviderConfig(name=getattr(make, "name", "provider"))
    kept: list[Case] = []
    broken: list[tuple[Case, str]] = []
    skipped: list[tuple[Case, str]] = []
    for number, case in enumerate(CASES):
        own = folder / f"{number:02d}-{case.name}"
        own.mkdir(parents=True)
        try:
            case.check(Bench(make, named, own, tools=tools, http=http, spend=spend, patience=patience))
        except Skipped as exc:
            skipped.append((case, str(exc)))
        except Broken as exc:
            broken.append((case, str(exc)))
        # A stranger's code: whatever it raises where it should not is what is broken.
        except (Exception, SystemExit) as exc:  # noqa: BLE001
            broken.append((case, f"it raised {type(exc).__name__}: {exc}"))
        else:
            kept.append(case)
    return Report(tuple(kept), tuple(broken), tuple(skipped))
