"""Files that are never replaced, receipts that survive, names every system takes."""

import errno
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otio_bridge.errors import MediaError, RefusedInput
from otio_bridge.media import files, sequence
from otio_bridge.media.files import (
    publish,
    read_receipts,
    receipt_file,
    safe_name,
    safe_names,
    sha256,
    work_folder,
    write_receipt,
)


@pytest.fixture(params=["links", "no links", "other volume"])
def disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The system calls of three kinds of disk; only os.link is stood in for."""
    link = os.link

    def refuses(src: Path, dst: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    def across(src: Path, dst: Path) -> None:
        if Path(src).parent != Path(dst).parent:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        link(src, dst)

    if request.param != "links":
        monkeypatch.setattr(os, "link", refuses if request.param == "no links" else across)
    return request.param


def _file(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_publish_moves_and_never_replaces(tmp_path: Path, disk: str) -> None:
    target = tmp_path / "media" / "take.mov"
    assert publish(_file(tmp_path / "work" / "a", b"one"), target) == target
    assert target.read_bytes() == b"one"
    assert not (tmp_path / "work" / "a").exists()

    publish(_file(tmp_path / "work" / "again", b"one"), target)

    other = _file(tmp_path / "work" / "other", b"two")
    with pytest.raises(MediaError, match="nothing was replaced"):
        publish(other, target)
    assert target.read_bytes() == b"one"
    assert other.read_bytes() == b"two"
    assert [path.name for path in target.parent.iterdir()] == ["take.mov"]


def test_publish_leaves_a_kept_source_alone(tmp_path: Path, disk: str) -> None:
    source = _file(tmp_path / "theirs.mov", b"pulled")
    publish(source, tmp_path / "out.mov", keep=True)
    source.write_bytes(b"changed")
    assert (tmp_path / "out.mov").read_bytes() == b"pulled"


def test_an_empty_claim_of_a_dead_publisher_is_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(src: Path, dst: Path) -> None:
        raise (FileExistsError if Path(dst).exists() else OSError)(errno.EPERM, "no links")

    target = _file(tmp_path / "take.mov", b"")
    monkeypatch.setattr(os, "link", lambda src, dst: refuses(src, tmp_path / "none"))
    publish(_file(tmp_path / "w", b"whole"), target)
    assert target.read_bytes() == b"whole"


def test_a_full_disk_passes_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(src: Path, dst: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(OSError, match="No space"):
        publish(_file(tmp_path / "w", b"x"), tmp_path / "take.mov")
    assert (tmp_path / "w").exists()


def test_publish_a_sequence(tmp_path: Path) -> None:
    for number in (1001, 1002):
        _file(tmp_path / "w" / f"p.{number}.png", b"%d" % number)
    digest = sha256(tmp_path / "w" / "p.%04d.png")
    done = publish(tmp_path / "w" / "p.%04d.png", tmp_path / "m" / "SH_p001.%04d.png")
    assert list(sequence.numbers(done)) == [1001, 1002]
    assert sha256(done) == digest

    _file(tmp_path / "w" / "q.1001.png", b"1001")
    with pytest.raises(MediaError, match="another sequence"):
        publish(tmp_path / "w" / "q.%04d.png", done)


def test_a_sequence_says_which_numbers_are_missing(tmp_path: Path) -> None:
    for number in (*range(995, 1003), 1004, 1008):
        _file(tmp_path / f"a%_{number:04d}.exr", b"x")
    _file(tmp_path / "a%_00999.exr", b"not of %04d")
    with pytest.raises(MediaError, match=r"misses 1003, 1005-1007"):
        sequence.numbers(tmp_path / "a%_%04d.exr")
    assert sequence.for_ffmpeg(tmp_path / "a%_%04d.exr").endswith("a%%_%04d.exr")
    with pytest.raises(MediaError, match="no files"):
        sequence.numbers(tmp_path / "none" / "b.%04d.exr")


def test_work_folders_are_fenced_by_take_and_token(tmp_path: Path) -> None:
    first = work_folder(tmp_path, "take-1", 1)
    _file(first / "half.mov", b"x")
    other = work_folder(tmp_path, "take-11", 1)
    second = work_folder(tmp_path, "take-1", 2)
    assert second != first
    assert not first.exists()
    assert list(second.iterdir()) == []
    assert other.exists()


def test_receipts_survive(tmp_path: Path) -> None:
    receipt = receipt_file(tmp_path / "a.receipt")
    size = receipt.stat().st_size
    assert read_receipts(tmp_path) == [(receipt, None)]

    write_receipt(receipt, {"remote_id": "r-1", "quoted": {"amount": "0.5 €"}})
    assert read_receipts(tmp_path) == [(receipt, {"remote_id": "r-1", "quoted": {"amount": "0.5 €"}})]
    assert receipt.stat().st_size == size, "overwritten in place: a full disk cannot lose it"

    with pytest.raises(FileExistsError):
        receipt_file(receipt)
    assert read_receipts(tmp_path / "none") == []


@settings(max_examples=40, deadline=None)
@given(cut=st.integers(0, 200))
def test_half_a_receipt_is_no_answer(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    receipt = receipt_file(tmp_path_factory.mktemp("r") / "a.receipt", 1024)
    write_receipt(receipt, {"remote_id": "x" * 60})
    whole = receipt.read_bytes()
    end = whole.index(b"\0")
    receipt.write_bytes(whole[: min(cut, end - 1)].ljust(1024, b"\0"))
    assert read_receipts(receipt.parent) == [(receipt, None)]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("SC010/0020: ünïcode", "SC010_0020__ünïcode"),
        ("u\u0308ber", "über"),
        ("con.mov", "_con.mov"),
        ("../../etc/passwd", "_.._etc_passwd"),
        (".hidden. ", "hidden"),
        ("lpt¹", "_lpt¹"),
    ],
)
def test_safe_name(text: str, name: str) -> None:
    assert safe_name(text) == name


@pytest.mark.parametrize("text", ["", "...", "??", "_"])
def test_no_name_at_all(text: str) -> None:
    with pytest.raises(RefusedInput):
        safe_name(text)


@given(st.text())
def test_safe_names_are_safe(text: str) -> None:
    try:
        name = safe_name(text)
    except RefusedInput:
        return
    assert safe_name(name) == name
    assert Path(name).name == name
    assert not set(name) & set('/\\:*?"<>|\0 ')
    assert unicodedata.is_normalized("NFC", name)
    assert len(name.encode()) <= 121


def test_two_names_that_would_be_one_file() -> None:
    assert safe_names(["A", "b"]) == {"A": "A", "b": "b"}
    with pytest.raises(RefusedInput, match="'Straße' and 'STRASSE'"):
        safe_names(["Straße", "STRASSE"])


def test_free_mb_of_a_folder_to_be(tmp_path: Path) -> None:
    assert files.free_mb(tmp_path / "not" / "yet") > 0
