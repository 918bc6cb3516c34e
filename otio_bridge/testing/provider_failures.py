"""Conformance cases of what failures mean, played by a service that fails on order. Nothing is spent."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import SecretStr

from otio_bridge.provider import (
    Asset,
    Gone,
    NotSent,
    Refused,
    Remote,
    RemoteProvider,
    RemoteState,
    Unavailable,
    Uncertain,
)
from otio_bridge.testing.provider_bench import (
    KEY,
    Bench,
    Broken,
    closed_url,
    expect,
    failing,
    first_part,
    plate,
    sizes,
)

_REMOTE = Remote(remote_id="gen_1", reference="3f0c7c52-6f5e-4c5f-9c0e-3b8f2a6d1e77")
_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def unreachable_is_not_sent(bench: Bench) -> None:
    """With nobody listening, a submit was NotSent and every question is Unavailable."""
    with bench.pointed_at(closed_url()) as provider:
        asked = first_part(provider)
        expect(NotSent, "submit, connection refused", lambda: provider.submit(asked))
        expect(Unavailable, "poll, connection refused", lambda: provider.poll([_REMOTE]))
        expect(Unavailable, "list_calls, connection refused", lambda: _listed(provider))
        movie = plate(bench.folder, *sizes(provider.capabilities().models[0].limits))
        expect(Unavailable, "upload, connection refused", lambda: provider.upload("plate", movie))


def lost_answer_is_uncertain(bench: Bench) -> None:
    """A submit whose answer is lost is Uncertain and is not sent again; a lost poll is Unavailable."""
    with failing("close") as service, bench.pointed_at(service.url) as provider:
        expect(
            Uncertain, "submit, connection closed unanswered", lambda: provider.submit(first_part(provider))
        )
        if len(service.posts()) != 1:
            raise Broken(f"submit posted {len(service.posts())} times; one attempt is all it may make")
        expect(Unavailable, "poll, connection closed unanswered", lambda: provider.poll([_REMOTE]))


def too_many_is_not_sent(bench: Bench) -> None:
    """429 is NotSent, throttled, with the seconds of Retry-After."""
    with failing("429") as service, bench.pointed_at(service.url) as provider:
        failure = expect(NotSent, "submit, 429", lambda: provider.submit(first_part(provider)))
        assert isinstance(failure, NotSent)
        if not failure.throttled or failure.retry_after != 7:
            raise Broken(
                f"429 with Retry-After: 7 came as throttled={failure.throttled}, "
                f"retry_after={failure.retry_after}"
            )
        if len(service.posts()) != 1:
            raise Broken(f"submit posted {len(service.posts())} times on 429")
        expect(Unavailable, "poll, 429", lambda: provider.poll([_REMOTE]))


def broken_service_is_uncertain(bench: Bench) -> None:
    """500 on a submit is Uncertain and is not sent again; on a question it is Unavailable."""
    with failing("500") as service, bench.pointed_at(service.url) as provider:
        expect(Uncertain, "submit, 500", lambda: provider.submit(first_part(provider)))
        if len(service.posts()) != 1:
            raise Broken(f"submit posted {len(service.posts())} times on 500")
        expect(Unavailable, "poll, 500", lambda: provider.poll([_REMOTE]))
        expect(Unavailable, "list_calls, 500", lambda: _listed(provider))


def bad_key_is_refused(bench: Bench) -> None:
    """401 on a submit is Refused; on a question it is Unavailable, since paid work is not lost with a key."""
    with failing("401") as service, bench.pointed_at(service.url) as provider:
        expect(Refused, "submit, 401", lambda: provider.submit(first_part(provider)))
        expect(Unavailable, "poll, 401", lambda: provider.poll([_REMOTE]))


def web_page_is_no_answer(bench: Bench) -> None:
    """A web page with status 200 is Uncertain for a submit, Unavailable for a question."""
    with failing("html") as service, bench.pointed_at(service.url) as provider:
        expect(Uncertain, "submit, a web page", lambda: provider.submit(first_part(provider)))
        expect(Unavailable, "poll, a web page", lambda: provider.poll([_REMOTE]))


def follows_no_redirect(bench: Bench) -> None:
    """A paid request follows no redirect."""
    with failing("500") as other, failing("redirect", elsewhere=other.url) as service:
        with bench.pointed_at(service.url) as provider:
            expect((Refused, Uncertain), "submit, 307", lambda: provider.submit(first_part(provider)))
        if other.requests:
            raise Broken("a redirect of the paid request was followed")


def unknown_is_gone(bench: Bench) -> None:
    """An id the service does not know is RemoteState.GONE, Gone, or Unavailable where it cannot tell."""
    with failing("404") as service, bench.pointed_at(service.url) as provider:
        try:
            told = provider.poll([_REMOTE])
        except (Gone, Unavailable):
            return
        if [progress.state for progress in told] != [RemoteState.GONE]:
            raise Broken(f"poll of an unknown id said {told!r}")


def cut_download_is_unavailable(bench: Bench) -> None:
    """A result cut short, or a web page in its place, is Unavailable and leaves no file behind."""
    for mode in ("cut", "html", "500", "close"):
        with failing(mode) as service, bench.pointed_at(service.url) as provider:
            into = bench.folder / "result.mp4"
            asset = Asset(url=SecretStr(f"{service.url}/result.mp4"), content_type="video/mp4")
            expect(Unavailable, f"fetch, {mode}", lambda: provider.fetch(_REMOTE, asset, into))  # noqa: B023
            if into.exists():
                raise Broken(f"fetch, {mode}: half a file was left at the result's place")


def expired_result_is_gone(bench: Bench) -> None:
    """404 for a result is Gone."""
    with failing("404") as service, bench.pointed_at(service.url) as provider:
        asset = Asset(url=SecretStr(f"{service.url}/result.mp4?signature=abc"))
        failure = expect(Gone, "fetch, 404", lambda: provider.fetch(_REMOTE, asset, bench.folder / "r.mp4"))
        if "abc" in str(failure):
            raise Broken("the signature of the result's address is in the message")


def key_stays_at_home(bench: Bench) -> None:
    """Its key goes to its own service and to no other host a result lies on."""
    with failing("404") as home, failing("movie") as other, bench.pointed_at(home.url) as provider:
        asset = Asset(url=SecretStr(f"{other.url}/result.mp4"))
        provider.fetch(_REMOTE, asset, bench.folder / "result.mp4")
        if any(KEY in value for _, path, headers in other.requests for value in (path, *headers.values())):
            raise Broken("the key was sent to the host of the result")


def stays_outside(bench: Bench) -> None:
    """A hosted provider fetches nothing from plain http or a private address."""
    with failing("movie") as inside:
        with bench.pointed_at("https://service.invalid", allow_private=False) as provider:
            asset = Asset(url=SecretStr(f"{inside.url}/result.mp4"))
            into = bench.folder / "result.mp4"
            expect((Gone, Unavailable), "fetch from 127.0.0.1", lambda: provider.fetch(_REMOTE, asset, into))
        if inside.requests:
            raise Broken("a private address was asked for a result")


def _listed(provider: RemoteProvider) -> object:
    if provider.capabilities().accept_within is None:
        raise Unavailable("it has no list")
    return provider.list_calls(_LONG_AGO)


CHECKS = (
    unreachable_is_not_sent,
    lost_answer_is_uncertain,
    too_many_is_not_sent,
    broken_service_is_uncertain,
    bad_key_is_refused,
    web_page_is_no_answer,
    follows_no_redirect,
    unknown_is_gone,
    cut_download_is_unavailable,
    expired_result_is_gone,
    key_stays_at_home,
    stays_outside,
)
