"""Our own providers keep the contract, and the suite tells forgetful ones what they forgot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from otio_bridge.provider import (
    Accepted,
    Capabilities,
    LocalJob,
    MediaTools,
    ModelCapability,
    Money,
    Operation,
    PartRequest,
    ProviderConfig,
    SubmitKind,
)
from otio_bridge.testing.conformance import CASES, Bench, Case, Skipped, check_provider
from otio_bridge.testing.sandbox.process import Sandbox
from otio_bridge_providers.local import LocalProvider
from otio_bridge_providers.sandbox import SandboxProvider


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox") / "book", seconds=0.05) as service:
        yield service


@pytest.mark.parametrize("case", CASES, ids=str)
def test_local(case: Case, tmp_path: Path) -> None:
    _try(case, Bench(LocalProvider, ProviderConfig(name="local"), tmp_path))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_sandbox(case: Case, tmp_path: Path, sandbox: Sandbox) -> None:
    _try(case, Bench(SandboxProvider, ProviderConfig(name="sandbox", url=sandbox.url), tmp_path, spend=True))


def _try(case: Case, bench: Bench) -> None:
    try:
        case.check(bench)
    except Skipped as exc:
        if str(exc) not in ("it is local", "it is remote"):
            raise


class Forgetful(SandboxProvider):
    """Does by hand, and wrongly, what the client does for everybody else."""

    def __init__(self, config: ProviderConfig) -> None:
        super().__init__(config)
        self.config = config

    def submit(self, part: PartRequest) -> Accepted:
        headers = {"Authorization": f"Bearer {self.config.key.get_secret_value()}"} if self.config.key else {}
        with httpx.Client(follow_redirects=True, headers=headers, trust_env=False) as client:
            for _ in range(2):
                try:
                    answer = client.post(f"{self.config.url}/v1/generations", json={})
                    answer.raise_for_status()
                    return Accepted(remote_id=answer.json()["id"])
                except httpx.ReadError:
                    continue
        raise RuntimeError("gave up")


def test_the_suite_tells_what_was_forgotten(tmp_path: Path) -> None:
    report = check_provider(Forgetful, ProviderConfig(name="sandbox"), folder=tmp_path)
    assert not report.ok
    told = {case.name: why for case, why in report.broken}
    assert told.keys() == {
        "unreachable_is_not_sent",
        "lost_answer_is_uncertain",
        "too_many_is_not_sent",
        "broken_service_is_uncertain",
        "bad_key_is_refused",
        "web_page_is_no_answer",
        "follows_no_redirect",
    }
    assert told["unreachable_is_not_sent"].startswith(
        "submit, connection refused has to raise NotSent; it raised ConnectError"
    )
    assert "BROKEN   429 is NotSent, throttled, with the seconds of Retry-After" in str(report)


class Careless:
    """Makes a frame too few, somewhere else."""

    name = "careless"

    def __init__(self, config: ProviderConfig) -> None: ...

    def capabilities(self) -> Capabilities:
        model = ModelCapability(model="one", operations=frozenset({Operation.RESTYLE}))
        return Capabilities(name="careless", local=True, models=(model,), submit=SubmitKind.PURE)

    def estimate(self, part: PartRequest) -> Money | None:
        return Money(micro=-1, currency="EUR")

    def run(self, job: LocalJob, tools: MediaTools) -> Any:
        assert job.plate
        return [tools.filter(job.plate, "null", job.folder / "o.mov", rate=job.rate, frames=job.frames - 1)]


def test_the_suite_counts_frames(tmp_path: Path) -> None:
    told = {case.name: why for case, why in check_provider(Careless, folder=tmp_path).broken}
    assert told == {
        "says_its_price": "one restyle: the estimate is Money(micro=-1, currency='EUR')",
        "runs_exactly": "one restyle: 11 frames at 24, 192x128 came, 12 frames at 24, 192x128 were asked for",
    }


def test_nothing_is_spent_unless_asked(tmp_path: Path, sandbox: Sandbox) -> None:
    before = len(sandbox.lines("arrived"))
    config = ProviderConfig(name="sandbox", url=sandbox.url)
    report = check_provider(SandboxProvider, config, folder=tmp_path)
    assert report.ok, report
    assert len(sandbox.lines("arrived")) == before
