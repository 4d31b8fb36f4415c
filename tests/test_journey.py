"""The whole in one go: a conversation that is begun, read, answered, closed and reopened, as three people see it."""

from __future__ import annotations

import html
import re

from messaging_app import doctor
from tests.conftest import Browser, Web
from tests.domain import invariants


def unread(browser: Browser, place: str) -> str:
    """What the badge reads."""
    badge = browser.get(f"{place}/unread-count", htmx=True).text
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", badge)).split())


def test_a_conversation_from_first_word_to_reopening(web: Web) -> None:
    sam, nadia, cleo, ada = (web.signed_in(name) for name in ("sam", "nadia", "cleo", "ada"))
    store, account = "/store/messages", "/storefront/account/messages"

    begun = sam.post(
        store,
        {
            "conversation_type": "store_customer",
            "recipient_type": "customer",
            "recipient_id": str(web.cast.cleo.id),
            "subject": "Your rye loaf",
            "content": "It leaves tomorrow.\nHave a good day!",
        },
    )
    assert begun.status_code == 303, begun.get_data(as_text=True)
    number = begun.location.rsplit("/", 1)[1]
    theirs, ours = f"{account}/{number}", f"{store}/{number}"

    # Cleo sees one unread message, reads it, and answers twice; her own words are not unread for her.
    assert unread(cleo, account) == "1 unread message"
    assert "Your rye loaf" in cleo.get(account).text
    assert "It leaves tomorrow." in cleo.get(theirs).text
    assert cleo.post(f"{theirs}/read", {"up_to": "1"}).status_code == 303
    for content in ("Thank you!", "Is it sliced?"):
        assert cleo.post(f"{theirs}/messages", {"content": content}).status_code == 303
    assert unread(cleo, account) == "0 unread messages"

    # Sam has two to read, his colleague three: each reads for themselves.
    assert unread(sam, store) == "2 unread messages"
    assert unread(nadia, store) == "3 unread messages"
    answer = sam.put(f"{ours}/read", {"up_to": "3"})
    assert answer.status_code == 200
    assert unread(sam, store) == "0 unread messages"
    assert unread(nadia, store) == "3 unread messages"

    # Closed: the line stands in the thread, nobody writes, nothing becomes unread by it.
    assert nadia.post(f"{ours}/close").status_code == 303
    page = cleo.get(theirs).text
    assert "<bdi>Nadia</bdi> closed this conversation" in page and 'name="content"' not in page
    assert cleo.post(f"{theirs}/messages", {"content": "Too late"}).status_code == 409
    assert unread(cleo, account) == "0 unread messages"
    assert "Your rye loaf" not in sam.get(store).text
    assert "Your rye loaf" in sam.get(f"{store}?status=closed").text

    # Reopened: it goes on where it stopped.
    assert sam.post(f"{ours}/reopen").status_code == 303
    sent = cleo.post(f"{theirs}/messages", {"content": "Better late"}, htmx=True)
    assert sent.status_code == 200 and "Better late" in sent.text
    lines = [int(seq) for seq in re.findall(r'id="message-(\d+)"', sam.get(ours).text)]
    assert lines == [1, 2, 3, 4, 5, 6]

    # The platform has no part in it.
    assert ada.get(f"/admin/messages/{number}").status_code == 404
    assert unread(ada, "/admin/messages") == "0 unread messages"
    with web.app.app_context():
        assert invariants.broken() == []
        assert not doctor.examine(repair=False).broken
