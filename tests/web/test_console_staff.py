"""Who works at a store: the same page for admins and owners, nothing but a list for the others."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from messaging_app import doctor
from messaging_app.accounts import tokens
from messaging_app.actors import ActorType
from messaging_app.extensions import db
from messaging_app.models import StoreMembership
from tests.conftest import Browser, Web
from tests.web.forms import alerts
from tests.web.test_console_stores import trail


def staff_of(web: Web, store_id: int) -> dict[int, tuple[str, bool]]:
    with web.app.app_context():
        member = StoreMembership
        query = select(member.user_id, member.role, member.active).where(member.store_id == store_id)
        found = {row.user_id: (row.role, row.active) for row in db.session.execute(query)}
        db.session.rollback()
    return found


def at(web: Web, who: str) -> str:
    return f"/admin/stores/{web.cast.bakery}/staff" if who == "ada" else "/store/staff"


@pytest.mark.parametrize("who", ["ada", "sam"])
def test_removing_asks_first_ends_what_they_have_there_and_is_undone(web: Web, who: str) -> None:
    lea, browser, here = web.signed_in("lea"), web.signed_in(who), at(web, who)
    with web.app.app_context():
        gone, stays = (
            tokens.create_token(ActorType.STORE, web.cast.lea.id, store, "sync")
            for store in (web.cast.bakery, web.cast.cycles)
        )
    person = f"{here}/{web.cast.lea.id}"
    for asked in (browser.get(f"{person}/remove"), browser.get(f"{person}/remove", htmx=True)):
        assert "Ends 1 session at this store." in asked.text and "Stops 1 API token" in asked.text
    assert lea.get("/store/messages").status_code == 200
    done = browser.post(f"{person}/remove")
    assert done.status_code == 303
    assert lea.get("/store/messages").status_code == 302
    assert lea.sign_in("store", "lea").status_code == 303, "she works in the cycle shop still"
    with web.app.app_context():
        assert tokens.find_bearer(gone) is None and tokens.find_bearer(stays) is not None
        db.session.rollback()
    page = browser.get(done.location).text
    assert "Lea was removed and signed out." in page and f'action="{person}/return"' in page
    assert f'id="member-{web.cast.lea.id}"' not in page
    assert f'id="member-{web.cast.lea.id}"' in browser.get(f"{here}?status=inactive").text
    assert browser.post(f"{person}/remove").status_code == 303, "twice is well"
    back = browser.post(f"{person}/return")
    assert "Lea is back." in browser.get(back.location).text
    assert staff_of(web, web.cast.bakery)[web.cast.lea.id] == ("staff", True)
    assert [entry[1] for entry in trail(web)] == ["token.created"] * 2 + ["membership.removed", "membership.added"]
    with web.app.app_context():
        assert not doctor.examine().broken


@pytest.mark.parametrize("who", ["ada", "sam"])
def test_a_store_keeps_an_owner(web: Web, who: str) -> None:
    browser, here, sam = web.signed_in(who), at(web, who), web.cast.sam.id
    nadia = web.cast.nadia.id
    page = browser.get(here).text
    assert "Only owner" in page and f"{here}/{sam}/remove" not in page
    refused = [
        browser.post(f"{here}/{sam}/remove"),
        browser.get(f"{here}/{sam}/remove"),
        browser.post(f"{here}/{sam}/role", {"role": "staff"}),
    ]
    for answer in refused:
        assert answer.status_code == 409 and "only owner" in alerts(answer.text)
    made = browser.post(f"{here}/{nadia}/role", {"role": "owner"})
    page = browser.get(made.location).text
    assert "Nadia is now an owner." in page and 'name="role" value="staff"' in page
    assert browser.post(f"{here}/{sam}/remove").status_code == 303
    assert staff_of(web, web.cast.bakery)[sam] == ("owner", False)
    if who == "sam":
        assert browser.get(here).status_code == 302, "who removes himself is out"
    assert [entry[1] for entry in trail(web)] == ["membership.role_changed", "membership.removed"]


def test_a_new_role_counts_at_the_next_request(web: Web) -> None:
    ada, nadia = web.signed_in("ada"), web.signed_in("nadia")
    person = f"/admin/stores/{web.cast.bakery}/staff/{web.cast.nadia.id}"
    assert nadia.get("/store/staff.csv").status_code == 403
    assert 'method="post"' not in main(nadia)
    ada.post(f"{person}/role", {"role": "owner"})
    assert nadia.get("/store/staff.csv").status_code == 200
    assert 'method="post"' in main(nadia)
    ada.post(f"{person}/role", {"role": "staff"})
    assert nadia.post(f"/store/staff/{web.cast.lea.id}/remove").status_code == 403
    assert ada.post(f"{person}/role", {"role": "king"}).status_code == 422


def main(browser: Browser) -> str:
    return browser.get("/store/staff").text.partition("<main")[2].partition("</main>")[0]


def test_nobody_reaches_the_staff_of_another_store(web: Web) -> None:
    sam, tomas = web.signed_in("sam"), web.cast.tomas.id
    for act in ("remove", "return", "role"):
        assert sam.post(f"/store/staff/{tomas}/{act}", {"role": "staff"}).status_code == 404
    assert sam.get(f"/store/staff/{tomas}/remove").status_code == 404
    assert sam.get(f"/store/staff?done=removed&person={tomas}").status_code == 404
    ada = web.signed_in("ada")
    assert ada.post(f"/admin/stores/{web.cast.bakery}/staff/{tomas}/remove").status_code == 404
    assert ada.get("/admin/stores/999/staff").status_code == 404
    assert staff_of(web, web.cast.cycles)[tomas] == ("owner", True)


def test_owners_change_their_store_and_staff_read_what_is_set(web: Web) -> None:
    sam, nadia = web.signed_in("sam"), web.signed_in("nadia")
    page = sam.get("/store/settings").text
    version = re.search(r'name="version"[^>]*value="([^"]+)"', page)
    assert version
    form = {"version": version[1], "name": "Bakery", "accent": "sea", "opening_line": "Ask us about bread."}
    assert nadia.post("/store/settings", form).status_code == 403
    assert sam.post("/store/settings", form).status_code == 303
    told = nadia.get("/store/settings").text
    assert "Ask us about bread." in told and "<textarea" not in told
    assert sam.post("/store/settings", form | {"name": "Old"}).status_code == 409
    cleo = web.signed_in("cleo")
    for shown in ("/storefront/account", "/storefront/account/messages"):
        assert "Ask us about bread." in cleo.get(shown).text
    assert trail(web) == [("Sam", "store.changed", "bakery")]
