"""The sandbox as a process: every misbehaviour becomes the right failure, and the book knows what arrived."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from otio_bridge.model.conform import Raster
from otio_bridge.model.request import Operation, Request
from otio_bridge.model.time import FrameRange
from otio_bridge.provider import (
    Gone,
    Money,
    NotSent,
    PartRequest,
    Progress,
    ProviderConfig,
    Refused,
    Remote,
    RemoteState,
    Unavailable,
    Uncertain,
)
from otio_bridge.testing.framecode import make_movie, read_code
from otio_bridge.testing.sandbox import pictures
from otio_bridge.testing.sandbox.models import MODELS
from otio_bridge.testing.sandbox.process import Sandbox
from otio_bridge_providers.sandbox import SandboxProvider

SIZE = Raster(width=320, height=180)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox") / "book", seconds=0) as running:
        yield running


@pytest.fixture
def sandbox(service: Sandbox) -> Iterator[Sandbox]:
    yield service
    service.control(clear=True, seconds=0, frame_code=False)


@pytest.fixture
def provider(sandbox: Sandbox) -> Iterator[SandboxProvider]:
    made = SandboxProvider(ProviderConfig(name="sandbox", url=sandbox.url, timeout=5))
    yield made
    made.close()


def part(
    reference: str,
    operation: Operation = Operation.GENERATE,
    *,
    model: str = "sandbox-any",
    frames: int = 6,
    rate: Fraction = Fraction(24),
    size: Raster = SIZE,
    uploads: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
) -> PartRequest:
    request = Request(
        operation=operation,
        provider="sandbox",
        model=model,
        prompt="a lighthouse",
        options=options or {},
        plate=FrameRange(start=0, duration=frames),
        rate=rate,
        width=size.width,
        height=size.height,
    )
    return PartRequest(
        reference=reference,
        request=request,
        model=model,
        frames=frames,
        rate=rate,
        raster=size,
        uploads=uploads or {},
    )


def settled(provider: SandboxProvider, remote: Remote) -> Progress:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        (told,) = provider.poll([remote])
        if told.state not in (RemoteState.WAITING, RemoteState.RUNNING):
            return told
        time.sleep(0.02)
    raise AssertionError("it did not finish")


def finish(provider: SandboxProvider, asked: PartRequest, into: Path) -> Path:
    remote = Remote(remote_id=provider.submit(asked).remote_id, reference=asked.reference)
    told = settled(provider, remote)
    assert told.state is RemoteState.DONE, told.reason
    return provider.fetch(remote, told.assets[0], into)


def of(sandbox: Sandbox, reference: str) -> list[str]:
    """What the book says of a reference."""
    return [line["event"] for line in sandbox.lines() if line.get("reference") == reference]


# ---------------------------------------------------------------- what it makes


@pytest.mark.parametrize(
    ("model", "frames", "rate", "size"),
    [
        ("sandbox-24", 9, Fraction(24), Raster(width=640, height=360)),
        ("sandbox-any", 7, Fraction(30000, 1001), SIZE),
        ("sandbox-long", 17, Fraction(16), Raster(width=320, height=192)),
    ],
)
def test_restyle_returns_the_frames_it_was_sent_treated(
    provider: SandboxProvider, tmp_path: Path, model: str, frames: int, rate: Fraction, size: Raster
) -> None:
    numbers = range(1000, 1000 + frames)
    plate = make_movie(tmp_path / "plate.mp4", numbers, rate, size=(size.width, size.height))
    handle = provider.upload("plate", plate).handle
    asked = part(
        "r", Operation.RESTYLE, model=model, frames=frames, rate=rate, size=size, uploads={"plate": handle}
    )
    made = finish(provider, asked, tmp_path / "made.mp4")
    shown = list(pictures.decode(made))
    assert [read_code(picture) for picture in shown] == list(numbers)
    assert pictures.look(made) == (frames, rate, size.width, size.height, "h264")
    before = next(pictures.decode(plate))[size.height // 6 :].astype(int)
    assert abs(before - shown[0][size.height // 6 :]).mean() > 15


def test_generated_pictures_move_and_start_with_the_first_picture(
    provider: SandboxProvider, sandbox: Sandbox, tmp_path: Path
) -> None:
    made = list(pictures.decode(finish(provider, part("g"), tmp_path / "made.mp4")))
    assert len(made) == 6
    assert abs(made[0].astype(int) - made[5]).mean() > 2
    sandbox.control(frame_code=True)
    coded = pictures.decode(finish(provider, part("c"), tmp_path / "coded.mp4"))
    assert [read_code(picture) for picture in coded] == list(range(6))
    sandbox.control(frame_code=False)
    first = make_movie(tmp_path / "first.mp4", [4321], Fraction(24), size=(320, 180))
    handle = provider.upload("first", first).handle
    asked = part("a", Operation.ANIMATE, uploads={"first": handle})
    animated = list(pictures.decode(finish(provider, asked, tmp_path / "animated.mp4")))
    assert read_code(animated[0]) == 4321


def test_upscale_makes_the_size_that_was_asked_for(provider: SandboxProvider, tmp_path: Path) -> None:
    plate = make_movie(tmp_path / "plate.mp4", range(3), Fraction(24), size=(320, 180))
    handle = provider.upload("plate", plate).handle
    asked = part("u", Operation.UPSCALE, frames=3, uploads={"plate": handle}, options={"size": "2x"})
    made = finish(provider, asked, tmp_path / "made.mp4")
    assert pictures.look(made) == (3, Fraction(24), 640, 360, "h264")


def test_the_provider_and_the_service_say_the_same_of_the_models() -> None:
    for entry in SandboxProvider(ProviderConfig(name="sandbox")).capabilities().models:
        model, limits = MODELS[entry.model], entry.limits
        grid = limits.grid
        assert entry.operations == set(model.operations)
        assert (grid.step, grid.offset, grid.minimum, grid.maximum) == (
            model.step,
            model.offset,
            model.minimum,
            model.maximum,
        )
        assert limits.rates == model.rates
        assert tuple((raster.width, raster.height) for raster in limits.rasters) == model.rasters
        assert limits.multiple_of == model.multiple_of
        assert limits.max_pixels is None or limits.max_pixels == model.max_pixels
        assert entry.price and (entry.price.unit, entry.price.amount) == (
            model.unit,
            Money.of(model.price, "EUR"),
        )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"frames": 6, "model": "sandbox-24"}, "4n[+]1 frames"),
        ({"rate": Fraction(25), "frames": 9, "model": "sandbox-24"}, "works at 24"),
        ({"frames": 9, "model": "sandbox-24"}, "sandbox-24 makes 640x360"),
        ({"model": "sandbox-99"}, "no such model"),
        ({"uploads": {"first": "up_none"}}, "no such upload"),
        ({"operation": Operation.RESTYLE}, "needs inputs.plate"),
        ({"operation": Operation.EXTEND}, "sandbox-any does"),
    ],
)
def test_what_no_model_takes_is_refused(
    provider: SandboxProvider, sandbox: Sandbox, change: dict[str, object], why: str
) -> None:
    reference = f"bad-{why}"
    with pytest.raises(Refused, match=why):
        provider.submit(part(reference, **change))  # type: ignore[arg-type]
    assert of(sandbox, reference) == ["arrived", "refused"]


def test_a_plate_that_is_not_what_was_said_is_refused(provider: SandboxProvider, tmp_path: Path) -> None:
    plate = make_movie(tmp_path / "plate.mp4", range(5), Fraction(24), size=(320, 180))
    text = tmp_path / "plate.txt"
    text.write_text("#EXTM3U\nfile:///etc/passwd\n")
    handle, words = provider.upload("plate", plate).handle, provider.upload("plate", text).handle
    for change, why in (
        ({"uploads": {"plate": handle}}, "has 5 frames at 24, not 6 at 24"),
        ({"uploads": {"plate": handle}, "frames": 5, "rate": Fraction(25)}, "not 5 at 25"),
        (
            {"uploads": {"plate": handle}, "frames": 5, "size": Raster(width=640, height=360)},
            "is 320x180, not",
        ),
        ({"uploads": {"plate": words}}, "cannot be opened"),
    ):
        with pytest.raises(Refused, match=why):
            provider.submit(part("p", Operation.RESTYLE, **change))  # type: ignore[arg-type]


# ---------------------------------------------------------------- how it misbehaves


@pytest.mark.parametrize(
    ("wrong", "kind", "booked"),
    [
        ("lose_answer*1", Uncertain, ["arrived", "accepted"]),
        ("504*1", Uncertain, ["arrived", "accepted"]),
        ("hang=1*1", Uncertain, ["arrived", "accepted"]),
        ("malformed*1", Uncertain, ["arrived", "accepted"]),
        ("html*1", Uncertain, ["arrived", "accepted"]),
        ("500*1", Uncertain, ["arrived", "refused"]),
        ("429=7*1", NotSent, ["arrived", "refused"]),
        ("refuse=no*1", Refused, ["arrived", "refused"]),
        ("moderate_at_once*1", Refused, ["arrived", "refused"]),
    ],
)
def test_a_submit_that_goes_wrong(
    provider: SandboxProvider, sandbox: Sandbox, wrong: str, kind: type[Exception], booked: list[str]
) -> None:
    sandbox.control(wrong)
    with pytest.raises(kind) as told:
        provider.submit(part(f"submit-{wrong}"))
    assert of(sandbox, f"submit-{wrong}") == booked
    if isinstance(told.value, NotSent):
        assert (told.value.throttled, told.value.retry_after) == (True, 7)
    if isinstance(told.value, Refused):
        assert told.value.moderated is (wrong == "moderate_at_once*1")
    # Used up: the next one is answered.
    assert provider.submit(part(f"after-{wrong}")).remote_id


def test_a_hanging_answer_ends_with_the_timeout(sandbox: Sandbox) -> None:
    hurried = SandboxProvider(ProviderConfig(name="sandbox", url=sandbox.url, timeout=0.3))
    sandbox.control("hang=5*1")
    with pytest.raises(Uncertain, match="ReadTimeout"):
        hurried.submit(part("hurried"))
    sandbox.control("poll_hang=5*1")
    with pytest.raises(Unavailable, match="ReadTimeout"):
        hurried.poll([Remote(remote_id="gen_1", reference="x")])
    hurried.close()


@pytest.mark.parametrize("wrong", ["poll_429=9*1", "poll_500*1", "poll_malformed*1", "poll_html*1"])
def test_a_question_that_goes_wrong_is_unavailable(
    provider: SandboxProvider, sandbox: Sandbox, wrong: str
) -> None:
    remote = Remote(remote_id=provider.submit(part("q")).remote_id, reference="q")
    sandbox.control(wrong)
    with pytest.raises(Unavailable) as told:
        provider.poll([remote])
    assert told.value.retry_after == (9 if "429" in wrong else None)
    assert settled(provider, remote).state is RemoteState.DONE


def test_what_it_does_not_know_is_gone(provider: SandboxProvider, sandbox: Sandbox) -> None:
    known = provider.submit(part("known")).remote_id
    remotes = [Remote(remote_id=name, reference="x") for name in ("gen_nobody", known)]
    assert [told.remote_id for told in provider.poll(remotes)] == ["gen_nobody", known]
    assert provider.poll(remotes)[0].state is RemoteState.GONE
    sandbox.control("poll_gone*1")
    assert provider.poll(remotes[1:])[0].state is RemoteState.GONE


@pytest.mark.parametrize(
    ("wrong", "charged", "moderated"),
    [("fail*1", 0, False), ("moderate*1", 0, True), ("charge_for_failure*1", 20000, False)],
)
def test_work_that_fails(
    provider: SandboxProvider, sandbox: Sandbox, wrong: str, charged: int, moderated: bool
) -> None:
    sandbox.control(wrong)
    accepted = provider.submit(part(f"work-{wrong}"))
    told = settled(provider, Remote(remote_id=accepted.remote_id, reference="x"))
    assert (told.state, told.moderated, bool(told.reason)) == (RemoteState.FAILED, moderated, True)
    assert told.charge
    assert (told.charge.amount.micro, told.charge.reported) == (charged, True)
    (line,) = [line for line in sandbox.lines("failed") if line["id"] == accepted.remote_id]
    assert Decimal(line["charged"]) * 1_000_000 == charged


@pytest.mark.parametrize(
    ("wrong", "frames", "rate", "width"),
    [
        ("more_frames=4*1", 10, Fraction(24), 320),
        ("fewer_frames=3*1", 3, Fraction(24), 320),
        ("other_rate=16*1", 6, Fraction(16), 320),
        ("other_size*1", 6, Fraction(24), 160),
    ],
)
def test_pictures_that_are_not_as_asked(
    provider: SandboxProvider,
    sandbox: Sandbox,
    tmp_path: Path,
    wrong: str,
    frames: int,
    rate: Fraction,
    width: int,
) -> None:
    sandbox.control(wrong)
    made = pictures.look(finish(provider, part("odd"), tmp_path / "made.mp4"))
    assert made[:3] == (frames, rate, width)


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [("cut_download*1", Unavailable), ("html_download*1", Unavailable), ("expired_url*1", Gone)],
)
def test_a_download_that_goes_wrong(
    provider: SandboxProvider, sandbox: Sandbox, tmp_path: Path, wrong: str, kind: type[Exception]
) -> None:
    remote = Remote(remote_id=provider.submit(part("d")).remote_id, reference="d")
    asset = settled(provider, remote).assets[0]
    sandbox.control(wrong)
    with pytest.raises(kind) as told:
        provider.fetch(remote, asset, tmp_path / "made.mp4")
    assert "token" not in str(told.value)
    assert not list(tmp_path.iterdir())
    assert provider.fetch(remote, asset, tmp_path / "made.mp4").stat().st_size == asset.size


def test_uploads_that_go_wrong(provider: SandboxProvider, sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "plate.mp4"
    file.write_bytes(b"x" * 300_000)
    for wrong, kind in (("upload_500*1", Unavailable), ("upload_refuse*1", Refused)):
        sandbox.control(wrong)
        with pytest.raises(kind):
            provider.upload("plate", file)
    before = len(sandbox.lines("uploaded"))
    assert provider.upload("plate", file).expires > datetime.now(UTC) + timedelta(hours=23)  # type: ignore[operator]
    assert len(sandbox.lines("uploaded")) == before + 1


def test_the_list_is_complete_page_after_page(provider: SandboxProvider, sandbox: Sandbox) -> None:
    sandbox.control("stuck")
    started = datetime.now(UTC)
    made = [provider.submit(part(f"page-{k}", frames=1)).remote_id for k in range(105)]
    listed = provider.list_calls(started)
    assert listed is not None
    assert [entry.remote_id for entry in listed] == made
    assert [entry.reference for entry in listed] == [f"page-{k}" for k in range(105)]
    for remote_id in made:
        provider.cancel(Remote(remote_id=remote_id, reference="x"))
    assert {line["id"] for line in sandbox.lines("cancelled")} >= set(made)


def test_a_list_that_goes_wrong(provider: SandboxProvider, sandbox: Sandbox) -> None:
    started = datetime.now(UTC)
    provider.submit(part("hidden"))
    sandbox.control("no_list*1")
    assert provider.list_calls(started) is None
    sandbox.control("late_list=60*1")
    assert provider.list_calls(started) == []
    sandbox.control("list_without_reference*1")
    (entry,) = provider.list_calls(started) or ()
    assert entry.reference is None


def test_cancel_stops_what_has_not_finished(provider: SandboxProvider, sandbox: Sandbox) -> None:
    sandbox.control(seconds=60)
    remote = Remote(remote_id=provider.submit(part("stop")).remote_id, reference="stop")
    provider.cancel(remote)
    told = settled(provider, remote)
    assert told.state is RemoteState.CANCELLED
    assert told.charge and told.charge.amount.micro == 0
    sandbox.control(seconds=0)
    remote = Remote(remote_id=provider.submit(part("done")).remote_id, reference="done")
    assert settled(provider, remote).state is RemoteState.DONE
    provider.cancel(remote)
    assert settled(provider, remote).state is RemoteState.DONE
    provider.cancel(Remote(remote_id="gen_nobody", reference="x"))


def test_sending_twice_is_paying_twice(provider: SandboxProvider, sandbox: Sandbox) -> None:
    provider.submit(part("twice"))
    provider.submit(part("twice"))
    assert of(sandbox, "twice") == ["arrived", "accepted"] * 2


# ---------------------------------------------------------------- the process and its book


def test_killed_and_started_again_it_carries_on_and_is_paid_once(tmp_path: Path) -> None:
    book = tmp_path / "book"
    sandbox = Sandbox(book, seconds=60).start()
    provider = SandboxProvider(ProviderConfig(name="sandbox", url=sandbox.url))
    plate = make_movie(tmp_path / "plate.mp4", range(5), Fraction(24), size=(320, 180))
    handle = provider.upload("plate", plate).handle
    remote_id = provider.submit(part("r", Operation.RESTYLE, frames=5, uploads={"plate": handle})).remote_id
    provider.close()
    sandbox.kill()
    # A line the power cut left half-written.
    with book.open("ab") as file:
        file.write(b'{"n": 99, "ev')

    with Sandbox(book, seconds=0) as again:
        provider = SandboxProvider(ProviderConfig(name="sandbox", url=again.url))
        remote = Remote(remote_id=remote_id, reference="r")
        told = settled(provider, remote)
        made = provider.fetch(remote, told.assets[0], tmp_path / "made.mp4")
        assert [read_code(picture) for picture in pictures.decode(made)] == list(range(5))
        provider.close()
    lines = [json.loads(line) for line in book.read_text(encoding="utf-8").splitlines()]
    assert [line["n"] for line in lines] == list(range(1, len(lines) + 1))
    assert [line["event"] for line in lines] == [
        "arrived",
        "uploaded",
        "arrived",
        "accepted",
        "finished",
        "fetched",
    ]
    assert sum(Decimal(line["charged"]) for line in lines if "charged" in line) == Decimal("0.02")


def test_prices_keys_and_currency(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTIO_BRIDGE_SANDBOX_KEY", "right")
    with Sandbox(tmp_path / "book", options=["--price=sandbox-any=0.50"]) as sandbox:
        config = ProviderConfig(
            name="sandbox", url=sandbox.url, currency="USD", options={"price.sandbox-any": "0.50"}
        )
        stranger = SandboxProvider(config)
        with pytest.raises(Refused, match=r"is the key of \[providers.sandbox\] right"):
            stranger.submit(part("k"))
        with pytest.raises(Unavailable):
            stranger.poll([Remote(remote_id="gen_1", reference="x")])
        known = SandboxProvider(
            ProviderConfig.model_validate({**config.model_dump(), "key": "right"}),
        )
        half = Money.of("0.50", "USD")
        assert known.estimate(part("k")) == half
        assert known.submit(part("k")).quoted == half
        for provider in (stranger, known):
            provider.close()


@pytest.mark.parametrize(
    ("option", "why"),
    [("--misbehave=sulk", "not a misbehaviour: sulk"), ("--price=sora=1", "no such model: sora")],
)
def test_a_wrong_option_is_one_sentence_and_exit_2(tmp_path: Path, option: str, why: str) -> None:
    command = [sys.executable, "-P", "-m", "otio_bridge.testing.sandbox", f"--book={tmp_path / 'b'}", option]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith(why)
    assert not (tmp_path / "b").exists()


def test_it_ends_when_its_parent_does(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path / "book").start()
    process = sandbox._process
    assert process and process.stdin
    process.stdin.close()
    assert process.wait(10) == 0
    sandbox.stop()
