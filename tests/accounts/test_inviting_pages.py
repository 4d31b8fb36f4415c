"""Inviting from the console: a store's owner and an admin on the same page, with mail and without."""

from __future__ import annotations

import re

import pytest

from messaging_app.services import invitations
from tests.accounts.conftest import actions, arrived, browse, link_in
from tests.cast import EMAILS
from tests.conftest import Browser
from tests.post import Post
from tests.web.forms import alerts, field

NOOR, PIM = "noor@bakery.example", "pim@bakery.example"
FORM = {"name": "Noor Haddad", "password": "long enough words"}


def pending(page: str) -> list[str]:
    return re.findall(r'row__name"><bdi>(.*?)</bdi> <span class="role">(.*?)</span>', page)


@pytest.fixture(params=["ada", "sam"])
def place(post: Post, request: pytest.FixtureRequest) -> tuple[Browser, str]:
    """Somebody who may invite to the bakery, and the page where they do."""
    if request.param == "ada":
        return browse(post, "ada", "admin"), f"/admin/stores/{post.cast.bakery}/staff"
    return browse(post, "sam"), "/store/staff"


def test_invited_resent_withdrawn_and_joined_by_buttons(post: Post, place: tuple[Browser, str]) -> None:
    browser, at = place
    page = browser.get(at).text
    assert 'name="emails"' in page and pending(page) == []
    done = browser.post(at, {"emails": f"{NOOR}, Pim <{PIM}>", "role": "staff"})
    assert (done.status_code, done.location) == (303, f"{at}?done=invited")
    page = browser.get(done.location).text
    assert "Everyone gets a link by e-mail." in page and pending(page) == [(PIM, "Staff"), (NOOR, "Staff")]
    first = {mail["To"].partition("@")[0]: link_in(mail) for mail in arrived(post)}
    resends, withdrawals = (
        re.findall(rf'{how}="([^"]+/{to})"', page) for how, to in (("action", "resend"), ("formaction", "withdraw"))
    )
    again = browser.post(resends[1])
    assert again.location == f"{at}?done=resent"
    [mail] = arrived(post)
    stranger = browse(post)
    assert stranger.get(first["noor"]).status_code == 410
    assert browser.post(withdrawals[0]).location.startswith(f"{at}?done=withdrawn&")
    assert stranger.get(first["pim"]).status_code == 410
    path = link_in(mail)
    stranger.get(path)
    assert stranger.post(path, FORM).status_code == 303
    page = browser.get(at).text
    assert pending(page) == [] and "Noor Haddad" in page
    assert [action for _who, action, _whom in actions()][:4] == [
        *("invitation.sent", "invitation.sent", "invitation.resent", "invitation.withdrawn"),
    ]


def test_a_withdrawn_invitation_comes_back_by_undo(post: Post, place: tuple[Browser, str]) -> None:
    browser, at = place
    browser.post(at, {"emails": NOOR, "role": "staff"})
    [path] = [link_in(mail) for mail in arrived(post)]
    [withdraw] = re.findall(r'formaction="([^"]+/withdraw)"', browser.get(at).text)
    page = browser.get(browser.post(withdraw).location).text
    [undo] = re.findall(r'action="([^"]+/restore)"', page)
    assert "Undo" in page and pending(page) == [] and browse(post).get(path).status_code == 410
    for _twice in range(2):
        assert "its link works again" in browser.get(browser.post(undo).location).text
    assert pending(browser.get(at).text) == [(NOOR, "Staff")] and arrived(post) == []
    browser.post(withdraw)
    browser.post(at, {"emails": NOOR, "role": "owner"})
    assert browser.post(undo).status_code == 410, "a newer one is not doubled"
    assert browse(post, "tomas").post(undo.replace("/admin/stores/1/staff", "/store/staff")).status_code in (403, 404)
    assert browse(post).get(path).status_code == 410
    told = [action for _who, action, _whom in actions()]
    assert told == [f"invitation.{what}" for what in ("sent", "withdrawn", "restored", "withdrawn", "sent")]


def test_undo_sends_the_mail_that_a_withdrawal_had_kept_back(post: Post) -> None:
    sam = browse(post, "sam")
    sam.post("/store/staff", {"emails": NOOR, "role": "staff"})
    [row] = invitations.list_pending(post.cast.sam, post.cast.bakery)
    sam.post(f"/store/staff/invitations/{row.id}/withdraw")
    assert arrived(post) == []
    sam.post(f"/store/staff/invitations/{row.id}/restore")
    [mail] = arrived(post)
    stranger = browse(post)
    stranger.get(link_in(mail))
    assert stranger.post(link_in(mail), FORM).status_code == 303
    assert sam.post(f"/store/staff/invitations/{row.id}/restore").status_code == 404, "it was used"


def test_each_address_is_told_its_outcome(post: Post, place: tuple[Browser, str]) -> None:
    browser, at = place
    told = browser.post(at, {"emails": f"{NOOR}\n{EMAILS['tomas']}\n{EMAILS['nadia'].upper()}", "role": "staff"})
    assert told.status_code == 200
    for sentence in ("noor@bakery.example</bdi> was invited", "was added. They got an e-mail", "is already a member"):
        assert sentence in told.text
    assert pending(told.text) == [(NOOR, "Staff")] and 'id="member-' in told.text


def test_without_mail_the_link_is_shown_once(post: Post, place: tuple[Browser, str]) -> None:
    post.app.extensions["settings"].mail_url = None
    browser, at = place
    told = browser.post(at, {"emails": NOOR, "role": "owner"})
    shown = re.findall(r'value="http://localhost(/invitation/[\w-]+)"', told.text)
    assert told.status_code == 200 and len(shown) == 1 and browse(post).get(shown[0]).status_code == 200
    page = browser.get(at).text
    assert pending(page) == [(NOOR, "Owner")] and "/invitation/" not in page
    again = browser.post(re.findall(r'action="([^"]+/resend)"', page)[0])
    assert again.status_code == 200
    [renewed] = re.findall(r'value="http://localhost(/invitation/[\w-]+)"', again.text)
    assert [browse(post).get(path).status_code for path in (shown[0], renewed)] == [410, 200]


@pytest.mark.parametrize(
    ("emails", "says"),
    [
        ("", "at least one"),
        ("noor@bakery.example, no address", "no address”"),
        ("\n".join(f"p{i}@bakery.example" for i in range(51)), "These are 51."),
        ("\n".join(f"person{i}@bakery.example" for i in range(10_000)), "These are 10000."),
        ("noor@bаkery.example", "looks like another"),
    ],
    ids=["none", "no address", "51", "10,000", "homograph"],
)
def test_what_cannot_be_invited_is_refused_and_kept(post: Post, emails: str, says: str) -> None:
    browser = browse(post, "sam")
    refused = browser.post("/store/staff", {"emails": emails, "role": "owner"})
    assert refused.status_code == 422 and says in alerts(refused.text)
    assert field(refused.text, "emails").split() == emails.split()
    assert re.search(r'<input checked [^>]*value="owner"', refused.text)
    assert pending(refused.text) == [] and arrived(post) == []
    assert browser.post("/store/staff", {"emails": NOOR, "role": "admin"}).status_code == 422


def test_staff_see_who_is_invited_and_change_nothing(post: Post) -> None:
    invitations.invite(post.cast.sam, NOOR, "staff", post.cast.bakery)
    [row] = invitations.list_pending(post.cast.sam, post.cast.bakery)
    nadia, tomas = browse(post, "nadia"), browse(post, "tomas")
    page = nadia.get("/store/staff").text
    assert pending(page) == [(NOOR, "Staff")] and "Withdraw" not in page and 'name="emails"' not in page
    assert nadia.post(f"/store/staff/invitations/{row.id}/withdraw").status_code == 403
    assert nadia.post("/store/staff", {"emails": PIM, "role": "staff"}).status_code == 403
    assert NOOR not in tomas.get("/store/staff").text
    for act in ("resend", "withdraw"):
        assert tomas.post(f"/store/staff/invitations/{row.id}/{act}").status_code == 404
        ada = browse(post, "ada", "admin")
        assert ada.post(f"/admin/stores/{post.cast.cycles}/staff/invitations/{row.id}/{act}").status_code == 404


def test_deactivating_a_store_withdraws_what_waits_there_and_nothing_else(post: Post) -> None:
    ada = browse(post, "ada", "admin")
    for store in (post.cast.bakery, post.cast.cycles):
        ada.post(f"/admin/stores/{store}/staff", {"emails": NOOR, "role": "staff"})
    links = [link_in(mail) for mail in arrived(post)]
    at = f"/admin/stores/{post.cast.bakery}"
    assert "Withdraws 1 invitation, for good." in ada.get(f"{at}/deactivate").text
    ada.post(f"{at}/deactivate")
    assert 'name="emails"' not in ada.get(f"{at}/staff").text
    assert ada.post(f"{at}/staff", {"emails": PIM, "role": "staff"}).status_code == 422
    ada.post(f"{at}/reactivate")
    assert sorted(browse(post).get(path).status_code for path in links) == [200, 410]
    assert pending(ada.get(f"{at}/staff").text) == []
