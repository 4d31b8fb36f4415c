"""From an invitation to the first page, and every way in which a link may fail to be one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from messaging_app.accounts.passwords import verify_password
from messaging_app.actors import Actor
from messaging_app.db.engine import now, writing
from messaging_app.errors import Invalid, NotAllowed, NotFound
from messaging_app.extensions import db
from messaging_app.models import AccountLink, AccountMail, Store, StoreMembership, User
from messaging_app.services import address_lists, inboxes, invitations, messaging, trail
from tests.accounts.conftest import actions, arrived, browse, link_in
from tests.cast import EMAILS
from tests.domain import invariants
from tests.post import Post
from tests.web.forms import alerts, field

NOOR = "noor@bakery.example"
FORM = {"name": "Noor Haddad", "password": "long enough words"}


@pytest.fixture
def owner(post: Post) -> Actor:
    """Sam, made the bakery's owner."""
    with writing(db.session) as session:
        session.execute(update(StoreMembership).where(StoreMembership.user_id == post.cast.sam.id).values(role="owner"))
    return post.cast.sam


def invite(post: Post, actor: Actor, emails: str = NOOR, role: str = "staff", store: bool = True) -> str:
    """Invite and return the link that arrived."""
    outcomes = invitations.invite(actor, emails, role, post.cast.bakery if store else None)
    assert [outcome.what for outcome in outcomes] == ["invited"] and outcomes[0].link == ""
    [mail] = arrived(post)
    return link_in(mail)


def user(email: str) -> User | None:
    db.session.rollback()
    return db.session.scalar(select(User).where(User.email_key == email))


def test_an_owner_invites_a_colleague_who_joins_and_is_in(post: Post, owner: Actor) -> None:
    path = invite(post, owner)
    browser = browse(post)
    page = browser.get(path)
    assert page.status_code == 200 and page.headers["Referrer-Policy"] == "no-referrer"
    assert "Sam" in page.text and "Bakery" in page.text and NOOR in page.text
    answer = browser.post(path, FORM)
    assert (answer.status_code, answer.location) == (303, "/store/messages")
    assert browser.get("/store/messages").status_code == 200
    noor = user(NOOR)
    assert noor is not None and noor.name == "Noor Haddad" and verify_password(FORM["password"], noor.password_hash)
    assert invitations.list_pending(owner, post.cast.bakery) == []
    assert actions() == [
        ("Sam", "invitation.sent", NOOR),
        ("Noor Haddad", "membership.added", NOOR),
        ("Noor Haddad", "invitation.accepted", NOOR),
    ]
    assert trail.verify() is None
    for method in (browse(post).get, browse(post).post):
        assert method(path).status_code == 410


def test_a_program_that_opens_every_link_uses_nothing_up(post: Post, owner: Actor) -> None:
    path = invite(post, owner)
    for _ in range(3):
        for client in (browse(post).client, browse(post).client):
            assert client.get(path).status_code == 200 and client.head(path).status_code == 200
    browser = browse(post)
    browser.get(path)
    assert browser.post(path, FORM).status_code == 303


def test_a_form_from_elsewhere_uses_nothing_up(post: Post, owner: Actor) -> None:
    path = invite(post, owner)
    browser = browse(post)
    assert browser.post(path, FORM).status_code == 400, "no token"
    browser.get(path)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site", "Origin": "null"}):
        assert browser.post(path, FORM, headers=headers).status_code == 400
    answer = browser.post(path, FORM, headers={"Origin": "null"})  # as browsers send it from a page without referrer
    assert answer.status_code == 303


@pytest.mark.parametrize("how", ["used", "withdrawn", "resent", "invited again", "expired", "store closed"])
def test_a_link_that_is_over_says_so(post: Post, owner: Actor, how: str) -> None:
    path = invite(post, owner)
    browser = browse(post)
    browser.get(path)
    [pending] = invitations.list_pending(owner, post.cast.bakery)
    if how == "used":
        browser.post(path, FORM)
    elif how == "withdrawn":
        invitations.withdraw(owner, pending.id, post.cast.bakery)
    elif how == "resent":
        invitations.resend(owner, pending.id, post.cast.bakery)
    elif how == "invited again":
        invitations.invite(owner, NOOR.upper(), "owner", post.cast.bakery)
    elif how == "expired":
        with writing(db.session) as session:
            session.execute(update(AccountLink).values(expires_at=now() - timedelta(seconds=1)))
    else:
        with writing(db.session) as session:
            session.execute(update(Store).values(active=False))
    before = db.session.scalar(select(func.count()).select_from(User))
    for answer in (browser.get(path), browser.post(path, FORM)):
        assert answer.status_code == 410
        assert "This link no longer works" in answer.text
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert db.session.scalar(select(func.count()).select_from(User)) == before
    if how in ("resent", "invited again"):
        [mail] = arrived(post)
        browser = browse(post)
        browser.get(link_in(mail))
        assert browser.post(link_in(mail), FORM).status_code == 303


@pytest.mark.parametrize("token", ["x", "a" * 43, "a" * 5000, "%00", "..", "ünï", "-"])
def test_what_never_was_a_link_is_not_found(post: Post, owner: Actor, token: str) -> None:
    path = invite(post, owner)
    browser = browse(post)
    browser.get(path)
    for kind in ("invitation", "reset"):
        assert browser.get(f"/{kind}/{token}").status_code == 404
        assert browser.post(f"/{kind}/{token}", FORM).status_code == 404
    foreign = path.replace("invitation", "reset")
    assert browser.get(foreign).status_code == 404 and browser.post(foreign, FORM).status_code == 404
    assert browser.get(path + "x").status_code == 404
    assert browser.post(path, FORM).status_code == 303, "and nothing was used up"


def test_opened_while_somebody_else_is_signed_in_it_offers_both_ways(post: Post, owner: Actor) -> None:
    path = invite(post, owner)
    browser = browse(post, "nadia")
    browser.token = ""
    page = browser.get(path)
    assert page.status_code == 200 and "Whose invitation is this?" in page.text
    assert "Nadia" in page.text and NOOR in page.text and 'href="/store/messages"' in page.text
    refused = browser.post(path, FORM)
    assert refused.status_code == 409 and "Whose invitation is this?" in refused.text
    assert user(NOOR) is None
    assert browser.get("/store/messages").status_code == 200, "Nadia may stay"
    browser.get(path)
    left = browser.post(path, {"leave": "1"})
    assert (left.status_code, left.location) == (303, path)
    assert browser.get("/store/messages").status_code == 302
    assert "Whose invitation" not in browser.get(path).text
    assert browser.post(path, FORM).status_code == 303
    assert "Noor Haddad" in browser.get("/store/messages").text


def test_another_role_of_the_browser_is_nobody_else(post: Post, owner: Actor) -> None:
    path = invite(post, owner)
    browser = browse(post, "ada", "admin")
    page = browser.get(path).text
    assert "Whose invitation" not in page
    assert "signed in as <bdi>Ada</bdi> elsewhere in this browser" in page and 'href="/admin/messages"' in page
    assert browser.post(path, FORM).status_code == 303
    assert browser.get("/admin/messages").status_code == 200


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "\u200b\u200d\u2060"}, "Enter a name"),
        ({"name": "   "}, "Enter a name"),
        ({"name": "a\0b"}, "Enter a name"),
        ({"name": "x" * 201}, "Enter a name"),
        ({"password": "nine char"}, "at least 10"),
        ({"password": ""}, "at least 10"),
        ({"password": "x" * 129}, "at most 128"),
    ],
)
def test_what_does_not_fit_is_told_and_the_rest_is_kept(
    post: Post, owner: Actor, changes: dict[str, str], sentence: str
) -> None:
    path = invite(post, owner)
    browser = browse(post)
    browser.get(path)
    answer = browser.post(path, FORM | changes)
    assert answer.status_code == 422 and sentence in alerts(answer.text)
    if "password" in changes:
        assert field(answer.text, "name") == FORM["name"]
    assert user(NOOR) is None
    assert browser.post(path, FORM).status_code == 303


def test_of_many_who_accept_at_once_one_does(post: Post, owner: Actor) -> None:
    path = invite(post, owner)
    browsers = [browse(post) for _ in range(4)]
    for browser in browsers:
        browser.get(path)
    with ThreadPoolExecutor(4) as people:
        answers = list(people.map(lambda browser: browser.post(path, FORM).status_code, browsers))
    assert sorted(answers) == [303, 410, 410, 410]


def test_who_has_an_account_joins_at_once_and_is_told(post: Post, owner: Actor) -> None:
    outcomes = invitations.invite(owner, f"{EMAILS['tomas']}, {EMAILS['nadia']}", "owner", post.cast.bakery)
    assert [outcome.what for outcome in outcomes] == ["added", "already"]
    [mail] = arrived(post)
    assert mail["To"].addresses[0].addr_spec == EMAILS["tomas"] and mail["Subject"] == "You now work at Bakery"
    assert "/store/login?store=bakery" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    roles = select(StoreMembership.user_id, StoreMembership.role).where(StoreMembership.store_id == post.cast.bakery)
    assert dict(db.session.execute(roles).all())[post.cast.tomas.id] == "owner"
    assert dict(db.session.execute(roles).all())[post.cast.nadia.id] == "staff", "as it was"


def test_who_comes_back_has_read_what_was_written_meanwhile(post: Post, owner: Actor) -> None:
    number = post.begin(post.cast.ada, post.cast.bakery)  # so she has a seat, with something unread
    assert inboxes.get_unread_count(post.cast.nadia) == 1
    with writing(db.session) as session:
        session.execute(
            update(StoreMembership).where(StoreMembership.user_id == post.cast.nadia.id).values(active=False)
        )
    messaging.send_message(post.cast.ada, number, "Meanwhile")
    assert [o.what for o in invitations.invite(owner, EMAILS["nadia"], "staff", post.cast.bakery)] == ["added"]
    assert inboxes.get_unread_count(post.cast.nadia) == 0
    assert invariants.broken() == []


def test_an_account_without_a_password_gets_one_by_the_invitation(post: Post, owner: Actor) -> None:
    with writing(db.session) as session:
        session.execute(update(User).where(User.id == post.cast.tomas.id).values(password_hash=None))
    path = invite(post, owner, EMAILS["tomas"])
    browser = browse(post)
    assert field(browser.get(path).text, "name") == "Tomas"
    assert browser.post(path, FORM | {"name": "Tomas"}).status_code == 303
    assert browse(post).sign_in("store", "tomas", FORM["password"]).status_code == 303


def test_an_account_made_meanwhile_keeps_its_password(post: Post, owner: Actor) -> None:
    path = invite(post, owner)
    with writing(db.session) as session:
        other = session.get_one(User, post.cast.tomas.id)
        other.email, other.email_key = NOOR, NOOR
    browser = browse(post)
    assert "You already have an account" in browser.get(path).text
    hash_before = user(NOOR).password_hash  # type: ignore[union-attr]
    answer = browser.post(path, FORM)
    assert answer.status_code == 303
    assert user(NOOR).password_hash == hash_before  # type: ignore[union-attr]
    assert browser.get("/store/messages").status_code == 302, "a link by mail alone signs nobody in"


def test_a_deactivated_account_is_not_brought_back_by_an_owner(post: Post, owner: Actor) -> None:
    with writing(db.session) as session:
        session.execute(update(User).where(User.id == post.cast.tomas.id).values(active=False))
    assert [o.what for o in invitations.invite(owner, EMAILS["tomas"], "staff", post.cast.bakery)] == ["inactive"]
    assert arrived(post) == []


def test_who_may_invite_whom(post: Post, owner: Actor) -> None:
    people = post.cast
    refusals = [
        (people.nadia, "staff", people.bakery, NotAllowed),
        (people.sam, "staff", people.cycles, NotFound),
        (people.tomas, "staff", people.bakery, NotFound),
        (people.cleo, "staff", people.bakery, NotFound),
        (people.sam, "admin", None, NotAllowed),
        (people.sam, "admin", people.bakery, Invalid),
        (people.ada, "staff", None, Invalid),
        (people.ada, "boss", people.bakery, Invalid),
        (people.ada, "staff", 999, NotFound),
    ]
    for actor, role, store, refusal in refusals:
        with pytest.raises(refusal):
            invitations.invite(actor, NOOR, role, store)
    invite(post, people.ada, "new@platform.example", "admin", store=False)
    invite(post, people.ada, "boss@cycles.example", "owner")
    [admin] = invitations.list_pending(people.ada)
    [other] = invitations.list_pending(people.nadia, people.bakery)
    for actor, link, store, refused in (
        (people.nadia, other.id, people.bakery, NotAllowed),
        (people.tomas, other.id, people.bakery, NotFound),
        (people.tomas, other.id, people.cycles, NotFound),
        (people.ada, other.id, None, NotFound),
        (owner, admin.id, None, NotFound),
    ):
        for act in (invitations.resend, invitations.withdraw):
            with pytest.raises(refused):
                act(actor, link, store)
    for actor, store in ((people.tomas, people.bakery), (people.sam, None), (people.cleo, people.bakery)):
        with pytest.raises(NotFound):
            invitations.list_pending(actor, store)


def test_a_new_admin_is_in_as_one(post: Post) -> None:
    path = invite(post, post.cast.ada, "new@platform.example", "admin", store=False)
    browser = browse(post)
    assert "administrator" in browser.get(path).text
    assert browser.post(path, FORM).location == "/admin/messages"
    assert browser.get("/admin/messages").status_code == 200


def test_while_mail_is_off_the_link_is_shown_to_whoever_invites(post: Post, owner: Actor) -> None:
    post.app.extensions["settings"].mail_url = None
    [outcome] = invitations.invite(owner, NOOR, "staff", post.cast.bakery)
    assert outcome.link.startswith("http://localhost/invitation/")
    assert db.session.scalar(select(func.count()).select_from(AccountMail)) == 0
    path = outcome.link.removeprefix("http://localhost")
    browser = browse(post)
    browser.get(path)
    assert browser.post(path, FORM).status_code == 303


def test_no_link_stands_in_the_database_or_in_the_audit_trail(post: Post, owner: Actor) -> None:
    token = invite(post, owner).rpartition("/")[2]
    for table in reversed(db.metadata.sorted_tables):
        for row in db.session.execute(select(table)):
            assert token not in str(tuple(row)), table.name


GOOD = {
    "two lines": ("a@x.example\nb@x.example", ["a@x.example", "b@x.example"]),
    "commas, twice the same": ("A@x.example, b@x.example;a@X.EXAMPLE,,\r\n", ["A@x.example", "b@x.example"]),
    "names": ('"Haddad, Noor" <noor@x.example>, Kai <kai@x.example>', ["noor@x.example", "kai@x.example"]),
    "another script": ("info@müller.example\ninfo@例え.example", ["info@müller.example", "info@例え.example"]),
    "fifty": ("\n".join(f"p{n}@x.example" for n in range(50)), [f"p{n}@x.example" for n in range(50)]),
}
BAD = {
    "nothing": (" \n,;", "at least one"),
    "fifty-one": (",".join(f"p{n}@x.example" for n in range(51)), "These are 51"),
    "ten thousand": ("\n".join(f"p{n}@x.example" for n in range(10_000)), "These are 10000"),
    "no address": ("noor", "“noor” is not"),
    "one of three": ("a@x.example\nb@\nc@x.example", "“b@” is not"),
    "a name that is an address": ("ada@platform.example <evil@x.example>", "is not an e-mail address"),
    "a mixed domain": ("kai@pаypal.example", "kai@xn--pypal-4ve.example"),
    "a domain that looks Latin": ("kai@аррӏе.example", "looks like another one"),
    "a header": ("a@x.example\r\nBcc: b@x.example", "“Bcc: b@x.example” is not"),
    "NUL": ("a\0@x.example", "is not an e-mail address"),
    "surrogate": ("a\ud800@x.example", "is not an e-mail address"),
}


@pytest.mark.parametrize("what", GOOD)
def test_addresses_as_people_paste_them(what: str) -> None:
    raw, expected = GOOD[what]
    assert address_lists.read_addresses(raw) == expected


@pytest.mark.parametrize("what", BAD)
def test_addresses_that_are_none_are_each_told_and_nobody_is_invited(post: Post, what: str) -> None:
    raw, sentence = BAD[what]
    with pytest.raises(Invalid) as refused:
        invitations.invite(post.cast.ada, raw, "staff", post.cast.bakery)
    assert sentence in " ".join(str(error.message) for error in refused.value.errors)
    assert {error.field for error in refused.value.errors} == {"emails"}
    assert db.session.scalar(select(func.count()).select_from(AccountLink)) == 0
