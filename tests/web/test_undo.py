"""Undo send on pages: a delayed message is shown to its own side, can go back into the composer, and is sent when due."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from messaging_app import doctor
from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.models import DelayedMessage, User
from messaging_app.services import delayed
from tests.conftest import Browser, Web
from tests.files.makers import image
from tests.web.forms import HOW, check_shape, field


@pytest.fixture
def place(web: Web, numbers: dict[str, int]) -> str:
    """Sam's conversation with Cleo; his messages wait ten seconds."""
    sam = web.signed_in("sam")
    chosen = {"undo_send_seconds": "10", "language": "", "time_zone": "", "mail": "true"}
    page = sam.get("/store/preferences").text
    assert 'value="0" selected' in page or 'selected value="0"' in page, "off by default"
    answer = sam.post("/store/preferences", chosen | {"opens_with": "open", "opens_next": "true"})
    assert answer.status_code == 303
    return f"/store/messages/{numbers['bakery-cleo']}"


def sweep(web: Web, seconds: float = 60) -> None:
    with web.app.app_context():
        delayed.sweep(datetime.now(UTC) + timedelta(seconds=seconds))


def undo_address(page: str) -> str:
    """Where the Undo button leads."""
    [address] = re.findall(r'action="(/[^"]+/messages/\d+/undo)"', page)
    return address


def opened(web: Web, name: str, place: str) -> tuple[Browser, str]:
    browser = web.signed_in(name)
    return browser, browser.get(place).text


@HOW
def test_a_message_waits_for_its_side_only_and_goes_back_into_the_composer(web: Web, place: str, htmx: bool) -> None:
    sam, page = opened(web, "sam", place)
    form = {name: field(page, name) for name in ("after", "idempotency_key")} | {"content": "Rye & <b>wheat</b>"}
    for _twice in range(2):
        answer = sam.post(f"{place}/messages", form, htmx=htmx)
        assert answer.status_code == (200 if htmx else 303)
    page = answer.text if htmx else sam.get(answer.location).text
    assert page.count("Rye &amp; &lt;b&gt;wheat") == 1 and "Sending…" in page
    nadia, shown = opened(web, "nadia", place)
    assert "Sending…" in shown and "/undo" not in shown, "a colleague sees it, and cannot take it back"
    number = place.rpartition("/")[2]
    _cleo, theirs = opened(web, "cleo", f"/storefront/account/messages/{number}")
    assert "Rye" not in theirs and 'id="delayed"' not in theirs
    assert nadia.post(undo_address(page)).status_code == 403
    answer = sam.post(undo_address(page), htmx=htmx)
    assert answer.status_code == (200 if htmx else 303)
    back = answer.text if htmx else sam.get(answer.location).text
    check_shape(answer, htmx) if htmx else None
    assert field(back, "content") == "Rye & <b>wheat</b>" and "Sending…" not in back
    assert field(back, "idempotency_key") != form["idempotency_key"]
    sweep(web)
    assert "Rye" not in sam.get(place).text


@HOW
def test_too_late_is_said_plainly(web: Web, place: str, htmx: bool) -> None:
    sam, page = opened(web, "sam", place)
    sam.post(f"{place}/messages", {"content": "Ready", "after": field(page, "after")})
    address = undo_address(sam.get(place).text)
    sweep(web)
    page = sam.get(place).text
    assert page.count("Ready</div>") == 1 and "Sending…" not in page
    answer = sam.post(address, htmx=htmx)
    assert answer.status_code == 409
    assert "Too late to undo" in (answer.headers["HX-Trigger"] if htmx else answer.text)
    for unknown in (re.sub(r"\d+(?=/undo)", "999", address), address.replace("/undo", "/files/1")):
        answer = sam.get(unknown) if "files" in unknown else sam.post(unknown)
        assert answer.status_code == 404


def test_a_poll_learns_that_something_waits_and_what_became_of_it(web: Web, place: str) -> None:
    nadia, page = opened(web, "nadia", place)

    def poll(page: str) -> str:
        have = re.search(r'"after": \d+, "have": "([^"]+)"', page)
        assert have
        return nadia.get(f"{place}/messages?after=1&have={have[1]}", htmx=True).text

    assert poll(page) == ""
    sam, own = opened(web, "sam", place)
    sam.post(f"{place}/messages", {"content": "Ready", "after": field(own, "after")})
    page = poll(page)
    assert "Sending…" in page and poll(page) == ""
    sam.post(undo_address(sam.get(place).text))
    page = poll(page)
    assert '<div class="delayed" id="delayed">\n</div>' in page and poll(page) == ""


def test_newer_words_hold_it_back_and_send_anyway_does_not_wait(web: Web, place: str) -> None:
    sam, page = opened(web, "sam", place)
    sam.post(f"{place}/messages", {"content": "Green it is", "after": field(page, "after")})
    number = place.rpartition("/")[2]
    cleo, _page = opened(web, "cleo", f"/storefront/account/messages/{number}")
    cleo.post(f"/storefront/account/messages/{number}/messages", {"content": "Red!"})
    sweep(web)
    page = sam.get(place).text
    assert "Not sent: a newer message came in the meantime." in page and "Edit and send again" in page
    back = sam.get(sam.post(undo_address(page)).location).text
    assert field(back, "content") == "Green it is"
    guarded = sam.post(f"{place}/messages", {"content": "Green it is", "after": "1"})
    assert guarded.status_code == 409
    anyway = {name: field(guarded.text, name) for name in ("content", "after", "idempotency_key", "anyway")}
    sam.post(f"{place}/messages", anyway)
    assert 'dir="auto">Green it is</div>' in sam.get(place).text and "Sending…" not in sam.get(place).text


def test_send_and_close_offers_the_undo_wherever_one_is_led(web: Web, place: str) -> None:
    sam, page = opened(web, "sam", place)
    form = {"content": "Bye", "after": field(page, "after"), "then": "close"}
    answer = sam.post(f"{place}/messages", form, htmx=True)
    assert '"undo"' in answer.headers["HX-Trigger"] and "close-conversation" in answer.text
    back = sam.post(undo_address(answer.text), {"undo": "1"}, htmx=True)
    assert back.headers["HX-Redirect"].startswith(f"{place}?taken_back=")
    assert field(sam.get(back.headers["HX-Redirect"]).text, "content") == "Bye"
    sam.post(f"{place}/messages", form)
    sweep(web)
    assert "Reopen conversation" in sam.get(place).text


def test_files_wait_too_and_come_back(web: Web, place: str) -> None:
    sam, page = opened(web, "sam", place)

    def send() -> str:
        files = [(io.BytesIO(image("png")), "Rye 日本.png"), (io.BytesIO(b"a,b\n1,2\n"), "list.csv")]
        form = {"content": "", "after": field(page, "after"), "attachments": files}
        assert sam.post(f"{place}/messages", form, content_type="multipart/form-data").status_code == 303
        return sam.get(place).text

    shown = send()
    assert "Rye 日本.png" in shown and "list.csv" in shown
    location = sam.post(undo_address(shown)).location
    back = sam.get(location).text
    links = re.findall(r'href="(/store/messages/[^"]+/files/\d)" download', back)
    assert len(links) == 2 and sam.get(links[1]).data == b"a,b\n1,2\n"
    assert sam.get(links[1][:-1] + "3").status_code == 404
    nadia, _page = opened(web, "nadia", place)
    assert nadia.get(links[1]).status_code == 404 and "Rye 日本" not in nadia.get(location).text
    send()
    sweep(web)
    page = sam.get(place).text
    assert "Rye 日本.png" in page and page.count("/thumbnail") == 1
    with web.app.app_context():
        assert not doctor.examine().broken
        assert delayed.forget_settled(datetime.now(UTC) + timedelta(days=2)) == 3, "two files and a thumbnail"
        assert not doctor.examine().broken
        assert db.session.scalar(select(DelayedMessage.id)) is None


def test_programs_and_customers_never_wait(web: Web, place: str) -> None:
    number = place.rpartition("/")[2]
    with web.app.app_context(), writing(db.session) as session:
        session.execute(update(User).values(undo_send_seconds=20))
    cleo, _page = opened(web, "cleo", f"/storefront/account/messages/{number}")
    cleo.post(f"/storefront/account/messages/{number}/messages", {"content": "At once"})
    assert "At once" in cleo.get(f"/storefront/account/messages/{number}").text
    assert cleo.post(f"/storefront/account/messages/{number}/messages/1/undo").status_code == 404
    assert "undo_send" not in cleo.get("/storefront/account/preferences").text
    assert web.signed_in("sam").post("/store/preferences", {"undo_send_seconds": "7"}).status_code == 422
