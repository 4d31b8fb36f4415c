"""What a mail says, and what people's words can not do to it."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from sqlalchemy import update
from werkzeug.datastructures import FileStorage

from messaging_app import config
from messaging_app.db.engine import now, writing
from messaging_app.extensions import db
from messaging_app.models import Conversation, ConversationParticipant, Customer, Message, SignInSession, Store
from messaging_app.models.context import Named
from messaging_app.services import contexts, messaging
from tests.conftest import Browser
from tests.post import Post

HOSTILE = "Rye\r\nBcc: everybody@example.com\n\u2028X: y\u0085\x0b\x1c <script>alert(1)</script> {{ 7*7 }}"


def test_a_mail_says_who_wrote_what_and_where_to_answer(post: Post) -> None:
    number = post.begin(post.cast.sam, post.cast.cleo, "A new one leaves today.\nFree of charge 🍞", "Rye loaf, torn")
    post.sweep(2.1)
    [mail] = post.take()
    assert mail["Subject"] == "New message: Rye loaf, torn"
    assert mail["From"] == "Marketplace <no-reply@messages.example>"
    assert mail["To"] == "Cleo <cleo@mail.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["References"] == mail["In-Reply-To"] == f"<conversation-{number}@messages.example>"
    link = f"https://messages.example/storefront/account/messages/{number}?store=bakery"
    for kind in ("plain", "html"):
        text = mail.get_body((kind,)).get_content()  # type: ignore[union-attr]
        for words in (
            "Sam",
            "Bakery",
            "A new one leaves today.",
            "Free of charge 🍞",
            "Rye loaf, torn",
            link,
            "/unsubscribe/",
        ):
            assert words in text, (kind, words)


def test_a_mail_says_what_it_is_about(post: Post) -> None:
    cast = post.cast
    title = "Two-tier <b>cake</b>"
    said = contexts.Statement(None, "cleo@mail.example", title, None, "Paid", [], 1)
    contexts.put_context(cast.ada, "bakery", Named("order", "4711"), said)
    messaging.create_conversation(
        cast.sam,
        conversation_type="store_customer",
        recipient_type="customer",
        recipient_id=cast.cleo.id,
        subject="Your cake",
        content="Which colour?",
        context=Named("order", "4711"),
    )
    post.sweep(2.1)
    [mail] = post.take()
    assert mail["Subject"] == "New message: Your cake"
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert f"Order 4711 · {title}" in text
    page = mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert "Order <bdi>4711</bdi> · <bdi>Two-tier &lt;b&gt;cake&lt;/b&gt;</bdi>" in page


def test_a_mail_shows_the_text_with_its_lines(post: Post) -> None:
    lines = ["First,", "", ".", "." * 300, "  - indented", "x " * 600 + "the end", "זה", "last"]
    post.begin(post.cast.sam, post.cast.cleo, "\r\n".join(lines[:4]) + "\u2028" + "\n".join(lines[4:]))
    post.sweep(2.1)
    [mail] = post.take()
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "".join(f"    {line}\r\n" if line else "\r\n" for line in lines) in text and "The rest" not in text
    seen = Tags()
    seen.feed(mail.get_body(("html",)).get_content())  # type: ignore[union-attr]
    shown = [
        words for words, attributes in seen.texts if attributes.get("class") == "ink" and "pre-wrap" in str(attributes)
    ]
    assert shown == [line.strip() for line in lines if line]


@pytest.mark.parametrize(
    "content", ["word " * 1999 + "end", "x" * 10_000, "日本語" * 3_333], ids=["words", "one", "han"]
)
def test_a_mail_shows_the_beginning_of_what_is_very_long(post: Post, content: str) -> None:
    post.begin(post.cast.sam, post.cast.cleo, content)
    post.sweep(2.1)
    [mail] = post.take()
    for kind in ("plain", "html"):
        text = mail.get_body((kind,)).get_content()  # type: ignore[union-attr]
        assert content[:3990].strip() in text and content[:4001] not in text
        assert "Read the rest on the website." in text and len(text.encode()) < 102_000


def test_times_are_in_the_zone_that_the_readers_browser_named(make_post: Callable[..., Post]) -> None:
    post = make_post(base_url="http://localhost", mail_window=0)
    cleo, sam = post.cast.cleo, post.cast.sam
    number = post.begin(sam, cleo)
    at = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    assert when_in_mail(post, number, at) == "1 July, 22:30 UTC"
    browser = Browser(post.app)
    browser.client.set_cookie("tz", "Asia/Tokyo")
    assert browser.sign_in("storefront", "cleo").status_code == 303
    assert when_in_mail(post, number, at) == "2 July, 07:30 JST"
    for zone in ("Asia/Dubai", "Mars/Base"):  # she travels; what is no zone counts for nothing
        browser.client.set_cookie("tz", zone)
        change(update(SignInSession).values(last_used_at=now() - timedelta(minutes=6)))
        with post.app.app_context():  # of its own: the one around the test remembers who signed in
            assert browser.get("/storefront/account").status_code == 200
        assert when_in_mail(post, number, at) == "2 July, 02:30 UTC+04"


def when_in_mail(post: Post, number: int, at: datetime) -> str:
    """The time that the next mail about a conversation names, as if its message had been written `at`."""
    messaging.mark_conversation_read(post.cast.cleo, number)
    messaging.send_message(post.cast.sam, number, "News")
    change(update(Message).where(Message.conversation_id == number).values(created_at=at))
    change(update(ConversationParticipant).values(mail_due_at=now()))
    post.sweep(2.1)
    text = post.take()[-1].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    return str(text.partition(" · ")[2].partition("\r\n")[0])


def test_a_mail_goes_to_the_domain_that_was_written(post: Post) -> None:
    change(update(Customer).where(Customer.id == post.cast.cleo.id).values(email="info@faß.example"))
    post.begin(post.cast.sam, post.cast.cleo)
    post.sweep(2.1)
    [mail] = post.take()
    assert mail["To"].addresses[0].addr_spec == "info@xn--fa-hia.example"


REPLIES = [
    (None, "No replies by e-mail <no-reply@messages.example>", "Replies to this e-mail are not read"),
    ("Help <help@m.example>", "Help <help@m.example>", "Replies to this e-mail go to help@m.example"),
]


@pytest.mark.parametrize(("reply_to", "header", "words"), REPLIES, ids=["nowhere", "to the help desk"])
def test_a_mail_says_where_its_replies_go(
    make_post: Callable[..., Post], reply_to: str | None, header: str, words: str
) -> None:
    post = make_post(mail_reply_to=reply_to)
    post.begin(post.cast.sam, post.cast.cleo)
    post.sweep(2.1)
    [mail] = post.take()
    assert mail["Reply-To"] == header
    for kind in ("plain", "html"):
        assert words in mail.get_body((kind,)).get_content()  # type: ignore[union-attr]


def test_text_is_not_written_as_markup_is(post: Post) -> None:
    change(update(Store).where(Store.id == post.cast.bakery).values(name="Rye & Rose"))
    post.begin(post.cast.sam, post.cast.cleo, "1 < 2 & 3", "Bread & <butter>")
    post.sweep(2.1)
    [mail] = post.take()
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert mail["Subject"] == "New message: Bread & <butter>"
    assert "1 < 2 & 3" in text and "Sam from Rye & Rose wrote" in text and "&amp;" not in text
    page = mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert "1 &lt; 2 &amp; 3" in page and "<bdi>Rye &amp; Rose</bdi>" in page and "<butter>" not in page


@pytest.mark.parametrize(
    ("sender", "recipient", "path"),
    [("cleo", "sam", "/store/messages/{}?store=bakery"), ("sam", "ada", "/admin/messages/{}")],
)
def test_the_link_leads_to_the_readers_own_side(post: Post, sender: str, recipient: str, path: str) -> None:
    people = post.cast
    number = post.begin(people.sam, people.cleo) if sender == "cleo" else post.begin(people.ada, people.bakery)
    messaging.send_message(getattr(people, sender), number, "An answer")
    post.sweep(2.1)
    mail = next(mail for mail in post.take() if f"{recipient}@" in mail["To"])
    assert f"https://messages.example{path.format(number)}" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_a_file_without_words_is_named(post: Post) -> None:
    number = post.begin(post.cast.sam, post.cast.cleo)
    messaging.mark_conversation_read(post.cast.cleo, number)
    prices = FileStorage(io.BytesIO(b"Prices\n"), "prices.txt")
    messaging.send_message(post.cast.sam, number, "", uploads=[prices])
    post.sweep(2.1)
    [mail] = post.take()
    assert "prices.txt" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_no_header_and_no_markup_can_be_smuggled_in(post: Post) -> None:
    change(update(Customer).where(Customer.id == post.cast.cleo.id).values(name=f"Cleo {HOSTILE}"))
    number = post.begin(post.cast.sam, post.cast.cleo, HOSTILE, "Plain")
    change(update(Conversation).where(Conversation.id == number).values(subject=HOSTILE))
    post.sweep(2.1)
    [mail] = post.take()
    assert set(mail.keys()) == HEADERS
    assert "\n" not in mail["Subject"] and mail["Bcc"] is None and mail["X"] is None
    page = mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert "<script" not in page and "&lt;script&gt;" in page and "{{ 7*7 }}" in page


HEADERS = {
    "Date", "From", "To", "Reply-To", "Subject", "Message-ID", "In-Reply-To", "References", "Auto-Submitted", "X-Auto-Response-Suppress",
    "List-Unsubscribe", "List-Unsubscribe-Post", "MIME-Version", "Content-Type",
}  # fmt: skip


def test_the_html_is_safe_in_the_dark_asks_nobody_for_pictures_and_turns_with_the_script(post: Post) -> None:
    change(update(Store).where(Store.id == post.cast.bakery).values(accent="plum", name="مخبز"))
    post.begin(post.cast.sam, post.cast.cleo, "مرحبا بك", "شكرا")
    post.sweep(2.1)
    [mail] = post.take()
    page = mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
    seen = Tags()
    seen.feed(page)
    assert "prefers-color-scheme: dark" in page and "color-scheme: light dark" in page
    assert not {"img", "script", "link", "iframe", "form"} & {tag for tag, _ in seen.tags}
    assert "overflow-wrap:anywhere" in page  # a long link must not widen the page of a phone
    assert "url(" not in page and "@import" not in page
    assert {text for text, attributes in seen.texts if attributes.get("dir") == "auto"} >= {"مرحبا بك", "شكرا", "مخبز"}
    assert "#8b4486" in page  # the store's accent


class Tags(HTMLParser):
    """Every tag, and every text with its tag's attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self.texts: list[tuple[str, dict[str, Any]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if data.strip() and self.tags:
            self.texts.append((data.strip(), self.tags[-1][1]))


WRONG = [
    ({"mail_url": "http://mail"}, "MESSAGING_MAIL_URL must be smtp://"),
    ({"mail_url": "smtp://mail:port", "mail_from": "a@b.example"}, "MESSAGING_MAIL_URL has a port"),
    ({"mail_url": "smtp://mail"}, "MESSAGING_MAIL_URL needs MESSAGING_MAIL_FROM"),
    ({"mail_from": "Post <a@b[c.example>"}, "MESSAGING_MAIL_FROM must be an address"),
    ({"mail_from": "nobody"}, "MESSAGING_MAIL_FROM must be an address"),
    ({"mail_from": "A\nBcc: x@y.z <a@b.example>"}, "MESSAGING_MAIL_FROM must be an address"),
    ({"mail_reply_to": "the help desk"}, "MESSAGING_MAIL_REPLY_TO must be an address"),
    ({"mail_delay": "-1"}, "MESSAGING_MAIL_DELAY"),
    ({"mail_window": "soon"}, "MESSAGING_MAIL_WINDOW"),
]


@pytest.mark.parametrize(("settings", "sentence"), WRONG)
def test_a_wrong_setting_stops_the_start_with_a_sentence(settings: dict[str, str], sentence: str) -> None:
    with pytest.raises(config.ConfigurationError) as refusal:
        config.load_settings(**settings)
    assert str(refusal.value).startswith(sentence)


def change(statement: Any) -> None:
    with writing(db.session) as session:
        session.execute(statement)
