"""An admin deactivates a user's whole account: confirmed first, effective at once, undone, and never the last one."""

from __future__ import annotations

import re

from messaging_app import doctor
from messaging_app.accounts import tokens
from messaging_app.actors import ActorType
from messaging_app.extensions import db
from messaging_app.services import staff
from tests.conftest import Web
from tests.web.test_console_stores import trail

AT = "/admin/admins"


def test_deactivating_somebody_of_two_stores_signs_them_out_of_both_and_is_undone(web: Web) -> None:
    ada, lea, here = web.signed_in("ada"), web.signed_in("lea"), f"/admin/stores/{web.cast.bakery}/staff"
    with web.app.app_context():
        token = tokens.create_token(ActorType.STORE, web.cast.lea.id, web.cast.cycles, "sync")
    for page in (here, f"/admin/stores/{web.cast.bakery}"):
        assert f'href="{AT}/{web.cast.lea.id}/deactivate?store_id={web.cast.bakery}"' in ada.get(page).text
    act = f"{AT}/{web.cast.lea.id}/deactivate?store_id={web.cast.bakery}"
    for asked in (ada.get(act), ada.get(act, htmx=True)):
        for effect in ("Ends 1 session.", "Stops 1 API token", "their roles at 2 stores", f'action="{act}"'):
            assert effect in asked.text
    assert lea.get("/store/messages").status_code == 200
    done = ada.post(act)
    assert done.status_code == 303 and ada.post(act).status_code == 303, "twice is well"
    assert lea.get("/store/messages").status_code == 302 and lea.sign_in("store", "lea").status_code == 422
    with web.app.app_context():
        assert tokens.find_bearer(token) is None
        db.session.rollback()
    page = ada.get(done.location).text
    [undo] = re.findall(r'action="([^"]+/reactivate[^"]*)"', page)
    assert "Lea was deactivated and signed out." in page
    back = ada.post(undo)
    assert back.location.startswith(here) and "Lea can sign in again." in ada.get(back.location).text
    assert lea.sign_in("store", "lea").status_code == 303
    assert [entry[1] for entry in trail(web)] == ["token.created", "user.deactivated", "user.reactivated"]
    with web.app.app_context():
        assert not doctor.examine().broken


def test_the_last_ones_and_oneself_stay(web: Web) -> None:
    ada, sam = web.signed_in("ada"), web.cast.sam.id
    for answer in (ada.get(f"{AT}/{sam}/deactivate"), ada.post(f"{AT}/{sam}/deactivate")):
        assert answer.status_code == 409 and "Sam is the only owner of Bakery." in answer.text
    assert web.signed_in("sam").get("/store/messages").status_code == 200
    with web.app.app_context():
        staff.change_role(web.cast.ada, web.cast.bakery, web.cast.nadia.id, "owner")
    assert ada.post(f"{AT}/{sam}/deactivate").status_code == 303
    assert ada.post(f"{AT}/{web.cast.nadia.id}/deactivate").status_code == 409, "Sam counts no more"
    assert ada.post(f"{AT}/{web.cast.ada.id}/deactivate").status_code == 404
    page = ada.get(AT).text
    assert f"{AT}/{web.cast.ada.id}/deactivate" not in page and f"{AT}/{web.cast.abe.id}/deactivate" in page
    assert ada.post(f"{AT}/{web.cast.abe.id}/deactivate").status_code == 303
    inactive = ada.get(f"{AT}?status=inactive").text
    assert f"{AT}/{web.cast.abe.id}/return" in inactive and "/deactivate" not in inactive
    assert "Only admin" in ada.get(AT).text, "Abe counts no more"
    assert ada.post(f"{AT}/99/deactivate").status_code == 404 and ada.post(f"{AT}/99/reactivate").status_code == 404


def test_nobody_else_deactivates_accounts(web: Web) -> None:
    sam = web.signed_in("sam")
    assert "/deactivate" not in sam.get("/store/staff").text
    assert sam.post(f"/store/staff/{web.cast.nadia.id}/deactivate").status_code == 404
