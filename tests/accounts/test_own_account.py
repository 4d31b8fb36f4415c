"""One's own account, the same pages for all three roles: name, password, where one is signed in."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from messaging_app.accounts.limits import LIMITS, Counters
from messaging_app.accounts.tokens import create_token, find_bearer
from messaging_app.bus import current_bus
from messaging_app.db.engine import now, writing
from messaging_app.extensions import db
from messaging_app.models import Customer, RecipientTerm, SignInSession, User
from messaging_app.policies import ROLES
from messaging_app.services import messaging
from messaging_app.services.settings import set_settings
from tests.accounts.conftest import actions, arrived, browse
from tests.cast import EMAILS, PASSWORD
from tests.conftest import Browser
from tests.post import Post
from tests.world import begin

PEOPLE = [("admin", "ada"), ("store", "sam"), ("storefront", "cleo")]
NEW = "a new long one"


def change(browser: Browser, role: str, current: str = PASSWORD, password: str = NEW, **more: str) -> Any:
    """Fill in and send the form for another password."""
    form = {"current_password": current, "password": password} | more
    browser.get(f"{ROLES[role].account}/security")
    return browser.post(f"{ROLES[role].account}/security", form)


@pytest.mark.parametrize(("role", "name"), PEOPLE)
def test_a_new_password_ends_all_else_but_this_session(post: Post, role: str, name: str) -> None:
    here, there = browse(post, name, role), browse(post, name, role)
    actor, area = getattr(post.cast, name), ROLES[role]
    token = create_token(actor.type, actor.id, actor.store_id, "shop")
    assert "Keep my API token" in here.get(f"{area.account}/security").text
    done = change(here, role)
    assert done.status_code == 303
    assert "Your password was changed" in here.get(done.location).text
    assert there.get(area.messages).status_code == 302
    assert find_bearer(token) is None
    assert browse(post).sign_in(role, name).status_code == 422
    assert browse(post).sign_in(role, name, NEW).status_code == 303
    assert actions() == [(name.title(), "password.changed", EMAILS[name])]
    [told] = arrived(post)
    assert told["Subject"] == "Your password was changed"


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"current": "wrong"}, "That is not your current password."),
        ({"current": ""}, "That is not your current password."),
        ({"password": "short"}, "Use at least 10 characters."),
    ],
)
def test_what_is_refused_changes_nothing(post: Post, form: dict[str, str], says: str) -> None:
    here, there = browse(post, "sam"), browse(post, "sam")
    refused = change(here, "store", **form)
    assert refused.status_code == 422 and says in refused.text
    assert PASSWORD not in refused.text and NEW not in refused.text
    assert there.get("/store/messages").status_code == 200
    assert actions() == [] and arrived(post) == []


def test_tokens_stay_where_one_says_so_and_so_does_a_users_other_role(post: Post) -> None:
    token = create_token(post.cast.sam.type, post.cast.sam.id, post.cast.bakery, "shop")
    assert change(browse(post, "sam"), "store", keep_tokens="y").status_code == 303
    assert find_bearer(token) is not None


def test_nobody_guesses_the_password_from_an_open_session(post: Post) -> None:
    post.app.extensions["limits"] = Counters(None)
    here = browse(post, "sam")
    for _ in range(LIMITS["own_password"].amount):
        assert change(here, "store", "wrong").status_code == 422
    refused = change(here, "store")
    assert refused.status_code == 429 and "Retry-After" in refused.headers


@pytest.mark.parametrize(("role", "name"), PEOPLE)
def test_a_name_is_changed_and_found(post: Post, role: str, name: str) -> None:
    here, area = browse(post, name, role), ROLES[role]
    here.get(area.account)
    done = here.post(area.account, {"name": " Zoë Quill "})
    assert done.status_code == 303
    page = here.get(done.location).text
    assert 'value="Zoë Quill"' in page and "Saved." in page
    assert actions() == [(name.title(), "profile.changed", EMAILS[name])]
    if role == "storefront":
        assert db.session.scalar(select(Customer.sort_name).where(Customer.id == post.cast.cleo.id)) == "zoe quill"
        words = set(db.session.scalars(select(RecipientTerm.term).where(RecipientTerm.recipient_type == "customer")))
        assert {"zoe", "quill"} <= words


@pytest.mark.parametrize("name", ["", "  ", "\u200b\u2060", "a\u0007b", "x" * 201, "\ufe0f", "\u3164"])
def test_a_name_that_nobody_can_see_is_refused(post: Post, name: str) -> None:
    here = browse(post, "sam")
    here.get("/store/account")
    refused = here.post("/store/account", {"name": name})
    assert refused.status_code == 422 and "Enter a name of 1 to 200 visible characters" in refused.text
    assert actions() == []


@pytest.mark.parametrize(("role", "name"), PEOPLE)
def test_sessions_are_ended_one_by_one_or_all_but_this(post: Post, role: str, name: str) -> None:
    here, *others = (browse(post, name, role) for _ in range(4))
    stranger = browse(post, {"cleo": "omar"}.get(name, "lea"), {"storefront": "storefront"}.get(role, "store"))
    area = ROLES[role]
    page = here.get(f"{area.account}/sessions").text
    listed = [int(found) for found in re.findall(r'id="session-(\d+)"', page)]
    assert len(listed) == 4 and page.count("This device") == 1
    [first] = db.session.scalars(select(SignInSession.id).order_by(SignInSession.id).offset(1).limit(1))
    assert here.post(f"{area.account}/sessions/{first}/end").status_code == 303
    assert [browser.get(area.messages).status_code for browser in (here, *others)] == [200, 302, 200, 200]
    assert here.post(f"{area.account}/sessions/end").status_code == 303
    assert [browser.get(area.messages).status_code for browser in (here, *others)] == [200, 302, 302, 302]
    assert actions() == [(name.title(), "session.ended", EMAILS[name])], "and one that names the session"
    assert "Sign out everywhere else" not in here.get(f"{area.account}/sessions").text
    foreign = db.session.scalars(select(SignInSession.id).order_by(SignInSession.id.desc())).first()
    assert here.post(f"{area.account}/sessions/{foreign}/end").status_code == 404
    assert stranger.client.get(ROLES[role if role == "storefront" else "store"].messages).status_code == 200


PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4"
    " Mobile/15E148 Safari/604.1"
)


@pytest.mark.parametrize(
    ("agent", "says"),
    [
        (PHONE, "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0 Safari/537.36 Edg/126.0", "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14.5; rv:127.0) Gecko/20100101 Firefox/127.0", "Firefox on macOS"),
        ("Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/126.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.5", "Unknown device"),
        ("", "Unknown device"),
        ("<script>alert(1)</script> Linux \t" + "x" * 9_000, "Linux"),
    ],
)
def test_a_session_says_from_what_and_from_where_it_was_last_used(post: Post, agent: str, says: str) -> None:
    here, there = browse(post, "sam"), browse(post)
    there.client.environ_base |= {"HTTP_USER_AGENT": agent, "REMOTE_ADDR": "203.0.113.40"}
    assert there.sign_in("store", "sam").status_code == 303
    page = here.get("/store/account/sessions").text
    assert says in page and "203.0.113.40" in page and "<script>alert" not in page
    assert f'aria-label="Sign out {says}"' in page
    there.client.environ_base |= {"HTTP_USER_AGENT": PHONE, "REMOTE_ADDR": "2001:db8::7"}
    with writing(db.session) as session:
        session.execute(update(SignInSession).values(last_used_at=now() - timedelta(minutes=6)))
    there.get("/store/messages")
    page = here.get("/store/account/sessions").text
    assert "Safari on iPhone" in page and "2001:db8::7" in page


def test_a_user_ends_the_sessions_of_both_roles_and_a_customer_none_but_their_own(post: Post) -> None:
    with writing(db.session) as session:
        session.execute(update(User).where(User.id == post.cast.sam.id).values(is_admin=True))
    here, as_admin, omar = browse(post, "sam"), browse(post, "sam", "admin"), browse(post, "omar", "storefront")
    assert "Platform Administration" in here.get("/store/account/sessions").text
    heard = current_bus().listen("test", (f"own:admin:{post.cast.sam.id}",), "")
    assert heard is not None
    assert here.post("/store/account/sessions/end").status_code == 303
    assert as_admin.get("/admin/messages").status_code == 302
    assert omar.get("/storefront/account/messages").status_code == 200
    told = [heard.next(0.2) for _ in range(3)]
    assert "ended" in [delivered.event.kind for delivered in told if delivered], "its streams end"
    heard.close()


def test_a_customer_sees_what_is_stored_about_them(post: Post) -> None:
    number = post.begin(post.cast.sam, post.cast.cleo)
    messaging.send_message(post.cast.cleo, number, "Hello")
    messaging.send_message(post.cast.sam, number, "Hello yourself")
    set_settings(None, {"customers_see_platform_conversations": "false"})
    begin(post.cast.ada, "admin_customer", "customer", post.cast.cleo.id, "Hidden")
    page = browse(post, "cleo", "storefront").get("/storefront/account/data").text
    facts = dict(re.findall(r"<dt>([^<]+)</dt><dd[^>]*>(.*?)</dd>", page))
    told = {name: re.sub("<[^>]+>", "", value) for name, value in facts.items()}
    assert told["E-mail"] == EMAILS["cleo"] and told["Customer of"] == "Bakery" and told["Here since"] == "Today"
    names = ("Conversations", "Messages you wrote", "Files you sent", "Sign-ins, with browser and network address")
    assert [told[name] for name in names] == ["1", "1", "0", "1"]


def test_who_has_no_password_is_told_how_to_get_one(post: Post) -> None:
    here = browse(post, "sam")
    with writing(db.session) as session:
        session.execute(update(User).where(User.id == post.cast.sam.id).values(password_hash=None))
    page = here.get("/store/account/security").text
    assert "You have no password yet." in page and 'name="current_password"' not in page
    for answer in (
        change(here, "store"),
        here.post("/store/account/email", {"email": "s@x.example", "current_password": PASSWORD}),
    ):
        assert answer.status_code == 422
    assert "Set one with “Forgot your password?”" in answer.text
    assert actions() == []
