"""target_url forms of real files, and round trips through every form we write."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otio_bridge.timeline.url import PathMaps, UrlForm, parse_url, to_path, to_url

BASE = Path("/edits/show")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("/m/a b.mov", "/m/a b.mov"),
        ("/m/a%20b.mov", "/m/a%20b.mov"),
        ("/m/a#1?x;y.mov", "/m/a#1?x;y.mov"),
        ("/m//x/./y/../a.mov", "/m/x/a.mov"),
        ("/../../etc/a", "/etc/a"),
        (r"/m/odd\name.mov", r"/m/odd\name.mov"),
        ("G:/x/a.mov", "G:/x/a.mov"),
        ("C:\\m\\a.mov", "C:/m/a.mov"),
        ("x:/seq\\", "X:/seq"),
        ("\\\\srv\\share\\a.mov", "//srv/share/a.mov"),
        ("\\\\?\\C:\\a.mov", "C:/a.mov"),
        ("\\\\?\\UNC\\srv\\share\\a.mov", "//srv/share/a.mov"),
        ("file:///m/a%20b.mov", "/m/a b.mov"),
        ("file:///m/a%2520b.mov", "/m/a%20b.mov"),
        ("file:///m/a#1.mov", "/m/a#1.mov"),
        ("file:///m/100%.mov", "/m/100%.mov"),
        ("file:///m/b%C3%BCro.mov", "/m/büro.mov"),
        ("file:///m/b%FCro.mov", "/m/büro.mov"),
        ("FILE:///m/a.mov", "/m/a.mov"),
        ("file:/m/a.mov", "/m/a.mov"),
        ("file://localhost/m/a.mov", "/m/a.mov"),
        ("file://localhost/D%3a/m/a.mov", "D:/m/a.mov"),
        ("file://localhost/C:/m/a[x]%20.mov", "C:/m/a[x] .mov"),
        ("file://localhost//srv/share/a.mov", "//srv/share/a.mov"),
        ("file:///C%3A/m/a.mov", "C:/m/a.mov"),
        ("file:///c:/m/a.mov", "C:/m/a.mov"),
        ("file:///C|/m/a.mov", "C:/m/a.mov"),
        ("file://C%3A/m/a.mov", "C:/m/a.mov"),
        ("file://X:/demo/a.mov", "X:/demo/a.mov"),
        ("file:C:/m/a", "C:/m/a"),
        ("file://Nexis/vol/a.mxf", "//Nexis/vol/a.mxf"),
        ("file:////srv/share/a.mxf", "//srv/share/a.mxf"),
        ("file:///vol//Users/a.mov", "/vol/Users/a.mov"),
        ("file:///Macintosh%20HD/Users/a.mov", "/Macintosh HD/Users/a.mov"),
        ("file://Marty:Demo:Film:a.mov", "/Volumes/Marty/Demo/Film/a.mov"),
        ("file:///seq/img.%04d.exr", "/seq/img.%04d.exr"),
        ("/seq/img.%04d.exr", "/seq/img.%04d.exr"),
        ("./a.mov", "/edits/show/a.mov"),
        ("media/a.mov", "/edits/show/media/a.mov"),
        ("media\\a.mov", "/edits/show/media/a.mov"),
        ("../a.mov", "/edits/a.mov"),
        ("file:media/a.mov", "/edits/show/media/a.mov"),
        ("", None),
        ("  ", None),
        (None, None),
        ("https://host/a.mov", None),
        ("s3://bucket/a.mov", None),
        ("concat:a|b", None),
        ("data:video/mp4;base64,AA", None),
        ("C:a.mov", None),
        ("C:", None),
        ("file:C:a.mov", None),
        ("file://host:8080/a.mov", None),
        ("/a\0b", None),
        ("file:///a%00b", None),
        ("\\\\.\\pipe\\x", None),
    ],
)
def test_every_form_found_in_real_files(url: str | None, path: str | None) -> None:
    if path is not None and path.startswith("/edits"):
        path = BASE.absolute().drive + path
    assert to_path(url, base=BASE) == path


MAPS = PathMaps.from_settings(
    {"show": ["/mnt/show", "P:\\show", "/Volumes/show"], "deep": ["/mnt/show/plates", "Q:/"]}, windows=False
)


@pytest.mark.parametrize(
    ("path", "local", "canonical"),
    [
        ("P:/show/a.mov", "/mnt/show/a.mov", "/mnt/show/a.mov"),
        ("p:/SHOW/a.mov", "/mnt/show/a.mov", "/mnt/show/a.mov"),
        ("/Volumes/show", "/mnt/show", "/mnt/show"),
        ("/Volumes/showreel/a.mov", "/Volumes/showreel/a.mov", "/Volumes/showreel/a.mov"),
        ("/VOLUMES/show/a.mov", "/VOLUMES/show/a.mov", "/VOLUMES/show/a.mov"),
        ("Q:/a.mov", "/mnt/show/plates/a.mov", "/mnt/show/plates/a.mov"),
    ],
)
def test_maps_take_the_longest_spelling(path: str, local: str, canonical: str) -> None:
    assert MAPS.local(path) == local
    assert MAPS.canonical(path) == canonical


def test_a_map_speaks_this_machines_language(tmp_path: Path) -> None:
    windows = PathMaps.from_settings({"show": ["/mnt/show", "P:\\show", "/Volumes/show"]}, windows=True)
    assert windows.local("/Volumes/show/a.mov") == "P:/show/a.mov"
    assert windows.canonical("P:/show/a.mov") == "/mnt/show/a.mov"
    mac = PathMaps.from_settings({"show": ["/mnt/nowhere", str(tmp_path)]}, windows=False)
    assert mac.local("/mnt/nowhere/a.mov") == f"{tmp_path.as_posix()}/a.mov"


def test_a_decomposed_name_is_the_same_folder() -> None:
    maps = PathMaps.from_settings({"b": ["/mnt/b\u00fcro", "/Volumes/b\u00fcro"]}, windows=False)
    assert maps.local("/Volumes/bu\u0308ro/a.mov") == "/mnt/b\u00fcro/a.mov"


_name = st.text(
    st.characters(exclude_characters="/\\\0", exclude_categories=("Cs",)), min_size=1, max_size=12
)
_names = st.lists(_name.filter(lambda name: name not in (".", "..")), min_size=1, max_size=4).map("/".join)
_server = st.from_regex(r"[a-zA-Z][a-zA-Z0-9-]{0,8}", fullmatch=True)
_paths = st.one_of(
    _names.filter(lambda n: not (len(n) >= 2 and n[1] in ":|")).map("/{}".format),
    st.tuples(st.sampled_from("CDXZ"), _names).map(lambda pair: f"{pair[0]}:/{pair[1]}"),
    st.tuples(_server, _names).map(lambda pair: f"//{pair[0]}/{pair[1]}"),
)


@given(_paths, st.sampled_from(UrlForm))
def test_what_we_write_reads_as_the_same_path(path: str, form: UrlForm) -> None:
    assert to_path(to_url(path, form), base=BASE) == path


@given(st.text(max_size=40))
def test_any_text_is_a_path_or_nothing(text: str) -> None:
    path = parse_url(text)
    assert path is None or "\0" not in path
