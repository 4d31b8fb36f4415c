"""The content of an e-mail about new messages, and who may receive it at sending time."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import parseaddr

from flask import current_app
from flask_babel import force_locale
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import ColumnElement, and_, case, exists, func, literal, or_, select, tuple_, update
from sqlalchemy.orm import aliased

from messaging_app.actors import ActorType
from messaging_app.db.types import AnyRow, Columns, DbSession, Fields, UtcDateTime
from messaging_app.extensions import db
from messaging_app.formats.times import moment_in
from messaging_app.mail import envelope, own_side
from messaging_app.models import (
    Conversation,
    ConversationParticipant,
    Customer,
    Message,
    MessageAttachment,
    MessageKind,
    Notification,
    SignInSession,
    Store,
    User,
)
from messaging_app.models.conversation import Head
from messaging_app.models.platform import CUSTOMERS_SEE_PLATFORM
from messaging_app.models.scope import active_person, sees_type, staff_see_all
from messaging_app.models.sides import TEAMS
from messaging_app.policies import POLICIES
from messaging_app.queries.inbox import PLATFORM_NAME
from messaging_app.services.settings import get_setting
from messaging_app.text import preview, with_line_breaks

TEMPLATES = "emails/new_message"
OWN_TEMPLATES = "emails/own_side"  # where only the own side has news
TEXTS = ("subject.txt", "body.txt")
PAGE = "body.html"
TEXT_MAX = 4_000  # characters of a message
_CONTROLS = re.compile("[\0-\x08\x0e-\x1f\x7f-\x9f]")
TOLD = 100  # new messages considered for one e-mail at most
# The accents of static/css/tokens.css as colours for e-mail clients: on light, on dark background.
ACCENTS = {
    None: ("#3e5aba", "#a2bcff"),
    "clay": ("#9c4621", "#f5a88b"),
    "amber": ("#8b5500", "#e9b276"),
    "leaf": ("#2b7440", "#8ed09c"),
    "sea": ("#007083", "#69cee6"),
    "plum": ("#8b4486", "#e3a6dd"),
}
Seat = ConversationParticipant


@dataclass(frozen=True, slots=True)
class NewMessageMail:
    """An e-mail ready to send, with its seat, the last line and mention it covers, and the assignment it announces."""

    message: EmailMessage
    conversation_id: int
    participant_type: str
    participant_id: int
    up_to: int
    up_to_note: int
    given_by: str | None
    message_id: str

    def identity(self) -> dict[str, object]:
        """What its row keeps once a server may have the mail."""
        return {"message_id": self.message_id, "told_seq": self.up_to, "told_note_id": self.up_to_note}

    def sent(self, session: DbSession, at: datetime, window: timedelta) -> None:
        """Record the sending: the seat's window begins, and the same news is not sent again."""
        later = case((Seat.mail_due_at < at + window, literal(at + window, UtcDateTime)), else_=Seat.mail_due_at)
        seat = update(Seat).where(
            Seat.conversation_id == self.conversation_id,
            Seat.participant_type == self.participant_type,
            Seat.participant_id == self.participant_id,
        )
        told: Fields = {"mailed_seq": self.up_to, "mailed_note_id": self.up_to_note}
        if self.given_by is not None:  # unless somebody else has assigned it in the meantime
            told["given_by"] = case((Seat.given_by != self.given_by, Seat.given_by))
        session.execute(seat.values(**told, mail_not_before=at + window, mail_due_at=later))


def readers(seats: list[tuple[int, str, int]]) -> Columns:
    """Seats (conversation, type, person) with what decides whether the person gets an e-mail, and what it needs."""
    active = case(
        *(
            (Seat.participant_type == kind, exists().where(_sees(kind)).correlate(Seat, Conversation))
            for kind in ActorType
        )
    )
    assignee = case(*((Seat.participant_type == team, getattr(Conversation, f"{team}_assignee_id")) for team in TEAMS))
    of_seat = ("email_notifications", "unread_count", "last_read_seq", "mailed_seq", "mentions", "mailed_note_id")
    return (
        select(
            *(getattr(Seat, name) for name in ("conversation_id", "participant_type", "participant_id")),
            *(getattr(Seat, name) for name in of_seat),
            case((assignee == Seat.participant_id, Seat.given_by)).label("given_by"),
            *Head.columns(),
            Store.code.label("store_code"),
            Store.name.label("store_name"),
            Store.accent.label("store_accent"),
            active.label("active"),
            func.coalesce(User.mail_enabled, Customer.mail_enabled).label("mail_enabled"),
            func.coalesce(User.time_zone, Customer.time_zone).label("time_zone"),
            func.coalesce(User.name, Customer.name).label("name"),
            func.coalesce(User.email, Customer.email).label("email"),
            func.coalesce(User.email_key, Customer.email_key).label("email_key"),
        )
        .join(Conversation, Conversation.id == Seat.conversation_id)
        .join(Store, Store.id == Conversation.store_id)
        .outerjoin(User, and_(Seat.participant_type != ActorType.CUSTOMER, User.id == Seat.participant_id))
        .outerjoin(Customer, and_(Seat.participant_type == ActorType.CUSTOMER, Customer.id == Seat.participant_id))
        .where(tuple_(Seat.conversation_id, Seat.participant_type, Seat.participant_id).in_(seats))
        .order_by(Seat.mail_due_at, Seat.participant_id)
    )


def _sees(kind: ActorType) -> ColumnElement[bool]:
    """Whether the person of a seat is active, and no colleague's assignment hides the conversation from them.

    The setting that hides conversations from customers is looked up once (`may_get`).
    """
    active = active_person(kind, Seat.participant_id, Seat.store_id)
    if kind != ActorType.STORE:
        return active
    return and_(active, or_(staff_see_all(), Conversation.seen_by(kind, False, Seat.participant_id, Seat.store_id)))


def may_get(person: AnyRow) -> bool:
    """Whether a row of `readers` wants e-mail, has something unread or assigned, and still sees the conversation."""
    if not (person.active and person.mail_enabled and person.email_notifications):
        return False
    if not (person.unread_count or person.given_by):
        return False
    kind = ActorType(person.participant_type)
    sees_platform = kind != ActorType.CUSTOMER or bool(get_setting(CUSTOMERS_SEE_PLATFORM))
    return sees_type(kind, person.conversation_type, sees_platform)


def compose(note: Notification) -> NewMessageMail | None:
    """Return the e-mail for a notification as of now, or None if there is nothing to report or no one to receive it."""
    seat = (note.conversation_id, note.participant_type, note.participant_id)
    person = db.session.execute(readers([seat])).one_or_none()
    if person is None or not may_get(person):
        return None
    lines, news = db.session.execute(_untold(person)).all(), own_side.untold(person)
    if not (lines or news.notes or news.given_by):
        return None
    settings = current_app.extensions["settings"]
    told = (lines[0].seq if lines else person.mailed_seq, max(news.up_to, person.mailed_note_id))
    # A retry that says more needs a new id: a mailbox that drops duplicates would otherwise hide it behind an earlier,
    # shorter one.
    says_more = note.hand_overs > 0 and (note.told_seq, note.told_note_id or 0) != told
    message_id = new_message_id() if says_more else note.message_id
    context = _context(person, news) | (_of_messages(person, lines) if lines else {})
    with force_locale("en"):
        # Not Flask's render_template: its context processors need a request.
        find = current_app.jinja_env.get_template
        templates = TEMPLATES if lines else OWN_TEMPLATES
        subject, text = (find(f"{templates}/{part}").render(context) for part in TEXTS)
        page = find(f"{templates}/{PAGE}").render(context)
    message = envelope(
        sender=settings.mail_from,
        to_name=person.name,
        to=person.email,
        subject=subject,
        message_id=message_id,
        reply_to=settings.mail_reply_to,
        thread=f"<conversation-{person.conversation_id}@{settings.mail_domain}>",
    )
    message["List-Unsubscribe"] = f"<{context['unsubscribe']}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(text)
    message.add_alternative(page, subtype="html")
    return NewMessageMail(message, *seat, *told, news.given_by, message_id)


def _context(person: AnyRow, news: own_side.OwnNews) -> dict[str, object]:
    """Return the template context for the conversation and the reader's own side."""
    settings = current_app.extensions["settings"]
    role = POLICIES[ActorType(person.participant_type)]
    own = "" if role.name == "admin" else f"?store={person.store_code}"
    seat = (person.conversation_id, person.participant_type, person.participant_id)
    shown, cut = at_length(news.words())
    return {
        "brand": person.store_name if role.name == "storefront" else None,
        "conversation": person,
        "subject": person.subject,
        "given_by": news.given_by,
        "notes": news.notes,
        "note_lines": shown.split("\n"),
        "note_cut": cut,
        "link": f"{settings.public_url}{role.thread(person.conversation_id)}{own}",
        "reply_to": parseaddr(settings.mail_reply_to or "")[1],
        "unsubscribe": f"{settings.public_url}/unsubscribe/{unsubscribe_token(seat)}",
        "accents": ACCENTS[person.store_accent if role.name == "storefront" else None],
    }


def _of_messages(person: AnyRow, lines: Sequence[AnyRow]) -> dict[str, object]:
    """Return the template context for the other side's messages, which are passed newest first."""
    newest = lines[0]
    shown, cut = at_length(newest.content)
    return {
        "sender": newest.sender_name,
        "side": {ActorType.ADMIN: PLATFORM_NAME, ActorType.STORE: person.store_name}.get(newest.sender_type),
        "preview": preview(newest.content) or newest.filename or "",
        "lines": (shown or newest.filename or "").split("\n"),
        "cut": cut,
        "more": len(lines) - 1,
        "when": moment_in(person.time_zone or _zone_of_browser(person), newest.created_at),
    }


def at_length(content: str) -> tuple[str, bool]:
    """Return a message's text for its e-mail, with line breaks, and whether it is cut.

    At most 4,000 characters, so that no client clips the links at the end (Gmail clips at 102 kB).
    """
    text = _CONTROLS.sub(" ", with_line_breaks(content))
    if len(text) <= TEXT_MAX:
        return text, False
    beginning = text[: TEXT_MAX + 1]
    whole_words = re.sub(r"\s+\S{0,80}$", "", beginning)
    return (whole_words if len(whole_words) < len(beginning) else text[:TEXT_MAX]).rstrip() + " …", True


def _zone_of_browser(person: AnyRow) -> str | None:
    """Return the time zone that the person's browser last reported, in any of their roles as a user."""
    customer = person.participant_type == ActorType.CUSTOMER
    session = SignInSession
    return db.session.scalar(
        select(session.time_zone)
        .where(
            session.actor_type.in_([ActorType.CUSTOMER] if customer else [ActorType.ADMIN, ActorType.STORE]),
            session.person_id == person.participant_id,
            session.time_zone.is_not(None),
        )
        .order_by(session.last_used_at.desc())
        .limit(1)
    )


def new_message_id() -> str:
    """Return a new Message-ID."""
    return f"<{secrets.token_hex(16)}@{current_app.extensions['settings'].mail_domain}>"


def unsubscribe_token(seat: tuple[int, str, int]) -> str:
    """Return the signed token of an unsubscribe link. It names one seat and does not expire."""
    return str(_signer().dumps(seat))


def read_unsubscribe_token(token: str) -> tuple[int, str, int] | None:
    """Return the seat (conversation, type, person) of a token, or None if the signature is invalid."""
    try:
        conversation_id, kind, person_id = _signer().loads(token)
    except (BadSignature, ValueError, TypeError):
        return None
    return conversation_id, kind, person_id


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="unsubscribe")


def _untold(person: AnyRow) -> Columns:
    """The other side's messages that `person` has neither read nor received by e-mail, newest first.

    Leaves out messages they wrote in another role, which the sender's e-mail address identifies.
    """
    user, customer = aliased(User), aliased(Customer)
    by_customer = Message.sender_type == ActorType.CUSTOMER
    first_file = (
        select(MessageAttachment.filename)
        .where(MessageAttachment.message_id == Message.id)
        .order_by(MessageAttachment.id)
        .limit(1)
        .scalar_subquery()
    )
    names = (Message.seq, Message.sender_type, Message.sender_name, Message.content, Message.created_at)
    return (
        select(*names, first_file.label("filename"))
        .outerjoin(user, and_(~by_customer, user.id == Message.sender_id))
        .outerjoin(customer, and_(by_customer, customer.id == Message.sender_id))
        .where(
            Message.conversation_id == person.conversation_id,
            Message.seq > max(person.last_read_seq, person.mailed_seq),
            Message.kind == MessageKind.MESSAGE,
            Message.sender_type != person.participant_type,
            or_(
                func.coalesce(user.email_key, customer.email_key).is_(None),
                func.coalesce(user.email_key, customer.email_key) != person.email_key,
            ),
        )
        .order_by(Message.seq.desc())
        .limit(TOLD)
    )
