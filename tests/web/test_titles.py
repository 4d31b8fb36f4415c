"""Window titles: the page, and the store or platform."""

from __future__ import annotations

import html
import re

import pytest

from messaging_app.policies import ROLES
from tests.conftest import Web
from tests.web.signing_in import WHO

PAGES = ("/tokens", "/preferences", "/messages", "/messages/new", "/nothing-here")


@pytest.mark.parametrize(("role", "place"), [("admin", "Marketplace"), ("store", "Bakery"), ("storefront", "Bakery")])
def test_a_title_ends_with_whose_pages_these_are(web: Web, role: str, place: str) -> None:
    browser = web.signed_in(WHO[role])
    pages = [ROLES[role].home + page for page in PAGES] + (["/admin/settings"] if role == "admin" else [])
    for page in pages:
        title = re.search("<title>(.*?)</title>", browser.get(page).text, re.DOTALL)
        assert title and re.search(rf"\S · {place}$", html.unescape(title[1]).strip()), page


def test_a_link_to_another_store_is_shown_on_the_pages_of_this_one(web: Web) -> None:
    page = web.signed_in("lea").get("/store/messages?store=cycles").text
    assert re.search("Another store · Bakery\\s*</title>", page)
