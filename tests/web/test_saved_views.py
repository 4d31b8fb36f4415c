"""Saved views on pages: saved from a list or a search, counted per reader, renamed, shared and deleted."""

from __future__ import annotations

import html
import re

import pytest

from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.models import Store
from messaging_app.services import assignment, messaging, saved_views
from tests.conftest import Browser, Web
from tests.world import begin, four_conversations

LINK = re.compile(r'<a class="sidebar__link" href="([^"]+)" title="([^"]*)">.*?(?:views__count">([\d+]+)<|</a>)', re.S)


def save_link(page: str) -> str:
    """Return the page's link to save its list as a view."""
    (link,) = re.findall(r'id="save-view" href="([^"]+)"', page)
    return html.unescape(link)


def query_in(page: str) -> str:
    (query,) = re.findall(r'name="query"[^>]*value="([^"]*)"', page)
    return html.unescape(query)


def counts(browser: Browser, home: str = "/store") -> dict[str, tuple[str, str]]:
    """The views in the navigation: name -> address and count."""
    page = browser.get(f"{home}/views/counts", htmx=True).text
    return {name: (html.unescape(link), count) for link, name, count in LINK.findall(page)}


def test_what_a_list_shows_is_kept_and_found_again(web: Web, numbers: dict[str, int]) -> None:
    sam = web.signed_in("sam")
    assert "save-view" not in sam.get("/store/messages").text, "that is the list without a name"
    for number, address in enumerate(("status=closed&type=store_customer", "unread=1&waiting=us", "q=rye+is:open")):
        page = sam.get(f"/store/messages?{address}").text
        form = sam.get(save_link(page))
        assert form.status_code == 200
        answer = sam.post("/store/views", {"name": f"View {number}", "query": query_in(form.text)})
        assert answer.status_code == 303
        shown = sam.get(answer.location).text
        rows = re.compile(r'id="conversation-\d+"')
        assert rows.findall(shown) == rows.findall(page)
        assert counts(sam)[f"View {number}"][0] == answer.location
    assert counts(sam)["View 2"] == ("/store/messages?q=rye+is%3Aopen", "1")
    assert "q=rye+is%3Aopen" in [view.query for view in _views(web)]
    assert "unread=true&waiting=us" in [view.query for view in _views(web)], "as a program can use it"


def _views(web: Web) -> list[saved_views.SavedView]:
    with web.app.app_context():
        return saved_views.list_views(web.cast.sam)


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_each_reader_counts_what_they_may_see(database: str, webs: object) -> None:
    web: Web = webs(database)  # type: ignore[operator]
    cast = web.cast
    with web.app.app_context():
        numbers = four_conversations(cast)
        for n in range(110):
            begin(cast.sam, "store_customer", "customer", cast.omar.id, f"Bun {n}")
        messaging.close_conversation(cast.sam, numbers["bakery-cleo"])
        assignment.assign(cast.sam, numbers["admin-bakery"], cast.sam.id)
        for name, query in (
            ("Open", "status=open"),
            ("Closed", "status=closed"),
            ("Mine", "assignee=me&status=all"),
            ("Platform", "type=admin_store&status=all"),
            ("Buns", "q=bun"),
            ("Rye", "q=rye"),
            ("Rye, open", "q=rye is:open"),
            ("Bicycle", "q=bicycle"),
        ):
            saved_views.create_view(cast.sam, name, query, shared=True)
        with writing(db.session) as session:
            store = session.get(Store, cast.bakery)
            assert store is not None
            store.staff_see_only_assigned = True
    mine = {"Open": "99+", "Closed": "1", "Mine": "1", "Platform": "1", "Rye": "1", "Rye, open": "", "Bicycle": ""}
    assert {name: count for name, (_link, count) in counts(web.signed_in("sam")).items() if name != "Buns"} == mine
    assert counts(web.signed_in("sam"))["Buns"][1].endswith("+"), "of a search the newest lines are looked at"
    nadia = counts(web.signed_in("nadia"))
    assert (nadia["Mine"][1], nadia["Platform"][1]) == ("", ""), "it is a colleague's"
    assert counts(web.signed_in("tomas")) == {}
    assert counts(web.signed_in("ada"), "/admin") == {}


def test_the_counts_come_again_only_where_they_changed(web: Web, numbers: dict[str, int]) -> None:
    sam = web.signed_in("sam")
    with web.app.app_context():
        saved_views.create_view(web.cast.sam, "Open", "status=open")
    page = sam.get("/store/views/counts?have=", htmx=True).text
    have = page.split("?have=", 1)[1].split('"')[0]
    assert sam.get(f"/store/views/counts?have={have}", htmx=True).status_code == 204
    sam.post(f"/store/messages/{numbers['bakery-cleo']}/close")
    assert sam.get(f"/store/views/counts?have={have}", htmx=True).status_code == 200
    assert web.browser().get(f"/store/views/counts?have={have}", htmx=True).status_code == 401


def test_a_view_is_renamed_shared_and_deleted(web: Web) -> None:
    sam, nadia = web.signed_in("sam"), web.signed_in("nadia")
    for browser in (sam, nadia):
        assert "None yet" in browser.get("/store/views").text
    refused = sam.post("/store/views", {"name": " ", "query": "q=<b>x</b>"})
    assert refused.status_code == 422 and query_in(refused.text) == "q=<b>x</b>"
    assert "Give it a name" in refused.text and "<b>x" not in refused.text
    for query in ("", "colour=red", "q=" + "x" * 9_000, "status=gone", "q=\0"):
        refused = sam.post("/store/views", {"name": "My words", "query": query})
        assert refused.status_code == 422 and "My words" in refused.text
        opened = sam.get("/store/views/new", query_string={"query": query})
        assert opened.status_code == (422 if query else 303)
    assert sam.post("/store/views", {"name": "Cakes & more", "query": "q=cake"}).status_code == 303
    assert sam.get("/store/views/1").status_code == sam.get("/store/views/1/delete").status_code == 200
    for path in ("", "/delete"):
        assert nadia.get(f"/store/views/1{path}").status_code == 404
        assert nadia.post(f"/store/views/1{path}", {"name": "Mine"}).status_code == 404
    refused = sam.post("/store/views/1", {"name": "n" * 101, "shared": "y"})
    assert refused.status_code == 422 and "n" * 101 in refused.text
    assert sam.post("/store/views/1", {"name": "Cakes", "shared": "y"}).status_code == 303
    assert "Cakes" in nadia.get("/store/views").text
    assert "for everyone on your team" in nadia.get("/store/views/1/delete").text
    assert nadia.post("/store/views/1/delete").status_code == 303
    assert "Cakes" not in sam.get("/store/views").text


def test_the_list_that_an_inbox_opens_with_changes_no_view(web: Web, numbers: dict[str, int]) -> None:
    """Whose inbox opens with what waits sees the same views as everybody: an address means something else to them."""
    sam = web.signed_in("sam")
    sam.get("/store/preferences")
    with web.app.app_context():
        saved_views.create_view(web.cast.sam, "Open", "status=open")
        saved_views.create_view(web.cast.sam, "Us", "waiting=us&order=waiting")
    assert {name: link for name, (link, _) in counts(sam).items()} == {
        "Open": "/store/messages",
        "Us": "/store/messages?waiting=us&order=waiting",
    }
    assert sam.post("/store/preferences", {"opens_with": "waiting"}).status_code == 303
    assert {name: link for name, (link, _) in counts(sam).items()} == {
        "Open": "/store/messages?status=open",
        "Us": "/store/messages",
    }
    page = sam.get("/store/messages?type=store_customer").text
    assert query_in(sam.get(save_link(page)).text) == "conversation_type=store_customer&order=waiting&waiting=us"


def test_customers_have_no_views(web: Web, numbers: dict[str, int]) -> None:
    cleo = web.signed_in("cleo")
    assert "save-view" not in cleo.get("/storefront/account/messages?q=rye").text
    for path in ("/storefront/views", "/storefront/account/views", "/storefront/account/views/counts"):
        assert cleo.get(path).status_code == 404
