"""Which queue follows which state, and what counts as a nudge."""

from __future__ import annotations

import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otio_bridge import launch
from otio_bridge.errors import QueueError
from otio_bridge.model.take import TakeState
from otio_bridge.queue import JOB, QUEUES, URL_FILE, connect, queue_name, queue_of
from otio_bridge.settings import STATE_FOLDER
from otio_bridge_worker import __main__ as main_module
from otio_bridge_worker import ending, queue_server
from otio_bridge_worker.nudge import is_nudge

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("state", "local", "heavy", "queue"),
    [
        (TakeState.PLANNED, False, False, "cpu"),
        (TakeState.PLANNED, True, True, "cpu"),
        (TakeState.PREPARED, False, False, "net"),
        (TakeState.PREPARED, False, True, "net"),
        (TakeState.PREPARED, True, False, "cpu"),
        (TakeState.PREPARED, True, True, "heavy"),
        (TakeState.DONE, False, False, "net"),
        (TakeState.DONE, True, False, "cpu"),
        (TakeState.FETCHED, False, False, "cpu"),
        (TakeState.CONFORMED, True, True, "cpu"),
        (TakeState.SENDING, False, False, None),
        (TakeState.SUBMITTED, False, False, None),
        (TakeState.UNCERTAIN, False, False, None),
    ],
)
def test_queue_of(state: TakeState, local: bool, heavy: bool, queue: str | None) -> None:
    assert queue_of(state, local=local, heavy=heavy) == queue


@given(st.sampled_from(TakeState), st.booleans(), st.booleans())
def test_every_step_has_a_known_queue_and_no_finished_take_has_one(
    state: TakeState, local: bool, heavy: bool
) -> None:
    queue = queue_of(state, local=local, heavy=heavy)
    assert queue is None or queue in QUEUES
    if state in (TakeState.READY, TakeState.FAILED, TakeState.CANCELLED):
        assert queue is None


def test_names_that_stand_twice_to_keep_imports_light_are_one() -> None:
    assert queue_server.URL_FILE == URL_FILE
    assert queue_server.LOCK_FILE == launch.SERVER_LOCK
    assert queue_server.KEPT_ELSEWHERE == launch.KEPT_ELSEWHERE
    assert main_module.STATE_FOLDER == STATE_FOLDER
    assert ending.GIVE_UP < launch.GRACE


def test_ledgers_on_one_server_have_queues_of_their_own() -> None:
    assert queue_name("a", "cpu") != queue_name("b", "cpu")


def test_an_address_that_is_no_redis_url_is_said_so_without_quoting_it() -> None:
    with pytest.raises(QueueError) as caught:
        connect("http://user:secret@example.org")
    assert "secret" not in str(caught.value)


def test_our_step_is_a_nudge_deflated_or_not() -> None:
    data = json.dumps([JOB, None, [], {}]).encode()
    assert is_nudge(data)
    assert is_nudge(zlib.compress(data))


@given(_JSON)
def test_no_other_call_is_a_nudge(value: object) -> None:
    data = json.dumps(value).encode()
    assert not is_nudge(data)
    assert not is_nudge(zlib.compress(data))


@pytest.mark.parametrize(
    "call",
    [
        ["os.system", None, ["true"], {}],
        [JOB, None, ["argument"], {}],
        [JOB, None, [], {"key": 1}],
        [JOB, "instance", [], {}],
        [JOB, None, []],
    ],
)
def test_our_name_with_anything_else_is_no_nudge(call: list[object]) -> None:
    assert not is_nudge(zlib.compress(json.dumps(call).encode()))


@given(st.binary(max_size=200))
def test_any_bytes_are_looked_at_without_harm(data: bytes) -> None:
    assert not is_nudge(data)


def test_a_bomb_is_not_unpacked() -> None:
    bomb = zlib.compress(b" " * 50_000_000)
    assert not is_nudge(bomb)
    assert not is_nudge(zlib.compress(b"[" * 4000))
