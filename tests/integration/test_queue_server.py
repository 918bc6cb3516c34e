"""The private queue server: started, adopted, killed, flushed; ended with whoever started it."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis
from until import until

from otio_bridge.child import Child
from otio_bridge.errors import QueueError
from otio_bridge.platform import process_start_time
from otio_bridge.queue import MOST_TOKENS, Nudger, connect, ping, queue_name
from otio_bridge_worker.queue_server import KEPT_ELSEWHERE, Record, read_record

KINDS = ["valkey", "fake"]


class Keeper:
    """A keeper process of a folder, and what it wrote down."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder
        self.state = folder / ".otio-bridge"
        command = [sys.executable, "-P", "-m", "otio_bridge_worker", "queue-server"]
        self.child = Child(
            "queue-server",
            [*command, "--project", str(folder), "--kind", kind, "--until-eof"],
            log_file=folder / "queue-server.log",
            folder=folder,
        )

    def start(self) -> Keeper:
        self.child.start()
        until(lambda: self.answers() or not self.child.running)
        return self

    @property
    def url(self) -> str:
        return (self.state / "queue-url").read_text().strip()

    @property
    def record(self) -> Record:
        found = read_record(self.state)
        assert found is not None
        return found

    def answers(self) -> bool:
        try:
            ping(self.url)
        except (OSError, QueueError):
            return False
        return True

    def end(self) -> bool:
        return self.child.end(time.monotonic() + 20)

    def client(self) -> redis.Redis:
        return connect(self.url)


@pytest.fixture(params=KINDS)
def keeper(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Keeper]:
    keeper = Keeper(tmp_path, request.param).start()
    yield keeper
    assert keeper.end()


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Keeper]:
    keeper = Keeper(tmp_path, "valkey").start()
    yield keeper
    assert keeper.end()


def test_tokens_are_bounded_plain_and_expire(keeper: Keeper) -> None:
    nudger = Nudger(keeper.url, "ledger")
    assert nudger.nudge("cpu") == 1
    assert nudger.nudge("cpu", 1000) == MOST_TOKENS - 1
    assert nudger.nudge("cpu", 5) == 0
    client = keeper.client()
    key = f"rq:queue:{queue_name('ledger', 'cpu')}"
    assert client.llen(key) == MOST_TOKENS
    token = b"rq:job:" + client.lindex(key, 0)
    assert 0 < client.ttl(token) <= 3600
    assert client.hget(token, "description") == b"step"
    nudger.close()
    client.close()


def test_a_flush_is_survived_on_the_same_connection(keeper: Keeper) -> None:
    nudger = Nudger(keeper.url, "ledger")
    client = keeper.client()
    assert nudger.nudge("net", 3) == 3
    client.flushall()
    assert nudger.nudge("net", 2) == 2
    assert client.llen(f"rq:queue:{queue_name('ledger', 'net')}") == 2
    nudger.close()
    client.close()


def test_an_error_reply_does_not_end_the_connection_and_replies_are_prompt(keeper: Keeper) -> None:
    client = redis.Redis.from_url(keeper.url, single_connection_client=True)
    with pytest.raises(redis.ResponseError):
        client.execute_command("NO-SUCH-COMMAND")
    began = time.monotonic()
    for _ in range(50):
        with client.pipeline() as pipe:
            for number in range(6):
                pipe.set("key", number)
            pipe.execute()
    # Without TCP_NODELAY each would take 40 ms: 2 s.
    assert time.monotonic() - began < 1.0
    assert client.blpop(["nothing"], timeout=0.1) is None
    client.close()


def test_only_who_knows_the_password_is_let_in(keeper: Keeper) -> None:
    for address in (re.sub(r":[^:@/]*@", ":wrong@", keeper.url), re.sub(r":[^:@/]*@", "", keeper.url)):
        for protocol in (2, 3):
            client = redis.Redis.from_url(address, protocol=protocol)
            with pytest.raises(redis.RedisError):
                client.set("key", "value")
            client.close()
    right = redis.Redis.from_url(keeper.url, protocol=2)
    assert right.ping()
    right.close()


def test_the_password_is_in_owner_only_files_and_in_no_process_list(keeper: Keeper) -> None:
    secret = keeper.record.password
    assert len(secret) >= 24
    for name in ("queue-url", "queue-server.json"):
        if os.name == "posix":
            assert stat.S_IMODE((keeper.state / name).stat().st_mode) == 0o600
    for process in psutil.process_iter():
        try:
            assert secret not in " ".join(process.cmdline())
        except psutil.Error:
            continue
    assert secret not in keeper.child.log_file.read_text()


def test_it_listens_on_this_machine_only(keeper: Keeper) -> None:
    listening = [
        link.laddr.ip
        for link in psutil.Process(keeper.record.pid).net_connections()
        if link.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]


def test_the_end_of_its_input_ends_it_and_takes_its_address_away(keeper: Keeper) -> None:
    record = keeper.record
    assert keeper.end()
    assert keeper.child.exit_code == 0
    assert process_start_time(record.pid) != record.started
    assert not (keeper.state / "queue-url").exists()


def test_a_second_keeper_leaves_the_server_to_the_first(keeper: Keeper) -> None:
    second = Keeper(keeper.folder, "valkey")
    second.child.start()
    until(lambda: not second.child.running)
    assert second.child.exit_code == KEPT_ELSEWHERE
    assert keeper.answers()
    second.end()


def test_a_server_that_outlived_its_keeper_is_adopted_and_then_ended(valkey: Keeper) -> None:
    record = valkey.record
    client = valkey.client()
    client.set("key", "kept")
    assert valkey.child.pid is not None
    psutil.Process(valkey.child.pid).kill()
    until(lambda: not valkey.child.running)
    assert valkey.answers()
    valkey.start()
    assert valkey.record == record
    assert client.get("key") == b"kept"
    client.close()
    assert valkey.end()
    until(lambda: process_start_time(record.pid) != record.started)


def test_a_killed_server_comes_back_at_the_same_address(valkey: Keeper) -> None:
    record, url = valkey.record, valkey.url
    psutil.Process(record.pid).kill()
    until(lambda: not valkey.child.running)
    assert valkey.child.exit_code == 1
    valkey.start()
    assert valkey.url == url
    assert valkey.record.pid != record.pid


def test_a_hung_server_is_replaced(valkey: Keeper) -> None:
    record = valkey.record
    psutil.Process(record.pid).suspend()
    assert valkey.child.pid is not None
    psutil.Process(valkey.child.pid).kill()
    until(lambda: not valkey.child.running)
    valkey.start()
    until(lambda: valkey.record.pid != record.pid)
    assert process_start_time(record.pid) != record.started


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"pid": 1, "started": "x"}), "\x00"])
def test_a_broken_record_is_no_record(tmp_path: Path, text: str) -> None:
    (tmp_path / "queue-server.json").write_text(text)
    assert read_record(tmp_path) is None
