"""Worker, poller and supervisor as real processes over a real queue server: killed, flushed, lied to."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis
from rq import Callback, Queue
from until import until

from otio_bridge.alive import report_dead
from otio_bridge.app import App
from otio_bridge.launch import Stack, workers_running
from otio_bridge.model.money import Money
from otio_bridge.model.request import Operation, OperationClass, Request
from otio_bridge.model.shot import Ask, Placement
from otio_bridge.model.take import TakeState
from otio_bridge.model.time import FrameRange, Rate
from otio_bridge.platform import Owner, process_start_time, this_host
from otio_bridge.queue import JOB, Nudger, connect, queue_name, server_url
from otio_bridge.settings import load
from otio_bridge.store import calls, dispatch, processes, takes
from otio_bridge.store.records import ProcessRecord, ProcessWrite, ShotWrite, Wanted
from otio_bridge_worker.poller import leads
from otio_bridge_worker.silent import Silence

QUICK = "[queue]\ntick = 0.2\nlease = 1.0\nrenew = 0.3\nrecycle = 50\nslots = {cpu = 1}\n"
#: Only a nudge wakes such a worker, once it has looked around at its start.
SLEEPY = QUICK.replace("tick = 0.2", "tick = 3600")


def project(folder: Path, text: str = QUICK) -> App:
    folder.mkdir(exist_ok=True)
    (folder / "otio-bridge.toml").write_text(text)
    return App.open(load(folder))


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with project(tmp_path / "project") as opened:
        yield opened


@pytest.fixture
def sleepy(tmp_path: Path) -> Iterator[App]:
    with project(tmp_path / "project", SLEEPY) as opened:
        yield opened


def rows(app: App, kind: str = "worker") -> list[ProcessRecord]:
    return [row for row in processes.alive(app.ledger) if row.kind == kind]


def worker_pid(app: App) -> int:
    until(lambda: rows(app))
    return rows(app)[0].pid


def take_without_a_plate(app: App) -> str:
    """A take no step can do anything with: that a worker claimed it is all there is to see."""
    frames = FrameRange(start=0, duration=8)
    request = Request(
        operation=Operation.GENERATE, provider="local", model="auto", prompt=uuid.uuid4().hex,
        plate=frames, rate=Rate(24), width=64, height=64,
    )  # fmt: skip
    shot = ShotWrite(
        id=uuid.uuid4().hex, name=f"SH_{uuid.uuid4().hex[:8]}", cut="cut", op_class=OperationClass.RECORD,
        placement=Placement.IN_PLACE, rate=Rate(24), need=frames, ask=Ask(operation=Operation.GENERATE),
    )  # fmt: skip
    nothing = Money(micro=0, currency="EUR")
    wanted = Wanted(shot=shot, request=request, hold_each=nothing, provider="local", model="animatic")
    made = dispatch.dispatch(app.ledger, [wanted], author="test", edit=None, currency="EUR")
    return made.takes[0].id


def claimed(app: App, take: str) -> bool:
    return takes.get(app.ledger, take).tries > 0


def client_of(app: App) -> redis.Redis:
    url = server_url(app.settings)
    assert url is not None
    return connect(url)


def drained(client: redis.Redis, app: App) -> bool:
    return client.llen(f"rq:queue:{queue_name(app.ledger.id, 'cpu')}") == 0


def awake(client: redis.Redis, app: App) -> None:
    """Until the worker has taken a token: from then on only nudges wake a sleepy one."""
    until(lambda: rows(app))
    app.nudge("cpu")
    until(lambda: drained(client, app))


def test_a_nudge_wakes_a_worker_that_sleeps(sleepy: App) -> None:
    with Stack(sleepy.settings, poller=False):
        client = client_of(sleepy)
        awake(client, sleepy)
        take = take_without_a_plate(sleepy)
        sleepy.nudge("cpu")
        until(lambda: claimed(sleepy, take))
        assert Owner.parse(takes.get(sleepy.ledger, take).lease_owner or "").pid == worker_pid(sleepy)
        client.close()


def test_a_worker_without_a_queue_server_looks_into_the_ledger(app: App) -> None:
    with Stack(app.settings, poller=False, queue_server=False):
        worker_pid(app)
        take = take_without_a_plate(app)
        until(lambda: claimed(app, take))


def test_a_flush_costs_a_delay_and_nothing_else(app: App) -> None:
    with Stack(app.settings, poller=False):
        pid = worker_pid(app)
        client = client_of(app)
        client.flushall()
        take = take_without_a_plate(app)
        until(lambda: claimed(app, take))
        assert worker_pid(app) == pid
        client.close()


def test_a_killed_queue_server_comes_back_and_the_worker_finds_it(sleepy: App) -> None:
    with Stack(sleepy.settings, poller=False):
        client = client_of(sleepy)
        awake(client, sleepy)
        pid, url = worker_pid(sleepy), server_url(sleepy.settings)
        record = json.loads((sleepy.settings.state_folder / "queue-server.json").read_text())
        psutil.Process(record["pid"]).kill()
        until(lambda: process_start_time(record["pid"]) != record["started"])

        def nudged() -> bool:
            sleepy.nudge("cpu")
            return claimed(sleepy, take)

        take = take_without_a_plate(sleepy)
        until(nudged)
        assert server_url(sleepy.settings) == url
        assert worker_pid(sleepy) == pid
        client.close()


def test_a_hostile_writer_gets_nothing_executed_and_does_no_harm(sleepy: App, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    touch = f"touch {mark}"
    with Stack(sleepy.settings, poller=False):
        client = client_of(sleepy)
        awake(client, sleepy)
        pid = worker_pid(sleepy)
        name = queue_name(sleepy.ledger.id, "cpu")
        hostile = Queue(name, connection=client, serializer="json")
        hostile.enqueue("os.system", touch)
        hostile.enqueue(JOB, touch)
        hostile.enqueue("otio_bridge_worker.worker.run", str(tmp_path), ["cpu"], 0)
        hostile.enqueue(JOB, on_success=Callback("os.system"), on_failure=Callback("os.system"))
        hostile.enqueue(JOB, description=f"$({touch})", depends_on=hostile.enqueue("os.system", touch))
        Queue(name, connection=client, serializer="pickle").enqueue(os.system, touch)
        key = f"rq:queue:{name}"
        for number, data in enumerate(
            (pickle.dumps(os.system), zlib.compress(b"x" * 10**7), b"", b"\xff" * 99)
        ):
            client.hset(f"rq:job:raw{number}", "data", data)
            client.rpush(key, f"raw{number}")
        client.set("rq:job:string", "no hash")
        client.rpush(key, "string", b"\xff\xfe", "../../etc", "", "no-such-job")
        take = take_without_a_plate(sleepy)

        def nudged() -> bool:
            sleepy.nudge("cpu")
            return claimed(sleepy, take) and drained(client, sleepy)

        until(nudged)
        assert not mark.exists()
        assert worker_pid(sleepy) == pid
        log = (sleepy.settings.state_folder / "logs" / "worker-cpu-0.log").read_text()
        assert log.count("dropped a job") >= 5
        assert str(mark) not in log
        client.close()


def test_a_killed_worker_is_replaced_and_known_to_be_dead(app: App) -> None:
    said: list[str] = []
    with Stack(app.settings, poller=False, report=said.append) as stack:
        pid = worker_pid(app)
        first = rows(app)[0].id
        psutil.Process(pid).kill()
        until(lambda: [row.pid for row in rows(app)] not in ([], [pid]))
        dead = processes.get(app.ledger, first)
        assert dead is not None and dead.gone_at is not None
        assert [one.restarts for one in stack.running()] == [0, 1]
    assert any("worker cpu 0 ended (-9)" in line for line in said)


def test_a_worker_is_recycled_in_good_order(tmp_path: Path) -> None:
    said: list[str] = []
    text = QUICK.replace("recycle = 50", "recycle = 1")
    with (
        project(tmp_path / "project", text) as app,
        Stack(app.settings, poller=False, report=said.append) as stack,
    ):
        pid = worker_pid(app)
        take_without_a_plate(app)
        until(lambda: [row.pid for row in rows(app)] not in ([], [pid]))
        assert stack.running()[1].restarts >= 1
    assert said == []


def test_stopping_leaves_no_process_and_no_row(app: App) -> None:
    with Stack(app.settings) as stack:
        # Known from the start, though the worker itself is still on its way up.
        assert workers_running(app.ledger)
        worker_pid(app)
        until(lambda: rows(app, "poller"))
        pids = [one.pid for one in stack.running() if one.pid]
        assert len(pids) == 3
    assert [pid for pid in pids if process_start_time(pid)] == []
    assert processes.alive(app.ledger) == []
    assert not workers_running(app.ledger)
    assert server_url(app.settings) is None


def test_a_worker_that_hangs_is_killed_at_the_end(app: App) -> None:
    said: list[str] = []
    stack = Stack(app.settings, poller=False, report=said.append)
    stack.start()
    pid = worker_pid(app)
    psutil.Process(pid).suspend()
    stack.stop(grace=0.3)
    assert process_start_time(pid) is None
    assert "worker cpu 0 did not end and was killed" in said
    assert rows(app) == []


def test_no_secret_is_an_argument(tmp_path: Path) -> None:
    text = QUICK.replace("[queue]", 'redis_url = "redis://:hush-hush@127.0.0.1:1/0"\n[queue]')
    with project(tmp_path / "project", text) as app, Stack(app.settings, poller=False) as stack:
        pid = worker_pid(app)
        assert "hush" not in " ".join(psutil.Process(pid).cmdline())
        assert [one.name for one in stack.running()] == ["worker cpu 0"]
        # Its server does not answer; the ledger is all it needs.
        take = take_without_a_plate(app)
        until(lambda: claimed(app, take))
        assert "hush" not in (app.settings.state_folder / "logs" / "worker-cpu-0.log").read_text()


def test_a_worker_started_by_hand_is_supervised(app: App) -> None:
    """It is replaced when it dies, and a terminal's Ctrl-C does not reach what it runs."""
    command = [sys.executable, "-P", "-m", "otio_bridge_worker", "worker", "--project"]
    process = subprocess.Popen(
        [*command, str(app.settings.folder), "--queue", "net"], stdout=subprocess.DEVNULL
    )
    pid = worker_pid(app)
    assert pid != process.pid
    assert rows(app)[0].queues == ("net",)
    psutil.Process(pid).kill()
    until(lambda: [row.pid for row in rows(app)] not in ([], [pid]))
    process.terminate()
    assert process.wait(30) == 0
    assert processes.alive(app.ledger) == []


UP = """
import sys
from pathlib import Path
from otio_bridge.launch import up
from otio_bridge.settings import load
sys.exit(up(load(Path(sys.argv[1])), say=lambda line: print(line, flush=True)))
"""


def start_up(app: App) -> tuple[subprocess.Popen[bytes], dict[int, int]]:
    """`up` as a process, and all processes under it by pid with their start times."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", UP, str(app.settings.folder)], stdout=subprocess.DEVNULL
    )
    until(lambda: rows(app) and rows(app, "poller") and server_url(app.settings))
    family = psutil.Process(process.pid).children(recursive=True)
    started = {member.pid: process_start_time(member.pid) or 0 for member in family}
    assert len(started) == 4  # keeper, its server, poller, worker
    return process, started


def none_left(started: dict[int, int]) -> bool:
    return not any(process_start_time(pid) == began for pid, began in started.items())


def test_everything_ends_with_a_supervisor_that_was_killed(app: App) -> None:
    process, started = start_up(app)
    process.kill()
    process.wait()
    until(lambda: none_left(started))
    report_dead(app.ledger)
    assert processes.alive(app.ledger) == []


@pytest.mark.skipif(os.name != "posix", reason="Windows has no signals to send")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_up_ends_cleanly(app: App, number: signal.Signals) -> None:
    process, started = start_up(app)
    process.send_signal(number)
    assert process.wait(30) == 0
    assert none_left(started)
    assert processes.alive(app.ledger) == []


def test_two_sessions_share_a_queue_server_and_the_second_takes_over(app: App) -> None:
    with Stack(app.settings, slots={}, poller=False) as second_to_be:
        first_url = server_url(app.settings)
        with Stack(app.settings, poller=False) as other:
            assert server_url(app.settings) == first_url
            assert other.running()[0].pid is None
            worker_pid(app)
            second_to_be.stop()
            until(lambda: other.running()[0].running and server_url(app.settings))
            take = take_without_a_plate(app)
            until(lambda: claimed(app, take))


def test_of_two_pollers_one_does_the_rounds(app: App) -> None:
    def beat(name: str, host: str) -> str:
        write = ProcessWrite(id=f"{host}:1:1:{name}", kind="poller", host=host, pid=1, started=1)
        return processes.beat(app.ledger, write).id

    first, second = beat("a", "far"), beat("b", "farther")
    assert leads(app, first) and not leads(app, second)
    processes.gone(app.ledger, first)
    assert leads(app, second)


def test_workers_of_other_machines_count_while_they_are_heard_of(app: App) -> None:
    assert not workers_running(app.ledger)
    far = ProcessWrite(id="far:1:1:cpu/0", kind="worker", host="far", pid=1, started=1, queues=("cpu",))
    processes.beat(app.ledger, far)
    assert workers_running(app.ledger)
    processes.gone(app.ledger, far.id)
    dead = ProcessWrite(id=f"{this_host()}:1:1:x", kind="worker", host=this_host(), pid=1, started=1)
    processes.beat(app.ledger, dead)
    assert not workers_running(app.ledger)


@pytest.mark.parametrize("kind", ["valkey", "fake"])
def test_both_queue_servers_carry_nudges(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTIO_BRIDGE_QUEUE_SERVER", kind)
    with project(tmp_path / "project", SLEEPY) as app, Stack(app.settings, poller=False):
        client = client_of(app)
        awake(client, app)
        take = take_without_a_plate(app)
        url = server_url(app.settings)
        assert url is not None
        nudger = Nudger(url, app.ledger.id)
        nudger.nudge("cpu", 3)
        until(lambda: claimed(app, take) and drained(client, app))
        nudger.close()
        client.close()


def sending(app: App, owner: str) -> str:
    """A call that was being sent by `owner` when its lease ran out; its uuid."""
    take_without_a_plate(app)
    held = takes.claim(app.ledger, "cpu", owner=owner, lease=30, tries=3)
    assert held is not None
    takes.move(app.ledger, held, TakeState.PREPARED, queue="net")
    held = takes.claim(app.ledger, "net", owner=owner, lease=0.5, tries=3)
    assert held is not None
    call = calls.intend(
        app.ledger, held, part=0, provider="p", account="a", fingerprint="f",
        hold=Money(micro=0, currency="EUR"), slots=0,
    )  # fmt: skip
    until(lambda: takes.stale_sending(app.ledger))
    return call.uuid


@pytest.mark.parametrize("lost", [False, True])
def test_a_sender_that_fell_silent_is_ended_and_one_that_speaks_is_not(app: App, lost: bool) -> None:
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    owner = Owner.of(sleeper.pid, "net/0")
    row = ProcessWrite(
        id=str(owner), kind="worker", host=owner.host, pid=owner.pid, started=owner.started, queues=("net",)
    )
    processes.beat(app.ledger, row)
    uuid = sending(app, str(owner))
    if lost:
        calls.uncertain(app.ledger, uuid, why="fell silent")
    now = 0.0
    limits = app.settings.queue
    silence = Silence(app.ledger, limits, clock=lambda: now)

    def silent() -> bool:
        return not processes.alive(app.ledger, within=limits.lease)

    until(silent)
    silence.end_senders()
    # It speaks up again in time: no harm is done to it, and its time starts anew.
    processes.beat(app.ledger, row)
    now = 100.0
    silence.end_senders()
    until(silent)
    silence.end_senders()
    assert sleeper.poll() is None
    now += limits.renew + limits.tick + 0.1
    silence.end_senders()
    assert process_start_time(owner.pid) is None
    sleeper.wait()
    dead = processes.get(app.ledger, str(owner))
    assert dead is not None and dead.gone_at is not None
