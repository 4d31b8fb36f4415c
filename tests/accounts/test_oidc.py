"""Signing in through an identity provider, which runs here over HTTP and misbehaves where a test says so."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import now, writing
from messaging_app.errors import NotAllowed, NotFound
from messaging_app.extensions import db
from messaging_app.models import Identity, PlatformSetting, StoreMembership, User
from messaging_app.oidc import provider as library
from messaging_app.oidc.provider import Provider as OurProvider
from messaging_app.oidc.settings import ProviderSettings
from messaging_app.services import admins, identities, invitations, joining, settings, trail, trail_words
from tests import cast
from tests.accounts.conftest import actions, arrived, browse, link_in
from tests.accounts.identity_provider import Provider, running
from tests.accounts.second_factors import App
from tests.accounts.test_system_page import told
from tests.cast import EMAILS
from tests.conftest import Browser
from tests.post import Post
from tests.web.signing_in import is_in

NOOR = {"sub": "noor-1", "email": "noor@mail.example", "email_verified": True, "name": "Noor"}
TABLE = {"platform-admins": "admin", "bakers": "bakery:staff", "masters": ["bakery:owner", "nowhere:staff"]}


@pytest.fixture(scope="module")
def two() -> Iterator[tuple[Provider, Provider]]:
    """Two providers, at two ports."""
    with running() as one, running() as other:
        yield one, other


@pytest.fixture
def acme(two: tuple[Provider, Provider], post: Post) -> Provider:
    """The first of them, signed in at which is Noor; the application knows both."""
    for provider in two:
        provider.person, provider.extra, provider.alter, provider.algorithm = dict(NOOR), {}, dict, "RS256"
        provider.faults, provider.asked, provider.authorizations, provider.issuer_named = {}, [], [], ""
        provider.auth_methods, provider.signing_key = ["client_secret_basic", "client_secret_post"], provider.key
    configured = {
        "acme": ProviderSettings.model_validate(two[0].configuration(label="Acme", groups=TABLE)),
        "other": ProviderSettings.model_validate(two[1].configuration()),
    }
    post.app.extensions["oidc"] = {name: OurProvider(name, value) for name, value in configured.items()}
    return two[0]


def depart(browser: Browser, role: str = "store", provider: str = "acme", **query: str) -> str:
    """Follow the link of the sign-in page to the provider; the address of the answer that it gives."""
    page = browser.get(f"/{role}/login", query_string=query).text
    [link] = re.findall(rf'href="(/{role}/login/oidc/{provider}[^"]*)"', page)
    answer = browser.get(link.replace("&amp;", "&"), headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 302, answer.text
    came = requests.get(answer.location, allow_redirects=False, timeout=5)
    assert came.status_code == 302, came.text
    back = urlsplit(came.headers["Location"])
    assert f"{back.scheme}://{back.netloc}" == "http://localhost"
    return f"{back.path}?{back.query}"


def come(browser: Browser, role: str = "store", provider: str = "acme", **query: str) -> TestResponse:
    """The whole way, there and back."""
    return browser.get(depart(browser, role, provider, **query))


def invite(post: Post, email: str = "noor@mail.example", role: str = "staff") -> None:
    store_id = None if role == "admin" else post.cast.bakery
    [outcome] = invitations.invite(post.cast.ada, email, role, store_id)
    assert outcome.what == "invited"


def noor() -> User | None:
    db.session.rollback()
    return db.session.scalar(select(User).where(User.email_key == "noor@mail.example"))


def count(model: Any) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def refused(browser: Browser, answer: TestResponse, status: int, sentence: str, role: str = "store") -> None:
    """Nobody is in, nothing is linked, the page says why and still takes a password."""
    assert answer.status_code == status, answer.text
    assert sentence in answer.text
    assert 'name="password"' in answer.text
    assert not is_in(browser, role)
    assert count(Identity) == 0


def test_who_was_invited_comes_in_and_again_without_an_invitation(post: Post, acme: Provider) -> None:
    invite(post)
    browser = browse(post)
    answer = come(browser, next="/store/messages?status=all")
    assert (answer.status_code, answer.location) == (303, "/store/messages?status=all")
    assert is_in(browser, "store")
    user = noor()
    assert user is not None and user.name == "Noor" and user.password_hash is None
    assert [action for who, action, _whom in actions() if who == "Noor"] == [
        "membership.added",
        "invitation.accepted",
        "identity.linked",
    ]
    [entry] = trail.entries_after(trail.Filters(actions=("sign_in.succeeded",), people=("noor@mail.example",)), 0, 10)
    assert json.loads(entry.after)["provider"] == "acme"
    [asked] = acme.authorizations
    assert asked["code_challenge_method"] == "S256" and asked["nonce"] and asked["scope"] == "openid email profile"
    assert asked["redirect_uri"] == "http://localhost/store/login/oidc/acme/callback"
    another = browse(post)
    assert come(another).status_code == 303
    assert count(Identity) == 1


def test_the_identity_is_issuer_and_subject_whatever_the_address_there(post: Post, acme: Provider) -> None:
    invite(post)
    assert come(browse(post)).status_code == 303
    acme.person |= {"email": EMAILS["ada"], "email_verified": True}
    browser = browse(post)
    assert come(browser).status_code == 303
    assert "Noor" in browser.get("/store/messages").text
    user = noor()
    assert user is not None and user.email == "noor@mail.example"


def test_the_same_subject_at_two_providers_is_two_people(
    post: Post, acme: Provider, two: tuple[Provider, Provider]
) -> None:
    invite(post)
    assert come(browse(post)).status_code == 303
    two[1].person = {"sub": NOOR["sub"], "email": "sam2@mail.example", "email_verified": True}
    browser = browse(post)
    answer = come(browser, provider="other")
    assert answer.status_code == 403 and not is_in(browser, "store")
    invite(post, "sam2@mail.example")
    assert come(browser, provider="other").status_code == 303
    assert db.session.scalars(select(func.count(Identity.user_id.distinct()))).one() == 2


@pytest.mark.parametrize("verified", [False, None, "false", "no", 0, []])
def test_an_unverified_address_links_nothing(post: Post, acme: Provider, verified: Any) -> None:
    invite(post)
    acme.person |= {"email_verified": verified}
    browser = browse(post)
    refused(browser, come(browser), 403, "not verified your e-mail")
    assert noor() is None


@pytest.mark.parametrize("verified", [True, False])
def test_an_address_alone_never_links_an_account(post: Post, acme: Provider, verified: bool) -> None:
    """Whose account it is, its owner says from inside; groups do not change that."""
    acme.person |= {"email": EMAILS["ada"], "email_verified": verified, "groups": ["platform-admins"]}
    browser = browse(post)
    sentence = "There is already an account with your e-mail address" if verified else "not verified"
    refused(browser, come(browser, "admin"), 409 if verified else 403, sentence, "admin")


def test_nobody_invited_is_nobody(post: Post, acme: Provider) -> None:
    acme.person |= {"groups": ["guests", 5, None, {"bakers": True}]}
    browser = browse(post)
    refused(browser, come(browser), 403, "You have no access with this account")
    assert noor() is None
    [entry] = trail.entries_after(trail.Filters(actions=("sign_in.failed",)), 0, 10)
    assert (entry.object_id, entry.object_email) == ("noor-1", "noor@mail.example")
    assert json.loads(entry.after) == {"provider": "acme", "reason": "not_invited", "role": "store"}
    assert "came through the identity provider" in trail_words.describe(entry).sentence


@pytest.mark.parametrize("groups", [["staff", "bakers"], "bakers"])
def test_a_group_gives_the_role_that_the_table_says(post: Post, acme: Provider, groups: Any) -> None:
    acme.person |= {"groups": groups}
    browser = browse(post)
    assert come(browser).status_code == 303 and is_in(browser, "store")
    user = noor()
    assert user is not None and not user.is_admin
    member = db.session.scalars(select(StoreMembership).where(StoreMembership.user_id == user.id)).one()
    assert (member.store_id, member.role, member.active) == (post.cast.bakery, "staff", True)
    acme.person |= {"groups": ["bakers", "masters", "platform-admins"]}
    browser = browse(post)
    assert come(browser, "admin").status_code == 303 and is_in(browser, "admin")
    db.session.rollback()
    assert db.session.scalars(select(StoreMembership.role).where(StoreMembership.user_id == user.id)).one() == "owner"


def test_who_leaves_a_group_loses_what_it_gave(post: Post, acme: Provider) -> None:
    acme.person |= {"groups": ["platform-admins", "bakers"]}
    browser = browse(post)
    assert come(browser, "admin").status_code == 303
    assert come(browser, "store").status_code == 303
    acme.person |= {"groups": ["platform-admins"]}
    assert come(browse(post), "admin").status_code == 303
    assert not is_in(browser, "store") and is_in(browser, "admin")
    acme.person |= {"groups": []}
    elsewhere = browse(post)
    answer = come(elsewhere, "admin")
    assert answer.status_code == 403 and "You have no access with this account" in answer.text
    assert not is_in(browser, "admin")
    taken = [entry for entry in actions() if entry[1] in ("membership.removed", "admin.removed")]
    assert taken == [
        ("identity provider acme", "membership.removed", "noor@mail.example"),
        ("identity provider acme", "admin.removed", "noor@mail.example"),
    ]


def test_a_group_gives_and_takes_only_once(post: Post, acme: Provider) -> None:
    """What people decide here stands until the groups change."""
    invite(post)
    acme.person |= {"groups": ["platform-admins"]}
    assert come(browse(post), "admin").status_code == 303
    user = noor()
    assert user is not None
    admins.remove_admin(post.cast.ada, user.id)
    assert come(browse(post), "admin").status_code == 403
    acme.person |= {"groups": []}
    assert come(browse(post)).status_code == 303, "the invitation's role is no group's"
    acme.person |= {"groups": ["platform-admins"]}
    assert come(browse(post), "admin").status_code == 303


def test_the_last_ones_stay_whatever_the_groups_say(post: Post, acme: Provider) -> None:
    acme.person |= {"groups": ["platform-admins", "masters"]}
    assert come(browse(post)).status_code == 303
    others = update(User).where(User.email_key != "noor@mail.example")
    with writing(db.session) as session:
        session.execute(others.values(is_admin=False))
        session.execute(update(StoreMembership).where(StoreMembership.user_id == post.cast.sam.id).values(role="staff"))
    acme.person |= {"groups": ["bakers"]}
    browser = browse(post)
    assert come(browser, "admin").status_code == 303
    user = noor()
    assert user is not None
    role = select(StoreMembership.role).where(StoreMembership.user_id == user.id)
    assert db.session.scalars(role).one() == "owner"
    with writing(db.session) as session:
        session.execute(update(StoreMembership).where(StoreMembership.user_id == post.cast.sam.id).values(role="owner"))
    assert come(browser).status_code == 303
    db.session.rollback()
    assert db.session.scalars(role).one() == "staff"


def test_the_system_page_says_how_each_provider_is(post: Post, acme: Provider) -> None:
    acme.faults = {"openid-configuration": "down"}
    ada = browse(post, "ada", "admin")
    parts = told(ada.get("/admin/system").text)
    is_good, says = parts["Sign-in with Acme"]
    assert not is_good and "502" in says and "Check MESSAGING_OIDC__ACME__ISSUER" in says
    assert parts["Sign-in with Other"] == (True, f"{post.app.extensions['oidc']['other'].issuer} answers")
    acme.faults = {}
    post.app.extensions["oidc"]["acme"]._try_again_at = 0.0  # ten seconds later
    assert told(ada.get("/admin/system").text)["Sign-in with Acme"][0]


def test_the_other_door_says_so(post: Post, acme: Provider) -> None:
    invite(post)
    browser = browse(post)
    answer = come(browser, "admin")
    assert answer.status_code == 403 and "Use the other sign-in" in answer.text
    assert come(browser, "store").status_code == 303


def test_a_deactivated_account_stays_out(post: Post, acme: Provider) -> None:
    invite(post)
    assert come(browse(post)).status_code == 303
    with writing(db.session) as session:
        session.execute(update(User).where(User.email_key == "noor@mail.example").values(active=False))
    browser = browse(post)
    answer = come(browser)
    assert answer.status_code == 403 and "deactivated" in answer.text and not is_in(browser, "store")


# --- What an ID token must say ----------------------------------------------------------------------------------------


def without(name: str) -> Any:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


BAD_TOKENS = {
    "no nonce": without("nonce"),
    "another nonce": lambda claims: claims | {"nonce": "x"},
    "nonce among others": lambda claims: claims | {"nonce": [claims["nonce"]]},
    "nonce not supported, it says": lambda claims: without("nonce")(claims) | {"nonce_supported": False},
    "no aud": without("aud"),
    "another aud": lambda claims: claims | {"aud": "another-client"},
    "another aud, for us as it says": lambda claims: claims | {"aud": ["another-client"], "azp": "messaging"},
    "two aud and no azp": lambda claims: claims | {"aud": ["messaging", "another-client"]},
    "azp another": lambda claims: claims | {"aud": ["messaging"], "azp": "another-client"},
    "another iss": lambda claims: claims | {"iss": "https://evil.example"},
    "no iss": without("iss"),
    "no sub": without("sub"),
    "an empty sub": lambda claims: claims | {"sub": ""},
    "a number as sub": lambda claims: claims | {"sub": 7},
    "a NUL in sub": lambda claims: claims | {"sub": "noor\0"},
    "an endless sub": lambda claims: claims | {"sub": "n" * 256},
    "expired": lambda claims: claims | {"exp": int(time.time()) - 600},
    "no exp": without("exp"),
    "no iat": without("iat"),
    "issued tomorrow": lambda claims: claims | {"iat": int(time.time()) + 86_400},
    "issued yesterday": lambda claims: claims | {"iat": int(time.time()) - 86_400},
    "another access token": lambda claims: claims | {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    "a list as e-mail": lambda claims: claims | {"email": ["noor@mail.example"]},
}


@pytest.mark.parametrize("how", BAD_TOKENS)
def test_a_token_that_is_not_for_this_sign_in_is_refused(post: Post, acme: Provider, how: str) -> None:
    invite(post)
    acme.alter = BAD_TOKENS[how]
    browser = browse(post)
    refused(browser, come(browser), 400, "Sign-in with Acme did not work")
    assert noor() is None


@pytest.mark.filterwarnings("ignore:JWS algorithm")
@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_only_the_providers_own_key_signs(post: Post, acme: Provider, algorithm: str) -> None:
    """`none`, and the public key taken for a shared secret, although its discovery document allows both."""
    invite(post)
    acme.algorithm = algorithm
    browser = browse(post)
    refused(browser, come(browser), 400, "Sign-in with Acme did not work")


def test_a_key_of_somebody_else_signs_nothing(post: Post, acme: Provider) -> None:
    from joserfc.jwk import RSAKey

    invite(post)
    acme.signing_key = RSAKey.generate_key(2048, {"kid": acme.key.kid}, private=True)
    browser = browse(post)
    refused(browser, come(browser), 400, "Sign-in with Acme did not work")


def test_a_new_key_is_looked_up(post: Post, acme: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    invite(post)
    monkeypatch.setattr(library, "PAUSE", 0.0)
    browser = browse(post)
    back = depart(browser)
    acme.change_key()
    assert browser.get(back).status_code == 303
    assert acme.asked.count("jwks") == 2


def test_what_the_token_lacks_comes_from_userinfo(post: Post, acme: Provider) -> None:
    acme.person = {"sub": "noor-1"}
    acme.extra = {key: NOOR[key] for key in ("email", "email_verified", "name")} | {"groups": ["bakers"]}
    browser = browse(post)
    assert come(browser).status_code == 303 and is_in(browser, "store")
    acme.extra |= {"sub": "somebody else"}
    assert come(browse(post)).status_code == 400


def test_a_secret_may_be_wanted_in_the_form(post: Post, acme: Provider) -> None:
    invite(post)
    acme.auth_methods = ["client_secret_post"]
    assert come(browse(post)).status_code == 303


# --- State and browser ------------------------------------------------------------------------------------------------


def test_an_answer_works_once_and_only_where_it_was_begun(post: Post, acme: Provider) -> None:
    invite(post)
    browser, thief = browse(post), browse(post)
    back = depart(browser)
    refused(thief, thief.get(back), 400, "started in another browser")
    depart(thief)  # has begun one of their own
    refused(thief, thief.get(back), 400, "started in another browser")
    assert browser.get(browser.get(back).location).status_code == 200
    assert browser.post("/store/logout").status_code == 303
    again = browser.get(back)
    assert again.status_code == 400 and not is_in(browser, "store")
    back = depart(browser)
    acme.faults["token"] = "down"
    assert browser.get(back).status_code == 503
    acme.faults.clear()
    again = browser.get(back)
    assert again.status_code == 400 and "started in another browser" in again.text


def test_the_code_of_another_does_not_sign_in_as_them(post: Post, acme: Provider) -> None:
    """Who makes a victim's browser bring the attacker's own code: the verifier is another."""
    invite(post)
    victim, attacker = browse(post), browse(post)
    mine, theirs = (parse_qs(urlsplit(depart(browser)).query) for browser in (victim, attacker))
    path = f"/store/login/oidc/acme/callback?state={mine['state'][0]}&code={theirs['code'][0]}"
    refused(victim, victim.get(path), 400, "Sign-in with Acme did not work")


def test_an_answer_of_another_provider_or_role_is_none(
    post: Post, acme: Provider, two: tuple[Provider, Provider]
) -> None:
    invite(post)
    browser = browse(post)
    back = depart(browser)
    refused(browser, browser.get(back.replace("acme", "other")), 400, "started in another browser")
    refused(browser, browser.get(back.replace("/store/", "/admin/")), 400, "started in another browser", "admin")
    refused(browser, browser.get(f"{back}&iss={two[1].issuer}"), 400, "Sign-in with Acme did not work")


@pytest.mark.parametrize("query", ["", "state=", "code=x", "state=x&code=x", "state=%00&code=%00", "state=ü&error=ü"])
def test_an_answer_to_nothing_is_told(post: Post, acme: Provider, query: str) -> None:
    browser = browse(post)
    refused(browser, browser.get(f"/store/login/oidc/acme/callback?{query}"), 400, "started in another browser")


def test_who_says_no_there_may_try_again(post: Post, acme: Provider) -> None:
    browser = browse(post)
    state = parse_qs(urlsplit(depart(browser)).query)["state"][0]
    answer = browser.get(f"/store/login/oidc/acme/callback?state={state}&error=access_denied&error_description=<b>")
    refused(browser, answer, 403, "You were not signed in at your provider")


def test_ten_minutes_later_it_is_over(post: Post, acme: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    from messaging_app.web.views import oidc as view

    invite(post)
    browser = browse(post)
    back = depart(browser)
    monkeypatch.setattr(view, "LIFETIME", -1)
    refused(browser, browser.get(back), 400, "took too long")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_can_only_ask(post: Post, acme: Provider, site: str) -> None:
    browser = browse(post)
    answer = browser.get("/store/login/oidc/acme", headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 200 and "You came here from another site" in answer.text
    assert "Set-Cookie" not in answer.headers and acme.asked == []


def test_signing_in_makes_a_new_session_and_signing_out_ends_it(post: Post, acme: Provider) -> None:
    invite(post)
    browser = browse(post, "sam")
    before = browser.client.get_cookie("store")
    assert come(browser).status_code == 303
    after = browser.client.get_cookie("store")
    assert before is not None and after is not None
    thief = browse(post)
    thief.client.set_cookie("store", before.value)
    assert not is_in(thief, "store"), "Sam's session has ended"
    browser.get("/store/messages")
    assert browser.post("/store/logout").status_code == 303
    thief.client.set_cookie("store", after.value)
    assert not is_in(thief, "store")


@pytest.mark.parametrize("onward", ["https://evil.example", "//evil.example", "/admin/messages", "/\\evil.example"])
def test_next_leads_to_a_page_of_the_role(post: Post, acme: Provider, onward: str) -> None:
    invite(post)
    browser = browse(post)
    there = browser.get("/store/login/oidc/acme", query_string={"next": onward}).location
    back = urlsplit(requests.get(there, allow_redirects=False, timeout=5).headers["Location"])
    assert browser.get(f"{back.path}?{back.query}").location == "/store/messages"


def test_there_is_none_for_customers_and_none_that_is_not_configured(post: Post, acme: Provider) -> None:
    browser = browse(post)
    assert "oidc" not in browser.get("/storefront/login?store=bakery").text
    for path in ("/storefront/login/oidc/acme", "/admin/login/oidc/none", "/admin/login/oidc/none/callback?state=x"):
        assert browser.get(path).status_code == 404


# --- Accounts that are there already ----------------------------------------------------------------------------------


def test_an_account_is_connected_from_inside(post: Post, acme: Provider) -> None:
    acme.person |= {"email": "sam@home.example", "email_verified": False}
    browser = browse(post, "sam")
    browser.get("/store/messages")
    page = browser.post("/store/login/oidc/acme/connect")
    assert page.status_code == 200 and 'content="0; url=/store/login/oidc/acme"' in page.text
    there = browser.get("/store/login/oidc/acme", headers={"Sec-Fetch-Site": "same-origin"}).location
    back = urlsplit(requests.get(there, allow_redirects=False, timeout=5).headers["Location"])
    assert browser.get(f"{back.path}?{back.query}").status_code == 303
    assert actions()[-1] == ("Sam", "identity.linked", EMAILS["sam"])
    [mail] = arrived(post)
    assert mail["Subject"] == "Acme was connected to your account" and EMAILS["sam"] in mail["To"]
    other = browse(post)
    assert come(other).status_code == 303
    assert "Sam" in other.get("/store/messages").text

    page = browser.get("/store/account/security?saved=connected").text
    assert "From now on you can sign in with it" in page
    [undo] = re.findall(r'action="(/store/account/identities/[0-9]+/disconnect)"', page)

    ada = browse(post, "ada", "admin")
    ada.get("/admin/messages")
    ada.post("/admin/login/oidc/acme/connect")
    there = ada.get("/admin/login/oidc/acme").location
    back = urlsplit(requests.get(there, allow_redirects=False, timeout=5).headers["Location"])
    answer = ada.get(f"{back.path}?{back.query}")
    assert answer.status_code == 409 and "connected to another account" in answer.text
    assert count(Identity) == 1
    assert browser.post(undo).status_code == 303
    assert count(Identity) == 0
    assert [mail["Subject"] for mail in arrived(post)] == ["Acme was disconnected from your account"]


def test_the_only_way_in_stays(post: Post, acme: Provider) -> None:
    invite(post)
    browser = browse(post)
    assert come(browser).status_code == 303
    user = noor()
    assert user is not None
    actor = Actor(ActorType.STORE, user.id, user.name, post.cast.bakery)
    [identity] = identities.list_identities(actor)
    page = browser.get("/store/account/security").text
    [undo] = re.findall(r'action="(/store/account/identities/[0-9]+/disconnect)"', page)
    answer = browser.post(undo)
    assert answer.status_code == 409 and "Set a password first" in answer.text
    with pytest.raises(NotFound):
        identities.disconnect(post.cast.sam, identity.id)
    with writing(db.session) as session:
        session.execute(update(User).where(User.id == user.id).values(password_hash=cast.CHEAP.hash("long enough now")))
    identities.disconnect(actor, identity.id)
    assert identities.list_identities(actor) == []
    assert actions()[-1] == ("Noor", "identity.unlinked", "noor@mail.example")


@pytest.mark.parametrize("how", ["by a group", "by an invitation"])
def test_two_answers_at_once_make_one_account(post: Post, acme: Provider, how: str) -> None:
    if how == "by a group":
        acme.person |= {"groups": ["bakers"]}
    else:
        invite(post)
    browsers = [browse(post) for _ in range(4)]
    ways = [depart(browser) for browser in browsers]
    with ThreadPoolExecutor(4) as people:
        statuses = list(people.map(lambda pair: pair[0].get(pair[1]).status_code, zip(browsers, ways, strict=True)))
    assert statuses == [303] * 4
    assert count(Identity) == 1
    assert [action for _who, action, whom in actions() if whom == "noor@mail.example"].count("identity.linked") == 1


def test_a_second_factor_is_the_providers_matter(post: Post, acme: Provider) -> None:
    """Neither is the person's own asked for, nor is one that the platform requires."""
    acme.person |= {"groups": ["platform-admins"]}
    browser = browse(post)
    assert come(browser, "admin").status_code == 303
    user = noor()
    assert user is not None
    settings.set_settings(post.cast.ada, {"second_factor_required_admins": "true"})
    with writing(db.session) as session:
        required = update(PlatformSetting).where(PlatformSetting.key == "second_factor_required_admins")
        session.execute(required.values(updated_at=now() - timedelta(days=8)))
        session.execute(update(User).where(User.id == user.id).values(password_hash=cast.CHEAP.hash(cast.PASSWORD)))
    assert come(browser, "admin").location == "/admin/messages"
    assert browser.get("/admin/messages").status_code == 200
    by_password = browse(post)
    by_password.get("/admin/login")
    by_password.post("/admin/login", {"email": NOOR["email"], "password": cast.PASSWORD})
    assert by_password.get("/admin/messages").location.startswith("/admin/account/security"), "that was no provider"
    browser.get("/admin/messages")
    app = App(browser.get("/admin/account/security").text)
    assert browser.post("/admin/account/security", {"code": app.code()}).status_code == 200
    assert come(browse(post), "admin").location == "/admin/messages"


# --- Without passwords ------------------------------------------------------------------------------------------------


def test_without_local_sign_in_one_admin_still_has_a_password(post: Post, acme: Provider) -> None:
    settings.set_settings(post.cast.ada, {"local_sign_in": "false"})
    page = browse(post).get("/admin/login").text
    assert "Only for the emergency administrator." in page and "Sign in with <bdi>Acme</bdi>" in page
    assert browse(post).sign_in("admin", "abe").status_code == 422
    assert browse(post).sign_in("admin", "ada").status_code == 303, "the active admin who has been here longest"
    assert 'name="password"' not in browse(post).get("/store/login").text
    browser = browse(post)
    browser.get("/storefront/login?store=bakery")
    browser.get("/admin/login")
    assert browser.post("/store/login", {"email": EMAILS["sam"], "password": cast.PASSWORD}).status_code != 303
    assert browse(post).sign_in("storefront", "cleo").status_code == 303, "customers keep their passwords"
    with writing(db.session) as session:
        session.execute(update(User).where(User.id == post.cast.ada.id).values(active=False))
    assert browse(post).sign_in("admin", "ada").status_code == 422
    assert browse(post).sign_in("admin", "abe").status_code == 303
    acme.person |= {"groups": ["bakers"]}
    browser = browse(post)
    assert come(browser).status_code == 303 and is_in(browser, "store")


def test_without_local_sign_in_an_invitation_is_accepted_through_a_provider(post: Post, acme: Provider) -> None:
    settings.set_settings(post.cast.ada, {"local_sign_in": "false"})
    invite(post)
    path = link_in(arrived(post)[0])
    browser = browse(post)
    page = browser.get(path).text
    assert 'name="password"' not in page and "/store/login/oidc/acme" in page
    with pytest.raises(NotAllowed):  # the page has no form for it
        joining.accept(path.rsplit("/", 1)[1], "Noor", "a long one for noor")
    assert noor() is None
    assert come(browser).status_code == 303
    assert browser.get(path).status_code == 410


# --- A provider that fails --------------------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "TIMEOUT", (0.5, 0.5))


FAULTS = ["down", "slow", "garbage", "wrong", "list", "endless", "elsewhere"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("endpoint", ["openid-configuration", "jwks"])
def test_a_provider_that_is_down_keeps_nobody_out(
    post: Post, acme: Provider, impatient: None, endpoint: str, fault: str
) -> None:
    acme.faults[endpoint] = fault
    browser = browse(post)
    answer = browser.get("/store/login/oidc/acme")
    refused(browser, answer, 503, "Acme cannot be reached right now")
    assert answer.headers["Retry-After"]
    asked = len(acme.asked)
    assert browser.get("/store/login/oidc/acme").status_code == 503
    assert len(acme.asked) == asked, "for a moment nobody else waits for it"
    assert browser.sign_in("store", "sam").status_code == 303


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("endpoint", ["token", "userinfo"])
def test_a_provider_that_fails_on_the_way_back(
    post: Post, acme: Provider, impatient: None, endpoint: str, fault: str
) -> None:
    invite(post)
    del acme.person["email"]
    browser = browse(post)
    back = depart(browser)
    acme.faults[endpoint] = fault
    answer = browser.get(back)
    assert answer.status_code in (400, 503) and "Acme" in answer.text
    assert not is_in(browser, "store") and count(Identity) == 0
    assert browser.sign_in("store", "sam").status_code == 303


def test_a_provider_that_is_not_there_at_all(post: Post, acme: Provider, impatient: None) -> None:
    gone = acme.configuration() | {"issuer": "http://127.0.0.1:9"}
    post.app.extensions["oidc"] = {"acme": OurProvider("acme", ProviderSettings.model_validate(gone))}
    browser = browse(post)
    refused(browser, browser.get("/store/login/oidc/acme"), 503, "Acme cannot be reached right now")


def test_discovery_is_kept_and_outlives_the_provider(
    post: Post, acme: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        depart(browse(post))
    assert acme.asked.count("openid-configuration") == 1
    monkeypatch.setattr(library, "FRESH", 0.0)
    depart(browse(post))
    assert acme.asked.count("openid-configuration") == 2
    acme.faults["openid-configuration"] = "down"
    depart(browse(post))


def test_a_document_of_another_issuer_is_not_believed(post: Post, acme: Provider) -> None:
    acme.issuer_named = "https://evil.example"
    browser = browse(post)
    refused(browser, browser.get("/store/login/oidc/acme"), 503, "Acme cannot be reached right now")


def test_the_command_says_what_is_wrong_and_what_to_register(post: Post, acme: Provider) -> None:
    done = post.app.test_cli_runner().invoke(args=["oidc", "check"])
    assert done.exit_code == 0 and f"acme: reached at {acme.issuer}" in done.output
    assert "http://localhost/admin/login/oidc/acme/callback" in done.output and "storefront" not in done.output
    gone = ProviderSettings.model_validate(acme.configuration(issuer=f"{acme.issuer}/wrong"))
    post.app.extensions["oidc"] = {"acme": OurProvider("acme", gone)}
    done = post.app.test_cli_runner().invoke(args=["oidc", "check"])
    assert done.exit_code == 1 and "acme: HTTPError: 404" in done.output


def test_no_transaction_waits_for_the_network(post: Post, acme: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    invite(post)
    held: list[int] = []
    for step in ("begin", "finish"):
        real = getattr(OurProvider, step)

        def watched(self: Any, *words: Any, real: Any = real) -> Any:
            held.append(db.engine.pool.checkedout())  # type: ignore[attr-defined]
            return real(self, *words)

        monkeypatch.setattr(OurProvider, step, watched)
    db.session.rollback()
    assert come(browse(post)).status_code == 303
    assert held == [0, 0]
