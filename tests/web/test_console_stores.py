"""Stores in the console: find, create, concurrent edits, deactivate and reactivate; every change is in the trail."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from sqlalchemy import select

from messaging_app import doctor
from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.models import AuditEntry, RecipientTerm, Store
from tests.commands.test_logos import picture
from tests.conftest import Browser, Web
from tests.web.forms import alerts, field


def trail(web: Web) -> list[tuple[str, str, str]]:
    """(who, action, object) of every entry but sign-ins, in their order."""
    with web.app.app_context():
        query = select(AuditEntry.actor_name, AuditEntry.action, AuditEntry.object_id).order_by(AuditEntry.id)
        rows = [tuple(row) for row in db.session.execute(query) if not row.action.startswith(("sign_in", "session"))]
        db.session.rollback()
    return rows


def stored(web: Web, code: str) -> dict[str, Any]:
    with web.app.app_context():
        store = db.session.scalars(select(Store).where(Store.code == code)).one()
        found = {name: getattr(store, name) for name in ("id", "name", "accent", "logo", "active", "opening_line")}
        db.session.rollback()
    return found


def healthy(web: Web) -> bool:
    with web.app.app_context():
        return not doctor.examine().broken


def send(browser: Browser, path: str, **form: Any) -> Any:
    form = {"csrf_token": browser.token, **form}
    return browser._note(browser.client.post(path, data=form, content_type="multipart/form-data"))


def rows(page: str) -> list[str]:
    found = re.findall(r'<a href="/admin/stores/\d+"><bdi>(.*?)</bdi>', page)
    return [re.sub("</?mark>", "", name) for name in found]


def test_an_admin_makes_a_store_and_it_is_found_by_the_beginnings_of_its_words(web: Web) -> None:
    ada = web.signed_in("ada")
    ada.get("/admin/stores/new")
    logo = (io.BytesIO(picture()), "logo.png")
    answer = send(ada, "/admin/stores", code="zoe-books", name="Žoé’s Books", accent="plum", logo=logo, active="true")
    assert answer.status_code == 303, alerts(answer.text)
    store = stored(web, "zoe-books")
    assert (store["name"], store["accent"], store["active"]) == ("Žoé’s Books", "plum", True)
    assert answer.location == f"/admin/stores/{store['id']}?done=created"
    assert "Žoé’s Books" in ada.get(answer.location).text
    shown = ada.get(f"/storefront/logo/zoe-books-{store['logo']}")
    assert (shown.status_code, shown.data) == (200, picture())
    for words, found in {
        "zo": ["Žoé’s Books"], "books zoes": ["Žoé’s Books"], "zoe-b": ["Žoé’s Books"], "ooks": [], "b": ["Bakery", "Žoé’s Books"],
    }.items():  # fmt: skip
        assert sorted(rows(ada.get("/admin/stores", query_string={"q": words}).text)) == found, words
    assert rows(ada.get("/admin/stores?sort=newest").text)[0] == "Žoé’s Books"
    assert rows(ada.get("/admin/stores?sort=-name").text) == ["Žoé’s Books", "Northwind Cycles", "Bakery"]
    assert ada.get("/storefront/login?store=zoe-books").status_code == 200
    assert trail(web) == [("Ada", "store.created", "zoe-books")]
    assert healthy(web)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name": "\u200b\u2060"}, "Enter a name."),
        ({"name": "x" * 201}, "at most 200"),
        ({"name": "a\x07b"}, "control characters"),
        ({"code": "no spaces"}, "letters, digits"),
        ({"code": "BAKERY"}, "Another store has this code."),
        ({"accent": "pink"}, "Choose one of the colours."),
        ({"opening_line": "x" * 501}, "at most 500"),
        ({"hours": "x" * 201}, "at most 200"),
        ({"hours": "7\x0718"}, "one line without control characters"),
        ({"logo": (io.BytesIO(b"GIF89a no picture"), "logo.png")}, "A logo must be an intact PNG"),
        ({"logo": (io.BytesIO(b"x" * (3 * 1024 * 1024)), "logo.png")}, "A logo must be an intact PNG"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_store_that_cannot_be_is_refused_and_the_words_are_kept(web: Web, wrong: dict[str, Any], says: str) -> None:
    ada = web.signed_in("ada")
    ada.get("/admin/stores/new")
    answer = send(ada, "/admin/stores", **({"code": "new", "name": "My words", "opening_line": "Hello"} | wrong))
    assert answer.status_code == 422 and says in alerts(answer.text)
    assert field(answer.text, "opening_line") == wrong.get("opening_line", "Hello")
    assert field(answer.text, "name") == wrong.get("name", "My words").replace("\x07", "\x07")
    assert trail(web) == []


def test_the_second_of_two_who_edit_sees_both_versions_and_keeps_their_words(web: Web) -> None:
    ada, abe = web.signed_in("ada"), web.signed_in("abe")
    at = f"/admin/stores/{web.cast.bakery}"
    forms = {browser: field(browser.get(f"{at}/edit").text, "version") for browser in (ada, abe)}
    assert send(ada, at, version=forms[ada], name="Bakery & Café", accent="leaf").status_code == 303
    refused = send(abe, at, version=forms[abe], name="Backstube", accent="plum", opening_line="Hallo")
    assert refused.status_code == 409
    assert (
        "<bdi>Ada</bdi></b> changed this store in the meantime." in refused.text and "Bakery &amp; Café" in refused.text
    )
    assert field(refused.text, "name") == "Backstube" and field(refused.text, "opening_line") == "Hallo"
    assert stored(web, "bakery")["name"] == "Bakery & Café"
    again = send(abe, at, version=field(refused.text, "version"), name="Backstube", accent="plum")
    assert again.status_code == 303 and stored(web, "bakery")["name"] == "Backstube"
    assert [entry[:2] for entry in trail(web)] == [("Ada", "store.changed"), ("Abe", "store.changed")]
    with web.app.app_context():
        terms = set(db.session.scalars(select(RecipientTerm.term).where(RecipientTerm.recipient_type == "store")))
        db.session.rollback()
    assert {"backstube", "bakery"} <= terms and "cafe" not in terms
    assert healthy(web)


def test_a_logo_takes_the_place_of_the_former_and_can_be_taken_away(web: Web) -> None:
    ada, at = web.signed_in("ada"), f"/admin/stores/{web.cast.bakery}"
    seen = []
    for logo in (
        {"logo": (io.BytesIO(picture()), "a.png")},
        {"logo": (io.BytesIO(picture(colour="blue")), "b.png")},
        {},
        {"drop_logo": "y"},
    ):
        version = field(ada.get(f"{at}/edit").text, "version")
        assert send(ada, at, version=version, name="Bakery", **logo).status_code == 303
        seen.append(stored(web, "bakery")["logo"])
    first, second, kept, dropped = seen
    assert first != second == kept and dropped is None
    for gone in (first, second):
        assert ada.get(f"/storefront/logo/bakery-{gone}").status_code == 404
    assert healthy(web)


def test_deactivating_asks_first_ends_sessions_and_is_undone(web: Web) -> None:
    ada, sam, cleo = web.signed_in("ada"), web.signed_in("sam"), web.signed_in("cleo")
    web.signed_in("tomas")
    at = f"/admin/stores/{web.cast.bakery}"
    asked = ada.get(f"{at}/deactivate")
    for page in (asked.text, ada.get(f"{at}/deactivate", htmx=True).text):
        assert "Ends 1 session of its staff." in page and "Ends 1 session of its customers." in page
    assert sam.get("/store/messages").status_code == 200
    done = ada.post(f"{at}/deactivate")
    assert done.status_code == 303
    assert sam.get("/store/messages").status_code == 302 and cleo.get("/storefront/account").status_code == 302
    assert sam.sign_in("store", "sam").status_code == 422
    page = ada.get(done.location).text
    assert "Deactivated." in page and f'action="{at}/reactivate"' in page and "Undo" in page
    assert rows(ada.get("/admin/stores?status=inactive").text) == ["Bakery"]
    assert rows(ada.get("/admin/stores?status=inactive&q=bak").text) == ["Bakery"]
    assert rows(ada.get("/admin/stores?status=active").text) == ["Northwind Cycles"]
    undone = ada.post(f"{at}/reactivate")
    assert undone.status_code == 303 and ">Undo<" not in ada.get(undone.location).text
    assert cleo.get("/storefront/account").status_code == 302, "what was ended stays so"
    assert sam.sign_in("store", "sam").status_code == 303
    assert [entry[1:] for entry in trail(web)] == [("store.deactivated", "bakery"), ("store.reactivated", "bakery")]
    assert healthy(web)


def test_pages_of_a_list_follow_one_another_and_the_file_holds_all_of_them(web: Web) -> None:
    with web.app.app_context(), writing(db.session) as session:
        for number in range(60):
            name = f"Shop {number:02}" if number else "=HYPERLINK(1)"
            store = Store(code=f"shop-{number}", name=name, sort_name=name.lower().strip("=()"), active=number % 3 > 0)
            session.add(store)
            session.flush()
            session.add_all(
                RecipientTerm(recipient_type="store", recipient_id=store.id, term=term, store_id=store.id)
                for term in RecipientTerm.words(name, store.code)
            )
    ada = web.signed_in("ada")
    for query in (
        "",
        "?sort=-name",
        "?sort=newest",
        "?status=inactive",
        "?q=sho",
        "?q=sho&status=inactive",
        "?status=inactive&sort=newest",
    ):
        seen: list[str] = []
        address: str | None = f"/admin/stores{query}"
        while address:
            page = ada.get(address).text
            seen += rows(page)
            following = re.search(r'href="([^"]+)" rel="next"', page)
            address = following[1].replace("&amp;", "&") if following else None
        file = ada.get(f"/admin/stores.csv{query}")
        lines = file.get_data(as_text=True).removeprefix("\ufeff").splitlines()
        assert file.mimetype == "text/csv" and len(lines) - 1 == len(seen) == len(set(seen)) >= 20, query
        assert lines[0] == "code,name,active,owners,staff,created_at"
    assert any(line.startswith("shop-0,'=HYPERLINK(1),") for line in lines)
    assert {entry[1] for entry in trail(web)} == {"export.made"}
    for wrong in ("?status=gone", "?sort=age", "?cursor=x", "?store_id=x"):
        assert ada.get(f"/admin/stores{wrong}").status_code == 422, wrong
    for odd in ("?q=%00", "?q=" + "x" * 5000, "?q=%F0%9F%A5%90", "?cursor=4c.1"):
        assert ada.get(f"/admin/stores{odd}").status_code == 200, odd


def test_an_admin_narrows_the_inbox_to_a_store(web: Web, numbers: dict[str, int]) -> None:
    ada = web.signed_in("ada")
    for query, found in {
        f"store_id={web.cast.bakery}": {"admin-bakery", "admin-cleo"},
        f"store_id={web.cast.bakery}&status=all": {"admin-bakery", "admin-cleo"},
        f"store_id={web.cast.bakery}&type=admin_store": {"admin-bakery"},
        f"store_id={web.cast.cycles}&status=all": set(),
    }.items():
        listed = set(re.findall(r'id="conversation-(\d+)"', ada.get(f"/admin/messages?{query}").text))
        assert listed == {str(numbers[name]) for name in found}, query
    assert ada.get("/admin/messages?store_id=x").status_code == 422
    sam = web.signed_in("sam")  # of no effect where there is one store only
    assert f'id="conversation-{numbers["bakery-cleo"]}"' in sam.get(f"/store/messages?store_id={web.cast.cycles}").text
