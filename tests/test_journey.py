"""The whole in one go: a conversation that is begun, read, answered, closed and reopened, as three people see it."""

from __future__ import annotations

import re

from tests.conftest import Web


def test_a_conversation_from_first_word_to_reopening(web: Web) -> None:
    sam, cleo = web.signed_in("sam"), web.signed_in("cleo")
    begun = sam.post(
        "/store/messages",
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
    badge = cleo.get("/storefront/account/messages/unread-count", htmx=True)
    assert re.search(r"data-unread-badge", badge.text), badge.text
    page = cleo.get(f"/storefront/account/messages/{number}")
    assert page.status_code == 200 and "It leaves tomorrow." in page.text
