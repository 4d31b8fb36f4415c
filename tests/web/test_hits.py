"""Search results mark exactly the matches, in every script, and never render markup from user text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging_app.text import search_key, search_words
from messaging_app.text.hits import hits
from tests.conftest import Web


@pytest.mark.parametrize(
    ("text", "q", "marked"),
    [
        ("Wheelhouse Cycles", "wh", ["Wh"]),
        ("Wheelhouse Cycles", "cy WHEEL", ["Wheel", "Cy"]),
        ("Wheelhouse", "house", []),
        ("Łódź Café", "lod cafe", ["Łód", "Café"]),
        ("Cafe\u0301s", "cafes", ["Cafe\u0301s"]),
        ("Straße", "strass", ["Straß"]),
        ("O'Brien-Çelik", "brien celik", ["Brien", "Çelik"]),
        ("O'Brien", "obri", ["O'Bri"]),
        ("cleo@mail.example", "cleo@m", ["cleo@m"]),
        ("cleo@mail.example", "mail", []),
        ("東京パン", "東京", ["東京"]),
        ("Bakery", "", []),
    ],
)
def test_the_beginnings_of_words_are_marked(text: str, q: str, marked: list[str]) -> None:
    assert [text[start:end] for start, end in hits(text, q)] == marked


NAMES = st.text("aBcÇéñÜßłØÆ東京がｶﾞกันมาЖёعب19 '’-._@", max_size=20)


@given(NAMES, st.integers(0, 40), st.integers(1, 6))
def test_whatever_finds_a_name_is_marked_in_it_and_marks_stay_apart(name: str, which: int, length: int) -> None:
    words = sorted(search_words(name))
    word = words[which % len(words)][:length] if words else "x"
    found = hits(name, word)
    assert found or not words
    places = [place for pair in found for place in pair]
    assert places == sorted(places) and all(start < end <= len(name) for start, end in found)
    assert all(search_key(name[start:end]).startswith(word) for start, end in found)


def test_a_list_marks_what_is_found_and_nothing_that_somebody_wrote(web: Web) -> None:
    ada = web.signed_in("ada")
    page = ada.get("/admin/stores?q=north").text
    assert "<bdi><mark>North</mark>wind Cycles</bdi>" in page
    assert "<bdi><mark>cle</mark>o@mail.example</bdi>" in ada.get("/admin/customers?q=cle").text
    ada.get("/admin/stores/new")
    ada.post("/admin/stores", {"code": "odd", "name": "<b>Odd</b> & sons"})
    assert "&lt;b&gt;<mark>Odd</mark>&lt;/b&gt; &amp; sons" in ada.get("/admin/stores?q=odd").text
    assert "<mark>" not in ada.get("/admin/stores").text
