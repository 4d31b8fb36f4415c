"""A reply is held back if others have written something that its sender has not seen."""

from __future__ import annotations

import pytest

from tests.conftest import Web
from tests.web.forms import HOW, check_shape, field

HOMES = {"sam": "/store/messages", "nadia": "/store/messages", "cleo": "/storefront/account/messages"}

SENT = '<div class="message__content" dir="auto">Green it is</div>'


def send(web: Web, name: str, number: int, content: str, **form: str) -> None:
    """Send without the guard, as a program without a page would."""
    browser = web.signed_in(name)
    assert browser.post(f"{HOMES[name]}/{number}/messages", {"content": content, **form}).status_code == 303


@HOW
@pytest.mark.parametrize(("writer", "other"), [("cleo", "sam"), ("sam", "cleo"), ("sam", "nadia")])
def test_newer_words_of_others_are_shown_first_and_the_text_is_kept(
    htmx: bool, writer: str, other: str, web: Web, numbers: dict[str, int]
) -> None:
    number = numbers["bakery-cleo"]
    place = f"{HOMES[writer]}/{number}"
    browser = web.signed_in(writer)
    page = browser.get(place).text
    form = {"content": "Green it is", "after": field(page, "after"), "idempotency_key": field(page, "idempotency_key")}
    send(web, other, number, "Forget <green>: red!")
    answer = browser.post(f"{place}/messages", form, htmx=htmx)
    assert answer.status_code == 409
    check_shape(answer, htmx)
    assert "Forget &lt;green&gt;: red!" in answer.text and "Send anyway" in answer.text
    again = {name: field(answer.text, name) for name in form}
    assert again == form | {"after": str(int(form["after"]) + 1)}, "the same words and key, and what was shown"
    assert SENT not in browser.get(place).text
    assert browser.post(f"{place}/messages", again, htmx=htmx).status_code == (200 if htmx else 303)
    assert browser.post(f"{place}/messages", form, htmx=htmx).status_code == (200 if htmx else 303), "sent before"
    assert browser.get(place).text.count(SENT) == 1


def test_own_lines_and_events_do_not_hold_a_reply_up(web: Web, numbers: dict[str, int]) -> None:
    number = numbers["bakery-cleo"]
    sam = web.signed_in("sam")
    after = field(sam.get(f"/store/messages/{number}").text, "after")
    send(web, "sam", number, "From another tab")
    other = web.signed_in("nadia")
    for turn in ("close", "reopen"):
        assert other.post(f"/store/messages/{number}/{turn}").status_code == 303
    answer = sam.post(f"/store/messages/{number}/messages", {"content": "And from this one", "after": after})
    assert answer.status_code == 303
