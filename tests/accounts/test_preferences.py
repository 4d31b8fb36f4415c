"""What people choose for themselves: language and region, time zone, mail."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from messaging_app.extensions import db
from messaging_app.models import Customer, User
from messaging_app.policies import ROLES
from tests.accounts.conftest import arrived, browse
from tests.accounts.test_own_account import PEOPLE
from tests.conftest import Browser
from tests.post import Post


def times(browser: Browser, role: str) -> str:
    """The language of a page and the exact time of the session that asks, in a browser of New York."""
    browser.client.set_cookie("tz", "America/New_York")
    page = browser.get(f"{ROLES[role].account}/sessions", headers={"Accept-Language": "en-US"}).text
    language = re.search(r'<html lang="([^"]+)"', page)
    exact = re.search(r'<time [^>]*title="([^"]+)"', page)
    assert language and exact
    return f"{language[1]} {exact[1]}"


@pytest.mark.parametrize(("role", "name"), PEOPLE)
def test_a_choice_goes_before_what_the_browser_says(post: Post, role: str, name: str) -> None:
    here, at = browse(post, name, role), f"{ROLES[role].home}/preferences"
    seen = times(here, role)
    assert seen.startswith("en-US ") and seen.endswith(("EST", "EDT"))
    page = here.get(at).text
    assert 'value="en_GB">English (United Kingdom)' in page and 'value="Asia/Tokyo">Asia/Tokyo' in page
    choice = {"language": "en_GB", "time_zone": "Asia/Tokyo", "mail": "false"}
    assert here.post(at, choice).status_code == 303
    seen = times(here, role)
    assert seen.startswith("en-GB ") and seen.endswith("+0900")
    assert times(browse(post, name, role), role).startswith("en-GB "), "wherever they sign in"
    page = here.get(at).text
    for chosen in ("en_GB", "Asia/Tokyo", "false"):
        assert re.search(rf'<option selected value="{chosen}"', page), chosen
    assert here.post(at, {"mail": "true"}).status_code == 303, "what is left out stays"
    assert times(here, role).startswith("en-GB ")
    assert here.post(at, choice | {"language": "", "time_zone": ""}).status_code == 303
    assert times(here, role).startswith("en-US ")
    model, number = (Customer, post.cast.cleo.id) if role == "storefront" else (User, getattr(post.cast, name).id)
    assert db.session.scalar(select(model.mail_enabled).where(model.id == number)) is False


@pytest.mark.parametrize(
    "wrong",
    [{"language": "xx"}, {"language": "fr"}, {"time_zone": "Mars/Base"}, {"time_zone": "../etc"}, {"mail": "maybe"}],
)
def test_what_nobody_offers_is_refused_and_nothing_is_changed(post: Post, wrong: dict[str, str]) -> None:
    here = browse(post, "sam")
    here.get("/store/preferences")
    form = {"language": "en_GB", "time_zone": "Asia/Tokyo", "mail": "false"} | wrong
    assert here.post("/store/preferences", form).status_code == 422
    found = db.session.execute(
        select(User.locale, User.time_zone, User.mail_enabled).where(User.id == post.cast.sam.id)
    )
    assert found.one() == (None, None, True)


def test_mail_gives_times_in_the_chosen_zone(post: Post) -> None:
    here = browse(post, "cleo", "storefront")
    times(here, "storefront")
    here.post("/storefront/account/preferences", {"time_zone": "Asia/Tokyo", "mail": "true"})
    post.begin(post.cast.sam, post.cast.cleo)
    post.sweep(3)
    [mail] = [mail for mail in post.take() if mail["To"].addresses[0].addr_spec == "cleo@mail.example"]
    assert " JST" in mail.get_body(("plain",)).get_content()
    assert arrived(post) == []
