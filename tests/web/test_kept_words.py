"""Typed text is kept and shown, whatever happens to the page, the conversation or the session."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text

from messaging_app.accounts.sessions import end_sessions_of
from messaging_app.db.engine import writing
from messaging_app.errors import Refusal
from messaging_app.extensions import db
from messaging_app.services import messaging
from messaging_app.web import error_pages
from tests.conftest import Web
from tests.web.forms import HOW, alerts, beginning, check_shape, count


@HOW
def test_writing_into_a_closed_conversation_keeps_the_text_and_says_what_to_do(
    htmx: bool, web: Web, numbers: dict[str, int]
) -> None:
    number = numbers["bakery-cleo"]
    sam, nadia, cleo = (web.signed_in(name) for name in ("sam", "nadia", "cleo"))
    pages = {sam: f"/store/messages/{number}", cleo: f"/storefront/account/messages/{number}"}
    for browser, place in pages.items():
        browser.get(place)
    assert nadia.post(f"/store/messages/{number}/close").status_code == 303
    for browser, place in pages.items():
        before = count(web)
        answer = browser.post(f"{place}/messages", {"content": "\n\nOne <more> thing", "after": "1"}, htmx=htmx)
        assert answer.status_code == 409
        check_shape(answer, htmx)
        assert "closed" in alerts(answer.text)
        kept = answer.text.replace("\r\n", "\n")
        assert ">\n\n\nOne &lt;more&gt; thing</textarea>" in kept, "a browser drops the first line break"
        assert ("/reopen" in answer.text) is (browser is sam)
        assert count(web) == before
    assert sam.post(f"/store/messages/{number}/reopen").status_code == 303
    assert cleo.post(f"{pages[cleo]}/messages", {"content": "One <more> thing"}).status_code == 303


@HOW
def test_a_removed_colleague_writes_nothing_any_more_and_learns_where_to_go(
    htmx: bool, web: Web, numbers: dict[str, int]
) -> None:
    place = f"/store/messages/{numbers['bakery-cleo']}"
    nadia = web.signed_in("nadia")
    nadia.get(place)
    with web.app.app_context(), writing(db.session) as session:
        session.execute(
            text("UPDATE store_memberships SET active = false WHERE user_id = :n"), {"n": web.cast.nadia.id}
        )
    before = count(web)
    answer = nadia.post(f"{place}/messages", {"content": "Too late"}, htmx=htmx)
    if htmx:
        assert answer.status_code == 401 and answer.headers["HX-Redirect"].startswith("/store/login?next=")
    else:
        assert answer.status_code == 401 and "Too late" in answer.text and "/store/login?next=" in answer.text
    assert count(web) == before


def test_a_removed_colleagues_words_and_name_stay(web: Web, numbers: dict[str, int]) -> None:
    place = f"/store/messages/{numbers['bakery-cleo']}"
    web.signed_in("nadia").post(f"{place}/messages", {"content": "Nadia was here"})
    with web.app.app_context(), writing(db.session) as session:
        session.execute(
            text("UPDATE store_memberships SET active = false WHERE user_id = :n"), {"n": web.cast.nadia.id}
        )
    for who, where in (("sam", place), ("cleo", f"/storefront/account/messages/{numbers['bakery-cleo']}")):
        page = web.signed_in(who).get(where).text
        assert "Nadia was here" in page and "Nadia" in page


@HOW
def test_what_was_typed_survives_a_page_that_is_too_old(htmx: bool, web: Web, numbers: dict[str, int]) -> None:
    sam = web.signed_in("sam")
    place = f"/store/messages/{numbers['bakery-cleo']}/messages"
    answer = sam.post(place, {"content": "A long and careful text", "csrf_token": "old"}, htmx=htmx)
    assert answer.status_code == 400 and "A long and careful text" in answer.text
    answer = sam.post("/store/messages", beginning(web, csrf_token="old"), htmx=htmx)
    assert answer.status_code == 400 and "Hello Omar" in answer.text and "About bread" in answer.text


@pytest.mark.parametrize("answering", [True, False], ids=["answer", "beginning"])
def test_what_was_typed_survives_the_end_of_the_session(answering: bool, web: Web, numbers: dict[str, int]) -> None:
    sam, place = web.signed_in("sam"), f"/store/messages/{numbers['bakery-cleo']}"
    with web.app.app_context(), writing(db.session):
        end_sessions_of(web.cast.sam.type, web.cast.sam.id)
    form, headers = beginning(web, content="A long & careful text"), {"Referer": f"http://localhost{place}?status=all"}
    answer = sam.post(f"{place}/messages" if answering else "/store/messages", form, headers=headers)
    assert answer.status_code == 401 and "A long &amp; careful text" in answer.text
    onward = re.search(r'href="(/store/login[^"]*)"', answer.text)
    assert onward and parse_qs(urlsplit(html.unescape(onward.group(1))).query)["next"] == [f"{place}?status=all"]
    answer = sam.post(f"{place}/close", headers=headers)
    assert answer.status_code == 302, "nothing was typed that could be shown"


def test_what_was_typed_survives_an_error_page_that_fails_itself(
    web: Web, numbers: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    sam, place = web.signed_in("sam"), f"/store/messages/{numbers['bakery-cleo']}"
    sam.get(place)

    def fail(*_args: Any, **_context: Any) -> str:
        raise RuntimeError

    def refuse(*_args: Any, **_fields: Any) -> None:
        raise Refusal("“<b>.exe” is not allowed.")

    monkeypatch.setattr(error_pages, "render_template", fail)
    monkeypatch.setattr(messaging, "send_message", refuse)
    answer = sam.post(f"{place}/messages", {"content": "A <long> text"})
    assert answer.status_code == 400
    assert "A &lt;long&gt; text" in answer.text and "&lt;b&gt;.exe" in answer.text
