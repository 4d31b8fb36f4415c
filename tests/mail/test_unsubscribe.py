"""The link that ends mail about one conversation: asks first, acts by POST, needs no session, touches nothing else."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select, update

from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.models import ConversationParticipant, Store
from messaging_app.services import messaging
from tests.post import Post


def link_in(post: Post) -> str:
    post.sweep(2.1)
    [mail] = post.take()
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    return re.fullmatch(r"<https://messages\.example(/unsubscribe/\S+)>", mail["List-Unsubscribe"]).group(1)  # type: ignore[union-attr]


def switches() -> dict[tuple[int, str, int], bool]:
    db.session.rollback()
    seat = ConversationParticipant
    rows = db.session.execute(
        select(seat.conversation_id, seat.participant_type, seat.participant_id, seat.email_notifications)
    )
    return {tuple(row[:3]): row[3] for row in rows}  # type: ignore[misc]


def test_opening_the_link_asks_and_changes_nothing(post: Post) -> None:
    post.begin(post.cast.sam, post.cast.cleo)
    link, before = link_in(post), switches()
    answer = post.app.test_client().get(link)
    assert answer.status_code == 200 and "<button" in answer.text and "Subject" not in answer.text
    assert "Set-Cookie" not in answer.headers
    assert switches() == before


def test_the_page_carries_the_brand_of_its_mail(post: Post) -> None:
    people = post.cast
    with writing(db.session) as session:
        session.execute(update(Store).where(Store.id == people.bakery).values(name="Rye & Rose", accent="plum"))
    browser = post.app.test_client()
    post.begin(people.sam, people.cleo)
    link = link_in(post)
    for page in (browser.get(link), browser.post(link)):
        assert "<bdi>Rye &amp; Rose</bdi>" in page.text and 'data-accent="plum"' in page.text
        assert "Marketplace" not in page.text and page.text.count("<h1") == 1
    post.begin(people.ada, people.bakery)
    post.sweep(2.1)
    for mail in post.take():
        page = browser.get(mail["List-Unsubscribe"].strip("<>").removeprefix("https://messages.example"))
        assert "Marketplace" in page.text and "Rye" not in page.text and page.text.count("<h1") == 1


def test_posting_ends_mail_about_that_conversation_only(post: Post) -> None:
    cleo = post.cast.cleo
    number = post.begin(post.cast.sam, cleo)
    link = link_in(post)
    other = post.begin(post.cast.sam, cleo, subject="Another")
    before = switches()
    answer = post.app.test_client().post(link, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert switches() == before | {(number, "customer", cleo.id): False}
    messaging.send_message(post.cast.sam, number, "More")
    post.sweep(60)
    assert [mail["Subject"] for mail in post.take()] == ["New message: Another"]
    assert other


@pytest.mark.parametrize(
    "token", ["x", "WzEsImN1c3RvbWVyIiwxXQ", "WzEsImN1c3RvbWVyIiwxXQ.AAAAAAAAAAAAAAAAAAAAAAAAAAA", "%00"]
)
def test_a_token_that_is_not_ours_does_nothing(post: Post, token: str) -> None:
    post.begin(post.cast.sam, post.cast.cleo)
    before = switches()
    client = post.app.test_client()
    assert client.get(f"/unsubscribe/{token}").status_code == 404
    assert client.post(f"/unsubscribe/{token}").status_code == 404
    assert switches() == before
