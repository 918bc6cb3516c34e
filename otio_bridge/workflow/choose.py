"""Which provider and model make a take, what is sent to them, and what that costs at worst."""

from __future__ import annotations

from datetime import date

from otio_bridge.app import App
from otio_bridge.errors import MoneyError, RefusedInput
from otio_bridge.model.conform import Raster, Submission
from otio_bridge.model.money import ExchangeRate, Money
from otio_bridge.model.options import OURS, check_options
from otio_bridge.model.request import Operation, OperationClass, Request
from otio_bridge.model.submission import plan_submission
from otio_bridge.model.value import Value
from otio_bridge.provider import Capabilities, ModelCapability, PartRequest, Provider


class Choice(Value):
    """Who will make it, and why they were chosen."""

    provider: str
    model: str
    capability: ModelCapability
    local: bool
    heavy: bool
    why: str


def choose(app: App, request: Request) -> Choice:
    """The provider and model for a request; `auto` prefers real work to temp, and remote to local.

    Raises RefusedInput where nobody (or not the one named) does the operation, or an option is unknown to it.
    """
    names = [request.provider] if request.provider != "auto" else app.providers.names()
    fitting: list[tuple[bool, bool, str, Capabilities, ModelCapability]] = []
    for name in names:
        if not _enabled(app, name):
            continue
        can = app.providers.get(name).capabilities()
        model = can.model_for(request.operation, request.model)
        if model is not None:
            fitting.append((model.temp, can.local, name, can, model))
    if not fitting:
        raise RefusedInput(
            f"no provider here does {request.operation}"
            if request.provider == "auto"
            else f"{request.provider} has no model {request.model!r} for {request.operation}",
            value=f"provider={request.provider} model={request.model}",
            allowed=who_can(app, request.operation) or who_does_what(app) or "no provider is set up here",
            next="otio-bridge doctor",
        )
    temp, local, name, can, model = min(fitting, key=lambda entry: entry[:3])
    _check(name, model, request)
    why = (
        "named"
        if request.provider != "auto"
        else f"auto: first of {', '.join(entry[2] for entry in fitting)}"
    )
    return Choice(
        provider=name,
        model=model.model,
        capability=model,
        local=local,
        heavy=can.heavy or model.heavy,
        why=f"{why}{' (temp)' if temp else ''}",
    )


def who_can(app: App, operation: Operation) -> list[str]:
    """The enabled providers that do an operation, as `provider=… model=…`."""
    return [
        f"provider={name} model={model.model}"
        for name in app.providers.names()
        if _enabled(app, name)
        for model in app.providers.get(name).capabilities().models
        if operation in model.operations
    ]


def who_does_what(app: App) -> list[str]:
    """What every enabled provider does, as `sandbox: animate, generate …`."""
    told: list[str] = []
    for name in app.providers.names():
        if _enabled(app, name):
            models = app.providers.get(name).capabilities().models
            words = sorted({str(operation) for model in models for operation in model.operations})
            told.append(f"{name}: {', '.join(words)}")
    return told


def _enabled(app: App, name: str) -> bool:
    section = app.settings.providers.get(name)
    return section is None or section.enabled


def _check(name: str, model: ModelCapability, request: Request) -> None:
    """Refuse, with the list of what is understood, anything the model would silently ignore."""
    problems: list[str] = []
    check_options(request.options, request.operation, request.rate)
    unknown = sorted(set(request.options) - model.options - set(OURS))
    if unknown:
        problems.append(
            f"options {', '.join(unknown)} (it knows {', '.join(sorted(model.options)) or 'none'})"
        )
    if request.negative_prompt and not model.negative_prompt:
        problems.append("a negative prompt")
    if request.seed is not None and not model.seed:
        problems.append("a seed")
    roles = sorted({reference.role for reference in request.references} - model.roles)
    if roles:
        known = ", ".join(sorted(model.roles)) or "none"
        problems.append(f"references as {', '.join(roles)} (it takes {known})")
    if problems:
        raise RefusedInput(f"{name} {model.model} does not understand " + "; ".join(problems))


def submission_for(
    choice: Choice,
    request: Request,
    op_class: OperationClass,
    plate: Raster,
    take: Raster,
    pads: tuple[int, int],
) -> Submission:
    """What will be sent, as arithmetic. Raises RefusedInput where the model cannot take it at all.

    `pads` are the real frames the media has before and after the plate.
    """
    return plan_submission(
        op_class=op_class,
        frames=request.plate.duration,
        rate=request.rate,
        raster=plate,
        take_raster=take,
        limits=choice.capability.limits,
        untouched=choice.local,
        pad_before=pads[0],
        pad_after=pads[1],
    )


def part_requests(
    choice: Choice, request: Request, submission: Submission, *, reference: str = "-", seed: int | None = None
) -> list[PartRequest]:
    """The paid requests a submission takes, one a part."""
    return [
        PartRequest(
            reference=reference,
            request=request,
            model=choice.model,
            part=part.index,
            parts=len(submission.parts),
            frames=part.frames,
            rate=submission.sent_rate,
            raster=submission.sent_raster,
            seed=seed,
        )
        for part in submission.parts
    ]


def worst_case(app: App, provider: Provider, parts: list[PartRequest], max_cost: str = "") -> Money:
    """The most all parts together can cost, in the budgets' currency.

    Raises MoneyError where a price is unknown and no maximum was given, or no exchange rate is known.
    """
    total = Money(micro=0, currency=app.settings.money.currency)
    for part in parts:
        price = provider.estimate(part)
        if price is None:
            limit = max_cost or app.settings.money.max_cost
            if not limit:
                raise MoneyError(
                    f"{provider.name} does not say what {part.model} costs",
                    allowed="a stated maximum",
                    next="add max_cost=1.50 to the mark, or [money] max_cost to otio-bridge.toml",
                )
            price = Money.of(limit, total.currency)
        total = total + in_budget(app, price)
    return total


def in_budget(app: App, amount: Money) -> Money:
    """An amount in the budgets' currency, by the dated rate in `[money.rates]`. No rate, no send."""
    currency = app.settings.money.currency
    if amount.currency == currency:
        return amount
    text = app.settings.money.rates.get(amount.currency)
    if text is None:
        raise MoneyError(
            f"no exchange rate from {amount.currency} to {currency}",
            allowed=f'[money.rates] {amount.currency} = "0.92 2026-11-01"',
        )
    rate, _, dated = text.partition(" ")
    try:
        return amount.converted(
            ExchangeRate.model_validate(
                {
                    "source": amount.currency,
                    "target": currency,
                    "rate": rate,
                    "dated": date.fromisoformat(dated.strip()),
                }
            )
        )
    except ValueError as exc:
        raise MoneyError(
            "an exchange rate is written rate, space, date", value=text, allowed='"0.92 2026-11-01"'
        ) from exc
