"""A page's poll gets 204 while what it shows is true, and never when something it shows has changed."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest

from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.models import Customer, Store
from tests.conftest import Browser, Web


def thread_poll(browser: Browser, thread: str) -> str:
    """The address that an open thread asks every 30 seconds."""
    text = browser.get(thread, htmx=True).text
    found = re.search(r"""id="thread-poll".*?hx-vals='{"after": (\d+), "have": "([^"]+)"}'""", text)
    assert found
    return f"{thread}/messages?after={found[1]}&have={found[2]}"


def list_poll(browser: Browser, place: str) -> str:
    """The address that an inbox asks every 30 seconds."""
    found = re.search(r"""id="conversations-poll".*?"have": "([^"]+)\"""", browser.get(place, htmx=True).text)
    assert found
    return f"{place}{'&' if '?' in place else '?'}have={found[1]}"


def rename(web: Web, model: type[Store] | type[Customer], number: int) -> None:
    with web.app.app_context(), writing(db.session) as session:
        session.get_one(model, number).name = "Somebody else"


@pytest.fixture
def open_thread(web: Web, numbers: dict[str, int]) -> tuple[str, str]:
    """The bakery's conversation with Cleo, which holds a file, at the store and at the storefront."""
    thread = f"/store/messages/{numbers['bakery-cleo']}"
    sam = web.signed_in("sam")
    form = {"content": "", "attachments": (io.BytesIO(b"words"), "a.txt")}
    assert sam.post(f"{thread}/messages", form, content_type="multipart/form-data").status_code == 303
    return thread, f"/storefront/account/messages/{numbers['bakery-cleo']}"


def test_whatever_a_thread_shows_comes_with_its_poll(web: Web, open_thread: tuple[str, str]) -> None:
    ours, theirs = open_thread
    sam, cleo = web.signed_in("sam"), web.signed_in("cleo")
    file = re.search(r'id="attachment-(\d+)"', sam.get(ours).text)
    assert file
    changes: dict[str, Callable[[], object]] = {
        "a message": lambda: sam.post(f"{ours}/messages", {"content": "More"}),
        "reading of others": lambda: sam.put(f"{ours}/read", {"up_to": "3"}),
        "the mail switch": lambda: cleo.put(f"{theirs}/preferences", {"email_notifications": "false"}),
        "a removed file": lambda: sam.post(f"{ours}/attachments/{file[1]}/remove"),
        "closing": lambda: sam.post(f"{ours}/close"),
        "reopening": lambda: sam.post(f"{ours}/reopen"),
        "the store's name": lambda: rename(web, Store, web.cast.bakery),
    }
    for what, change in changes.items():
        poll = thread_poll(cleo, theirs)
        assert cleo.get(poll, htmx=True).status_code == 204, what
        change()
        answer = cleo.get(poll, htmx=True)
        assert answer.status_code == 200, what
        if what == "a removed file":
            assert f'hx-target="#attachment-{file[1]}"' in answer.text


def test_reading_oneself_changes_no_thread_but_the_list_and_the_badge(web: Web, open_thread: tuple[str, str]) -> None:
    theirs = open_thread[1]
    place = theirs.rpartition("/")[0]
    cleo = web.signed_in("cleo")
    thread, inbox = thread_poll(cleo, theirs), list_poll(cleo, place)
    badge = f"{place}/unread-count?have=3"
    polls = (thread, inbox, badge)
    assert [cleo.get(poll, htmx=True).status_code for poll in polls] == [204, 204, 204]
    cleo.put(f"{theirs}/read", {"up_to": "99"})
    assert [cleo.get(poll, htmx=True).status_code for poll in polls] == [204, 200, 200]


def test_what_a_list_shows_comes_with_its_poll(web: Web, open_thread: tuple[str, str]) -> None:
    ours, theirs = open_thread
    sam, cleo = web.signed_in("sam"), web.signed_in("cleo")
    changes: dict[str, Callable[[], object]] = {
        "a message": lambda: cleo.post(f"{theirs}/messages", {"content": "More"}),
        "closing": lambda: sam.post(f"{ours}/close"),
        "the customer's name": lambda: rename(web, Customer, web.cast.cleo.id),
    }
    for what, change in changes.items():
        poll = list_poll(sam, "/store/messages?status=all")
        assert sam.get(poll, htmx=True).status_code == 204, what
        change()
        assert sam.get(poll, htmx=True).status_code == 200, what
