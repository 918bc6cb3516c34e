"""Settings: the file, the environment above it, every problem at once, no secret shown."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from otio_bridge.errors import SettingsError
from otio_bridge.settings import PROJECT_FILE, find_project, load


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("OTIO_BRIDGE_"):
            monkeypatch.delenv(name)


def write(folder: Path, text: str) -> Path:
    (folder / PROJECT_FILE).write_text(text, encoding="utf-8")
    return folder


def test_a_project_without_a_word_has_defaults(tmp_path: Path) -> None:
    settings = load(write(tmp_path, ""))
    assert settings.folder == tmp_path.absolute()
    assert settings.project.handles == 8
    assert settings.project.rate is None
    assert settings.media_root == tmp_path.absolute() / "media"
    assert (
        settings.ledger_url == f"sqlite:///{(tmp_path.absolute() / '.otio-bridge/ledger.sqlite').as_posix()}"
    )


def test_the_file_is_read_exactly(tmp_path: Path) -> None:
    settings = load(
        write(
            tmp_path,
            """
            [project]
            name = "dusk"
            rate = "23.976"
            pixel_aspect = "4/3"
            [media.paths]
            show = ["/mnt/show", "P:\\\\show"]
            [providers.sandbox]
            url = "http://127.0.0.1:8123"
            """,
        )
    )
    assert settings.project.rate == Fraction(24000, 1001)
    assert settings.project.pixel_aspect == Fraction(4, 3)
    assert settings.media.paths == {"show": ["/mnt/show", "P:\\show"]}
    assert settings.providers["sandbox"].url == "http://127.0.0.1:8123"


def test_the_environment_outranks_the_file_and_only_where_it_speaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, '[project]\nname = "dusk"\nhandles = 4\n[providers.sandbox]\nurl = "http://a"\n')
    monkeypatch.setenv("OTIO_BRIDGE_PROJECT__HANDLES", "12")
    monkeypatch.setenv("OTIO_BRIDGE_PROVIDERS__SANDBOX__KEY", "hush-hush")
    monkeypatch.setenv("OTIO_BRIDGE_QUEUE__SLOTS", '{"cpu": 1}')
    monkeypatch.setenv("OTIO_BRIDGE_USER", "ana")
    settings = load(tmp_path)
    assert (settings.project.name, settings.project.handles) == ("dusk", 12)
    assert settings.providers["sandbox"].url == "http://a"
    assert settings.queue.slots["cpu"] == 1
    assert settings.user == "ana"


def test_secrets_show_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTIO_BRIDGE_PROVIDERS__SANDBOX__KEY", "hush-hush")
    monkeypatch.setenv("OTIO_BRIDGE_DATABASE_URL", "postgresql://me:hush-hush@db/ledger")
    monkeypatch.setenv("OTIO_BRIDGE_REDIS_URL", "redis://:hush-hush@queue")
    settings = load(write(tmp_path, ""))
    assert "hush-hush" not in repr(settings) + str(settings) + settings.model_dump_json()
    assert settings.ledger_url == "postgresql://me:hush-hush@db/ledger"


def test_other_variables_with_our_prefix_are_nobodys_business(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTIO_BRIDGE_TIMELINES", "/somewhere")
    load(write(tmp_path, ""))


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    write(tmp_path, '[project]\nhandles = -1\nrate = "fast"\ncolour = "red"\n[queue]\ntries = 0\n')
    with pytest.raises(SettingsError) as caught:
        load(tmp_path)
    for place in ("project.handles", "project.rate", "project.colour", "queue.tries"):
        assert place in caught.value.what
    assert caught.value.exit_code == 2
    assert caught.value.next


@pytest.mark.parametrize("text", ["[project", "name = 'a'\nname = 'b'"])
def test_a_file_that_is_no_toml_is_one_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load(write(tmp_path, text))


def test_a_secret_is_not_told_in_an_error(tmp_path: Path) -> None:
    write(tmp_path, '[providers.sandbox]\nkey = ["hush-hush"]\n')
    with pytest.raises(SettingsError) as caught:
        load(tmp_path)
    assert "hush-hush" not in str(caught.value)


def test_the_nearest_project_above_is_found(tmp_path: Path) -> None:
    below = tmp_path / "edits" / "v3"
    below.mkdir(parents=True)
    with pytest.raises(SettingsError, match="init"):
        find_project(below)
    write(tmp_path, "")
    assert find_project(below) == tmp_path


def test_a_variable_named_like_a_section_is_told_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTIO_BRIDGE_MEDIA", "/some/folder")
    with pytest.raises(SettingsError) as refused:
        load(tmp_path)
    assert "OTIO_BRIDGE_MEDIA" in refused.value.what
    assert "OTIO_BRIDGE_MEDIA__NAME" in str(refused.value.allowed)
