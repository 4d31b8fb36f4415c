"""Notes on pages: in their place in the thread, with and without scripts, and only for one's own side."""

from __future__ import annotations

import re
from io import BytesIO

import pytest

from messaging_app import doctor
from tests.conftest import Web
from tests.files.makers import image
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


def test_a_notes_files_show_for_its_side_only(either_web: Web) -> None:
    web = either_web
    with web.app.app_context():
        number = four_conversations(web.cast)["bakery-cleo"]
    place = f"/store/messages/{number}"
    sam, lea, cleo = (web.signed_in(name) for name in ("sam", "lea", "cleo"))
    page = sam.get(place).text
    assert re.search(r'name="idempotency_key" value="[\w-]{20,}"[^<]*\s*<input type="hidden" name="after"', page)
    key = {"idempotency_key": "once"}
    for _ in "ab":
        files = {"attachments": [(BytesIO(image("PNG")), "plan.png"), (BytesIO(b"a,b"), "list.csv")]}
        done = sam.post(f"{place}/notes", key | files, content_type="multipart/form-data")
        assert done.status_code == 303
    shown = lea.get(place).text
    assert shown.count('class="message note') == 1 and "list.csv" in shown
    file = re.search(rf'href="({place}/notes/attachments/\d+)" data-view', shown)
    assert file and f"{file[1]}/remove" not in shown and f"{file[1]}/remove" in sam.get(place).text
    assert lea.get(file[1]).headers["Content-Type"] == "image/png"
    assert lea.get(f"{file[1]}/thumbnail").headers["Content-Type"] == "image/webp"
    for path in (file[1].replace("/store/", "/storefront/account/"), place.replace("/store/", "/storefront/account/")):
        answer = cleo.get(path)
        assert answer.status_code == (404 if "attachments" in path else 200) and "list.csv" not in answer.text
    again = sam.post(f"{place}/notes", key | {"content": "other <words>"}, htmx=True)
    assert again.status_code == 409 and "other &lt;words&gt;" in again.text and 'value="once"' not in again.text
    bad = {"content": "kept", "attachments": [(BytesIO(b"MZ"), "bad.exe")]}
    refused = sam.post(f"{place}/notes", bad, content_type="multipart/form-data", htmx=True)
    assert refused.status_code == 422 and "kept" in refused.text and 'data-file-error="bad.exe"' in refused.text


@pytest.mark.parametrize("htmx", [False, True])
def test_a_notes_file_is_taken_off_by_its_writer(either_web: Web, htmx: bool) -> None:
    web = either_web
    with web.app.app_context():
        number = four_conversations(web.cast)["bakery-cleo"]
    place, theirs = f"/store/messages/{number}", f"/storefront/account/messages/{number}"
    sam, lea, cleo, ada = (web.signed_in(name) for name in ("sam", "lea", "cleo", "ada"))
    for browser, at in ((sam, place), (lea, place), (cleo, theirs)):
        browser.get(at)
    files = {"attachments": [(BytesIO(image("PNG")), "passport.png")]}
    sam.post(f"{place}/notes", files, content_type="multipart/form-data")
    [file] = re.findall(rf'href="({place}/notes/attachments/\d+)" data-view', sam.get(place).text)
    before, key = cleo.get(theirs).text, field_have(cleo.get(theirs).text)
    assert lea.post(f"{file}/remove", {"reason": "Not mine"}).status_code == 403
    assert cleo.post(file.replace(place, theirs) + "/remove").status_code == 404
    assert ada.post(file.replace("/store/", "/admin/") + "/remove").status_code == 404
    assert sam.post(f"{file}/remove", {"reason": "x" * 501}).status_code == 422
    done = sam.post(f"{file}/remove", {"reason": "The <wrong> one"}, htmx=htmx)
    assert done.status_code == (200 if htmx else 303)
    for shown in (done.text if htmx else sam.get(place).text, lea.get(place).text):
        assert (
            "Removed by <bdi>Sam</bdi>" in shown and "The &lt;wrong&gt; one" in shown and f'href="{file}"' not in shown
        )
    for path in (file, f"{file}/thumbnail"):
        assert sam.get(path).status_code == 404 and lea.get(path).status_code == 404
    assert sam.post(f"{file}/remove").status_code == 303, "once more is well"
    assert field_have(cleo.get(theirs).text) == key and "passport" not in before
    with web.app.app_context():
        assert not doctor.examine().broken


def field_have(page: str) -> str:
    """The state that a page's poll compares."""
    return re.findall(r'id="thread-poll"[^>]*have[^>]*>', page)[0]
