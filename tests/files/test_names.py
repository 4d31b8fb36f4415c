"""Shown names; the corpus holds the examples, here stand the rules that hold for every name."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from messaging_app.files import FileRefused, clean_name
from messaging_app.files.kinds import kind_of_name

ANY_NAME = st.text(st.characters(exclude_categories=()), max_size=400)


@given(ANY_NAME)
@example("a" * 300 + ".jpeg")
@example("👩\u200d" * 100 + ".png")
@example("\u0301" * 300)
@example("x" * 10 + "." + "y" * 300)
@example(" . . a . . ")
def test_every_name_becomes_safe_or_is_refused(raw: str) -> None:
    try:
        name = clean_name(raw)
    except FileRefused as refusal:
        assert refusal.code == "name_invalid"
        return
    assert 0 < len(name.encode()) <= 255
    assert name == name.strip()
    assert not set("/\\\r\n\0") & set(name)
    assert not name.endswith(".")
    assert {unicodedata.category(char) for char in name if char not in "\u200c\u200d"} & {"Cc", "Cf", "Cs"} == set()
    assert clean_name(name) == name


@given(st.text(st.characters(categories=("L", "M", "N"), exclude_characters="/\\"), min_size=1, max_size=60))
def test_letters_of_every_script_stay(stem: str) -> None:
    assume(len(stem.encode()) <= 251)
    assert clean_name(stem + ".pdf") == stem + ".pdf"


@given(ANY_NAME, st.sampled_from(["pdf", "JPEG", "docx", "zip"]))
def test_a_long_name_keeps_its_extension(stem: str, extension: str) -> None:
    name = clean_name("x" + stem.replace("/", "").replace("\\", "") + "." + extension)
    assert name.endswith("." + extension)
    kind = kind_of_name(name)
    assert kind is not None and kind.ext == {"JPEG": "jpg"}.get(extension, extension)


@pytest.mark.parametrize(
    "raw", [None, "", "   ", "...", "/", "\\", "\x00", "\u202e", "\ufeff", "\u3164\u2800", "C:\\", "a/.."]
)
def test_a_name_of_nothing_is_refused(raw: str | None) -> None:
    with pytest.raises(FileRefused) as caught:
        clean_name(raw)
    assert caught.value.code == "name_invalid"
    assert "Rename it" in caught.value.sentence()


def test_a_very_long_name_is_cleaned_at_once() -> None:
    assert len(clean_name(" ." * 500_000 + "a" * 500_000 + ". " * 500_000).encode()) <= 255
