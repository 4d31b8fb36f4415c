"""Headers as mail programs read them: what people wrote arrives whole, and nothing else does."""

from __future__ import annotations

import re
from base64 import b64decode
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr, parsedate_to_datetime
from quopri import decodestring

import fast_mail_parser
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from messaging_app.config import load_settings
from messaging_app.mail import address, envelope
from messaging_app.mail.headers import one_line

ENCODED_WORD = re.compile(r"=\?utf-8\?([bq])\?([!->@-~]+)\?=")
SCRIPTS = {
    "ascii": "abc XYZ 019 .,:;()<>[]@\"'\\!#$%&*+-/=?^_`{|}~",
    "latin": "é à ç ß ł ’ – « » a b",
    "greek and cyrillic": "αβγ ДЖЯ й ,",
    "arabic and hebrew": "ط ل ب ي ، ع שלום 12",
    "indic": "रा म मी क्ष த மி ,",
    "east asian": "日本語 　、한국어 中",
    "emoji": "🍞 👩‍👩‍👧 🇫🇷 é a",
}


def a_mail(subject: str = "Subject", name: str = "Cleo", sender: str = "no-reply@messages.example") -> EmailMessage:
    message = envelope(
        sender=sender,
        to_name=name,
        to="cleo@mail.example",
        subject=subject,
        message_id="<1@messages.example>",
        thread="<2@messages.example>",
    )
    message.set_content("Text")
    return message


texts = st.sampled_from(sorted(SCRIPTS.values())).flatmap(lambda letters: st.text(letters, min_size=1, max_size=215))
mixed = st.lists(st.text("".join(SCRIPTS.values()), min_size=1, max_size=30), max_size=12).map(" ".join)


@settings(max_examples=400, deadline=None)
@example(
    "Commande et livraison - Demande de retour - Abo actualités 20 semaines d’abonnement à 24 heures, Bilan, Tribune"
)
@example("طلبي رقم 12 لم يصل، أرجو الرد عاجل شكرا لكم")
@example("=?utf-8?q?not_written_by_a_program?= and more")
@example('Sam "the baker" <sam@bakery.example>, and friends')
@example("w" * 210)
@given(texts | mixed)
def test_subject_and_names_arrive_as_written_in_two_decoders(words: str) -> None:
    written = one_line(words)
    raw = a_mail(f"New message: {words}", words, f"{address(words, 'no-reply@messages.example')}").as_bytes()
    head = raw.partition(b"\r\n\r\n")[0].decode("ascii")
    for line in head.split("\r\n"):
        assert len(line) <= 78
        assert "=?utf-8?" not in line or all_whole(line)
    read = message_from_bytes(raw)
    subject = one_line(f"New message: {words}")
    assert message_from_bytes(raw, policy=policy.default)["Subject"] == decoded(read["Subject"]) == subject
    # Not by policy.default: CPython's parser of names puts spaces between encoded words.
    assert decoded(parseaddr(read["To"])[0]) == decoded(parseaddr(read["From"])[0]) == written
    other = fast_mail_parser.parse_email(raw)
    assert other.subject == subject
    assert [found.display_name or "" for found in (*other.to, other.from_)] == [written, written]


def decoded(header: str) -> str:
    return str(make_header(decode_header(header.replace("\r\n ", " "))))


def all_whole(line: str) -> bool:
    """Whether each encoded word of a line stands alone: at most 75 characters that decode to whole characters."""
    words = [word for word in re.sub(r"^[\w-]+:", "", line).split() if word.startswith("=?") or word.endswith("?=")]
    for word in words:
        match = ENCODED_WORD.fullmatch(word)
        if match is None or len(word) > 75:
            return False
        how, text = match.groups()
        (b64decode(text, validate=True) if how == "b" else decodestring(text, header=True)).decode()
    return bool(words)


def test_a_mail_has_the_date_of_its_making() -> None:
    date = parsedate_to_datetime(message_from_bytes(a_mail().as_bytes())["Date"])
    assert abs((datetime.now(UTC) - date).total_seconds()) < 60


def test_replies_go_where_the_mail_says() -> None:
    assert a_mail()["Reply-To"] == "No replies by e-mail <no-reply@messages.example>"
    assert a_mail(sender="Märkte <post@m.example>")["Reply-To"] == "No replies by e-mail <post@m.example>"


@pytest.mark.parametrize("name", ["List-Unsubscribe", "References"])
def test_links_and_ids_stay_in_one_piece(name: str) -> None:
    """The library encodes what does not fit a line, which no mail program understands there."""
    link = f"<https://{'long' * 20}.example/unsubscribe/{'t' * 60}>"
    message = a_mail()
    del message[name]
    message[name] = link
    assert f"{name}: {link}\r\n".encode() in message.as_bytes()


def test_the_body_needs_no_server_that_knows_eight_bits() -> None:
    message = a_mail()
    message.set_content("Grüße 🍞\n" * 400)
    assert message.as_bytes().isascii()


@pytest.mark.parametrize("char", ["\r\n", "\n", "\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c", "\x00", "\ud800"])
def test_every_kind_of_line_break_becomes_a_space(char: str) -> None:
    assert one_line(f" a{char}b ") == "a b"
    message = a_mail(f"a{char}b", f"a{char}b")
    assert (message["Subject"], message["To"]) == ("a b", "a b <cleo@mail.example>")


def test_mails_are_named_after_the_domain_that_was_written() -> None:
    assert load_settings(mail_from="Märkte <post@faß.example>").mail_domain == "xn--fa-hia.example"
    assert a_mail(sender="Märkte <post@faß.example>")["From"] == "Märkte <post@xn--fa-hia.example>"
