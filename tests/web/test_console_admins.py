"""The platform's admins in the console: invited, removed, brought back; one always stays."""

from __future__ import annotations

import re

from sqlalchemy import update

from messaging_app import doctor
from messaging_app.accounts import tokens
from messaging_app.actors import ActorType
from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.models import User
from tests.cast import EMAILS
from tests.conftest import Web
from tests.web.forms import alerts
from tests.web.test_console_stores import trail

AT = "/admin/admins"


def names(page: str) -> list[str]:
    return [re.sub("</?mark>", "", name) for name in re.findall(r"<b><bdi>(.*?)</bdi></b>", page)]


def test_an_admin_invites_another_and_is_told_what_became_of_it(web: Web) -> None:
    ada = web.signed_in("ada")
    assert names(ada.get(AT).text) == ["Abe", "Ada"]
    told = ada.post(AT, {"emails": f"new@mail.example, {EMAILS['sam']}, {EMAILS['abe']}", "role": "admin"})
    assert told.status_code == 200
    for sentence in ("is shown only once", "was added. They got an e-mail", "is already a member"):
        assert sentence in told.text
    assert names(told.text) == ["Abe", "Ada", "Sam"] and "new@mail.example" in told.text
    sam = web.browser()
    assert sam.sign_in("admin", "sam").status_code == 303
    [withdraw] = re.findall(r'formaction="([^"]+/withdraw)"', told.text)
    assert sam.get(AT).status_code == 200 and sam.post(withdraw).status_code == 303
    assert "new@mail.example" not in ada.get(AT).text
    assert ada.post(AT, {"emails": "x@mail.example", "role": "owner"}).status_code == 422
    assert [entry[1] for entry in trail(web)] == ["invitation.sent", "admin.added", "invitation.withdrawn"]


def test_removing_asks_first_ends_what_they_have_as_admin_and_is_undone(web: Web) -> None:
    ada, abe = web.signed_in("ada"), web.signed_in("abe")
    with web.app.app_context():
        token = tokens.create_token(ActorType.ADMIN, web.cast.abe.id, None, "sync")
    person = f"{AT}/{web.cast.abe.id}"
    for asked in (ada.get(f"{person}/remove").text, ada.get(f"{person}/remove", htmx=True).text):
        assert "Ends 1 session as an admin." in asked and "Stops 1 API token" in asked
    done = ada.post(f"{person}/remove")
    assert done.status_code == 303 and ada.post(f"{person}/remove").status_code == 303, "twice is well"
    assert abe.get(AT).status_code == 302 and abe.sign_in("admin", "abe").status_code == 422
    with web.app.app_context():
        assert tokens.find_bearer(token) is None
        db.session.rollback()
    page = ada.get(done.location).text
    assert f'action="{person}/return"' in page and "Undo" in page and names(page) == ["Ada"]
    back = ada.post(f"{person}/return")
    assert "They are an admin again." in ada.get(back.location).text
    assert abe.sign_in("admin", "abe").status_code == 303
    assert ada.post(f"{AT}/{web.cast.sam.id}/return").status_code == 404, "he never was one"
    assert [entry[1] for entry in trail(web)][1:] == ["admin.removed", "admin.added"]
    with web.app.app_context():
        assert not doctor.examine().broken


def test_the_last_admin_stays(web: Web) -> None:
    ada, me = web.signed_in("ada"), web.cast.ada.id
    ada.post(f"{AT}/{web.cast.abe.id}/remove")
    page = ada.get(AT).text
    assert "Only admin" in page and f"{AT}/{me}/remove" not in page
    for answer in (ada.get(f"{AT}/{me}/remove"), ada.post(f"{AT}/{me}/remove")):
        assert answer.status_code == 409 and "This is the only admin." in alerts(answer.text)
    ada.post(f"{AT}/{web.cast.abe.id}/return")
    assert ada.post(f"{AT}/{me}/remove").status_code == 303
    assert ada.get(AT).status_code == 302, "who removes herself is out"


def test_an_admin_lets_a_deactivated_account_in_again_and_an_owner_cannot(web: Web) -> None:
    with web.app.app_context(), writing(db.session) as session:
        session.execute(update(User).where(User.id.in_((web.cast.abe.id, web.cast.nadia.id))).values(active=False))
    ada, sam = web.signed_in("ada"), web.signed_in("sam")
    assert names(ada.get(f"{AT}?status=inactive").text) == ["Abe"] and names(ada.get(f"{AT}?q=ab").text) == ["Abe"]
    assert ada.post(f"{AT}/{web.cast.abe.id}/return").status_code == 303
    assert web.browser().sign_in("admin", "abe").status_code == 303
    refused = sam.post(f"/store/staff/{web.cast.nadia.id}/return")
    assert refused.status_code == 403 and "Only an admin can reactivate it." in refused.text
    assert ada.post(f"/admin/stores/{web.cast.bakery}/staff/{web.cast.nadia.id}/return").status_code == 303
    assert web.browser().sign_in("store", "nadia").status_code == 303
    with web.app.app_context():
        assert not doctor.examine().broken
    lines = ada.get(f"{AT}.csv").get_data(as_text=True).splitlines()
    assert len(lines) == 3 and lines[1].startswith("Abe,abe@mail.example,true,")
