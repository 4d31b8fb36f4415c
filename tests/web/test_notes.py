"""Notes on pages: in their place in the thread, with and without scripts, and only for one's own side."""

from __future__ import annotations

from tests.conftest import Web
from tests.world import four_conversations


def test_a_note_stands_in_its_place_for_its_side_only(either_web: Web) -> None:
    web = either_web
    with web.app.app_context():
        number = four_conversations(web.cast)["bakery-cleo"]
    place = f"/store/messages/{number}"
    sam, lea, cleo = (web.signed_in(name) for name in ("sam", "lea", "cleo"))
    sam.get(place)
    done = sam.post(f"{place}/notes", {"content": "@lea marzipan is <b>almonds</b>"})
    assert done.status_code == 303 and "#own-note-" in done.headers["Location"]
    update = sam.post(f"{place}/notes", {"content": "Second", "after": "1"}, htmx=True)
    assert update.status_code == 200 and "own-note-1" in update.text and "own-note-2" in update.text
    page = lea.get(place).text
    assert page.index("message-1") < page.index("almonds&lt;/b&gt;") < page.index("Second")
    assert "mentions you" in page and page.count("note--you") == 1
    assert "almonds" not in cleo.get(f"/storefront/account/messages/{number}").text


def test_who_is_named_has_something_unread_until_they_read(web: Web, numbers: dict[str, int]) -> None:
    place = f"/store/messages/{numbers['bakery-cleo']}"
    sam, nadia = web.signed_in("sam"), web.signed_in("nadia")
    nadia.get(place)
    nadia.post(f"{place}/read", {"up_to": "1"})
    sam.get(place)
    sam.post(f"{place}/notes", {"content": "Ask nadia@bakery.example"})
    assert "1 unread" not in nadia.get("/store/messages?unread=1").text
    sam.post(f"{place}/notes", {"content": "Look, @Nadia!"})
    assert f"{numbers['bakery-cleo']}" in nadia.get("/store/messages?unread=1").text
    nadia.get(place)
    nadia.post(f"{place}/read", {"up_to": "1"})
    assert 'data-known-mentions="1"' in nadia.get(place).text


def test_a_refused_note_keeps_its_text(web: Web, numbers: dict[str, int]) -> None:
    place = f"/store/messages/{numbers['bakery-cleo']}"
    sam = web.signed_in("sam")
    sam.get(place)
    for htmx in (False, True):
        refused = sam.post(f"{place}/notes", {"content": "kept <words>" + "x" * 10_000}, htmx=htmx)
        assert refused.status_code == 422 and "kept &lt;words&gt;" in refused.text and 'role="alert"' in refused.text


def test_who_was_given_a_conversation_has_looked_at_it_when_they_read(web: Web, numbers: dict[str, int]) -> None:
    """The page reports reading while `data-known-mentions` differs from the number of notes that name the reader."""
    place = f"/store/messages/{numbers['bakery-cleo']}"
    sam, lea = web.signed_in("sam"), web.signed_in("lea")
    lea.get(place)
    lea.post(f"{place}/read", {"up_to": "1"})
    sam.get(place)
    sam.post(f"{place}/assignee", {"user_id": str(web.cast.lea.id)})
    assert 'data-known-mentions="-1"' in lea.get(place).text
    lea.post(f"{place}/read", {"up_to": "1"})
    assert 'data-known-mentions="0"' in lea.get(place).text
