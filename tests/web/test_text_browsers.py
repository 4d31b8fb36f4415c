"""Text browsers run no scripts and ignore style sheets, so they show everything that is in a page."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from messaging_app.policies import ROLES
from messaging_app.services import messaging
from tests.conftest import Web
from tests.web.signing_in import WHO


class Screen(HTMLParser):
    """The controls of a page that do nothing without scripts. What a `script` holds is text to the parser, as to them."""

    def __init__(self) -> None:
        super().__init__()
        self.dead: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A menu's button is left out: it belongs to HTML, and the menu itself stands in the text."""
        attributes = dict(attrs)
        is_dead_button = tag == "button" and attributes.get("type") == "button" and "popovertarget" not in attributes
        if tag in ("dialog", "template") or is_dead_button or {"data-adds", "data-submits"} & set(attributes):
            self.dead.append(str(self.get_starttag_text()))


def dead_controls(page: str) -> list[str]:
    screen = Screen()
    screen.feed(page)
    return screen.dead


@pytest.mark.parametrize("role", ROLES)
def test_text_browsers_show_no_button_that_needs_scripts(web: Web, role: str) -> None:
    name = WHO[role]
    sender, starts = ("ada", "admin_customer") if role == "admin" else ("sam", "store_customer")
    with web.app.app_context():
        number = messaging.create_conversation(
            getattr(web.cast, sender),
            conversation_type=starts,
            recipient_type="customer",
            recipient_id=web.cast.cleo.id,
            subject="Bread",
            content="Rye?",
        ).conversation_id
    browser = web.signed_in(name)
    policy = ROLES[role]
    pages = [policy.home, policy.messages, f"{policy.messages}/{number}", f"{policy.home}/preferences", "/"]
    for page in pages + ([f"{policy.messages}/new"] if policy.chooses_recipients else []):
        answer = browser.get(page)
        assert answer.status_code == 200, page
        assert dead_controls(answer.text) == [], page
    assert "Switch theme" in browser.get(policy.messages).text  # with scripts it is all there


def test_a_dead_control_is_seen() -> None:
    assert len(dead_controls('<button type="button">x</button><template></template><script><dialog></script>')) == 2
