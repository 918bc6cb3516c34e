"""What the HTTP client makes of answers, addresses and time: the table of _answers.py, row by row."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from otio_bridge.errors import SettingsError
from otio_bridge.provider import (
    Asset,
    Gone,
    NotSent,
    ProviderConfig,
    ProviderFailure,
    Refused,
    Unavailable,
    Uncertain,
)
from otio_bridge.testing.provider_bench import failing
from otio_bridge_providers._answers import Asked, Reply, failure, retry_after
from otio_bridge_providers._http import Client
from otio_bridge_providers._wire import allowed

CONFIG = ProviderConfig(name="acme", url="https://acme.example", key=SecretStr("k"), allow_private=True)


@pytest.mark.parametrize(
    ("status", "paid", "unpaid", "get", "download"),
    [
        (301, Refused, Refused, Unavailable, Unavailable),
        (302, Uncertain, Unavailable, Unavailable, Unavailable),
        (303, Uncertain, Unavailable, Unavailable, Unavailable),
        (307, Refused, Refused, Unavailable, Unavailable),
        (400, Refused, Refused, Unavailable, Unavailable),
        (401, Refused, Refused, Unavailable, Gone),
        (402, Refused, Refused, Unavailable, Unavailable),
        (403, Refused, Refused, Unavailable, Gone),
        (404, Refused, Refused, Gone, Gone),
        (408, Uncertain, Unavailable, Unavailable, Unavailable),
        (410, Refused, Refused, Gone, Gone),
        (422, Refused, Refused, Unavailable, Unavailable),
        (429, NotSent, Unavailable, Unavailable, Unavailable),
        (500, Uncertain, Unavailable, Unavailable, Unavailable),
        (502, Uncertain, Unavailable, Unavailable, Unavailable),
        (503, Uncertain, Unavailable, Unavailable, Unavailable),
        (504, Uncertain, Unavailable, Unavailable, Unavailable),
    ],
)
def test_statuses(status: int, paid: type, unpaid: type, get: type, download: type) -> None:
    reply = Reply(status, {}, b"")
    kinds = [type(failure(asked, reply, "GET x", name="acme", secrets=())) for asked in Asked]
    assert kinds == [paid, unpaid, get, download]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": "1e9"}, 86400),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        (
            {"retry-after": "Fri, 20 Nov 2026 10:00:30 GMT", "date": "Fri, 20 Nov 2026 10:00:00 GMT"},
            30,
        ),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_messages_keep_secrets() -> None:
    body = b'{"error": {"message": "bad key s3cret at https://x.example/a?signature=abc&b=c now"}}'
    told = failure(Asked.PAID, Reply(400, {}, body), "POST x", name="acme", secrets=["s3cret"])
    assert str(told) == "POST x answered 400: bad key … at https://x.example/a?… now"


@pytest.mark.parametrize(
    ("address", "public", "private"),
    [
        ("93.184.216.34", True, True),
        ("2606:2800:220:1:248:1893:25c8:1946", True, True),
        ("127.0.0.1", False, True),
        ("10.0.0.7", False, True),
        ("192.168.1.2", False, True),
        ("::1", False, True),
        ("fd00::1", False, True),
        ("::ffff:10.0.0.7", False, True),
        ("169.254.169.254", False, False),
        ("::ffff:169.254.169.254", False, False),
        ("fe80::1%eth0", False, False),
        ("0.0.0.0", False, False),
        ("224.0.0.1", False, False),
    ],
)
def test_addresses(address: str, public: bool, private: bool) -> None:
    assert allowed(address, allow_private=False) is public
    assert allowed(address, allow_private=True) is private


@pytest.mark.parametrize("url", ["", "acme.example", "ftp://acme.example", "http://acme.example"])
def test_base_addresses_are_https_unless_private(url: str) -> None:
    with pytest.raises(SettingsError):
        Client(CONFIG.model_copy(update={"allow_private": False}), base=url)


@contextmanager
def dripping() -> Iterator[str]:
    """A service that answers one byte every twentieth of a second, for ever."""
    stop = threading.Event()

    def serve(listener: socket.socket) -> None:
        with listener:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                while not stop.wait(0.05):
                    try:
                        connection.sendall(b"H")
                    except OSError:
                        return

    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve, args=(listener,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stop.set()
        thread.join()


def test_a_dripping_answer_ends_with_the_timeout() -> None:
    with dripping() as url:
        client = Client(CONFIG.model_copy(update={"timeout": 0.4}), base=url)
        started = time.monotonic()
        with pytest.raises(Uncertain):
            client.paid("pay", {})
        assert time.monotonic() - started < 2
        client.close()


def test_a_name_nobody_has_was_not_sent() -> None:
    client = Client(CONFIG, base="https://nobody.invalid")
    with pytest.raises(NotSent, match="no connection"):
        client.paid("pay", {})


def test_a_private_address_is_refused_before_anything_is_sent() -> None:
    client = Client(CONFIG.model_copy(update={"allow_private": False}), base="https://localhost")
    for failing_kind, call in (
        (Refused, lambda: client.paid("pay", {})),
        (Unavailable, lambda: client.get("ask")),
    ):
        with pytest.raises(failing_kind, match="no public address"):
            call()


def test_a_redirected_download_loses_the_key_and_is_checked_again(tmp_path: Path) -> None:
    with failing("movie") as other, failing("redirect", elsewhere=f"{other.url}/m?sig=abc") as home:
        client = Client(CONFIG, base=home.url, auth={"Authorization": "Bearer s3cret"})
        client.download("result", tmp_path / "r.mp4")
        assert (tmp_path / "r.mp4").stat().st_size == 4096
        assert home.requests[0][2]["Authorization"] == "Bearer s3cret"
        assert "Authorization" not in other.requests[0][2]
        client.close()
    with failing("redirect", elsewhere="http://169.254.169.254/latest") as home:
        client = Client(CONFIG, base=home.url)
        with pytest.raises(Gone, match="no public address"):
            client.download("result", tmp_path / "x.mp4")
        client.close()
    with failing("redirect", elsewhere="file:///etc/passwd") as home:
        client = Client(CONFIG, base=home.url)
        with pytest.raises(ProviderFailure):
            client.download("result", tmp_path / "x.mp4")
        client.close()
    with failing("redirect", elsewhere="/again") as home:
        client = Client(CONFIG, base=home.url)
        with pytest.raises(Gone, match="too many redirects"):
            client.download("result", tmp_path / "x.mp4")
        assert len(home.requests) == 5
        client.close()
    assert [path.name for path in tmp_path.iterdir()] == ["r.mp4"]


def test_a_download_has_a_cap_and_a_size(tmp_path: Path) -> None:
    with failing("movie") as home:
        client = Client(CONFIG, base=home.url, download_cap=1000)
        with pytest.raises(Gone, match="larger than 1000 bytes"):
            client.download("result", tmp_path / "r.mp4")
        client.close()
    assert not list(tmp_path.iterdir())


def test_asset_addresses_never_show() -> None:
    asset = Asset(url=SecretStr("https://x.example/a?signature=abc"))
    assert "signature" not in repr(asset)
