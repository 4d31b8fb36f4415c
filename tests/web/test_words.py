"""What people write as a thread shows it."""

from __future__ import annotations

import re

from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.models import Customer
from messaging_app.services import messaging
from tests.conftest import Web


def test_every_line_break_of_unicode_is_one_in_a_message_once(web: Web, numbers: dict[str, int]) -> None:
    breaks = ("\n", "\r\n", "\r", "\v", "\f", "\u0085", "\u2028", "\u2029")
    words = "".join(f"line {number}{char}" for number, char in enumerate(breaks)) + "two\n\r\n\u2029 breaks"
    with web.app.app_context():
        messaging.send_message(web.cast.sam, numbers["bakery-cleo"], words)
    page = web.signed_in("cleo").get(f"/storefront/account/messages/{numbers['bakery-cleo']}").text
    [shown] = re.findall(r'<div class="message__content" dir="auto">(line 0.*?)</div>', page, re.DOTALL)
    assert shown == "".join(f"line {number}\n" for number in range(len(breaks))) + "two\n\n\n breaks"


def test_a_name_from_right_to_left_turns_nothing_round(web: Web, numbers: dict[str, int]) -> None:
    with web.app.app_context():
        with writing(db.session) as session:
            session.get_one(Customer, web.cast.cleo.id).name = "نور & <b>"
        messaging.send_message(web.cast.sam, numbers["bakery-cleo"], "Hello")
        messaging.mark_conversation_read(web.cast.cleo, numbers["bakery-cleo"], 2)
    name = "<bdi>نور &amp; &lt;b&gt;</bdi>"
    page = web.signed_in("sam").get(f"/store/messages/{numbers['bakery-cleo']}").text
    assert re.search(rf"Read by {name}, <bdi>[^<]+</bdi>", page)
    assert f"Hello, {name}" in web.signed_in("cleo").get("/storefront/account").text
